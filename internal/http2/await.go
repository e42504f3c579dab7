package http2

import (
	"errors"
	"os"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// A peer has to complete what it begins: frames and header blocks within FrameTimeout, requests within
// Guard.MessageTimeout and before their deadlines. The reading role bounds both with the transport's read deadline, so
// that no timer and no other goroutine is needed. A keeper looks now and then at the streams that are read by
// goroutines of their own, and at what is sent: see Sweep.

// epoch is the start of the times that are kept for long, as Durations: these are shorter than a time.Time.
var epoch = time.Now() //nolint:gochecknoglobals // read-only

// readTimer is the transport's read deadline and what it is for; times are after epoch. It belongs to the reading role.
// The deadline is set when a part of something is there and left as it is when the rest comes, so that a connection on
// which much arrives does not set one for each frame; one that has passed without effect is set again, or cleared.
type readTimer struct {
	set   time.Duration // the transport's deadline; 0: there is none
	frame time.Duration // when the frame, or header block, that was begun has to be complete; 0: none was
	due   time.Duration // when the first of the requests has to be complete, or before; 0: none has to
	moved bool          // the frame that frame was set for has come
	block uint32        // the stream whose header block was open then
}

var errSlow = errors.New("http2: the peer does not finish what it has begun")

// clock returns the time after epoch at which the current batch is handled, by and large.
func (c *Conn) clock() time.Duration {
	if c.r.now == 0 {
		c.r.now = time.Since(epoch)
	}
	return c.r.now
}

// awaitFirst bounds the time until a client's first SETTINGS.
func (c *Conn) awaitFirst() {
	if g := c.cfg.Guard; g != nil && g.FirstTimeout > 0 {
		c.r.timer.frame = time.Since(epoch) + g.FirstTimeout
		c.setTimer(false)
	}
}

// arrivedFirst ends what awaitFirst began.
func (c *Conn) arrivedFirst() {
	if c.r.timer.frame != 0 {
		c.r.timer.frame, c.r.timer.moved = 0, false
		c.setTimer(true)
	}
}

// await is Peek under the time limits. The bytes that c.r.off counts are not discarded yet.
func (c *Conn) await(need int) ([]byte, error) {
	rest, progress := len(c.r.in)-c.r.off, c.r.off > 0
	c.tc.Discard(c.r.off)
	c.r.in, c.r.off = nil, 0
	if t := &c.r.timer; rest == 0 && c.r.block == nil && t.set == 0 && t.due == 0 {
		return c.tc.Peek(need)
	}
	return c.awaitTimed(need, rest, progress)
}

func (c *Conn) awaitTimed(need, rest int, progress bool) ([]byte, error) {
	t := &c.r.timer
	if t.due != 0 && c.clock() >= t.due { // on a busy connection the transport may not get to its deadline
		c.endLate(c.clock())
	}
	block := uint32(0)
	if c.r.block != nil {
		block = c.r.blockID
	}
	if t.frame != 0 && progress && c.r.settings && (block == 0 || block != t.block) {
		t.moved = true
	}
	partial := rest > 0 || block != 0 || !c.r.settings && !c.client
	if partial && t.frame == 0 {
		c.timeFrame(block)
	}
	c.setTimer(false)
	for {
		in, err := c.tc.Peek(need)
		if err == nil || t.set == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return in, err
		}
		now := time.Since(epoch)
		switch {
		case now < t.set: // it was not the deadline that is set
			return in, err
		case c.isParting():
			t.set = 0
			_ = c.tc.SetReadDeadline(time.Now().Add(lastWords)) // if it fails, so will reading
			return c.tc.Peek(need)
		}
		if t.frame != 0 && now >= t.frame {
			switch {
			case partial && !t.moved:
				c.cfg.Guard.Note(protocol.SlowFrame)
				return nil, violation(protocol.ResetEnhanceCalm, "%v", errSlow)
			case partial || len(in) > 0: // the latter has begun while the time was that of an earlier one
				partial = true
				c.timeFrame(block)
			default:
				t.frame = 0
			}
		}
		if t.due != 0 && now >= t.due {
			c.endLate(now)
		}
		c.setTimer(true)
	}
}

// timeFrame begins the time of a frame or header block.
func (c *Conn) timeFrame(block uint32) {
	t := &c.r.timer
	t.frame, t.moved, t.block = 0, false, block
	if limit := c.cfg.FrameTimeout; limit > 0 {
		t.frame = time.Since(epoch) + limit
	}
}

// setTimer sets the transport's deadline, unless that is early enough already; with always, in any case.
func (c *Conn) setTimer(always bool) {
	t := &c.r.timer
	want := t.frame
	if t.due != 0 && (want == 0 || t.due < want) {
		want = t.due
	}
	if !always && (want == 0 || t.set != 0 && t.set <= want) {
		return
	}
	var at time.Time
	if want != 0 {
		at = epoch.Add(want)
	}
	t.set = want
	_ = c.tc.SetReadDeadline(at) // if it fails, so will reading
}

