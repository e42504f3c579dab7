package http2

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/fairlead-go/fairlead/protocol"
)

// settings makes the payload of a SETTINGS frame with n settings that nobody knows.
func settings(n int) []byte { return bytes.Repeat([]byte{0xff, 0, 0, 0, 0, 0}, n) }

// one returns the four bytes of a number.
func one(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// TestCosts: what a frame that brings nothing draws from the budget, and that frames that bring something draw nothing.
func TestCosts(t *testing.T) { //nolint:paralleltest // counts buffers
	type costs map[protocol.Abuse]uint16
	for _, tt := range []struct {
		name  string
		begin func(sc *script) // what comes before, which does not count
		send  func(sc *script)
		want  costs
	}{
		{"unary call", nil, func(sc *script) {
			sc.call(1, "Unary")
			sc.frame(frameData, flagEndStream, 1, rigMessageOf("hello"))
		}, nil},
		{"GOAWAY", nil, func(sc *script) {
			sc.frame(frameGoaway, 0, 0, make([]byte, 8))
		}, costs{protocol.FloodUnknown: 1}},
		{"unknown frame", nil, func(sc *script) {
			sc.frame(0x77, 0, 0, nil)
		}, costs{protocol.FloodUnknown: 1}},
		{"PING", nil, func(sc *script) {
			sc.frame(framePing, 0, 0, make([]byte, 8))
			sc.frame(framePing, flagAck, 0, make([]byte, 8))
		}, costs{protocol.FloodPing: 2}},
		{"SETTINGS", nil, func(sc *script) {
			sc.frame(frameSettings, 0, 0, nil)
			sc.frame(frameSettings, flagAck, 0, nil)
			sc.frame(frameSettings, 0, 0, settings(7))
		}, costs{protocol.FloodSettings: 3}},
		{"SETTINGS with many", nil, func(sc *script) {
			sc.frame(frameSettings, 0, 0, settings(16))
		}, costs{protocol.FloodSettings: 3}},
		{"PRIORITY", nil, func(sc *script) {
			sc.frame(framePriority, 0, 1, []byte{0, 0, 0, 0, 1})
		}, costs{protocol.FloodPriority: 1}},
		{"WINDOW_UPDATE", func(sc *script) { sc.call(1, "Bidi") }, func(sc *script) {
			sc.frame(frameWindowUpdate, 0, 0, one(1))
			sc.frame(frameWindowUpdate, 0, 1, one(1))
		}, costs{protocol.FloodWindowUpdate: 2}},
		{"DATA", func(sc *script) { sc.call(1, "Bidi") }, func(sc *script) {
			sc.frame(frameData, 0, 1, nil)
			sc.frame(frameData, flagPadded, 1, []byte{1, 0})
			sc.frame(frameData, 0, 1, rigMessageOf("hello"))
			sc.frame(frameData, flagEndStream, 1, nil)
		}, costs{protocol.FloodData: 2}},
		{"HEADERS of a stream that was reset here", func(sc *script) { sc.call(1, "None") }, func(sc *script) {
			sc.call(1, "None")
		}, costs{protocol.FloodHeaders: 1}},
		{"CONTINUATION", nil, func(sc *script) {
			sc.call(1, "Bidi", "x", string(bytes.Repeat([]byte{'|'}, 2200))) // nothing that Huffman's code makes shorter
			at := len(sc.out) - len(sc.buf.Bytes()) - frameHeaderLen
			block := bytes.Clone(sc.buf.Bytes())
			sc.out = sc.out[:at]
			sc.frame(frameHeaders, 0, 1, block[:1])
			sc.frame(frameContinuation, 0, 1, block[1:2])            // counts
			sc.frame(frameContinuation, 0, 1, block[2:2+1023])       // counts
			sc.frame(frameContinuation, 0, 1, block[1025:1025+1024]) // does not
			sc.frame(frameContinuation, flagEndHeaders, 1, block[1025+1024:])
		}, costs{protocol.FloodContinuation: 2}},
		{"RST_STREAM", func(sc *script) { sc.call(1, "Bidi") }, func(sc *script) {
			sc.frame(frameReset, 0, 1, one(8))
		}, costs{protocol.FloodReset: 2}},
		{"stream above the limit", func(sc *script) {
			for id := uint32(1); id < 2*rigStreams; id += 2 {
				sc.call(id, "Bidi")
			}
		}, func(sc *script) { sc.call(2*rigStreams+1, "Bidi") }, costs{protocol.FloodStreams: 2}},
		{"malformed request", nil, func(sc *script) {
			sc.call(1, "Bidi", "connection", "close")
		}, costs{protocol.FloodProvoked: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := newServerRig(t, 0)
				sc := speak()
				if tt.begin != nil {
					tt.begin(sc)
				}
				r.send(sc.out)
				r.c.r.guard = guard{}
				sc.out = nil
				tt.send(sc)
				r.send(sc.out)
				got, work := r.c.r.guard, 0
				for kind, n := range got.by {
					if want := tt.want[protocol.Abuse(kind)]; n != want {
						t.Errorf("%v: got %d, want %d", protocol.Abuse(kind), n, want)
					}
					work += int(tt.want[protocol.Abuse(kind)])
				}
				if got.work != work {
					t.Errorf("got %d drawn from the budget, want %d", got.work, work)
				}
				r.end(0)
			})
		})
	}
}

// TestCostsOfServers: what a server does that brings nothing draws from a client's budget.
func TestCostsOfServers(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r := newClientRig(t)
		c, err := r.open(rigServer)
		if err != nil {
			t.Fatal(err)
		}
		other, err := r.open(rigServer)
		if err != nil {
			t.Fatal(err)
		}
		sc := newScript(nil, false, nil)
		r.send(sc.out)
		r.c.r.guard = guard{}
		for _, tt := range []struct {
			name   string
			before func()
			id     uint32
			status string
			want   int // in all
		}{
			{"interim response", nil, 1, "103", 1},
			{"response", nil, 3, "200", 1},
			{"HEADERS of a stream that was given up", func() { _ = c.Stream().Close() }, 1, "200", 2},
		} {
			if tt.before != nil {
				tt.before()
			}
			sc.buf.Reset()
			sc.field(":status", tt.status)
			sc.field("content-type", "application/grpc")
			sc.out = nil
			sc.frame(frameHeaders, flagEndHeaders, tt.id, sc.buf.Bytes())
			r.send(sc.out)
			if got := int(r.c.r.guard.by[protocol.FloodHeaders]); got != tt.want || r.c.r.guard.work != tt.want {
				t.Errorf("%s: got %d HEADERS and %d in all, want %d", tt.name, got, r.c.r.guard.work, tt.want)
			}
		}
		_ = other.Stream().Close()
		r.end(0)
	})
}
