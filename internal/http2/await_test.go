package http2

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/fairlead-go/fairlead/protocol"
)

// ends returns how each stream was ended, as the peer saw it: "status 4", "reset 8", or both; "" for those that are
// open.
func (r *rig) ends() map[uint32]string {
	ends := make(map[uint32]string)
	dec := hpack.NewDecoder(4096, nil)
	all, _ := rawFrames(r.w.output())
	for _, f := range all {
		switch f.typ { //nolint:exhaustive // what ends streams
		case frameHeaders:
			fields, err := dec.DecodeFull(f.payload)
			if err != nil {
				r.t.Fatal(err)
			}
			for _, h := range fields {
				if h.Name == "grpc-status" {
					ends[f.id] = strings.TrimSpace(ends[f.id] + " status " + h.Value)
				}
			}
		case frameReset:
			ends[f.id] = strings.TrimSpace(ends[f.id] + " reset " + string('0'+rune(binary.BigEndian.Uint32(f.payload))))
		}
	}
	return ends
}

const (
	cutShort = "status 4 reset 0" // DEADLINE_EXCEEDED, and the rest of the request is not wanted
	answered = "status 0"
)

const look = rigMessageTime / 10 // of the keeper

var half = rigMessageOf("hello")[:7]

// endless is what clients begin and do not end.
var endless = []struct {
	name string
	send func(sc *script)
	// Between the two times all streams are ended so.
	least, most time.Duration
	want        string
	slow        int64 // messages counted as slow
}{
	{"unary, half a message, deadline", func(sc *script) {
		sc.call(1, "Unary", "grpc-timeout", "200m")
		sc.frame(frameData, 0, 1, half)
	}, 200 * time.Millisecond, 200 * time.Millisecond, cutShort, 0},
	{"unary, a head alone, deadline", func(sc *script) {
		sc.call(1, "Unary", "grpc-timeout", "200m")
	}, 200 * time.Millisecond, 200 * time.Millisecond, cutShort, 0},
	{"unary, a whole message and no end, deadline", func(sc *script) {
		sc.call(1, "Unary", "grpc-timeout", "200m")
		sc.frame(frameData, 0, 1, rigMessageOf("hello"))
	}, 200 * time.Millisecond, 200 * time.Millisecond, cutShort, 0},
	{"unary, deadline beyond the limit", func(sc *script) {
		sc.call(1, "Unary", "grpc-timeout", "99999999H")
		sc.frame(frameData, 0, 1, half)
	}, rigMessageTime, rigMessageTime, cutShort, 1},
	{"unary, a head alone", func(sc *script) { sc.call(1, "Unary") }, rigMessageTime, rigMessageTime, cutShort, 1},
	{"several, half a message", func(sc *script) {
		for id := uint32(1); id < 9; id += 2 {
			sc.call(id, "Unary")
			sc.frame(frameData, 0, id, half)
		}
	}, rigMessageTime, rigMessageTime, cutShort, 4},
	{"unary, part of a message that is read as it comes", func(sc *script) {
		sc.call(1, "Unary")
		m := rigMessageOf(strings.Repeat("a", rigMessage-4))
		for m = m[:protocol.MaxWhole+1]; len(m) > 0; {
			n := min(len(m), defaultFrameSize)
			sc.frame(frameData, 0, 1, m[:n])
			m = m[n:]
		}
	}, rigMessageTime, rigMessageTime + 2*look, cutShort, 1},
	{"server stream, half a message, deadline", func(sc *script) {
		sc.call(1, "Server", "grpc-timeout", "200m")
		sc.frame(frameData, 0, 1, half)
	}, 200 * time.Millisecond, 200 * time.Millisecond, cutShort, 0},
	{"server stream, half a message", func(sc *script) {
		sc.call(1, "Server")
		sc.frame(frameData, 0, 1, half)
	}, rigMessageTime, rigMessageTime + 2*look, cutShort, 1},
	{"server stream, a head alone", func(sc *script) {
		sc.call(1, "Server")
	}, rigMessageTime, rigMessageTime + 2*look, cutShort, 1},
	{"client stream, deadline", func(sc *script) {
		sc.call(1, "Client", "grpc-timeout", "200m")
	}, 200 * time.Millisecond, 200 * time.Millisecond, cutShort, 0},
	{"client stream, part of a prefix", func(sc *script) {
		sc.call(1, "Client")
		sc.frame(frameData, 0, 1, half[:3])
	}, rigMessageTime, rigMessageTime + 2*look, cutShort, 1},
	{"two-way stream, half a second message", func(sc *script) {
		sc.call(1, "Bidi")
		sc.frame(frameData, 0, 1, append(rigMessageOf("hello"), half...))
	}, rigMessageTime, rigMessageTime + 2*look, cutShort, 1},
	{"two-way stream between messages", func(sc *script) {
		sc.call(1, "Bidi")
		sc.frame(frameData, 0, 1, rigMessageOf("hello"))
	}, 0, time.Hour, "", 0},
	{"unary, response not taken", func(sc *script) {
		sc.frame(frameSettings, 0, 0, binary.BigEndian.AppendUint32([]byte{0, settingInitialWindowSize}, 0))
		sc.call(1, "Unary")
		sc.frame(frameData, flagEndStream, 1, rigMessageOf("hello"))
	}, rigMessageTime, rigMessageTime + 2*look, "reset 8", 1},
	{"unary, response not taken, deadline", func(sc *script) {
		sc.frame(frameSettings, 0, 0, binary.BigEndian.AppendUint32([]byte{0, settingInitialWindowSize}, 0))
		sc.call(1, "Unary", "grpc-timeout", "200m")
		sc.frame(frameData, flagEndStream, 1, rigMessageOf("hello"))
	}, 200 * time.Millisecond, look, "reset 8", 0},
	{"server stream, response not taken, deadline", func(sc *script) {
		sc.frame(frameSettings, 0, 0, binary.BigEndian.AppendUint32([]byte{0, settingInitialWindowSize}, 0))
		sc.call(1, "Server", "grpc-timeout", "200m")
		sc.frame(frameData, flagEndStream, 1, rigMessageOf("hello"))
	}, 200 * time.Millisecond, look, "reset 8", 0},
	{"two-way stream, half a second message, response not taken", func(sc *script) {
		sc.frame(frameSettings, 0, 0, binary.BigEndian.AppendUint32([]byte{0, settingInitialWindowSize}, 0))
		sc.call(1, "Bidi")
		sc.frame(frameData, 0, 1, append(rigMessageOf("hello"), half...))
	}, 0, rigMessageTime + 2*look, "", 1},
	{"server stream, response read slowly", func(sc *script) {
		sc.frame(frameSettings, 0, 0, binary.BigEndian.AppendUint32([]byte{0, settingInitialWindowSize}, 0))
		sc.call(1, "Server")
		sc.frame(frameData, flagEndStream, 1, rigMessageOf("hello"))
	}, 0, time.Hour, "", 0},
}

