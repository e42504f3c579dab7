package combine_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/combine"
)

// pipe is a connection whose peer is the test. By default it takes everything at once.
type pipe struct {
	mu       sync.Mutex
	got      []byte
	writes   []int       // lengths
	deadline []time.Time // those that were set
	closed   bool

	entered chan struct{} // not nil: each write sends to it, and then
	proceed chan error    // waits for its outcome; an error comes after half of the bytes
}

func newPipe() *pipe { return new(pipe) }

// steppedPipe is one whose writes wait for the test.
func steppedPipe() *pipe { return &pipe{entered: make(chan struct{}), proceed: make(chan error)} }

func (p *pipe) Write(b []byte) error {
	var err error
	if p.entered != nil {
		p.entered <- struct{}{}
		if err = <-p.proceed; err != nil {
			b = b[:len(b)/2]
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed && err == nil {
		return io.ErrClosedPipe
	}
	p.got = append(p.got, b...)
	p.writes = append(p.writes, len(b))
	return err
}

func (p *pipe) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deadline = append(p.deadline, t)
	return nil
}

func (p *pipe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

func (p *pipe) received() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.got)
}

func (p *pipe) lengths() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.writes)
}

// owner is a connection with a Writer. Its fields belong to the lock.
type owner struct {
	combine.Writer
	busy     bool
	written  []error // what Written was told
	idle     int     // how often Idle was asked
	finished int
	onError  error // what Written fails the Writer with, if not nil
}

func newOwner(p *pipe) *owner {
	o := new(owner)
	o.Init(p, o)
	return o
}

func (o *owner) Written(err error) {
	o.written = append(o.written, err)
	if err != nil && o.onError != nil {
		o.Fail(o.onError)
	}
}
func (o *owner) Idle() bool { o.idle++; return !o.busy }
func (o *owner) Finish()    { o.finished++ }

// send appends s and has it written.
func (o *owner) send(s string, how combine.How) {
	o.Lock()
	b := o.Buf()
	b.B = append(b.B, s...)
	o.UnlockFlush(how)
}

// locked calls f with the lock held.
func (o *owner) locked(f func()) {
	o.Lock()
	defer o.Unlock()
	f()
}

// Many goroutines append records, in all ways, while a reader corks and uncorks; each record arrives once and whole,
// those of a goroutine in its order, and there are fewer writes than records.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	const senders, each = 32, 500
	p := newPipe()
	synctest.Test(t, func(*testing.T) {
		o := newOwner(p)
		for i := range senders {
			go func() {
				for n := range each {
					o.send(string(record(i, n)), []combine.How{combine.Yield, combine.Spawn, combine.Now}[(i+n)%3])
				}
			}()
		}
		for range 100 { // the reader
			o.locked(o.Cork)
			o.send("", combine.Now)
			o.Lock()
			o.Uncork()
			o.UnlockFlush(combine.Now)
		}
		synctest.Wait()
	})
	got := []byte(p.received())
	for next := make([]int, senders); len(got) > 0; {
		i := int(got[0])
		if i >= senders || !bytes.HasPrefix(got, record(i, next[i])) {
			t.Fatalf("got %x, want the record %d of sender %d", got[:min(len(got), 16)], next[i], i)
		}
		got = got[len(record(i, next[i])):]
		next[i]++
		if len(got) == 0 {
			for i, n := range next {
				if n != each {
					t.Errorf("sender %d: got %d records, want %d", i, n, each)
				}
			}
		}
	}
	if n := len(p.lengths()); n == 0 || n >= senders*each {
		t.Errorf("got %d writes for %d records", n, senders*each)
	}
}

// record is the nth that a sender sends. Their lengths differ.
func record(sender, n int) []byte {
	b := binary.BigEndian.AppendUint16([]byte{byte(sender)}, uint16(n))
	return append(b, bytes.Repeat([]byte{0xaa}, (sender*n)%67)...)
}

