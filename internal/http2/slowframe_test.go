package http2

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

// TestSlowFrames: a frame that a client has begun has a time to be complete, whatever of it comes meanwhile. What is
// between frames has none.
func TestSlowFrames(t *testing.T) { //nolint:paralleltest // counts buffers
	const limit = time.Second
	var ping script
	ping.frame(framePing, 0, 0, make([]byte, 8))
	head := speak()
	head.call(1, "Unary")
	// parts sends a frame in pieces with pauses between them, and returns when the last one was sent.
	parts := func(r *rig, b []byte, pause time.Duration, sizes ...int) {
		for i, n := range append(sizes, len(b)) {
			if i > 0 {
				time.Sleep(pause)
			}
			n = min(n, len(b))
			r.send(b[:n])
			b = b[n:]
		}
	}
	for _, tt := range []struct {
		name string
		send func(r *rig)
		slow int64
	}{
		{"whole frames and silence", func(r *rig) {
			for range 3 {
				r.send(ping.out)
				time.Sleep(3 * limit)
			}
		}, 0},
		{"frames in pieces, each in time", func(r *rig) {
			for range 5 {
				parts(r, ping.out, limit/3, 4, 6)
			}
			time.Sleep(3 * limit)
		}, 0},
		{"end of one and beginning of the next", func(r *rig) {
			r.send(ping.out[:4])
			for range 5 {
				time.Sleep(limit * 2 / 3)
				r.send(append(append([]byte(nil), ping.out[4:]...), ping.out[:4]...))
			}
			r.send(ping.out[4:])
		}, 0},
		{"half a header", func(r *rig) { // no more than silence
			r.send(ping.out[:8])
			time.Sleep(3 * limit)
		}, 0},
		{"a header and no payload", func(r *rig) {
			parts(r, ping.out[:9], limit*2/3, 5)
			time.Sleep(limit + time.Millisecond)
		}, 1},
		{"half a payload", func(r *rig) {
			parts(r, ping.out[:16], limit*2/3, 9, 4)
		}, 1},
		{"almost late", func(r *rig) {
			parts(r, ping.out, limit-time.Millisecond, 9)
			time.Sleep(limit)
		}, 0},
		{"bytes one by one", func(r *rig) {
			parts(r, ping.out[:16], limit/5, 9, 1, 1, 1, 1, 1)
		}, 1},
		{"header block in whole frames", func(r *rig) {
			sc := script{}
			block := head.buf.Bytes()
			sc.frame(frameHeaders, 0, 1, block[:1])
			for i := 1; i < 6; i++ {
				r.send(sc.out)
				time.Sleep(limit * 2 / 5)
				sc.out = nil
				sc.frame(frameContinuation, 0, 1, block[i:i+1])
			}
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				guard := new(protocol.Guard)
				r := newServerRig(t, 0, func(cfg *Config) { cfg.FrameTimeout, cfg.Guard = limit, guard })
				r.send(speak().out)
				tt.send(r)
				synctest.Wait()
				if got := guard.Counts()[protocol.SlowFrame]; got != tt.slow {
					t.Errorf("got %d slow frames counted, want %d", got, tt.slow)
				}
				if got, want := r.gaveUp(), tt.slow > 0; got != want {
					t.Errorf("GOAWAY with an error: %v, want %v", got, want)
				}
				r.end(0)
			})
		})
	}
}

// A connection that is drained waits a moment for the client to hang up, with half a frame before it, too. That is not
// the client's fault.
func TestPartingWithHalfAFrame(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		guard := new(protocol.Guard)
		r := newServerRig(t, 0, func(cfg *Config) { cfg.FrameTimeout, cfg.Guard = lastWords/2, guard })
		r.send(speak().out)
		r.send([]byte{0, 0, 8, byte(framePing), 0, 0, 0, 0, 0})
		ServerConn{r.c}.Drain(true)
		synctest.Wait()
		time.Sleep(2*lastWords + time.Millisecond)
		synctest.Wait()
		if got := guard.Counts()[protocol.SlowFrame]; got != 0 || r.gaveUp() {
			t.Errorf("got %d slow frames counted and GOAWAY with an error: %v; want neither", got, r.gaveUp())
		}
		if err := r.peer.Write([]byte{0}); err == nil {
			_, err = r.peer.Peek(1 << 20)
			if err == nil {
				t.Error("the connection is not closed")
			}
		}
		r.end(0)
	})
}
