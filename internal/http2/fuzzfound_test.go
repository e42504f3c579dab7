package http2

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

// What fuzzing has found, told by what went wrong. The inputs are in testdata/fuzz; their meaning changes with the
// dictionaries, and that of these tests does not. None runs in parallel with others: buffers are counted.

// speak is a client's script that the tests below write by hand.
func speak() *script { return newScript(nil, true, nil) }

// call opens a stream for a method.
func (sc *script) call(id uint32, method string, more ...string) {
	sc.buf.Reset()
	sc.field(":method", "POST")
	sc.field(":scheme", "http")
	sc.field(":path", "/"+rigService+"/"+method)
	sc.field("content-type", "application/grpc")
	for i := 0; i+1 < len(more); i += 2 {
		sc.field(more[i], more[i+1])
	}
	sc.frame(frameHeaders, flagEndHeaders, id, sc.buf.Bytes())
}

func rigMessageOf(text string) []byte {
	m := append([]byte{0x0a}, binary.AppendUvarint(nil, uint64(len(text)))...)
	m = append(m, text...)
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(m))), m...) //nolint:gosec // short
}

func (r *rig) countSent(typ frameType, id uint32) (n int) {
	all, _ := rawFrames(r.w.output())
	for _, f := range all {
		if f.typ == typ && f.id == id {
			n++
		}
	}
	return n
}

// A client that stopped before the end of a response that had arrived in full held its bytes for ever, until the
// connection took no more.
func TestUnreadResponseIsGivenUp(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r := newClientRig(t)
		c, err := r.open(rigServer)
		if err != nil {
			t.Fatal(err)
		}
		sc := newScript(nil, false, nil)
		sc.buf.Reset()
		sc.field(":status", "200")
		sc.field("content-type", "application/grpc")
		sc.frame(frameHeaders, flagEndHeaders, 1, sc.buf.Bytes())
		for range 3 {
			sc.frame(frameData, 0, 1, rigMessageOf(strings.Repeat("x", 1000)))
		}
		sc.buf.Reset()
		sc.field("grpc-status", "0")
		sc.frame(frameHeaders, flagEndHeaders|flagEndStream, 1, sc.buf.Bytes())
		r.send(sc.out)
		var m rigText
		if err := c.Stream().Recv(&m); err != nil {
			t.Fatal(err)
		}
		if err := c.Stream().Close(); err != nil {
			t.Error(err)
		}
		if n := r.c.queued.Load(); n != 0 {
			t.Errorf("%d bytes are held for nobody", n)
		}
		if err := c.Stream().Recv(&m); err == nil {
			t.Error("Recv gave a message after Close")
		}
		r.rest()
		r.end(0)
	})
}

// DATA behind END_STREAM was answered with a reset, and then the response went on.
func TestNothingFollowsTheReset(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r := newServerRig(t, 0)
		sc := speak()
		sc.call(1, "Unary")
		sc.frame(frameData, flagEndStream, 1, rigMessageOf("slow"))
		sc.frame(frameData, 0, 1, []byte("x"))
		r.send(sc.out)
		time.Sleep(time.Second)
		if got := r.countSent(frameReset, 1); got != 1 {
			t.Errorf("%d resets", got)
		}
		r.rest()
		r.end(0)
	})
}

// What was under way when a server answered early, and reset the rest of the request, was taken for a violation: a
// second reset for DATA, and the connection's end for a trailer (RFC 9113, section 5.1).
func TestFramesInFlightAtAnEarlyAnswer(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r := newServerRig(t, 0)
		sc := speak()
		sc.call(1, "None") // no such method
		r.send(sc.out)
		if got := r.countSent(frameReset, 1); got != 1 {
			t.Fatalf("%d resets for an early answer", got)
		}
		sc.out = nil
		sc.frame(frameData, 0, 1, []byte("more"))
		sc.buf.Reset()
		sc.field("x", "y")
		sc.frame(frameHeaders, flagEndHeaders|flagEndStream, 1, sc.buf.Bytes())
		sc.call(3, "Unary")
		sc.frame(frameData, flagEndStream, 3, rigMessageOf("hello"))
		r.send(sc.out)
		if resets, gone := r.countSent(frameReset, 1), r.countSent(frameGoaway, 0); resets != 1 || gone != 0 {
			t.Errorf("%d resets, %d GOAWAYs", resets, gone)
		}
		if r.countSent(frameHeaders, 3) == 0 {
			t.Error("the next call was not answered")
		}
		r.rest()
		r.end(0)
	})
}

// A user that gave a call up and a server that broke the rules on it led to two resets.
func TestViolationOnAStreamThatWasGivenUp(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r := newClientRig(t)
		c, err := r.open(rigBidi)
		if err != nil {
			t.Fatal(err)
		}
		sc := newScript(nil, false, nil)
		sc.buf.Reset()
		sc.field(":status", "200")
		sc.field("content-type", "application/grpc")
		sc.frame(frameHeaders, flagEndHeaders, 1, sc.buf.Bytes())
		r.send(sc.out)
		if err := c.Stream().Close(); err != nil {
			t.Error(err)
		}
		sc.out = nil
		sc.buf.Reset()
		sc.field("x", "y")
		sc.frame(frameHeaders, flagEndHeaders, 1, sc.buf.Bytes()) // a trailer that does not end the stream
		r.send(sc.out)
		if got := r.countSent(frameReset, 1); got != 1 {
			t.Errorf("%d resets", got)
		}
		r.rest()
		r.end(0)
	})
}

// A header block that was cut off by the end of its connection kept its buffer.
func TestHeaderBlockCutOff(t *testing.T) { //nolint:paralleltest // counts buffers
	for how := range 4 {
		inBubble(t, func(t *testing.T) {
			r := newServerRig(t, 0)
			sc := speak()
			sc.frame(frameHeaders, 0, 1, []byte{0x82})
			sc.frame(frameContinuation, 0, 1, []byte{0x82})
			r.send(sc.out)
			r.rest()
			r.end(how)
		})
	}
}

// A stream that ran in the reading goroutine and whose response waited for window stayed noted as running.
func TestNothingRunsAfterALongResponse(t *testing.T) { //nolint:paralleltest // counts buffers
	inBubble(t, func(t *testing.T) {
		r := newServerRig(t, 0)
		sc := speak()
		sc.frame(frameWindowUpdate, 0, 0, u32(maxWindow-defaultWindow))
		sc.call(1, "Unary")
		sc.frame(frameData, flagEndStream, 1, rigMessageOf("big"))
		r.send(sc.out)
		r.c.smu.Lock()
		if s := r.c.s.running; s != nil {
			t.Errorf("stream %d still runs: over %v", s.id, s.over)
		}
		r.c.smu.Unlock()
		r.rest()
		r.end(0)
	})
}