// What is appended during a write is the next one, whoever appends it and in whatever way.
func TestOneWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := steppedPipe()
		o := newOwner(p)
		go o.send("a", combine.Now)
		<-p.entered
		for _, how := range []combine.How{combine.Now, combine.Yield, combine.Spawn} {
			o.send("b", how) // returns although nobody reads
		}
		o.locked(func() {
			if !o.Writing() || o.Len() != 3 {
				t.Errorf("during a write: writing %v, %d bytes wait; want true and 3", o.Writing(), o.Len())
			}
		})
		p.proceed <- nil
		<-p.entered
		p.proceed <- nil
		synctest.Wait()
		if got, want := p.lengths(), []int{1, 3}; !slices.Equal(got, want) {
			t.Errorf("got writes of %d bytes, want %d", got, want)
		}
		if got, want := p.received(), "abbb"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		o.locked(func() {
			if o.Writing() || o.Len() != 0 {
				t.Errorf("at rest: writing %v, %d bytes wait", o.Writing(), o.Len())
			}
		})
	})
}

// Spawn returns before anything is written, Now and Yield when it is.
func TestHow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		how     combine.How
		returns bool // while the peer does not read
	}{{combine.Yield, false}, {combine.Now, false}, {combine.Spawn, true}} {
		synctest.Test(t, func(t *testing.T) {
			p := steppedPipe()
			o := newOwner(p)
			returned := false
			done := make(chan struct{})
			go func() {
				o.send("a", tt.how)
				returned = true
				close(done)
			}()
			<-p.entered
			synctest.Wait()
			if returned != tt.returns {
				t.Errorf("%v: returned during the write: %v, want %v", tt.how, returned, tt.returns)
			}
			p.proceed <- nil
			<-done
			synctest.Wait()
			if got := p.received(); got != "a" {
				t.Errorf("%v: got %q", tt.how, got)
			}
		})
	}
}

// Yield lets those that are ready to run append first, if little waits.
func TestYield(t *testing.T) { //nolint:paralleltest // with one processor, a goroutine that is ready runs at the yield
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, tt := range []struct {
		name string
		how  combine.How
		size int
		want int // writes
	}{
		{"little", combine.Yield, 32<<10 - 1, 1},
		{"much", combine.Yield, 32 << 10, 2},
		{"little, now", combine.Now, 1, 2},
	} {
		ok := false
		for range 20 { // the goroutine can lose its processor at any time
			p := newPipe()
			o := newOwner(p)
			done := make(chan struct{})
			go func() {
				o.send("b", combine.Now)
				close(done)
			}()
			o.send(string(make([]byte, tt.size)), tt.how)
			<-done
			ok = ok || len(p.lengths()) == tt.want
		}
		if !ok {
			t.Errorf("%s: never %d writes", tt.name, tt.want)
		}
	}
}

func TestCork(t *testing.T) {
	t.Parallel()
	p := newPipe()
	o := newOwner(p)
	o.locked(o.Cork)
	o.send("a", combine.Now)
	o.send("b", combine.Yield)
	if got := p.received(); got != "" {
		t.Errorf("corked: got %q", got)
	}
	o.Lock()
	o.Uncork()
	o.UnlockFlush(combine.Now)
	if got, want := p.lengths(), []int{2}; !slices.Equal(got, want) {
		t.Errorf("uncorked: got writes of %d bytes, want %d", got, want)
	}
	o.locked(o.Cork)
	o.send(string(make([]byte, 64<<10-1)), combine.Now)
	if got := len(p.lengths()); got != 1 {
		t.Errorf("corked with little less than 64 KiB: got %d writes, want 1", got)
	}
	o.send("c", combine.Now)
	if got, want := p.lengths(), []int{2, 64 << 10}; !slices.Equal(got, want) {
		t.Errorf("corked with 64 KiB: got writes of %d bytes, want %d", got, want)
	}
}

