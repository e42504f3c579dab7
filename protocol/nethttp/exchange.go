package nethttp

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// exchange is a request to a server of net/http, as the framework's protocols see it.
type exchange struct {
	s    *handler
	w    http.ResponseWriter
	r    *http.Request
	rc   *http.ResponseController
	head protocol.Head
	peer fairlead.Peer
	stop func() bool // of SetCall

	// Of the goroutine that reads.
	first []byte      // what was read before Stream
	part  *buffer.Buf // what Read has returned last
	ended error       // the end of the body
	asked bool        // for the body, if the client waits for that
	got   int         // bytes since the read deadline was set

	// Of the goroutine that sends.
	begun  bool
	noBody bool
	last   bool // the body has ended
	raw    net.Conn
	source io.Reader // of raw

	mu          sync.Mutex
	interrupted error
	reading     bool
	sending     bool
	rest        bool // see Expect
	over        bool
	aborted     bool
}

var _ protocol.Exchange = (*exchange)(nil)

// past is a deadline that has passed.
var past = time.Unix(1, 0) //nolint:gochecknoglobals // a constant

// partSize is the length of the parts of a body.
const partSize = 16 << 10

// Head implements protocol.Exchange.
func (x *exchange) Head() *protocol.Head { return &x.head }

// Peer implements protocol.Exchange.
func (x *exchange) Peer() *fairlead.Peer { return &x.peer }

// HeaderLimit implements protocol.Exchange. net/http does not tell.
func (*exchange) HeaderLimit() int { return 0 }

// Trailer implements protocol.Exchange.
func (x *exchange) Trailer() *protocol.Head {
	var h protocol.Head
	for key, values := range x.r.Trailer {
		for _, v := range values {
			h.Fields.Append(strings.ToLower(key), v)
		}
	}
	if h.Fields.Len() == 0 {
		return nil
	}
	return &h
}

// begin is called before something that may wait for the client. It returns why it fails at once.
func (x *exchange) begin(what *bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.interrupted != nil {
		return x.interrupted
	}
	if x.over {
		return errOver
	}
	*what = true
	return nil
}

// done is called afterwards. It returns the error that the waiting was interrupted with, or err.
func (x *exchange) done(what *bool, err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	*what = false
	if err != nil && x.interrupted != nil {
		return x.interrupted
	}
	return err
}

// Read implements protocol.Pipe.
func (x *exchange) Read() ([]byte, error) {
	if err := x.begin(&x.reading); err != nil {
		return nil, err
	}
	b, err := x.read()
	return b, x.done(&x.reading, err)
}

func (x *exchange) read() ([]byte, error) {
	if b := x.first; len(b) > 0 {
		x.first = nil
		return b, nil
	}
	if x.ended != nil {
		return nil, x.ended
	}
	if x.part == nil {
		x.part = buffer.Get(partSize)
	}
	x.asked = true // net/http sends 100 with the first Read
	var from io.Reader = x.r.Body
	if x.raw != nil {
		from = x.source
	}
	for {
		n, err := from.Read(x.part.B[:cap(x.part.B)])
		if err != nil {
			x.ended = x.readError(err)
		}
		if n > 0 {
			x.progress(n)
			return x.part.B[:n], nil
		}
		if err != nil {
			return nil, x.ended
		}
	}
}

// readError returns the error of a Read for what net/http has returned.
func (x *exchange) readError(err error) error {
	var long *http.MaxBytesError
	switch {
	case err == io.EOF: //nolint:errorlint // bodies return it bare
		return io.EOF
	case errors.As(err, &long):
		return fairlead.Errorf(fairlead.ResourceExhausted, "the request's body exceeds %d bytes", long.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		if g := x.s.d.Limits().Guard; g != nil && g.MessageTimeout > 0 {
			g.Note(protocol.SlowMessage)
			return fairlead.Errorf(fairlead.DeadlineExceeded,
				"the client did not send the rest of its message within %v (server.MessageTimeout)", g.MessageTimeout)
		}
	}
	return &protocol.Failure{Kind: protocol.FailedLost, Cause: err}
}

// lagStep is how many bytes count as progress of a message.
const lagStep = 64 << 10

// progress gives the rest of a message more time after so many bytes.
func (x *exchange) progress(n int) {
	x.got += n
	if x.got < lagStep {
		return
	}
	x.mu.Lock()
	rest := x.rest
	x.mu.Unlock()
	if rest {
		x.Expect(true)
	}
}

// Expect implements protocol.Exchange.
func (x *exchange) Expect(rest bool) {
	g := x.s.d.Limits().Guard
	if g == nil || g.MessageTimeout <= 0 {
		return
	}
	x.mu.Lock()
	same := !x.rest && !rest
	x.rest, x.got = rest, 0
	x.mu.Unlock()
	switch {
	case rest:
		x.setReadDeadline(time.Now().Add(g.MessageTimeout))
	case !same:
		x.setReadDeadline(time.Time{})
	}
}

// setReadDeadline sets the deadline of reads, unless they were interrupted.
func (x *exchange) setReadDeadline(t time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.interrupted == nil && !x.over {
		x.deadline(t, time.Time{}, true, false)
	}
}

// deadline sets the deadlines of what is read and sent. Not every ResponseWriter can. The lock is held.
func (x *exchange) deadline(read, write time.Time, reads, writes bool) {
	var to interface {
		SetReadDeadline(t time.Time) error
		SetWriteDeadline(t time.Time) error
	} = x.rc
	if x.raw != nil {
		to = x.raw
	}
	if reads {
		_ = to.SetReadDeadline(read)
	}
	if writes {
		_ = to.SetWriteDeadline(write)
	}
}

// Interrupt implements protocol.Pipe.
func (x *exchange) Interrupt(cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.interrupt(cause)
}

// interrupt is Interrupt; the lock is held.
func (x *exchange) interrupt(cause error) {
	if x.over || x.interrupted != nil {
		return
	}
	x.interrupted = cause
	x.deadline(past, past, x.reading, x.sending)
}

// Reset implements protocol.Pipe. The stream is reset when the protocol has returned.
func (x *exchange) Reset(_ protocol.ResetCode, cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return
	}
	x.interrupt(cause)
	x.aborted, x.over = true, true
}

