package http2

import (
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// faulty is a protocol with a fault.
type faulty struct {
	mode protocol.Mode
	cost protocol.Cost
}

func (f *faulty) Route([]byte) *protocol.Route                              { return nil }
func (f *faulty) Select(*protocol.Head) (protocol.Responder, protocol.Mode) { return f, f.mode }
func (f *faulty) Deadline(*protocol.Head) time.Time                         { return time.Time{} }
func (f *faulty) Stream(protocol.Exchange)                                  { panic("in Stream") }
func (f *faulty) Whole(protocol.Exchange, []byte) protocol.Task             { return f }
func (f *faulty) Run()                                                      { panic("in a task") }
func (f *faulty) Cost() *protocol.Cost                                      { return &f.cost }

// TestFaultyProtocol: a panic of a protocol, in a goroutine of its own, is counted and ends the connection it came
// from, and nothing else.
func TestFaultyProtocol(t *testing.T) { //nolint:paralleltest // counts buffers
	if buffer.Poisoning {
		t.Skip("such a build ends the process")
	}
	for name, mode := range map[string]protocol.Mode{"stream": protocol.Streamed, "task": protocol.Complete} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				panics := protocol.NewPanics(fairlead.ServerSide, slog.New(slog.DiscardHandler))
				r := newServerRig(t, 0, func(cfg *Config) { cfg.Panics = panics })
				synctest.Wait()
				app := &faulty{mode: mode}
				for range 8 { // it takes long: no task of it runs in the reading goroutine
					app.cost.End(time.Now().Add(-time.Hour))
				}
				r.c.selector = app
				sc := speak()
				sc.call(1, "Unary")
				sc.frame(frameData, flagEndStream, 1, rigMessageOf("hello"))
				r.send(sc.out)
				if got := panics.Count(); got != 1 {
					t.Errorf("%d panics are counted, want 1", got)
				}
				if _, err := r.peer.Peek(1 << 20); err == nil {
					t.Error("the connection goes on")
				}
				r.c.smu.Lock()
				err, open := r.c.s.err, r.c.s.open
				r.c.smu.Unlock()
				if err == nil || mode == protocol.Streamed && open != 0 {
					t.Errorf("got %v, and %d streams are open", err, open)
				}
				_ = r.peer.Close()
				r.served.Wait()
				r.d.watch.Close()
			})
		})
	}
}

// bomb is a Receiver with a fault.
type bomb struct {
	end

	goexit bool
}

func (b *bomb) Head(*protocol.Head, bool) {
	if b.goexit {
		runtime.Goexit()
	}
	panic("in Head")
}

// TestFaultyReceiver: a client whose receiver panics, or ends its goroutine, ends the connection, and the calls on it.
func TestFaultyReceiver(t *testing.T) { //nolint:paralleltest // counts buffers
	if buffer.Poisoning {
		t.Skip("such a build ends the process")
	}
	for name, goexit := range map[string]bool{"panic": false, "goexit": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, c := greeted(t)
				panics := protocol.NewPanics(fairlead.ClientSide, slog.New(slog.DiscardHandler))
				c.cfg.Panics = panics
				other := new(end)
				for _, recv := range []protocol.Receiver{&bomb{goexit: goexit}, other} {
					if _, err := c.Do(&protocol.Request{Head: postHead, Last: true}, recv); err != nil {
						t.Fatal(err)
					}
				}
				r.send(response(1))
				select {
				case <-c.Done():
				default:
					t.Error("the connection goes on")
				}
				if got := panics.Count(); got != 1 {
					t.Errorf("%d panics are counted, want 1", got)
				}
				if !other.over || other.err == nil {
					t.Errorf("the other call: over %v, %v; want an error", other.over, other.err)
				}
				_ = r.peer.Close()
				c.Close(nil)
			})
		})
	}
}