// isParting reports whether the connection is over and waits for the client to hang up.
func (c *Conn) isParting() bool {
	c.w.Lock()
	defer c.w.Unlock()
	return c.w.parting
}

// unfinished notes that the rest of a request is still to come, and by when. It costs nothing for requests that arrive
// in one piece.
func (c *Conn) unfinished(s *stream) {
	if s.due != 0 {
		return
	}
	if s.awaits100 {
		c.proceed(s)
	}
	now := c.clock()
	if s.head.Came.IsZero() {
		s.head.Came = epoch.Add(now)
	}
	if g := c.cfg.Guard; g != nil && g.MessageTimeout > 0 {
		s.due = now + g.MessageTimeout
	}
	if at := s.app.Deadline(s.head); !at.IsZero() {
		if d := at.Sub(epoch); s.due == 0 || d < s.due {
			s.due = d
		}
	}
	c.dueBy(s.due)
}

// dueBy makes endLate run at a time, or before; 0 is never.
func (c *Conn) dueBy(at time.Duration) {
	if t := &c.r.timer; at != 0 && (t.due == 0 || at < t.due) {
		t.due = at
	}
}

// endLate opens the requests that are not complete in time: their protocols find the deadline passed, or are told about
// the limit when they read, and answer.
func (c *Conn) endLate(now time.Duration) {
	c.r.now, c.r.timer.due = now, 0
	c.park()
	c.r.timer.due = 0
	var late []*stream
	c.smu.Lock()
	for s := range c.s.table.each {
		switch {
		case s.p != nil || s.remoteDone || s.due == 0:
		case s.due > now:
			c.dueBy(s.due)
		default:
			late = append(late, s)
		}
	}
	c.smu.Unlock()
	c.cork()
	for _, s := range late {
		c.open(s, false)
		if at := s.app.Deadline(s.head); at.IsZero() || at.After(epoch.Add(now)) {
			c.cfg.Guard.Note(protocol.SlowMessage)
			s.Interrupt(slowMessage(c.cfg.Guard.MessageTimeout))
		}
	}
	c.endBatch()
}

// slowMessage is the error of a call whose request does not come to its end.
func slowMessage(limit time.Duration) error {
	return fairlead.Errorf(fairlead.DeadlineExceeded,
		"the client did not send the rest of its message within %v (server.MessageTimeout)", limit)
}

// lag is a stream whose peer has to go on, as Sweep found it.
type lag struct {
	since  time.Duration // when it had come as far as this
	serial uint32        // of what was expected
	done   int64         // bytes
}

// lagStep is how many bytes count as progress: a peer that sends or takes fewer in the time of the limit is cut off.
const lagStep = 64 << 10

// Sweep implements protocol.Vital, for a server. It ends calls whose handlers wait for the rest of a message, and
// resets whole responses that wait for the peer's window: of unary calls, and of all whose deadline has passed.
// The response of a stream may wait as long as its client reads slowly.
func (v vital) Sweep(now, limit time.Duration) {
	c := v.Conn
	if c.client {
		return
	}
	was := c.lags
	c.lags = nil
	late := func(id, serial uint32, done int64) bool {
		l, ok := was[id]
		if !ok || l.serial != serial || done-l.done >= lagStep {
			l = lag{now, serial, done}
		}
		if now-l.since >= limit {
			return true
		}
		if c.lags == nil {
			c.lags = make(map[uint32]lag)
		}
		c.lags[id] = l
		return false
	}
	var unread []uint32
	var slow []*stream
	clock := time.Now()
	c.w.Lock()
	c.smu.Lock()
	for s := range c.s.table.each {
		switch {
		case s.out != nil && s.endAfterOut:
			if s.isLate(clock) {
				unread = append(unread, s.id)
			} else if s.replied && late(s.id, 0, int64(s.outAt)) {
				c.cfg.Guard.Note(protocol.SlowMessage)
				unread = append(unread, s.id)
			}
		case s.p != nil:
			s.mu.Lock()
			rest, serial, got := s.p.rest, s.p.serial, s.p.got
			s.mu.Unlock()
			if rest && late(s.id, serial, got) {
				slow = append(slow, s)
			}
		}
	}
	c.smu.Unlock()
	c.w.Unlock()
	for _, id := range unread {
		c.resetID(id, protocol.ResetCancel)
	}
	for _, s := range slow { // pulled streams are nobody else's after their end
		c.cfg.Guard.Note(protocol.SlowMessage)
		s.Interrupt(slowMessage(limit))
	}
}

// isLate reports whether the deadline of the call has passed. The call is over.
func (s *stream) isLate(now time.Time) bool {
	if s.call == nil {
		return false
	}
	at, ok := s.call.Deadline()
	return ok && at.Before(now)
}
