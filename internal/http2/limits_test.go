package http2

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// TestHeaderListLimit: a list as long as the limit is taken, and one that is a byte longer is not.
func TestHeaderListLimit(t *testing.T) {
	t.Parallel()
	const limit = 200
	for _, tt := range []struct {
		name string
		add  func(hb *headBuilder, name, value string)
	}{
		{"field", func(hb *headBuilder, name, value string) { hb.field(&entry{name: name, value: value}) }},
		{"timeout of a second protocol", func(hb *headBuilder, name, value string) {
			hb.h.Timeout, hb.h.TimeoutName = []byte("1S"), "grpc-timeout"
			hb.transient(name, []byte(value))
		}},
	} {
		for n, tooLarge := range map[int]bool{limit - 1: false, limit: false, limit + 1: true} {
			hb := new(headBuilder)
			hb.reset(&Conn{cfg: &Config{HeaderList: limit}})
			tt.add(hb, "name", strings.Repeat("v", n-len("name")-protocol.FieldOverhead))
			if hb.tooLarge != tooLarge || hb.size != n || hb.h.Fields.Len() == 0 != tooLarge {
				t.Errorf("%s, %d bytes of %d: counted as %d, too large %v, %d fields",
					tt.name, n, limit, hb.size, hb.tooLarge, hb.h.Fields.Len())
			}
		}
	}
}

// TestReleaseForgets: a builder that goes to another connection knows nothing of the one it comes from. What its
// indices mean there is something else.
func TestReleaseForgets(t *testing.T) {
	t.Parallel()
	hb := new(headBuilder)
	hb.reset(&Conn{cfg: &Config{HeaderList: 1 << 10}})
	indices := []byte{0x82, 0x83, 0x84, 0x85}
	for range 2 {
		hb.h.Path, hb.h.Authority = "/secret", "mine"
		hb.h.Fields.Add("x", "y")
		hb.came(indices, 1)
	}
	if !hb.again(indices, 1) || hb.h.Path != "/secret" {
		t.Fatal("what came twice is not known")
	}
	if hb.again(indices, 2) || hb.again(indices[:3], 1) {
		t.Error("something else is taken for what came twice")
	}
	hb.release()
	if !buffer.Poisoning && (hb.again(indices, 1) || hb.h.Path != "" || hb.h.Authority != "" || hb.h.Fields.Len() != 0) {
		t.Errorf("after release: got path %q, authority %q and %d fields", hb.h.Path, hb.h.Authority, hb.h.Fields.Len())
	}
}

// TestPush: a reader that is behind gets its parts in large buffers, and one that has had to wait in small ones.
func TestPush(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		near, far := inproc.Pipe()
		s := newStream(newConn(near, &Config{QueuedBytes: 1 << 20}), 1)
		s.pull()
		push := func(text string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.p.push([]byte(text))
			s.p.canRead.Signal()
		}
		read := func(want string, large bool) {
			t.Helper()
			if b, err := s.Read(); err != nil || string(b) != want {
				t.Errorf("got %q and %v, want %q", b, err, want)
			}
			if n := cap(s.p.reading.B); (n >= partSize) != large {
				t.Errorf("%s: got a buffer of %d bytes, want a large one: %v", want, n, large)
			}
		}
		for range 2 {
			go func() {
				synctest.Wait() // until the reader waits
				push("one")
			}()
			read("one", false)
			push("two") // nobody knows yet how far behind the reader is
			read("two", false)
			push("three")
			push("four")
			read("threefour", true)
		}
		s.endRead(errBad, nil)
		s.dropBody(true)
		_, _ = near.Close(), far.Close()
	})
}

// TestPartOfARequestIsDropped: what came of a request that was reset, or whose connection ended, is not held.
func TestPartOfARequestIsDropped(t *testing.T) { //nolint:paralleltest // counts buffers
	for name, reset := range map[string]bool{"reset": true, "connection ended": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newServerRig(t, 0)
				sc := speak()
				sc.call(1, "Unary")
				sc.frame(frameData, 0, 1, rigMessageOf("hello")[:3])
				r.send(sc.out)
				if n := r.c.queued.Load(); n != 3 {
					t.Errorf("%d bytes are held, want 3", n)
				}
				sc.out = nil
				if reset {
					sc.frame(frameReset, 0, 1, one(8))
					r.send(sc.out)
					r.rest()
					if n := r.c.queued.Load(); n != 0 {
						t.Errorf("%d bytes are held of a request that was reset", n)
					}
				}
				r.end(0)
			})
		})
	}
}

