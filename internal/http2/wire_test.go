package http2_test

import (
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/http2"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/transport/std"
)

// What RFC 9113 says of malformed input from a client.
func TestServerAgainstMalformed(t *testing.T) { //nolint:tparallel // what follows the subtests needs their end
	t.Parallel()
	ok := "echo-status 0"
	tests := []struct {
		name string
		do   func(f *foreign)
		want string
	}{
		{"a good request", func(f *foreign) { f.headers(1, true, f.request("/unary")) }, ok},
		{"body in two frames", func(f *foreign) {
			f.headers(1, false, f.request("/unary"))
			f.data(1, false, "a")
			f.data(1, true, "b")
		}, ok},
		{"padded body", func(f *foreign) {
			f.headers(1, false, f.request("/unary"))
			f.frame(typeData, flagEnd|8, 1, append([]byte{100, 'a'}, make([]byte, 100)...))
		}, ok},
		{"trailer ends the body", func(f *foreign) {
			f.headers(1, false, f.request("/unary"))
			f.data(1, false, "a")
			f.headers(1, true, f.block("x-t", "1"))
		}, ok},
		{"header block in pieces", func(f *foreign) {
			b := f.request("/unary")
			f.frame(typeHeaders, flagEnd, 1, b[:3])
			f.frame(typeCont, 0, 1, b[3:5])
			f.frame(typeCont, flagHeadersEnd, 1, b[5:])
		}, ok},
		{"content-length", func(f *foreign) {
			f.headers(1, false, f.request("/unary", "content-length", "1"))
			f.data(1, true, "a")
		}, ok},
		{"unknown frame and priority", func(f *foreign) {
			f.frame(0x77, 0xff, 1, []byte("x"))
			f.frame(typePriority, 0, 3, []byte{0, 0, 0, 1, 9})
			f.headers(5, true, f.request("/unary"))
		}, ok},
		{"ping", func(f *foreign) { f.frame(typePing, 0, 0, make([]byte, 8)) }, "pong"},
		{"header list too long", func(f *foreign) {
			f.headers(1, true, f.request("/unary", "x", strings.Repeat("v", 15000), "y", strings.Repeat("v", 1300)))
		}, ":status 431"},

		{"content-length 0 and a body", func(f *foreign) {
			f.headers(1, false, f.request("/unary", "content-length", "0"))
			f.data(1, true, "a")
		}, "reset PROTOCOL_ERROR"},
		{"content-length 0 and a body to be read", func(f *foreign) {
			f.headers(1, false, f.request("/stream", "content-length", "0"))
			f.data(1, false, "a")
		}, "reset PROTOCOL_ERROR"},
		{"content-length of more than 63 bits", func(f *foreign) {
			f.headers(1, false, f.request("/unary", "content-length", "9223372036854775808"))
		}, "reset PROTOCOL_ERROR"},
		{"content-length wrong", func(f *foreign) {
			f.headers(1, false, f.request("/unary", "content-length", "2"))
			f.data(1, true, "a")
		}, "reset PROTOCOL_ERROR"},
		{"content-length wrong, no body", func(f *foreign) {
			f.headers(1, true, f.request("/unary", "content-length", "2"))
		}, "reset PROTOCOL_ERROR"},
		{"upper case", func(f *foreign) { f.headers(1, true, f.request("/unary", "X-Y", "z")) }, "reset PROTOCOL_ERROR"},
		{"line feed in value", func(f *foreign) {
			f.headers(1, true, f.request("/unary", "x", "a\nb"))
		}, "reset PROTOCOL_ERROR"},
		{"connection field", func(f *foreign) {
			f.headers(1, true, f.request("/unary", "connection", "close"))
		}, "reset PROTOCOL_ERROR"},
		{"te", func(f *foreign) { f.headers(1, true, f.request("/unary", "te", "gzip")) }, "reset PROTOCOL_ERROR"},
		{"pseudo-field last", func(f *foreign) {
			f.headers(1, true, f.block(":method", "POST", ":scheme", "http", "x", "y", ":path", "/unary"))
		}, "reset PROTOCOL_ERROR"},
		{"pseudo-field twice", func(f *foreign) {
			f.headers(1, true, f.block(":method", "POST", ":method", "POST", ":scheme", "http", ":path", "/unary"))
		}, "reset PROTOCOL_ERROR"},
		{"unknown pseudo-field", func(f *foreign) {
			f.headers(1, true, f.request("/unary", ":x", "y"))
		}, "reset PROTOCOL_ERROR"},
		{"status in a request", func(f *foreign) { f.headers(1, true, f.block(":status", "200")) }, "reset PROTOCOL_ERROR"},
		{"no path", func(f *foreign) {
			f.headers(1, true, f.block(":method", "POST", ":scheme", "http"))
		}, "reset PROTOCOL_ERROR"},
		{"fragment in the path", func(f *foreign) { f.headers(1, true, f.request("/unary#x")) }, "reset PROTOCOL_ERROR"},
		{"fragment behind a query", func(f *foreign) {
			f.headers(1, true, f.request("/unary?x#y"))
		}, "reset PROTOCOL_ERROR"},
		{"query", func(f *foreign) { f.headers(1, true, f.request("/unary?x=/unary?y")) }, ok},
		{"relative path", func(f *foreign) { f.headers(1, true, f.request("unary")) }, "reset PROTOCOL_ERROR"},
		{"pseudo-field in a trailer", func(f *foreign) {
			f.headers(1, false, f.request("/unary"))
			f.headers(1, true, f.block(":path", "/"))
		}, "reset PROTOCOL_ERROR"},
		{"trailer that does not end", func(f *foreign) {
			f.headers(1, false, f.request("/unary"))
			f.headers(1, false, f.block("x", "y"))
		}, "reset PROTOCOL_ERROR"},
		{"window update of 0", func(f *foreign) {
			f.headers(1, false, f.request("/unary"))
			f.frame(typeWindowUpdate, 0, 1, make([]byte, 4))
		}, "reset PROTOCOL_ERROR"},
		{"window overflow", func(f *foreign) {
			f.headers(1, false, f.request("/unary"))
			f.frame(typeWindowUpdate, 0, 1, u32(1<<31-1))
		}, "reset FLOW_CONTROL_ERROR"},
		{"DATA after the end", func(f *foreign) {
			f.headers(1, true, f.request("/unary", "x-sleep", "500ms"))
			f.data(1, true, "")
		}, "reset STREAM_CLOSED"},
		{"priority of the wrong length", func(f *foreign) {
			f.frame(typePriority, 0, 1, make([]byte, 4))
		}, "reset FRAME_SIZE_ERROR"},

		{"bad compression", func(f *foreign) {
			f.headers(1, true, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		}, "goaway COMPRESSION_ERROR"},
		{"even stream", func(f *foreign) { f.headers(2, true, f.request("/unary")) }, "goaway PROTOCOL_ERROR"},
		{"HEADERS on stream 0", func(f *foreign) { f.headers(0, true, f.request("/unary")) }, "goaway PROTOCOL_ERROR"},
		{"DATA on stream 0", func(f *foreign) { f.data(0, true, "") }, "goaway PROTOCOL_ERROR"},
		{"DATA on an idle stream", func(f *foreign) { f.data(1, true, "") }, "goaway PROTOCOL_ERROR"},
		{"RST_STREAM on an idle stream", func(f *foreign) { f.frame(typeReset, 0, 1, u32(0)) }, "goaway PROTOCOL_ERROR"},
		{"WINDOW_UPDATE on an idle stream", func(f *foreign) {
			f.frame(typeWindowUpdate, 0, 1, u32(1))
		}, "goaway PROTOCOL_ERROR"},
		{"connection window overflow", func(f *foreign) {
			f.frame(typeWindowUpdate, 0, 0, u32(1<<31-1))
		}, "goaway FLOW_CONTROL_ERROR"},
		{"connection window update of 0", func(f *foreign) {
			f.frame(typeWindowUpdate, 0, 0, make([]byte, 4))
		}, "goaway PROTOCOL_ERROR"},
		{"CONTINUATION alone", func(f *foreign) { f.frame(typeCont, flagHeadersEnd, 1, nil) }, "goaway PROTOCOL_ERROR"},
		{"something within a header block", func(f *foreign) {
			f.frame(typeHeaders, 0, 1, f.request("/unary"))
			f.frame(typePing, 0, 0, make([]byte, 8))
		}, "goaway PROTOCOL_ERROR"},
		{"endless header block", func(f *foreign) {
			f.frame(typeHeaders, 0, 1, f.request("/unary"))
			for range 100 {
				f.frame(typeCont, 0, 1, make([]byte, 1000))
			}
		}, "goaway ENHANCE_YOUR_CALM"},
		{"frame too long", func(f *foreign) { f.frame(typeData, 0, 1, make([]byte, 16385)) }, "goaway FRAME_SIZE_ERROR"},
		{"settings of the wrong length", func(f *foreign) {
			f.frame(typeSettings, 0, 0, make([]byte, 5))
		}, "goaway FRAME_SIZE_ERROR"},
		{"settings on a stream", func(f *foreign) { f.frame(typeSettings, 0, 1, nil) }, "goaway PROTOCOL_ERROR"},
		{"settings, window too large", func(f *foreign) {
			f.frame(typeSettings, 0, 0, setting(4, 1<<31))
		}, "goaway FLOW_CONTROL_ERROR"},
		{"settings, frame too small", func(f *foreign) {
			f.frame(typeSettings, 0, 0, setting(5, 16383))
		}, "goaway PROTOCOL_ERROR"},
		{"settings, push", func(f *foreign) { f.frame(typeSettings, 0, 0, setting(2, 2)) }, "goaway PROTOCOL_ERROR"},
		{"ping of the wrong length", func(f *foreign) {
			f.frame(typePing, 0, 0, make([]byte, 7))
		}, "goaway FRAME_SIZE_ERROR"},
		{"ping on a stream", func(f *foreign) { f.frame(typePing, 0, 1, make([]byte, 8)) }, "goaway PROTOCOL_ERROR"},
		{"push promise", func(f *foreign) { f.frame(typePush, 4, 1, make([]byte, 4)) }, "goaway PROTOCOL_ERROR"},
		{"padded frame without the padding's length", func(f *foreign) {
			f.headers(1, false, f.request("/unary"))
			f.frame(typeData, 8, 1, nil)
		}, "goaway FRAME_SIZE_ERROR"},
		{"padding longer than the frame", func(f *foreign) {
			f.headers(1, false, f.request("/unary"))
			f.frame(typeData, 8, 1, []byte{9, 1, 2})
		}, "goaway PROTOCOL_ERROR"},
		{"HEADERS on a closed stream", func(f *foreign) {
			f.headers(1, true, f.request("/drop"))
			f.outcome()
			f.headers(1, true, f.request("/drop"))
		}, "goaway STREAM_CLOSED"},
		{"HEADERS on a closed stream that others followed", func(f *foreign) {
			for id := uint32(1); id < 6; id += 2 {
				f.headers(id, false, f.request("/hang"))
				f.frame(typeReset, 0, id, u32(8))
			}
			f.headers(3, true, f.request("/unary"))
		}, "goaway STREAM_CLOSED"},
		{"HEADERS on a stream that was passed over", func(f *foreign) {
			f.headers(5, true, f.request("/drop"))
			f.outcome()
			f.headers(3, true, f.request("/drop"))
		}, "goaway PROTOCOL_ERROR"},
	}
	r := newRig(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := toServer(t, r)
			f.t = t
			tt.do(f)
			got := f.outcome()
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	// The server goes on, whatever the others did.
	if a, err := unary(r.dial(), []byte("x")); err != nil || string(a.body) != "x" {
		t.Error(err)
	}
}

// toClient gives a client a foreign server.
func toClient(t *testing.T) (http2.ClientConn, *foreign) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	sc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := http2.NewClient(std.Wrap(nc), &http2.Config{HeaderList: 16 << 10, QueuedBytes: 16 << 20})
	t.Cleanup(func() { c.Close(nil) })
	f := newForeign(t, sc)
	if _, err := io.ReadFull(sc, make([]byte, len(http2.Preface))); err != nil {
		t.Fatal(err)
	}
	f.frame(typeSettings, 0, 0, nil)
	return c, f
}

// How a client takes what servers should not do, and what they may.
func TestClientAgainstForeign(t *testing.T) {
	t.Parallel()
	head := []string{":status", "200", "x-echo", "e"}
	tests := []struct {
		name  string
		do    func(f *foreign)
		kind  protocol.FailureKind
		reach fairlead.Reach
		ok    bool
	}{
		{name: "good", ok: true, do: func(f *foreign) {
			f.headers(1, false, f.block(head...))
			f.data(1, false, "x")
			f.headers(1, true, f.block("echo-status", "0"))
		}},
		{name: "interim first", ok: true, do: func(f *foreign) {
			f.headers(1, false, f.block(":status", "103"))
			f.headers(1, false, f.block(head...))
			f.data(1, true, "x")
		}},
		{name: "many interim ones", ok: true, do: func(f *foreign) {
			for i := range protocol.MaxInterim {
				f.headers(1, false, f.block(":status", strconv.Itoa([]int{100, 102, 103, 199}[i%4])))
			}
			f.headers(1, false, f.block(head...))
			f.data(1, true, "x")
		}},
		{name: "too many interim ones", kind: protocol.FailedViolation, do: func(f *foreign) {
			for range protocol.MaxInterim + 1 {
				f.headers(1, false, f.block(":status", "103"))
			}
		}},
		{name: "interim that ends it", kind: protocol.FailedViolation, do: func(f *foreign) {
			f.headers(1, true, f.block(":status", "103"))
		}},
		{name: "101", kind: protocol.FailedViolation, do: func(f *foreign) {
			f.headers(1, false, f.block(":status", "101", "upgrade", "x"))
		}},
		{name: "101 without fields", kind: protocol.FailedViolation, do: func(f *foreign) {
			f.headers(1, false, f.block(":status", "101"))
		}},
		{name: "interim behind the head", kind: protocol.FailedViolation, do: func(f *foreign) {
			f.headers(1, false, f.block(head...))
			f.headers(1, false, f.block(":status", "103"))
		}},
		{name: "DATA behind an interim one", kind: protocol.FailedViolation, do: func(f *foreign) {
			f.headers(1, false, f.block(":status", "103"))
			f.data(1, true, "x")
		}},
		{name: "reset", kind: protocol.FailedReset, do: func(f *foreign) { f.frame(typeReset, 0, 1, u32(2)) }},
		{name: "refused", kind: protocol.FailedReset, reach: fairlead.Refused, do: func(f *foreign) {
			f.frame(typeReset, 0, 1, u32(7))
		}},
		{name: "goaway before it", kind: protocol.FailedGoaway, reach: fairlead.Refused, do: func(f *foreign) {
			f.frame(typeGoaway, 0, 0, make([]byte, 8))
		}},
		{name: "goaway after it", ok: true, do: func(f *foreign) {
			f.frame(typeGoaway, 0, 0, append(u32(1), 0, 0, 0, 0))
			f.headers(1, false, f.block(head...))
			f.data(1, true, "x")
		}},
		{name: "cut", kind: protocol.FailedLost, do: func(f *foreign) { _ = f.nc.Close() }},
		{name: "content-length right", ok: true, do: func(f *foreign) {
			f.headers(1, false, f.block(append(head, "content-length", "1")...))
			f.data(1, false, "x")
			f.headers(1, true, f.block("echo-status", "0"))
		}},
		{name: "content-length too long", kind: protocol.FailedViolation, do: func(f *foreign) {
			f.headers(1, false, f.block(append(head, "content-length", "2")...))
			f.data(1, true, "x")
		}},
		{name: "content-length too long, trailer", kind: protocol.FailedViolation, do: func(f *foreign) {
			f.headers(1, false, f.block(append(head, "content-length", "2")...))
			f.data(1, false, "x")
			f.headers(1, true, f.block("echo-status", "0"))
		}},
		{name: "content-length too short", kind: protocol.FailedViolation, do: func(f *foreign) {
			f.headers(1, false, f.block(append(head, "content-length", "1")...))
			f.data(1, false, "xy")
		}},
		{name: "content-length 0 and a body", kind: protocol.FailedViolation, do: func(f *foreign) {
			f.headers(1, false, f.block(append(head, "content-length", "0")...))
			f.data(1, true, "x")
		}},
		{name: "content-length without a body", kind: protocol.FailedViolation, do: func(f *foreign) {
			f.headers(1, true, f.block(append(head, "content-length", "1")...))
		}},
		{name: "goaway with an error, then the end", kind: protocol.FailedGoaway, do: func(f *foreign) {
			f.frame(typeGoaway, 0, 0, append(u32(1), append(u32(2), "broken"...)...))
			_ = f.nc.Close()
		}},
		{name: "DATA first", kind: protocol.FailedViolation, do: func(f *foreign) { f.data(1, true, "") }},
		{name: "no status", kind: protocol.FailedViolation, do: func(f *foreign) { f.headers(1, true, f.block("x", "y")) }},
		{name: "bad frame", kind: protocol.FailedViolation, do: func(f *foreign) { f.frame(typePing, 0, 0, nil) }},
		{name: "idle stream", kind: protocol.FailedViolation, do: func(f *foreign) { f.headers(5, true, f.block(head...)) }},
		{name: "header list too long", kind: protocol.FailedViolation, do: func(f *foreign) {
			long := []string{":status", "200", "y", strings.Repeat("v", 15000), "z", strings.Repeat("v", 1300)}
			f.headers(1, true, f.block(long...))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, f := toClient(t)
			req := &protocol.Request{Head: unaryHead, Message: &protocol.Message{Bytes: []byte("x")}}
			a := newAnswer()
			if _, err := c.Do(req, a); err != nil {
				t.Fatal(err)
			}
			for {
				typ, flags, _, _, err := f.read()
				f.must(err)
				if typ == typeData && flags&flagEnd != 0 {
					break
				}
			}
			tt.do(f)
			<-a.done
			var fail *protocol.Failure
			switch {
			case tt.ok && (a.err != nil || string(a.body) != "x" || a.echoed != "e"):
				t.Errorf("got %v, body %q", a.err, a.body)
			case !tt.ok && (!errors.As(a.err, &fail) || fail.Kind != tt.kind || fail.Reach != tt.reach):
				t.Errorf("got %v, want kind %d, reach %v", a.err, tt.kind, tt.reach)
			}
		})
		t.Run(tt.name+", pulled", func(t *testing.T) {
			t.Parallel()
			c, f := toClient(t)
			req := &protocol.Request{Head: unaryHead, Message: &protocol.Message{Bytes: []byte("x")}, Last: true}
			x, err := c.Open(req)
			if err != nil {
				t.Fatal(err)
			}
			for {
				typ, flags, _, _, err := f.read()
				f.must(err)
				if typ == typeData && flags&flagEnd != 0 {
					break
				}
			}
			tt.do(f)
			body, err := protocoltest.ReadAll(nil, x, 100)
			var fail *protocol.Failure
			switch {
			case tt.ok && (err != nil || string(body) != "x"):
				t.Errorf("got %v, body %q", err, body)
			case !tt.ok && (!errors.As(err, &fail) || fail.Kind != tt.kind || fail.Reach != tt.reach):
				t.Errorf("got %v, want kind %d, reach %v", err, tt.kind, tt.reach)
			}
		})
	}
}
