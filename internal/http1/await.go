package http1

import (
	"context"
	"errors"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// Waiting. The reading role waits in the transport, and is woken there by a read deadline in the past: when the
// exchange under way is over and there are requests behind it, when the server wants no more requests, and when the
// connection is given away. A deadline may come late, when what it was for is over; it is cleared then, and the wait
// goes on.

const (
	// aheadMax is how many bytes of requests that were sent ahead are read while another one is answered.
	aheadMax = 64 << 10
	// lastLook is how long a connection without a request waits for one that may be on its way when the server stops.
	lastLook = 10 * time.Millisecond
	// maxWakes is how often the reading role is woken within lastLook at most. Reads of a transport that is broken may
	// time out for ever.
	maxWakes = 10_000
)

// past is a deadline that wakes the reading role.
var past = time.Unix(1, 0) //nolint:gochecknoglobals // a constant

// await waits until need bytes are there, or the state has changed. It writes first what there is to write.
func (c *Conn) await(need int) ([]byte, error) {
	r := &c.r
	rest := len(r.in) - r.off
	c.tc.Discard(r.off)
	r.in, r.off = nil, 0
	final := c.flush()
	if r.state == atHead && rest == 0 && r.by.IsZero() && !final {
		c.park()
		in, err := c.tc.Peek(need)
		if err == nil {
			return in, nil
		}
		return c.failedPeek(need, in, err)
	}
	return c.awaitTimed(need, rest, final)
}

// park puts the scratch aside while there is nothing to do.
func (c *Conn) park() {
	if sc := c.r.sc; sc != nil {
		c.r.sc = nil
		c.kept.Store(sc)
	}
}

func (c *Conn) awaitTimed(need, rest int, final bool) ([]byte, error) {
	r := &c.r
	switch r.state {
	case atHead:
		if rest == 0 && final {
			return c.lastLook(need)
		}
		if limit := c.cfg.FrameTimeout; rest > 0 && r.by.IsZero() && limit > 0 {
			c.timeBy(time.Now().Add(limit))
		}
	case atBody:
		if r.mode == protocol.Complete {
			c.unfinished()
		}
	case atAnswer:
		if rest > 0 {
			if wait, err := c.ahead(rest); err != nil {
				return nil, err
			} else if !wait {
				return c.tc.Peek(0) // what there is
			}
			in, err := c.tc.Peek(need)
			c.w.Lock()
			c.peeks = false
			c.w.Unlock()
			if err != nil {
				return c.failedPeek(need, in, err)
			}
			return in, nil
		}
	case atEnd:
	}
	in, err := c.tc.Peek(need)
	if err == nil {
		return in, nil
	}
	return c.failedPeek(need, in, err)
}

// ahead prepares to read on behind requests that were sent ahead. If there are many, it waits for the response. It
// returns false if the state has changed.
func (c *Conn) ahead(rest int) (wait bool, err error) {
	x := c.r.x
	c.w.Lock()
	raw := func() bool { return x.out == bodyRaw && x.headSent }
	for rest >= aheadMax && !x.over.Load() && c.err == nil && c.hijacked == nil && !raw() {
		c.changed.Wait()
	}
	h := c.hijacked
	switch {
	case c.err != nil:
		err = c.err
	case h == nil && !x.over.Load() && !raw():
		c.peeks, wait = true, true
	}
	c.w.Unlock()
	if h != nil && err == nil {
		err = c.giveAway(h)
	}
	return wait, err
}

// lastLook waits for a request that may be on its way to a server that stops, and ends the connection if none comes.
func (c *Conn) lastLook(need int) ([]byte, error) {
	_ = c.tc.SetReadDeadline(time.Now().Add(lastLook))
	in, err := c.tc.Peek(need)
	if err == nil {
		c.timeBy(zeroTime)
		return in, nil
	}
	if isTimeout(err) && len(in) == 0 {
		c.timeBy(zeroTime)
		c.end()
		return nil, nil
	}
	return c.failedPeek(need, in, err)
}

// failedPeek goes on after a Peek that has failed: with what there is, or with the error that ends the connection.
func (c *Conn) failedPeek(need int, in []byte, err error) ([]byte, error) {
	switch {
	case isTimeout(err):
		return c.timedOut(need, in, err)
	case isEOF(err):
		return c.left(in, err)
	}
	return nil, err
}

// timedOut finds out what a read deadline was for. err is what Peek has returned.
func (c *Conn) timedOut(need int, in []byte, err error) ([]byte, error) {
	r := &c.r
	now := time.Now()
	c.w.Lock()
	h, final, parting := c.hijacked, c.final, c.parting
	c.w.Unlock()
	switch {
	case h != nil:
		return nil, c.giveAway(h)
	case parting && r.state == atEnd:
		return nil, errDone
	case !r.by.IsZero() && !now.Before(r.by):
		c.timeBy(zeroTime)
		return c.late(in)
	case r.state == atBody && r.mode != protocol.Complete && r.x.over.Load():
		c.end() // the rest of a body that nobody wants did not come
		return in, nil
	case r.state == atHead && len(in) == 0 && final:
		return c.lastLook(need)
	}
	if now.Sub(r.woken) > lastLook {
		r.woken, r.wakes = now, 0
	}
	if r.wakes++; r.wakes > maxWakes {
		return nil, err // nobody wakes so often: the transport is broken
	}
	_ = c.tc.SetReadDeadline(r.by) // somebody has woken us
	if r.state == atEnd {
		c.w.Lock()
		if c.parting {
			_ = c.tc.SetReadDeadline(now.Add(lastWords))
		}
		c.w.Unlock()
	}
	return in, nil
}

// late ends what did not come in time.
func (c *Conn) late(in []byte) ([]byte, error) {
	r := &c.r
	switch r.state {
	case atHead:
		c.cfg.Guard.Note(protocol.SlowFrame)
		if len(in) == 0 {
			return nil, errSlow
		}
		c.refuse(&fault{408, "the head of the request did not come in time", protocol.SlowFrame})
	case atBody:
		c.openLate()
	case atAnswer, atEnd:
	}
	return in, nil
}

var errSlow = errors.New("http1: the client does not send a request")

// unfinished notes that the rest of a request is still to come, and by when. It costs nothing for requests that arrive
// in one piece.
func (c *Conn) unfinished() {
	r := &c.r
	s := r.x
	if !r.by.IsZero() {
		return
	}
	c.w.Lock()
	if s.awaits100 {
		s.proceed()
	}
	c.w.Unlock()
	now := time.Now()
	if s.head.Came.IsZero() {
		s.head.Came = now
	}
	var due time.Time
	if g := c.cfg.Guard; g != nil && g.MessageTimeout > 0 {
		due = now.Add(g.MessageTimeout)
	}
	if at := s.app.Deadline(s.head); !at.IsZero() && (due.IsZero() || at.Before(due)) {
		due = at
	}
	if !due.IsZero() {
		c.timeBy(due)
	}
}

// openLate opens a request that is not complete in time: its protocol finds the deadline passed, or is told about the
// limit when it reads, and answers.
func (c *Conn) openLate() {
	c.open()
	s := c.r.x
	if at := s.app.Deadline(s.head); at.IsZero() || at.After(time.Now()) {
		c.cfg.Guard.Note(protocol.SlowMessage)
		s.Interrupt(slowMessage(c.cfg.Guard.MessageTimeout))
	}
}

// slowMessage is the error of a call whose request does not come to its end.
func slowMessage(limit time.Duration) error {
	return fairlead.Errorf(fairlead.DeadlineExceeded,
		"the client did not send the rest of its message within %v (server.MessageTimeout)", limit)
}

// left goes on after the client has ended its half of the connection. A call that is under way is canceled, since
// mostly the client is gone; but what is answered all the same is sent, because some clients, such as those that are
// fed by a pipe, still read.
func (c *Conn) left(in []byte, err error) ([]byte, error) {
	r := &c.r
	s := r.x
	c.w.Lock()
	if s == nil || r.state == atHead || r.state == atEnd || s.p == nil && r.state == atBody {
		_ = c.w.Wait(-1) // what was answered before is still written
		c.w.Unlock()
		return nil, err
	}
	c.gone = true
	call := s.call
	if r.state == atAnswer && s.out == bodyRaw && s.headSent {
		r.state, r.body = atBody, body{kind: bodyRaw}
	}
	switch {
	case r.state == atAnswer:
	case r.body.kind == bodyRaw:
		s.remoteDone = true
		s.endRead(errEOF)
	default:
		s.fail(&protocol.Failure{Kind: protocol.FailedLost, Cause: err})
	}
	if r.body.kind == bodyRaw && r.state == atBody {
		call = nil // half of a tunnel may end before the other
	}
	c.w.Unlock()
	if call != nil {
		call.Wire().Cancel(context.Canceled)
	}
	c.w.Lock()
	for !s.over.Load() && c.err == nil && c.w.Err() == nil && c.hijacked == nil {
		if r.state == atAnswer && s.out == bodyRaw && s.headSent {
			s.remoteDone = true
			s.endRead(errEOF)
		}
		c.changed.Wait()
	}
	h, failed := c.hijacked, c.err != nil || c.w.Err() != nil
	c.w.Unlock()
	switch {
	case h != nil:
		return nil, c.giveAway(h)
	case failed:
		return nil, err
	case r.state == atBody:
		c.end()
		c.w.Lock()
		for !c.parting && c.err == nil && c.w.Err() == nil {
			c.changed.Wait()
		}
		c.w.Unlock()
		return nil, errDone
	}
	return in, nil
}
