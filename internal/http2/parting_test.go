package http2

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

func (r *rig) isClosed() bool {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	return r.w.closed
}

// TestDrainedIsReadToTheEnd: a server's connection that was drained must not be closed while the client may still send
// (a WINDOW_UPDATE for what it has read, for instance): the kernel would answer with a reset, and throw away what the
// client has not received yet. The client has lastWords to hang up.
func TestDrainedIsReadToTheEnd(t *testing.T) { //nolint:paralleltest // counts buffers
	for name, hangsUp := range map[string]bool{"the client hangs up": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newServerRig(t, 0)
				sc := speak()
				sc.call(1, "Unary")
				sc.frame(frameData, flagEndStream, 1, rigMessageOf("big"))
				r.send(sc.out)
				r.rest()
				ServerConn{r.c}.Drain(true)
				synctest.Wait()
				size, ended, goaway := 0, false, false
				all, _ := rawFrames(r.w.output())
				for _, f := range all {
					switch f.typ { //nolint:exhaustive // of the response
					case frameData:
						size += len(f.payload)
					case frameHeaders:
						ended = f.has(flagEndStream)
					case frameGoaway:
						goaway = ended // behind the response
					}
				}
				if size < 60<<10 || !goaway {
					t.Errorf("got %d bytes, the end %v, and GOAWAY behind it %v", size, ended, goaway)
				}
				const n = 20
				for i := range n {
					if sc.out = nil; r.isClosed() {
						t.Fatalf("closed after %d of %d parts of the time", i, n)
					}
					sc.frame(frameWindowUpdate, 0, 0, one(1))
					if err := r.peer.Write(sc.out); err != nil {
						t.Fatal(err)
					}
					time.Sleep(lastWords / (n + 1))
				}
				if hangsUp {
					_ = r.peer.Close()
					synctest.Wait()
				} else {
					time.Sleep(lastWords)
					synctest.Wait()
				}
				if !r.isClosed() || r.gaveUp() {
					t.Errorf("closed %v, with an error %v", r.isClosed(), r.gaveUp())
				}
				r.end(0)
			})
		})
	}
}

// TestSenderIsWoken: whatever ends a stream, a sender that waits for window is told.
func TestSenderIsWoken(t *testing.T) { //nolint:paralleltest // counts buffers
	failure := &protocol.Failure{Kind: protocol.FailedReset, Cause: errBad}
	for name, end := range map[string]func(s *stream){
		"the peer's reset":         func(s *stream) { s.c.endStream(s.id, failure) },
		"a reset":                  func(s *stream) { s.Reset(protocol.ResetCancel, failure) },
		"Interrupt":                func(s *stream) { s.Interrupt(failure) },
		"the connection's failure": func(s *stream) { s.c.Close(failure) },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newServerRig(t, 0)
				r.send(speak().out)
				c := r.c
				c.smu.Lock()
				c.s.open++
				c.smu.Unlock()
				s := newStream(c, 1)
				s.remoteDone = true
				s.pull()
				s.p.readErr = errSendAfterEnd
				c.enter(s)
				if err := (exchange{s}).SendHead(protocol.Section{Status: 200}); err != nil {
					t.Fatal(err)
				}
				got := make(chan error, 1)
				go func() {
					m := valueOf(strings.Repeat("x", defaultWindow))
					for {
						if err := s.Send(&m, false); err != nil {
							got <- err
							return
						}
					}
				}()
				synctest.Wait()
				select {
				case err := <-got:
					t.Errorf("it did not wait: %v", err)
				default:
				}
				end(s)
				synctest.Wait()
				select {
				case err := <-got:
					if err != failure { //nolint:errorlint // as it is
						t.Errorf("got %v", err)
					}
				default:
					t.Fatal("nobody told the sender")
				}
				s.Reset(protocol.ResetCancel, failure)
				s.dropBody(true)
				r.c.Close(nil)
				r.end(0)
			})
		})
	}
}

// TestProgress: who is waited for has to bring lagStep bytes in the time of the limit, or begin something else.
func TestProgress(t *testing.T) {
	t.Parallel()
	const limit = time.Minute
	for _, tt := range []struct {
		name   string
		bytes  int64
		serial uint32
		after  time.Duration
		rest   bool
		slow   bool
	}{
		{"before the limit", 0, 0, limit - 1, true, false},
		{"at the limit", 0, 0, limit, true, true},
		{"a byte too few", lagStep - 1, 0, limit, true, true},
		{"enough", lagStep, 0, limit, true, false},
		{"something else", 0, 1, limit, true, false},
		{"nothing is expected", 0, 0, limit, false, false},
	} {
		guard := new(protocol.Guard)
		c := corked(t, &Config{Guard: guard})
		s := newStream(c, 1)
		s.pull()
		c.s.open = 1
		c.enter(s)
		s.p.rest, s.p.got = true, 5
		v := c.Vital()
		v.Sweep(0, limit)
		s.p.rest, s.p.got, s.p.serial = tt.rest, 5+tt.bytes, tt.serial
		v.Sweep(tt.after, limit)
		if got := guard.Counts()[protocol.SlowMessage]; (got == 1) != tt.slow || (s.p.interrupted != nil) != tt.slow {
			t.Errorf("%s: counted %d, and the reader is told %v; want %v", tt.name, got, s.p.interrupted, tt.slow)
		}
	}
	if lagStep != 64<<10 {
		t.Errorf("got a step of %d bytes", lagStep)
	}
}