// Wait waits for room while somebody writes, and for nothing else.
func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := steppedPipe()
		o := newOwner(p)
		go o.send("a", combine.Now)
		<-p.entered
		o.send("1234", combine.Now)
		var early, late error
		returned := make(chan error, 1)
		o.locked(func() { early = o.Wait(4) }) // not more than the limit
		go o.locked(func() {
			late = o.Wait(3)
			returned <- late
		})
		synctest.Wait()
		select {
		case <-returned:
			t.Error("Wait(3) returned with 4 bytes behind a write")
		default:
		}
		p.proceed <- nil // the 4 bytes are being written now, and none wait
		<-p.entered
		synctest.Wait()
		if err := <-returned; early != nil || err != nil {
			t.Errorf("got %v and %v", early, err)
		}
		p.proceed <- nil
		synctest.Wait()
		o.locked(o.Cork)
		o.send("56", combine.Now)
		o.locked(func() { early = o.Wait(0) }) // nobody writes, so nobody would wake it
		if early != nil {
			t.Error(early)
		}
	})
}

// Fail ends Wait although the write goes on.
func TestWaitFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := steppedPipe()
		o := newOwner(p)
		o.send("a", combine.Spawn)
		<-p.entered
		o.send("b", combine.Spawn)
		got := make(chan error, 1)
		go o.locked(func() { got <- o.Wait(0) })
		synctest.Wait()
		o.locked(func() { o.Fail(io.ErrUnexpectedEOF) })
		if err := <-got; !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v, want %v", err, io.ErrUnexpectedEOF)
		}
		p.proceed <- nil
	})
}

// A peer that does not read is waited for until the deadline, which is renewed now and then.
func TestSlowPeer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := steppedPipe()
		o := newOwner(p)
		start := time.Now()
		for range 5 { // 0, 5, 10, 15 and 20 s after the start
			o.send("a", combine.Spawn)
			<-p.entered
			p.proceed <- nil
			synctest.Wait()
			time.Sleep(5 * time.Second)
		}
		want := []time.Time{start.Add(30 * time.Second), start.Add(40 * time.Second), start.Add(50 * time.Second)}
		if !slices.EqualFunc(p.deadline, want, time.Time.Equal) {
			t.Errorf("got deadlines %v, want %v", p.deadline, want)
		}
		// The deadline passes: whoever waits for room hears of it.
		o.send("b", combine.Spawn)
		<-p.entered
		o.send("ccc", combine.Spawn)
		got := make(chan error, 1)
		go o.locked(func() { got <- o.Wait(0) })
		synctest.Wait()
		p.proceed <- os.ErrDeadlineExceeded
		if err := <-got; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Wait: got %v, want %v", err, os.ErrDeadlineExceeded)
		}
	})
}

func TestLastBy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPipe()
		o := newOwner(p)
		last := time.Now().Add(time.Second)
		o.locked(func() { o.LastBy(last) })
		o.send("a", combine.Now)
		time.Sleep(time.Minute)
		o.send("b", combine.Now)
		if want := []time.Time{last}; !slices.EqualFunc(p.deadline, want, time.Time.Equal) {
			t.Errorf("got deadlines %v, want %v", p.deadline, want)
		}
	})
}

// A write fails in the middle: nothing is written after it, not even what was appended meanwhile, and everybody hears
// of it.
func TestError(t *testing.T) {
	t.Parallel()
	lost, own := errors.New("reset by peer"), errors.New("own")
	for _, tt := range []struct {
		name    string
		onError error
		want    error
	}{
		{"as it is", nil, lost},
		{"in the owner's words", own, own},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := steppedPipe()
				o := newOwner(p)
				o.onError, o.busy = tt.onError, true
				o.send("abcd", combine.Spawn)
				<-p.entered
				o.locked(o.Cork)
				o.send("efgh", combine.Spawn)
				p.proceed <- lost
				synctest.Wait()
				o.locked(o.Cork)
				o.send("ijkl", combine.Now)
				if got := p.received(); got != "ab" {
					t.Errorf("got %q, want half of the first write", got)
				}
				o.locked(func() {
					if got := o.Err(); !errors.Is(got, tt.want) {
						t.Errorf("Err: got %v, want %v", got, tt.want)
					}
					if o.Len() != 0 || o.Writing() {
						t.Errorf("%d bytes wait, writing %v; want none", o.Len(), o.Writing())
					}
					if len(o.written) != 1 || !errors.Is(o.written[0], lost) {
						t.Errorf("Written: got %v, want %v once", o.written, lost)
					}
					o.Fail(errors.New("later"))
					if got := o.Err(); !errors.Is(got, tt.want) {
						t.Errorf("after a second Fail: got %v, want %v", got, tt.want)
					}
				})
			})
		})
	}
}

