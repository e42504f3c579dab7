package connect

import (
	"context"
	"strconv"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// maxInline is the length in bytes of the longest message that the connection's reading goroutine decodes. The
// caller's goroutine decodes longer ones, so that they do not delay other calls.
const maxInline = 64 << 10

// attempt is the state of one attempt of a unary call, and the protocol.Receiver of its response. It is pooled. The
// pool belongs to the Client and is not global, since a channel must not be used in two bubbles of synctest.
type attempt struct {
	attemptState

	// done receives a value when the exchange is over, and one before that if the response is refused: two at most.
	done chan struct{}
}

// attemptState is what is reset between two uses.
type attemptState struct {
	b    *binding
	call *fairlead.Call
	recv rpcwire.Limit

	req     protocol.Request
	msg     protocol.Message
	timeout [16]byte

	expiry rpcwire.Expiry

	// The rest belongs to the connection's reading goroutine until the exchange is over.

	status   int             // of the response
	encoding string          // of its body
	length   int             // of its body, -1: the head does not say it
	failed   bool            // it is an error of Connect
	unlike   *fairlead.Error // it is not one of Connect, or not for this call
	page     *rpcwire.Page   // with unlike: gets the body; nil: its first words are of no use in the error
	refused  bool            // because of its head, and before it has ended
	buf      *buffer.Buf     // the body, if it is for the caller's goroutine
	whole    bool            // the message was decoded
	reply    any             // what the message is decoded into
	err      error           // why this side does not accept the response
	failure  error           // how the exchange broke
}

// Unary implements protocol.ClientConn.
func (cc *clientConn) Unary(ctx context.Context, bind protocol.Binding, c *fairlead.Call) error {
	b, err := bindingOf(bind, c)
	if err != nil {
		return err
	}
	if ctx.Done() != nil && ctx.Err() != nil {
		return rpcwire.NotSent(rpcwire.ContextError(ctx))
	}
	a, ok := cc.client.attempts.Get().(*attempt)
	if !ok {
		a = &attempt{done: make(chan struct{}, 2)}
	}
	a.b, a.call = b, c
	err = a.run(ctx, cc)
	buffer.Put(a.buf)
	if a.refused {
		select {
		case <-a.done: // the second value, which nothing has received
		default:
		}
	}
	a.attemptState = attemptState{}
	if buffer.Poisoning {
		close(a.done) // if it is used late as a receiver it panics
		return err
	}
	cc.client.attempts.Put(a)
	return err
}

// run sends the request and waits for the response.
func (a *attempt) run(ctx context.Context, cc *clientConn) error {
	b, c := a.b, a.call
	out, compressor, recv, err := b.options(c)
	if err != nil {
		return err
	}
	a.recv, a.length = recv, -1
	timed, err := b.request(&a.req, c, b.head, a.timeout[:0])
	if err != nil {
		return err
	}
	a.reply = c.Wire().Reply()
	out.Always = b.compressMin <= 0
	held, err := b.msgs.Encode(&a.msg, c.Request(), &out)
	if err != nil {
		return rpcwire.NotSent(err)
	}
	compressed := a.msg.Flags != 0
	a.msg.Envelope, a.msg.Flags = false, 0
	if compressed {
		a.req.Head = b.compressed[compressor]
	}
	a.req.Message, a.req.Last = &a.msg, true
	if b.get != nil {
		if err := a.useGet(compressed, compressor); err != nil {
			buffer.Put(held)
			return rpcwire.NotSent(err)
		}
	}
	ticket, err := cc.HTTP.Do(&a.req, a)
	buffer.Put(held)
	if err != nil {
		return rpcwire.DoError(err)
	}
	c.Wire().SetPeer(cc.HTTP.Peer())
	if timed {
		at, _ := c.Deadline()
		cc.Deadlines.Add(&a.expiry, ticket, at, a.done)
		defer cc.Deadlines.Remove(&a.expiry)
	}
	if err := a.wait(ctx, cc.HTTP, ticket); err != nil {
		return err
	}
	return a.result()
}

// useGet makes the request one with GET, unless its query would be too long.
func (a *attempt) useGet(compressed bool, compressor int) error {
	message := a.msg.Bytes
	if a.msg.Value != nil {
		if a.msg.Size > a.b.maxQuery {
			return nil
		}
		var err error
		if message, err = a.b.msgs.AppendSized(nil, &a.msg); err != nil {
			return err
		}
	}
	if len(message) > a.b.maxQuery {
		return nil
	}
	coding := ""
	if compressed {
		coding = a.b.accepted.List[compressor].Name()
	}
	q := appendQuery(nil, a.b.msgs.Name, coding, a.b.msgs.Name == "json", message)
	if len(q) > a.b.maxQuery {
		return nil
	}
	r := &a.req
	r.Head, r.Path, r.Query, r.Message = a.b.get, a.b.method.Path, string(q), nil
	return nil
}

// wait waits until the exchange or the context has ended. It returns an error if the exchange was given up, and nil if
// there is a result, even if that came late.
func (a *attempt) wait(ctx context.Context, hc protocol.HTTPConn, ticket protocol.Ticket) error {
	if over := ctx.Done(); over == nil {
		<-a.done
	} else {
		select {
		case <-a.done:
		case <-over:
			if hc.Cancel(ticket, protocol.ResetCancel) {
				return rpcwire.ContextError(ctx)
			}
			<-a.done
		}
	}
	if a.refused {
		if err := a.waitPage(ctx, hc, ticket); err != nil {
			return err
		}
	}
	if a.expiry.Late {
		return rpcwire.ErrDeadline()
	}
	return nil
}

// waitPage gives up a response that was refused: at once or, if it is a page, when that is complete or
// rpcwire.PageTime has passed. The result is what has arrived until then.
func (a *attempt) waitPage(ctx context.Context, hc protocol.HTTPConn, ticket protocol.Ticket) error {
	var err error
	if a.page != nil {
		enough := time.NewTimer(rpcwire.PageTime)
		defer enough.Stop()
		select {
		case <-a.done:
			return nil
		case <-enough.C:
		case <-ctx.Done():
			err = rpcwire.ContextError(ctx)
		}
	}
	if hc.Cancel(ticket, protocol.ResetCancel) {
		return err
	}
	<-a.done
	return nil
}

// Head implements protocol.Receiver.
func (a *attempt) Head(h *protocol.Head, end bool) {
	a.read(h)
	if !end && (a.unlike != nil || a.err != nil) {
		a.refused = true // the rest may never arrive
		a.done <- struct{}{}
	}
}

// read reads the head of the response.
func (a *attempt) read(h *protocol.Head) {
	a.status = h.Status
	for i := range h.Fields.Len() {
		switch k, v := h.Fields.At(i); k {
		case fieldEncoding:
			a.encoding = v
		case "content-length":
			if n, err := strconv.Atoi(v); err == nil {
				a.length = n
			}
		}
	}
	if h.Status == 200 {
		a.unlike = typeError(h.ContentType, a.b.contentType, unaryPrefix)
	} else if a.failed = h.ContentType == errorType || mediaType(h.ContentType) == errorType; !a.failed {
		a.unlike = statusError(h.Status, h.ContentType)
	}
	if a.unlike != nil {
		a.page = rpcwire.NewPage(h.ContentType, a.encoding)
		return
	}
	if a.b.accepted.Unknown(a.encoding) {
		a.err = a.b.accepted.Unsupported(fairlead.Internal, a.encoding)
		return
	}
	if key, ok := rpcwire.Receive(a.call.ResponseHeader(), &h.Fields, isReservedInHead); !ok {
		a.err = errMalformedHeader(key)
		return
	}
	if key, ok := rpcwire.ReceivePrefixed(a.call.ResponseTrailer(), &h.Fields, trailerPrefix, isReserved); !ok {
		a.err = errMalformedHeader(key)
	}
}

// Data implements protocol.Receiver.
func (a *attempt) Data(part []byte) bool {
	switch {
	case a.page != nil:
		return a.page.Add(part)
	case a.unlike != nil || a.err != nil:
		return false
	case len(part) == 0:
		return true
	case a.whole:
		a.err = rpcwire.ErrManyResponses() // behind the length of the body, which no connection lets through
		return false
	case a.buf == nil && len(part) == a.length && a.inline():
		a.err = errNotDecoded // in case the codec calls runtime.Goexit
		a.err = a.b.msgs.Decode(part, a.reply)
		a.whole = true
		return a.err == nil
	}
	n := len(part)
	if a.buf != nil {
		n += len(a.buf.B)
	}
	if n > a.recv.Bytes {
		a.err = a.recv.Longer()
		return false
	}
	if a.buf == nil {
		a.buf = buffer.Get(max(len(part), min(a.length, rpcwire.FirstGather)))
	}
	a.buf.Grow(len(part))
	a.buf.B = append(a.buf.B, part...)
	return true
}

// inline reports whether a body whose length the head says is decoded by the connection's reading goroutine.
func (a *attempt) inline() bool {
	return a.length <= min(maxInline, a.recv.Bytes) && !a.failed && a.encoding == ""
}

// End implements protocol.Receiver.
func (a *attempt) End(_ *protocol.Head, err error) {
	if err != nil && a.unlike == nil && a.err == nil {
		a.failure = err
	}
	a.done <- struct{}{}
}

var errNotDecoded = fairlead.Errorf(fairlead.Internal, "decoding the response did not return")

// result decodes the response, if that is still to be done, and returns the call's error. The exchange is over.
func (a *attempt) result() error {
	switch {
	case a.unlike != nil:
		if a.page != nil {
			return a.page.Tell(a.unlike)
		}
		return a.unlike
	case a.err != nil:
		return a.err
	case a.failure != nil:
		return rpcwire.FailureError(a.failure, isLate(a.call))
	case a.whole:
		a.call.SetResponse(a.reply)
		return nil
	}
	var body []byte
	if a.buf != nil {
		body = a.buf.B
	}
	var flags uint8
	if a.encoding != "" && a.encoding != rpcwire.Identity && len(body) > 0 {
		flags = rpcwire.FlagCompressed
	}
	data, b, err := a.b.accepted.Plain(body, flags, a.encoding, &a.recv)
	if err != nil {
		return err
	}
	defer buffer.Put(b)
	if a.failed {
		return a.errorIn(data)
	}
	a.call.Wire().SetReceivedCompressed(flags != 0)
	if err := a.b.msgs.Decode(data, a.reply); err != nil {
		return err
	}
	a.call.SetResponse(a.reply)
	return nil
}

// errorIn returns the error that a body has.
func (a *attempt) errorIn(body []byte) error {
	if e, ok := parseError(body, rpcwire.CodeOfHTTP(a.status)); ok {
		return e
	}
	e := statusError(a.status, errorType)
	if page := rpcwire.NewPage(errorType, ""); page != nil {
		page.Add(body)
		return page.Tell(e)
	}
	return e
}

// isLate reports whether the call's deadline has passed.
func isLate(c *fairlead.Call) bool {
	at, ok := c.Deadline()
	return ok && !time.Now().Before(at)
}

// errMalformedHeader returns the error for a header of a response that should be base64 and is not.
func errMalformedHeader(key string) error {
	return fairlead.Errorf(fairlead.Internal, "malformed binary metadata in header %q", key)
}