// Send implements protocol.Pipe.
func (x *exchange) Send(m *protocol.Message, last bool) error {
	var b *buffer.Buf
	if m != nil {
		var err error
		if b, err = encode(m); err != nil {
			return err
		}
		defer buffer.Put(b)
	}
	if err := x.begin(&x.sending); err != nil {
		return err
	}
	err := x.send(b, last)
	return x.done(&x.sending, err)
}

func (x *exchange) send(b *buffer.Buf, last bool) error {
	if x.last {
		return fairlead.Errorf(fairlead.Internal, "message sent after the end of the body")
	}
	x.last = last
	if b == nil {
		return nil
	}
	if x.raw != nil {
		if _, err := x.raw.Write(b.B); err != nil {
			return &protocol.Failure{Kind: protocol.FailedLost, Cause: err}
		}
		return nil
	}
	if x.noBody {
		return nil
	}
	_, err := x.w.Write(b.B)
	if err == nil && !last {
		err = x.flush()
	}
	if err != nil {
		return &protocol.Failure{Kind: protocol.FailedLost, Cause: err}
	}
	return nil
}

func (x *exchange) flush() error {
	if err := x.rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// encode encodes a message.
func encode(m *protocol.Message) (*buffer.Buf, error) {
	const prefix = 5
	b := buffer.Get(prefix + max(m.Size, len(m.Bytes)))
	if m.Envelope {
		b.B = append(b.B, m.Flags, 0, 0, 0, 0)
	}
	at := len(b.B)
	var err error
	switch {
	case m.Value == nil:
		b.B = append(b.B, m.Bytes...)
	case m.Sizer != nil:
		b.B, err = m.Sizer.AppendSized(b.B, m.Value, m.Size)
	default:
		b.B, err = m.Codec.AppendMarshal(b.B, m.Value)
	}
	if err != nil {
		buffer.Drop(b)
		return nil, err
	}
	if m.Envelope {
		binary.BigEndian.PutUint32(b.B[1:prefix], uint32(len(b.B)-at))
	}
	return b, nil
}

// Inform implements protocol.Exchange.
func (x *exchange) Inform(status int, fields *fairlead.Metadata) error {
	switch {
	case status < 100 || status > 199 || status == http.StatusSwitchingProtocols:
		return fairlead.Errorf(fairlead.Internal, "%d is not the status of an interim response", status)
	case x.begun:
		return fairlead.Errorf(fairlead.Internal, "interim response after the response's head")
	}
	if err := x.begin(&x.sending); err != nil {
		return err
	}
	before := x.w.Header().Clone() // somebody around this handler may have set some
	if fields != nil {
		for k, v := range fields.All() {
			x.w.Header().Add(k, v)
		}
	}
	x.w.WriteHeader(status)
	clear(x.w.Header())
	maps.Copy(x.w.Header(), before)
	return x.done(&x.sending, nil)
}

// SendHead implements protocol.Exchange.
func (x *exchange) SendHead(h protocol.Section) error {
	status := h.StatusCode()
	if status >= 100 && status < 200 && (status != http.StatusSwitchingProtocols || x.head.Version != 1) {
		return fairlead.Errorf(fairlead.Internal, "a response's head cannot have the status %d", status)
	}
	if err := x.begin(&x.sending); err != nil {
		return err
	}
	var err error
	if status == http.StatusSwitchingProtocols {
		err = x.switchOver(&h)
	} else {
		if x.head.Expect100 && !x.asked && status >= 200 && status < 300 {
			x.w.WriteHeader(http.StatusContinue) // the body is wanted, or the protocol would have sent the whole response
		}
		x.writeHead(&h, -1)
		err = x.flush()
	}
	if err != nil {
		err = &protocol.Failure{Kind: protocol.FailedLost, Cause: err}
	}
	return x.done(&x.sending, err)
}

// writeHead sends a head. length is that of the body, -1 if it is not known.
func (x *exchange) writeHead(h *protocol.Section, length int) {
	to := x.w.Header()
	add(h, func(name, value string) { to.Add(name, value) })
	if x.head.Answer != nil {
		for k, v := range x.head.Answer.All() {
			to.Add(k, v)
		}
	}
	// What net/http adds by itself is not wanted.
	if _, there := to["Content-Type"]; !there {
		to["Content-Type"] = nil
	}
	if _, there := to["Date"]; !there && h.Bare {
		to["Date"] = nil
	}
	status := h.StatusCode()
	x.noBody = x.head.Verb == http.MethodHead || !allowsBody(status)
	if length >= 0 && !h.Bare && allowsBody(status) {
		to.Set("Content-Length", strconv.Itoa(length))
	}
	x.begun = true
	x.w.WriteHeader(status)
}

// add calls put for each field of a section.
func add(h *protocol.Section, put func(name, value string)) {
	if h.Block != nil {
		fields := h.Block.Fields()
		for i := 0; i+1 < len(fields); i += 2 {
			if fields[i] != ":status" {
				put(fields[i], fields[i+1])
			}
		}
	}
	if h.Extra == nil {
		return
	}
	for k, v := range h.Extra.All() {
		if h.Base64 && strings.HasSuffix(k, "-bin") {
			v = base64.RawStdEncoding.EncodeToString([]byte(v))
		}
		put(k, v)
	}
}

// switchOver takes over the connection for what follows HTTP.
func (x *exchange) switchOver(h *protocol.Section) error {
	raw, buffered, err := x.rc.Hijack()
	if err != nil {
		return err
	}
	_ = raw.SetDeadline(time.Time{}) // net/http may have set one for the request
	b := fmt.Appendf(nil, "HTTP/1.1 101 %s\r\nConnection: Upgrade\r\nUpgrade: %s\r\n",
		http.StatusText(http.StatusSwitchingProtocols), x.head.Protocol)
	add(h, func(name, value string) {
		if name != "connection" && name != "upgrade" && isToken(name) {
			b = fmt.Appendf(b, "%s: %s\r\n", http.CanonicalHeaderKey(name), clean(value))
		}
	})
	x.begun = true
	x.mu.Lock()
	x.raw, x.source, x.ended = raw, buffered.Reader, nil
	x.mu.Unlock()
	_, err = raw.Write(append(b, "\r\n"...))
	return err
}

// Reply implements protocol.Exchange.
func (x *exchange) Reply(r *protocol.Reply) error {
	last := r.Trailer.Empty()
	b, err := encode(&r.Message)
	if err != nil && (last || r.Head.Empty()) {
		return err
	}
	defer buffer.Put(b)
	if !x.enter() {
		return nil
	}
	if !r.Head.Empty() {
		length := -1
		if last && b != nil {
			length = len(b.B) + len(r.Tail)
		}
		x.writeHead(&r.Head, length)
	}
	if err != nil {
		return err // the head was sent
	}
	var to io.Writer = x.w
	switch {
	case x.raw != nil:
		to = x.raw
		_ = x.raw.SetWriteDeadline(time.Now().Add(lastWords))
	case x.noBody:
		to = io.Discard
	}
	_, err = to.Write(b.B)
	if err == nil && len(r.Tail) > 0 {
		_, err = to.Write(r.Tail)
	}
	if err == nil && x.raw == nil {
		x.addTrailer(&r.Trailer)
	}
	x.end(err)
	return nil
}

// lastWords is how long the last bytes of a connection that is no longer HTTP may wait for the client.
const lastWords = time.Second

// Finish implements protocol.Exchange.
func (x *exchange) Finish(t protocol.Section) {
	if !x.enter() {
		return
	}
	switch {
	case x.raw != nil:
	case x.begun:
		x.addTrailer(&t)
	case t.StatusCode() == 0:
		x.end(errOver)
		return
	default:
		x.writeHead(&t, -1)
	}
	x.end(nil)
}

// enter reports whether the exchange is not over. The caller is about to end it.
func (x *exchange) enter() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return !x.over
}

// end ends the exchange; with an error the response is not complete.
func (x *exchange) end(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.over, x.aborted = true, err != nil
}

// addTrailer sets the trailer, which net/http sends when the handler returns.
func (x *exchange) addTrailer(t *protocol.Section) {
	to := x.w.Header()
	add(t, func(name, value string) {
		key := http.TrailerPrefix + http.CanonicalHeaderKey(name)
		to[key] = append(to[key], value)
	})
}
