package http2

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/protocol"
)

// TestGuardCounts: what is counted of what a client does, and nothing else.
func TestGuardCounts(t *testing.T) { //nolint:paralleltest // counts buffers
	type counts map[protocol.Abuse]int64
	long := strings.Repeat("|", 8<<10)
	for _, tt := range []struct {
		name string
		send func(sc *script)
		want counts
	}{
		{"a call", func(sc *script) {
			sc.call(1, "Unary")
			sc.frame(frameData, flagEndStream, 1, rigMessageOf("hello"))
		}, nil},
		{"header list too long", func(sc *script) {
			sc.call(1, "Bidi", "x", long)
		}, counts{protocol.HeaderListLimit: 1}},
		{"trailer too long", func(sc *script) {
			sc.call(1, "Bidi")
			sc.buf.Reset()
			sc.field("x", long)
			sc.frame(frameHeaders, flagEndHeaders|flagEndStream, 1, sc.buf.Bytes())
		}, counts{protocol.HeaderListLimit: 1}},
		{"malformed", func(sc *script) {
			sc.call(1, "Bidi", "te", "gzip")
		}, counts{protocol.MalformedRequest: 1}},
		{"body not as long as it says", func(sc *script) {
			sc.call(1, "Unary", "content-length", "5")
			sc.frame(frameData, flagEndStream, 1, []byte("1234"))
		}, counts{protocol.MalformedRequest: 1}},
		{"stream above the limit", func(sc *script) {
			for i := range uint32(rigStreams + 1) {
				sc.call(2*i+1, "Bidi")
			}
		}, counts{protocol.RefusedStream: 1}},
		{"connection error", func(sc *script) {
			sc.frame(framePing, 0, 0, nil)
		}, counts{protocol.ConnectionError: 1}},
		{"header block without an end", func(sc *script) {
			sc.call(1, "Bidi")
			sc.frame(frameHeaders, 0, 3, nil)
			for range 3 {
				sc.frame(frameContinuation, 0, 3, make([]byte, defaultFrameSize))
			}
		}, counts{protocol.FloodContinuation: 1, protocol.ConnectionError: 1}},
		{"empty CONTINUATION", func(sc *script) {
			sc.frame(frameHeaders, 0, 1, nil)
			sc.frame(frameContinuation, 0, 1, nil)
		}, counts{protocol.FloodContinuation: 1, protocol.ConnectionError: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				guard := new(protocol.Guard)
				r := newServerRig(t, 0, func(cfg *Config) { cfg.Guard = guard })
				sc := speak()
				tt.send(sc)
				r.send(sc.out)
				for kind, n := range guard.Counts() {
					if want := tt.want[protocol.Abuse(kind)]; n != want {
						t.Errorf("%v: got %d, want %d", protocol.Abuse(kind), n, want)
					}
				}
				r.end(0)
			})
		})
	}
}

// TestResetAfterTheEnd: a client that resets an exchange which is over loses what it has not read, and nothing if it
// has read all.
func TestResetAfterTheEnd(t *testing.T) { //nolint:paralleltest // counts buffers
	for _, tt := range []struct {
		name string
		body string
		read bool
		want error
	}{
		{"nothing to read", "", false, io.EOF},
		{"all was read", "text", true, io.EOF},
		{"not read", "text", false, errBad},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r, c := greeted(t)
				x, err := c.Open(&protocol.Request{Head: postHead, Last: true})
				if err != nil {
					t.Fatal(err)
				}
				sc := newScript(nil, false, nil)
				sc.out = nil
				sc.field(":status", "200")
				sc.frame(frameHeaders, flagEndHeaders, 1, sc.buf.Bytes())
				if tt.body != "" {
					sc.frame(frameData, 0, 1, []byte(tt.body))
				}
				sc.frame(frameData, flagEndStream, 1, nil)
				r.send(sc.out)
				if tt.read {
					if b, err := x.Read(); err != nil || string(b) != tt.body {
						t.Errorf("got %q and %v", b, err)
					}
				}
				x.Reset(protocol.ResetCancel, errBad)
				if b, err := x.Read(); !errors.Is(err, tt.want) {
					t.Errorf("after Reset: got %q and %v, want %v", b, err, tt.want)
				}
				if n := c.queued.Load(); n != 0 {
					t.Errorf("%d bytes are held", n)
				}
				r.end(0)
			})
		})
	}
}
