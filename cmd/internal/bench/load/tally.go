package load

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
)

// maxTallies bounds the memory of a run: with more workers some share a tally, which their atomic counters allow.
const maxTallies = 256

// tally holds the counters of a worker, on cache lines of their own.
type tally struct {
	latency recorder // from when a call began, or was due, to its end
	within  recorder // of parts of calls: to the first message, or of turns
	lag     recorder // open loop: from when a call was due to when it was sent

	ended            atomic.Int64 // calls, whatever came of them, warm-up included
	failed           atomic.Int64 // of these
	messagesSent     atomic.Int64 // of streams
	messagesReceived atomic.Int64
	bytesSent        atomic.Int64
	bytesReceived    atomic.Int64

	mu       sync.Mutex
	failures map[fairlead.Code]*Failure // of calls that were measured
	early    int64                      // failures during the warm-up

	_ [64]byte
}

// Failure describes the calls that ended with one code.
type Failure struct {
	Code    fairlead.Code
	Count   int64
	Message string        // of the first one
	After   time.Duration // when that was, from the start of the measurement
}

// fail counts a failed call.
func (t *tally) fail(err error, measured bool, after time.Duration) {
	t.failed.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !measured {
		t.early++
		return
	}
	e := fairlead.ErrorOf(err)
	if f := t.failures[e.Code]; f != nil {
		f.Count++
		return
	}
	if t.failures == nil {
		t.failures = make(map[fairlead.Code]*Failure)
	}
	t.failures[e.Code] = &Failure{Code: e.Code, Count: 1, Message: message(err), After: after}
}

// message is the text of err without the code in front.
func message(err error) string {
	if e, ok := errors.AsType[*fairlead.Error](err); ok && e.Message != "" {
		return e.Message
	}
	return err.Error()
}

// Turn is one call of a worker, which uses the same Turn for all its calls. A Caller tells it what was sent and
// received; it may do so while the call is under way, from any goroutine of the call.
type Turn struct {
	run   *run
	tally *tally
	open  bool
	seq   int64         // open loop
	start time.Duration // from the run's epoch: when the call began, or was due
	sent  time.Duration // when it began
}

// Seq returns the number of the call, from 0, over all workers. In a closed loop it is drawn when it is asked for, so
// ask once for each call.
func (t *Turn) Seq() int64 {
	if t.open {
		return t.seq
	}
	return t.run.seq.Add(1) - 1
}

// Ticket returns the number of a call of an open loop; false: the loop is closed.
func (t *Turn) Ticket() (seq int64, ok bool) { return t.seq, t.open }

// Prepared reports that the call begins now, and not when Call was called: preparations took time. In an open loop
// latency counts from when the call was due all the same: a generator that is too slow is late.
func (t *Turn) Prepared() {
	t.sent = t.run.now()
	if !t.open {
		t.start = t.sent
	}
}

// Begun returns the time at which the call began.
func (t *Turn) Begun() time.Time { return t.run.epoch.Add(t.sent) }

// Exchanged counts bytes of messages sent and received by a unary call.
func (t *Turn) Exchanged(sent, received int) {
	t.tally.bytesSent.Add(int64(sent))
	t.tally.bytesReceived.Add(int64(received))
}

// Sent counts a message of a stream and its bytes.
func (t *Turn) Sent(bytes int) {
	t.tally.messagesSent.Add(1)
	t.tally.bytesSent.Add(int64(bytes))
}

// Received counts a message of a stream and its bytes.
func (t *Turn) Received(bytes int) {
	t.tally.messagesReceived.Add(1)
	t.tally.bytesReceived.Add(int64(bytes))
}

// First records that the first message of a stream has come.
func (t *Turn) First() {
	if t.start >= t.run.from() {
		t.tally.within.record(t.run.now() - t.start)
	}
}

// Mark returns the time, for Since.
func (t *Turn) Mark() time.Duration { return t.run.now() }

// Since records the time since a Mark as that of a part of the call, such as a turn of a conversation, and returns the
// time, which may be the next part's Mark.
func (t *Turn) Since(mark time.Duration) time.Duration {
	now := t.run.now()
	if mark >= t.run.from() {
		t.tally.within.record(now - mark)
	}
	return now
}

// Caller makes the calls of one worker, one after the other.
type Caller interface {
	// Call makes a call and returns when it is over. It belongs to one worker; Turn may not be kept. When the run is over
	// calls under way go on for the plan's grace, and are then ended by the plan's Abort.
	Call(ctx context.Context, t *Turn) error
}