// Close during a write: the write is waited for, and nothing is written afterwards.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := steppedPipe()
		o := newOwner(p)
		for _, how := range []combine.How{combine.Spawn, combine.Yield, combine.Now} {
			go o.send("a", how)
		}
		<-p.entered
		synctest.Wait()
		closed := false
		done := make(chan struct{})
		go func() {
			p.close()
			o.Close(io.ErrUnexpectedEOF)
			closed = true
			close(done)
		}()
		synctest.Wait()
		if closed {
			t.Error("Close returned during a write")
		}
		p.proceed <- nil
		<-done
		o.send("b", combine.Spawn)
		synctest.Wait()
		if got := p.received(); got != "" {
			t.Errorf("got %q after Close", got)
		}
		o.locked(func() {
			if !errors.Is(o.Err(), io.ErrUnexpectedEOF) || o.Writing() || o.Len() != 0 {
				t.Errorf("got %v, writing %v, %d bytes wait", o.Err(), o.Writing(), o.Len())
			}
		})
		o.Close(io.EOF) // once more
	})
}

// Fail while nobody writes drops what a cork has held back.
func TestFailCorked(t *testing.T) {
	t.Parallel()
	p := newPipe()
	o := newOwner(p)
	o.locked(o.Cork)
	o.send("a", combine.Now)
	o.locked(func() { o.Fail(io.EOF) })
	o.send("b", combine.Now)
	o.Lock()
	o.Uncork()
	o.UnlockFlush(combine.Now)
	if got := p.received(); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

// The transport is closed behind what waits, at once if nothing does, and not before a write ends.
func TestFinishWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := steppedPipe()
		o := newOwner(p)
		o.send("a", combine.Spawn)
		<-p.entered
		o.Lock()
		o.FinishWritten()
		o.UnlockFlush(combine.Now)
		o.send("b", combine.Spawn)
		p.proceed <- nil
		<-p.entered
		o.locked(func() {
			if o.finished != 0 {
				t.Error("finished before all was written")
			}
		})
		p.proceed <- nil
		synctest.Wait()
		o.locked(func() {
			if o.finished != 1 {
				t.Errorf("finished %d times, want once", o.finished)
			}
		})
		if got := p.received(); got != "ab" {
			t.Errorf("got %q", got)
		}
	})
	o := newOwner(newPipe())
	o.Lock()
	o.FinishWritten()
	o.UnlockFlush(combine.Now)
	if o.finished != 1 {
		t.Errorf("with nothing to write: finished %d times, want once", o.finished)
	}
	o = newOwner(newPipe())
	o.Lock()
	o.Fail(io.EOF)
	o.FinishWritten()
	o.UnlockFlush(combine.Now)
	if o.finished != 1 {
		t.Errorf("after Fail: finished %d times, want once", o.finished)
	}
}

// source holds a byte of s back for each write.
type source struct {
	owner
	s string
}

