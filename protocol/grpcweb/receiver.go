package grpcweb

import (
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/internal/rpcwire/grpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// receiver is the protocol.Receiver of a response whose trailer is in its body; next gets it as a trailer section.
type receiver struct {
	conn *conn
	next protocol.Receiver

	form     form
	encoding string // of the messages, and of a compressed trailer frame
	frames   splitter
	decoder  decoder
	plain    []byte
	err      error          // what is wrong with the response
	held     *protocol.Head // a head that may be the whole response, until that is known
}

// Head implements protocol.Receiver.
func (r *receiver) Head(h *protocol.Head, end bool) {
	r.form = formOf(h)
	r.encoding = rpcwire.Field(&h.Fields, grpcwire.FieldEncoding)
	if !end && r.form != foreign && hasStatus(h) {
		own := *h
		own.Fields = h.Fields.Clone() // the connection uses it again
		r.held = &own
		return
	}
	r.next.Head(h, end)
}

// Data implements protocol.Receiver.
func (r *receiver) Data(part []byte) bool {
	if r.held != nil && len(part) > 0 {
		h := r.held
		r.held = nil
		r.next.Head(h, false)
	}
	switch r.form {
	case foreign:
		return r.next.Data(part)
	case textBody:
		if r.plain, r.err = r.decoder.decode(r.plain[:0], part); r.err != nil {
			return false
		}
		part = r.plain
	case plainBody:
	}
	messages, err := r.frames.messages(part)
	r.err = err
	if len(messages) > 0 && !r.next.Data(messages) {
		return false
	}
	return err == nil
}

// End implements protocol.Receiver.
func (r *receiver) End(trailer *protocol.Head, err error) {
	if r.held != nil {
		r.next.Head(r.held, err == nil)
	} else if r.form != foreign {
		trailer = nil
		if err == nil && r.err == nil {
			r.err = r.decoder.end()
		}
		if err == nil && r.err == nil {
			trailer, r.err = r.frames.head(r.conn.accepted, r.encoding)
		}
		if err == nil && r.err != nil {
			err = &protocol.Failure{Kind: protocol.FailedClosed, Cause: r.err} // the calls return the cause as it is
		}
	}
	r.next.End(trailer, err)
}
