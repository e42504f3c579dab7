package http2

import (
	"math"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

// Defence against floods. Frames that cost the peer nothing and this side a little (a lock, an answer, a stream that
// was opened for nothing) draw on a budget that a connection has for all of them together. Time gives back a part of
// it, and so does useful work: HEADERS and DATA that this side has sent, as it does for calls that were answered, and
// bytes of DATA that it has received. A peer that exceeds the budget is disconnected.
//
// An ordinary unary call draws nothing. What it contributes is counted under the write lock, which is held anyway, and
// looked at only when the budget seems to be used up; so is the clock.

const (
	// defaultBudget is for a Config that has no Guard.
	defaultBudget = 10_000
	// refillEach is the part of the budget that comes back each second, as a divisor.
	refillEach = 2
	// earnedPerFrame is what a HEADERS or DATA frame sent gives back: room for a WINDOW_UPDATE of the stream, one of
	// the connection, and a PING that measures, which some peers send for each frame that they receive.
	earnedPerFrame = 3
	// earnedPerBytes is the number of bytes of DATA received that give back one unit.
	earnedPerBytes = 1 << 10
	// costReset is what a stream costs that was opened for nothing.
	costReset = 2
	// settingsPerUnit and streamsPerUnit are how many settings, and how many streams whose window is recounted, cost as
	// much as a frame.
	settingsPerUnit = 8
	streamsPerUnit  = 16
	// smallContinuation is the length in bytes below which a CONTINUATION that does not end its block counts.
	smallContinuation = 1 << 10
	// unreadMax is how many bytes may wait for a peer that does not read before a server stops reading from it.
	unreadMax = 1 << 20
)

// guard is the account of a connection's control work. It is the reading role's.
type guard struct {
	work   int                               // units drawn since the account was last settled, less what was earned
	last   time.Time                         // of the settling
	frames uint32                            // writer.frames at that time
	by     [protocol.FloodUnknown + 1]uint16 // what each kind has drawn, as far as it can be counted
}

// draw takes units from the budget for a frame of that kind. Whether it is used up is looked at once for each batch
// that was read, which is some thousand frames at most.
func (g *guard) draw(kind protocol.Abuse, units int) {
	g.work += units
	g.by[kind] = uint16(min(int(g.by[kind])+units, math.MaxUint16))
}

// earn gives units back.
func (g *guard) earn(units int) { g.work = max(g.work-units, 0) }

// budget is the connection's.
func (cfg *Config) budget() int {
	if cfg.ControlBudget <= 0 {
		return defaultBudget
	}
	return cfg.ControlBudget
}

// settle gives back what time and work have earned, and returns the end of the connection if that is not enough.
func (c *Conn) settle() error {
	g, budget := &c.r.guard, c.cfg.budget()
	c.w.Lock()
	frames := c.w.frames
	c.w.Unlock()
	now := time.Now()
	earned := budget
	if !g.last.IsZero() {
		since := min(now.Sub(g.last), refillEach*time.Second)
		earned = int(int64(since) / int64(refillEach*time.Millisecond) * int64(budget) / 1000)
	}
	earned += int(frames-g.frames) * earnedPerFrame
	g.last, g.frames = now, frames
	g.earn(earned)
	if g.work <= budget {
		for i := range g.by {
			g.by[i] /= 2
		}
		return nil
	}
	kind := protocol.Abuse(0)
	for i, n := range g.by {
		if n > g.by[kind] {
			kind = protocol.Abuse(i)
		}
	}
	c.cfg.Guard.Note(kind)
	return violation(protocol.ResetEnhanceCalm, "%s", floodReasons[kind])
}

// floodReasons are the debug data of the GOAWAY frames.
var floodReasons = [...]string{ //nolint:gochecknoglobals // a constant
	protocol.FloodReset:        "flood of RST_STREAM",
	protocol.FloodProvoked:     "flood of streams that had to be reset",
	protocol.FloodStreams:      "flood of streams above the limit",
	protocol.FloodSettings:     "flood of SETTINGS",
	protocol.FloodPing:         "flood of PING",
	protocol.FloodPriority:     "flood of PRIORITY",
	protocol.FloodWindowUpdate: "flood of WINDOW_UPDATE",
	protocol.FloodData:         "flood of empty DATA",
	protocol.FloodHeaders:      "flood of HEADERS that begin nothing",
	protocol.FloodContinuation: "flood of CONTINUATION",
	protocol.FloodUnknown:      "flood of GOAWAY or unknown frames",
}

// drawReset accounts for a stream that is reset because of what the peer did.
func (c *Conn) drawReset(code protocol.ResetCode) {
	kind := protocol.FloodProvoked
	if code == protocol.ResetRefused {
		kind = protocol.FloodStreams
		c.cfg.Guard.Note(protocol.RefusedStream)
	}
	c.r.guard.draw(kind, costReset)
}

// orphan notes that the handler of s goes on although its stream has ended: it occupies a place among MaxStreams until
// it returns, so that opening streams and resetting them does not start more handlers than that. The stream lock is
// held; s is not over yet.
func (c *Conn) orphan(s *stream) {
	if !s.orphan {
		s.orphan = true
		c.s.orphans++
	}
}

// returned notes that the handler of s has. The stream lock is held.
func (c *Conn) returned(s *stream) {
	if s.orphan {
		s.orphan = false
		c.s.orphans--
	}
}
