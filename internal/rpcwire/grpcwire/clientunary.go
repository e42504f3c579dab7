package grpcwire

import (
	"context"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// maxInline is the length in bytes of the longest message that the connection's reading goroutine decodes. The caller's
// goroutine decodes longer ones, so that they do not delay other calls.
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

	head     responseHead
	headEnds bool
	refused  bool // because of its head, and before it has ended
	prefix   [rpcwire.PrefixSize]byte
	nprefix  int
	flags    uint8
	length   int
	buf      *buffer.Buf // the message, if it is for the caller's goroutine
	whole    bool        // the message is there
	reply    any         // what the message is decoded into
	err      error       // why this side does not accept the response
	failure  error       // how the exchange broke
	status   *fairlead.Error
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
	out, head, recv, err := b.options(c)
	if err != nil {
		return err
	}
	a.recv = recv
	timed, err := b.request(&a.req, c, head, a.timeout[:0])
	if err != nil {
		return err
	}
	a.reply = c.Wire().Reply()
	held, err := b.msgs.Encode(&a.msg, c.Request(), &out)
	if err != nil {
		return rpcwire.NotSent(err)
	}
	a.req.Message, a.req.Last = &a.msg, true
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

// waitPage gives up a response that was refused: at once or, if it is a page, when that is complete or rpcwire.PageTime
// has passed. The result is what has arrived until then.
func (a *attempt) waitPage(ctx context.Context, hc protocol.HTTPConn, ticket protocol.Ticket) error {
	var err error
	if a.head.page != nil {
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
	a.head.parse(a.b.dialect, h, a.b.msgs.Name)
	switch {
	case a.head.err != nil:
	case end:
		a.headEnds = true
		a.status = a.head.outcome(h, a.call)
	default:
		if key, ok := rpcwire.Receive(a.call.ResponseHeader(), &h.Fields, isReserved); !ok {
			a.err = errMalformedHeader(key)
		}
	}
	if !end && (a.head.err != nil || a.err != nil) {
		a.refused = true // the rest may never arrive
		a.done <- struct{}{}
	}
}

// Data implements protocol.Receiver.
func (a *attempt) Data(part []byte) bool {
	if a.head.page != nil {
		return a.head.page.Add(part)
	}
	if a.head.err != nil || a.err != nil {
		return false
	}
	for len(part) > 0 {
		switch {
		case a.whole:
			a.err = rpcwire.ErrManyResponses()
			return false
		case a.nprefix < rpcwire.PrefixSize:
			n := copy(a.prefix[a.nprefix:], part)
			a.nprefix += n
			part = part[n:]
			if a.nprefix < rpcwire.PrefixSize {
				return true
			}
			if a.flags, a.length, a.err = rpcwire.ParsePrefix(a.prefix[:], &a.recv); a.err != nil {
				return false
			}
			if a.length <= len(part) && a.length <= maxInline && a.flags == 0 {
				a.err = errNotDecoded // in case the codec calls runtime.Goexit
				if a.err = a.b.msgs.Decode(part[:a.length], a.reply); a.err != nil {
					return false
				}
				a.whole, part = true, part[a.length:]
				continue
			}
			a.buf = buffer.Get(min(a.length, max(2*len(part), rpcwire.FirstGather)))
			a.whole = a.length == 0
		default:
			n := min(len(part), a.length-len(a.buf.B))
			a.buf.Grow(n)
			a.buf.B = append(a.buf.B, part[:n]...)
			part = part[n:]
			a.whole = len(a.buf.B) == a.length
		}
	}
	return true
}

// End implements protocol.Receiver.
func (a *attempt) End(trailer *protocol.Head, err error) {
	switch {
	case a.head.err != nil, a.err != nil, a.headEnds:
	case err != nil:
		a.failure = err
	default:
		a.status = a.head.outcome(trailer, a.call)
	}
	a.done <- struct{}{}
}

var errNotDecoded = fairlead.Errorf(fairlead.Internal, "decoding the response did not return")

// result decodes the response, if that is still to be done, and returns the call's error. The exchange is over.
func (a *attempt) result() error {
	switch {
	case a.head.err != nil:
		return a.head.failure()
	case a.err != nil:
		return a.err
	case a.failure != nil:
		return rpcwire.FailureError(a.failure, isLate(a.call))
	case a.status != nil:
		return a.status
	case a.nprefix == 0:
		return rpcwire.ErrNoResponse()
	case !a.whole:
		return rpcwire.ErrCutOff()
	}
	if a.buf != nil {
		data, b, err := a.b.accepted.Plain(a.buf.B, a.flags, a.head.encoding, &a.recv)
		if err != nil {
			return err
		}
		a.call.Wire().SetReceivedCompressed(a.flags&rpcwire.FlagCompressed != 0)
		err = a.b.msgs.Decode(data, a.reply)
		buffer.Put(b)
		if err != nil {
			return err
		}
	}
	a.call.SetResponse(a.reply)
	return nil
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
