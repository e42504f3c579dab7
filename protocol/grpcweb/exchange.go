package grpcweb

import (
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// exchange is an exchange whose response ends with a frame instead of a trailer section, and whose bodies are in base64
// in the text form.
type exchange struct {
	protocol.Exchange

	panics          *protocol.Panics
	textIn, textOut bool

	headSent bool
	room     [64]byte // for the trailer frame of most responses
	reply    protocol.Reply

	// The rest belongs to the goroutine that reads.
	decoder decoder
	plain   []byte // what Read returned last
	broken  error  // what Read returns
}

// wrap returns the exchange that the calls see.
func (s *Server) wrap(x protocol.Exchange) *exchange {
	h := x.Head()
	w := &exchange{Exchange: x, panics: s.panics, textIn: isText(h.ContentType)}
	w.textOut = isText(answerType(h))
	return w
}

// Read implements protocol.Pipe.
func (w *exchange) Read() ([]byte, error) {
	if !w.textIn {
		return w.Exchange.Read()
	}
	if w.broken != nil {
		return nil, w.broken
	}
	w.plain, w.broken = w.decoder.read(w.Exchange, w.plain)
	return w.plain, w.broken
}

// Send implements protocol.Pipe.
func (w *exchange) Send(m *protocol.Message, last bool) error {
	if !w.textOut || m == nil {
		return w.Exchange.Send(m, last)
	}
	b, err := appendText(m, nil, w.panics)
	if err != nil {
		return err
	}
	err = w.Exchange.Send(&protocol.Message{Bytes: b.B}, last)
	buffer.Put(b)
	return err
}

// SendHead implements protocol.Exchange.
func (w *exchange) SendHead(h protocol.Section) error {
	h.Bare = false
	err := w.Exchange.SendHead(h)
	w.headSent = w.headSent || err == nil
	return err
}

// Reply implements protocol.Exchange.
func (w *exchange) Reply(r *protocol.Reply) error {
	own := &w.reply
	*own = protocol.Reply{Head: r.Head, Message: r.Message, Tail: appendTrailer(w.room[:0], &r.Trailer)}
	own.Head.Bare = false
	if w.textOut {
		b, err := appendText(&own.Message, own.Tail, w.panics)
		if err != nil {
			return w.headAlone(r, err)
		}
		defer buffer.Put(b)
		own.Message, own.Tail = protocol.Message{Bytes: b.B}, nil
	}
	if err := w.Exchange.Reply(own); err != nil {
		return w.headAlone(r, err)
	}
	return nil
}

// headAlone sends the head of a reply whose message could not be encoded, because of err: a reply with a trailer has
// sent its head then, see protocol.Exchange, and the calls go on with Finish.
func (w *exchange) headAlone(r *protocol.Reply, err error) error {
	if !r.Head.Empty() {
		_ = w.SendHead(r.Head) // if it fails, nobody is left to answer
	}
	return err
}

// Finish implements protocol.Exchange. A response without messages consists of its head.
func (w *exchange) Finish(t protocol.Section) {
	if !w.headSent {
		t.Bare = false
		w.Exchange.Finish(t)
		return
	}
	// Bytes need no codec, so Reply cannot fail.
	m := protocol.Message{Bytes: appendTrailer(w.room[:0], &t)}
	if w.textOut {
		b, err := appendText(&m, nil, w.panics)
		if err != nil {
			return
		}
		defer buffer.Put(b)
		m = protocol.Message{Bytes: b.B}
	}
	w.reply = protocol.Reply{Message: m}
	_ = w.Exchange.Reply(&w.reply)
}