// TestControlOnAStream: frames that are the connection's must not name a stream, and have their lengths.
func TestControlOnAStream(t *testing.T) { //nolint:paralleltest // counts buffers
	for _, tt := range []struct {
		name string
		typ  frameType
		ack  bool
		id   uint32
		size int
		code protocol.ResetCode
	}{
		{"GOAWAY", frameGoaway, false, 1, 8, protocol.ResetProtocolError},
		{"short GOAWAY", frameGoaway, false, 0, 7, codeFrameSize},
		{"SETTINGS", frameSettings, false, 1, 0, protocol.ResetProtocolError},
		{"acknowledgement of SETTINGS with a setting", frameSettings, true, 0, 6, codeFrameSize},
		{"acknowledgement of SETTINGS on a stream", frameSettings, true, 1, 0, protocol.ResetProtocolError},
		{"SETTINGS of no whole setting", frameSettings, false, 0, 7, codeFrameSize},
		{"PING", framePing, false, 1, 8, protocol.ResetProtocolError},
		{"short PING", framePing, false, 0, 7, codeFrameSize},
		{"long PING", framePing, false, 0, 9, codeFrameSize},
		{"short WINDOW_UPDATE", frameWindowUpdate, false, 0, 3, codeFrameSize},
		{"long RST_STREAM", frameReset, false, 1, 5, codeFrameSize},
		{"RST_STREAM without a stream", frameReset, false, 0, 4, protocol.ResetProtocolError},
		{"PRIORITY without a stream", framePriority, false, 0, 5, protocol.ResetProtocolError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newServerRig(t, 0)
				sc := speak()
				sc.call(1, "Bidi")
				flags := uint8(0)
				if tt.ack {
					flags = flagAck
				}
				sc.frame(tt.typ, flags, tt.id, make([]byte, tt.size))
				r.send(sc.out)
				all, _ := rawFrames(r.w.output())
				last := all[len(all)-1]
				if last.typ != frameGoaway || !bytes.Equal(last.payload[4:8], one(uint32(tt.code))) {
					t.Errorf("got a frame of type %d with %x, want GOAWAY with %v", last.typ, last.payload, tt.code)
				}
				r.end(0)
			})
		})
	}
}

// TestUnreadRequestIsDropped: a handler answers before it has read all that came.
func TestUnreadRequestIsDropped(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r := newServerRig(t, 0)
		sc := speak()
		sc.call(1, "Client")
		sc.frame(frameData, 0, 1, rigMessageOf("fail"))
		for range 5 {
			sc.frame(frameData, 0, 1, rigMessageOf(strings.Repeat("x", 10_000)))
		}
		r.send(sc.out)
		r.rest()
		if got := r.ends()[1]; got != "status 5 reset 0" {
			t.Errorf("got %q, want the handler's error and a reset of the rest", got)
		}
		if n := r.c.queued.Load(); n != 0 {
			t.Errorf("%d bytes are held for a handler that has returned", n)
		}
		if n := buffer.Out(); n != 0 {
			t.Errorf("%d buffers are held\n%s", n, buffer.Leaks())
		}
		r.end(0)
	})
}

// TestCalls: a server's connection lists the calls under way that others can reach.
func TestCalls(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r := newServerRig(t, 0)
		c := ServerConn{r.c}
		if n := len(c.Calls()); n != 0 {
			t.Errorf("%d calls at first", n)
		}
		sc := speak()
		sc.call(1, "Bidi")
		sc.call(3, "Client")
		sc.call(5, "Unary") // its message is still to come: it is no call yet
		r.send(sc.out)
		var got []string
		for _, call := range c.Calls() {
			got = append(got, call.Method().Name)
		}
		if slices.Sort(got); !slices.Equal(got, []string{"Bidi", "Client"}) {
			t.Errorf("got the calls %q", got)
		}
		sc.out = nil
		sc.frame(frameData, flagEndStream, 1, nil)
		sc.frame(frameReset, 0, 3, one(8))
		r.send(sc.out)
		r.rest()
		if n := len(c.Calls()); n != 0 {
			t.Errorf("%d calls at the end", n)
		}
		r.end(0)
	})
}
