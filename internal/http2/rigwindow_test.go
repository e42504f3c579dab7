package http2

import (
	"encoding/binary"
	"slices"
	"testing"
	"testing/synctest"
)

// sizes returns the lengths of the DATA frames of a stream, in their order.
func (r *rig) sizes(id uint32) []int {
	var all []int
	frames, _ := rawFrames(r.w.output())
	for _, f := range frames {
		if f.typ == frameData && f.id == id {
			all = append(all, len(f.payload))
		}
	}
	return all
}

// TestOneByteOfWindow gives a response its window byte by byte, of the stream and of the connection.
func TestOneByteOfWindow(t *testing.T) { //nolint:paralleltest // counts buffers
	t.Run("stream", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			r := newServerRig(t, 0)
			sc := speak()
			sc.frame(frameSettings, 0, 0, binary.BigEndian.AppendUint32([]byte{0, settingInitialWindowSize}, 0))
			sc.call(1, "Unary")
			sc.frame(frameData, flagEndStream, 1, rigMessageOf("hi"))
			r.send(sc.out)
			var want []int
			for range len(rigMessageOf("hi")) {
				if got := r.sizes(1); !slices.Equal(got, want) {
					t.Errorf("got DATA of %d bytes, want %d", got, want)
				}
				sc.out = nil
				sc.frame(frameWindowUpdate, 0, 1, one(1))
				r.send(sc.out)
				want = append(want, 1)
			}
			if got := r.ends()[1]; got != answered {
				t.Errorf("got %q, want %q", got, answered)
			}
			r.end(0)
		})
	})
	t.Run("connection", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			r := newServerRig(t, 0)
			sc := speak()
			sc.frame(frameSettings, 0, 0, binary.BigEndian.AppendUint32([]byte{0, settingInitialWindowSize}, 1<<20))
			for id := uint32(1); id < 4; id += 2 {
				sc.call(id, "Unary")
				sc.frame(frameData, flagEndStream, id, rigMessageOf("big"))
			}
			r.send(sc.out)
			sum := func() (n int) {
				for id := uint32(1); id < 4; id += 2 {
					for _, size := range r.sizes(id) {
						n += size
					}
				}
				return n
			}
			for n := range 5 {
				if got := sum(); got != defaultWindow+n {
					t.Errorf("got %d bytes of DATA in a window of %d", got, defaultWindow+n)
				}
				sc.out = nil
				sc.frame(frameWindowUpdate, 0, 0, one(1))
				r.send(sc.out)
			}
			sc.out = nil
			sc.frame(frameWindowUpdate, 0, 0, one(1<<20))
			r.send(sc.out)
			synctest.Wait()
			if got := r.ends(); got[1] != answered || got[3] != answered {
				t.Errorf("got %v, want both answered", got)
			}
			r.end(0)
		})
	})
}

// TestResetOfAHead: a request is reset before anything of its body has come, in the same batch or later.
func TestResetOfAHead(t *testing.T) { //nolint:paralleltest // counts buffers
	for _, method := range []string{"Unary", "Client"} {
		for name, together := range map[string]bool{"together": true, "later": false} {
			t.Run(method+" "+name, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					r := newServerRig(t, 0)
					sc := speak()
					sc.call(1, method)
					if !together {
						r.send(sc.out)
						sc.out = nil
					}
					sc.frame(frameReset, 0, 1, one(8))
					r.send(sc.out)
					r.rest()
					if n := (ServerConn{r.c}).NumStreams(); n != 0 {
						t.Errorf("%d streams are open", n)
					}
					if got := r.ends()[1]; got != "" {
						t.Errorf("got %q on a stream that was reset", got)
					}
					r.end(0)
				})
			})
		}
	}
}

// TestConnectionWindowComesBack: what has arrived on a connection comes back to its window when it is a quarter of it.
func TestConnectionWindowComesBack(t *testing.T) { //nolint:paralleltest // counts buffers
	for _, tt := range []struct {
		arrived int64
		updates int
	}{{connWindow/4 - 1, 0}, {connWindow / 4, 1}, {connWindow/4 + 1, 1}} {
		inBubble(t, func(t *testing.T) {
			r := newServerRig(t, 0)
			r.send(speak().out)
			hello := r.countSent(frameWindowUpdate, 0)
			r.c.received.Add(-tt.arrived)
			r.c.r.uncredit = tt.arrived
			var sc script
			sc.frame(framePing, 0, 0, make([]byte, 8))
			r.send(sc.out)
			if got := r.countSent(frameWindowUpdate, 0) - hello; got != tt.updates {
				t.Errorf("%d bytes have arrived: got %d WINDOW_UPDATE, want %d", tt.arrived, got, tt.updates)
			}
			r.rest()
			r.end(0)
		})
	}
}