func (s *source) Pending() bool { return s.s != "" }
func (s *source) Refill() {
	if s.s != "" {
		b := s.Buf()
		b.B = append(b.B, s.s[0])
		s.s = s.s[1:]
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	p := newPipe()
	s := &source{s: "xyz"}
	s.Init(p, s)
	s.send("a", combine.Now)
	if got, want := p.received(), "axyz"; got != want || len(p.lengths()) != 3 {
		t.Errorf("got %q in %d writes, want %q in 3", got, len(p.lengths()), want)
	}
	s.s = "w" // nothing waits but this
	s.Lock()
	s.UnlockFlush(combine.Now)
	if got, want := p.received(), "axyzw"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	s.idle = 0
	s.Lock()
	s.UnlockFlush(combine.Now)
	if got := len(p.lengths()); got != 4 || s.idle != 0 {
		t.Errorf("got %d writes of nothing, and %d ends of writing; want none", got-4, s.idle)
	}
}

// A connection keeps a buffer while it is busy, none while it is idle, and none that has become very long.
func TestBuffers(t *testing.T) { //nolint:paralleltest // buffers are counted for the whole process
	check := func(when string, want int64) {
		t.Helper()
		if got := buffer.Out(); got != want {
			t.Errorf("%s: %d buffers are held, want %d", when, got, want)
		}
	}
	buffer.Count(true)
	defer buffer.Count(false)
	p := newPipe()
	o := newOwner(p)
	check("new", 0)
	o.send("a", combine.Now)
	check("idle", 0)
	o.busy = true
	o.send("a", combine.Now)
	check("busy", 1)
	o.send("a", combine.Now)
	check("busy still", 1)
	o.locked(o.DropSpare)
	check("given back", 0)
	o.send(string(make([]byte, 257<<10)), combine.Now)
	check("after a long write", 0)
	for range 32 { // what it expects goes down step by step
		o.send("a", combine.Now)
	}
	check("busy again", 1)
	o.locked(o.Cork)
	o.send("a", combine.Now)
	o.locked(func() { o.Fail(io.EOF) })
	check("failed", 0)
	o.send("a", combine.Now)
	check("failed and written to", 0)
}

// A write costs no allocation, in whatever way it is done.
func TestAllocs(t *testing.T) { //nolint:paralleltest // allocations are counted for the whole process
	if raceEnabled || buffer.Poisoning {
		t.Skip("sync.Pool drops items under the race detector, and buffers are not used again when they are poisoned")
	}
	for _, busy := range []bool{true, false} {
		for _, how := range []combine.How{combine.Yield, combine.Now, combine.Spawn} {
			o := &quiet{busy: busy, wrote: make(chan struct{}, 1)}
			o.Init(sink{}, o)
			payload := make([]byte, 1024)
			got := testing.AllocsPerRun(1000, func() {
				o.Lock()
				b := o.Buf()
				b.B = append(b.B, payload...)
				o.UnlockFlush(how)
				<-o.wrote
			})
			if got > 0 {
				t.Errorf("busy %v, %v: got %v allocations, want 0", busy, how, got)
			}
		}
	}
}

// quiet is an owner that allocates nothing.
type quiet struct {
	combine.Writer
	busy  bool
	wrote chan struct{}
}

func (o *quiet) Written(error) { o.wrote <- struct{}{} }
func (o *quiet) Idle() bool    { return !o.busy }
func (*quiet) Finish()         {}

type sink struct{}

func (sink) Write([]byte) error               { return nil }
func (sink) SetWriteDeadline(time.Time) error { return nil }

func BenchmarkWriter(b *testing.B) {
	for _, how := range []combine.How{combine.Yield, combine.Now, combine.Spawn} {
		b.Run(fmt.Sprint(how), func(b *testing.B) {
			o := newOwner(newPipe())
			o.Init(sink{}, silent{})
			payload := make([]byte, 1024)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					o.Lock()
					buf := o.Buf()
					buf.B = append(buf.B, payload...)
					o.UnlockFlush(how)
				}
			})
		})
	}
}

// silent is an owner that is never idle.
type silent struct{}

func (silent) Written(error) {}
func (silent) Idle() bool    { return false }
func (silent) Finish()       {}