// TestWhatDoesNotEnd: what a client begins and does not end holds a place until the call's deadline, or for the time of
// a message. Streams that wait between messages are left alone.
func TestWhatDoesNotEnd(t *testing.T) { //nolint:paralleltest // counts buffers
	for _, tt := range endless {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newServerRig(t, rigTimed)
				sc := speak()
				tt.send(sc)
				begun := time.Now()
				r.send(sc.out)
				time.Sleep(tt.least - time.Millisecond - time.Since(begun))
				for id, end := range r.ends() {
					t.Errorf("stream %d: got %q after less than %v", id, end, tt.least)
				}
				time.Sleep(tt.most + 2*time.Millisecond - time.Since(begun))
				ends, streams := r.ends(), 0
				for id := uint32(1); id < 9; id += 2 {
					if end := ends[id]; end != "" {
						streams++
						if end != tt.want {
							t.Errorf("stream %d: got %q, want %q", id, end, tt.want)
						}
					}
				}
				if streams == 0 && tt.want != "" {
					t.Errorf("got no end within %v, want %q", tt.most, tt.want)
				}
				if got := r.c.cfg.Guard.Counts()[protocol.SlowMessage]; got != tt.slow {
					t.Errorf("got %d slow messages counted, want %d", got, tt.slow)
				}
				if tt.want != "" {
					if n := (ServerConn{r.c}).NumStreams(); n != 0 {
						t.Errorf("got %d streams open, want none", n)
					}
				}
				r.rest()
				r.end(0)
			})
		})
	}
}

// TestSlowButSteady: a client that goes on, if slowly, is answered, and what came in several parts leaves nothing that
// would end later calls.
func TestSlowButSteady(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r := newServerRig(t, rigTimed)
		sc := speak()
		sc.call(1, "Client")
		r.send(sc.out)
		body := rigMessageOf(strings.Repeat("a", rigMessage-100))
		for len(body) > 0 { // 64 KiB in each 50 s
			sc.out = sc.out[:0]
			for range 4 {
				n := min(len(body), 16<<10)
				sc.frame(frameData, 0, 1, body[:n])
				body = body[n:]
			}
			r.send(sc.out)
			time.Sleep(50 * time.Second)
		}
		for id := uint32(3); id < 21; id += 2 {
			sc.out = sc.out[:0]
			sc.call(id, "Unary", "grpc-timeout", "1S")
			r.send(sc.out)
			time.Sleep(900 * time.Millisecond)
			sc.out = sc.out[:0]
			m := rigMessageOf("hello")
			sc.frame(frameData, 0, id, m[:3])
			r.send(sc.out)
			time.Sleep(50 * time.Millisecond)
			sc.out = sc.out[:0]
			sc.frame(frameData, flagEndStream, id, m[3:])
			r.send(sc.out)
			r.rest()
		}
		sc.out = sc.out[:0]
		sc.frame(frameData, flagEndStream, 1, nil)
		r.send(sc.out)
		r.rest()
		for id, end := range r.ends() {
			if end != answered {
				t.Errorf("stream %d: got %q, want %q", id, end, answered)
			}
		}
		r.end(0)
	})
}

// TestDeadlineCountsFromTheHead: the time that a request takes to arrive is not the handler's.
func TestDeadlineCountsFromTheHead(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r := newServerRig(t, 0)
		sc := speak()
		sc.call(1, "Unary", "grpc-timeout", "1S")
		begun := time.Now()
		r.send(sc.out)
		time.Sleep(900 * time.Millisecond)
		sc.out = sc.out[:0]
		sc.frame(frameData, flagEndStream, 1, rigMessageOf("wait"))
		r.send(sc.out)
		time.Sleep(time.Second + time.Millisecond - time.Since(begun))
		if got, want := r.ends()[1], "status 4"; got != want {
			t.Errorf("got %q after %v, want %q", got, time.Since(begun), want)
		}
		r.rest()
		r.end(0)
	})
}
