package http2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
)

// corked makes a connection that writes nothing: what it has to say stays in its buffer.
func corked(t *testing.T, cfg *Config) *Conn {
	t.Helper()
	c := newConn(newWire(nowhere{}), cfg)
	c.r.settings = true
	c.cork()
	t.Cleanup(func() {
		c.w.Lock()
		c.w.Fail(errDone) // gives the buffer back
		c.w.Unlock()
	})
	return c
}

// said returns what is in the buffer, and empties it.
func said(t *testing.T, c *Conn) []string {
	t.Helper()
	c.w.Lock()
	defer c.w.Unlock()
	b := c.w.Buf()
	words := told(t, b.B)
	b.B = b.B[:0]
	return words
}

// codeOf returns the code of a connection error, "" for none.
func codeOf(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	v, ok := errors.AsType[*connError](err)
	if !ok {
		t.Fatalf("got %v, want the end of the connection", err)
	}
	return v.code.String()
}

// TestSettings: the values at the bounds of each setting, and what comes of them (RFC 9113, section 6.5.2).
func TestSettings(t *testing.T) {
	t.Parallel()
	const bad, flow, most = "PROTOCOL_ERROR", "FLOW_CONTROL_ERROR", 1<<32 - 1
	maxFrame := func(c *Conn) int64 { return int64(c.w.maxFrame) }
	initial := func(c *Conn) int64 { return c.w.initial }
	list := func(c *Conn) int64 { return c.peerList.Load() }
	peerMax := func(c *Conn) int64 { return int64(c.s.peerMax) }
	for _, tt := range []struct {
		id             uint16
		value          uint32
		server, client string // errors
		is             func(c *Conn) int64
		onServer       int64
		onClient       int64
	}{
		{settingEnablePush, 0, "", "", nil, 0, 0},
		{settingEnablePush, 1, "", bad, nil, 0, 0},
		{settingEnablePush, 2, bad, bad, nil, 0, 0},
		{settingConnectProtocol, 0, "", "", nil, 0, 0},
		{settingConnectProtocol, 1, "", "", nil, 0, 0},
		{settingConnectProtocol, 2, bad, bad, nil, 0, 0},
		{settingInitialWindowSize, 0, "", "", initial, 0, 0},
		{settingInitialWindowSize, maxWindow, "", "", initial, maxWindow, maxWindow},
		{settingInitialWindowSize, maxWindow + 1, flow, flow, initial, defaultWindow, defaultWindow},
		{settingMaxFrameSize, 16383, bad, bad, maxFrame, 16384, 16384},
		{settingMaxFrameSize, 16384, "", "", maxFrame, 16384, 16384},
		{settingMaxFrameSize, 16385, "", "", maxFrame, 16385, 16385},
		{settingMaxFrameSize, 65536, "", "", maxFrame, 65536, 65536},
		{settingMaxFrameSize, 65537, "", "", maxFrame, 65536, 65536},
		{settingMaxFrameSize, 1<<24 - 1, "", "", maxFrame, 65536, 65536},
		{settingMaxFrameSize, 1 << 24, bad, bad, maxFrame, 16384, 16384},
		{settingMaxHeaderListSize, 0, "", "", list, 1, 1},
		{settingMaxHeaderListSize, 1, "", "", list, 1, 1},
		{settingMaxHeaderListSize, 2, "", "", list, 2, 2},
		{settingMaxHeaderListSize, most, "", "", list, most, most},
		{settingMaxStreams, 0, "", "", peerMax, 7, 0},
		{settingMaxStreams, 1, "", "", peerMax, 7, 1},
		{settingMaxStreams, most, "", "", peerMax, 7, maxWindow},
		{0x7777, most, "", "", nil, 0, 0},
	} {
		for _, client := range []bool{false, true} {
			c := corked(t, &Config{})
			c.client, c.s.peerMax = client, 7
			want, is := tt.server, tt.onServer
			if client {
				want, is = tt.client, tt.onClient
			}
			if got := codeOf(t, c.setting(tt.id, tt.value)); got != want {
				t.Errorf("%#x of %d, client %v: got %q, want %q", tt.id, tt.value, client, got, want)
			}
			if tt.is != nil && tt.is(c) != is {
				t.Errorf("%#x of %d, client %v: it is %d, want %d", tt.id, tt.value, client, tt.is(c), is)
			}
		}
	}
}

// TestWindowBounds: windows for sending grow to 2^31-1 bytes and no further (RFC 9113, section 6.9.1). The bit before
// the number means nothing.
func TestWindowBounds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n      uint32
		conn   string   // the connection's end
		stream []string // the answer on a stream
	}{
		{1, "", nil},
		{1 << 31, "PROTOCOL_ERROR", []string{"type 3 00000001"}},
		{0, "PROTOCOL_ERROR", []string{"type 3 00000001"}},
		{maxWindow - defaultWindow, "", nil},
		{1<<31 | maxWindow - defaultWindow, "", nil},
		{maxWindow - defaultWindow + 1, "FLOW_CONTROL_ERROR", []string{"type 3 00000003"}},
	} {
		p := binary.BigEndian.AppendUint32(nil, tt.n)
		want := defaultWindow + int64(tt.n&maxWindow)
		c := corked(t, &Config{})
		if got := codeOf(t, c.onWindowUpdate(0, p)); got != tt.conn || got == "" && c.w.window != want {
			t.Errorf("%#x: got %q and a window of %d, want %q", tt.n, got, c.w.window, tt.conn)
		}
		c = corked(t, &Config{})
		s := newStream(c, 1)
		c.s.open, c.s.lastPeer = 1, 1
		c.enter(s)
		err := c.onWindowUpdate(1, p)
		if got := said(t, c); err != nil || !slices.Equal(got, tt.stream) {
			t.Errorf("%#x on a stream: got %q and %v, want %q", tt.n, got, err, tt.stream)
		}
		if s.over != (tt.stream != nil) || !s.over && s.window() != want {
			t.Errorf("%#x on a stream: it is over %v, with a window of %d", tt.n, s.over, s.window())
		}
	}
}

// TestUnpad: padding may be all of a frame but its length (RFC 9113, section 6.1).
func TestUnpad(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		p     []byte
		flags uint8
		want  []byte
		code  string
	}{
		{[]byte{1, 2}, 0, []byte{1, 2}, ""},
		{[]byte{}, 0xff &^ flagPadded, []byte{}, ""},
		{[]byte{}, flagPadded, nil, "FRAME_SIZE_ERROR"},
		{[]byte{0}, flagPadded, []byte{}, ""},
		{[]byte{1}, flagPadded, nil, "PROTOCOL_ERROR"},
		{[]byte{0, 'a'}, flagPadded, []byte{'a'}, ""},
		{[]byte{1, 0}, flagPadded, []byte{}, ""},
		{[]byte{2, 0}, flagPadded, nil, "PROTOCOL_ERROR"},
		{[]byte{2, 'a', 0, 0}, flagPadded, []byte{'a'}, ""},
		{[]byte{3, 'a', 0, 0}, flagPadded | 0x1, []byte{}, ""},
		{[]byte{4, 'a', 0, 0}, flagPadded, nil, "PROTOCOL_ERROR"},
	} {
		got, err := unpad(tt.p, tt.flags)
		if code := codeOf(t, err); code != tt.code || !bytes.Equal(got, tt.want) {
			t.Errorf("%v with flags %#x: got %v and %q, want %v and %q", tt.p, tt.flags, got, code, tt.want, tt.code)
		}
	}
}

// TestBeginningOfABlock: what of HEADERS is the header block, with a priority of five bytes before it and padding
// around it (RFC 9113, section 6.2).
func TestBeginningOfABlock(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		id    uint32
		flags uint8
		p     string
		block string
		code  string
	}{
		{"plain", 3, 0, "abcd", "abcd", ""},
		{"stream 0", 0, 0, "abcd", "", "PROTOCOL_ERROR"},
		{"four bytes of priority", 3, flagPriority, "\x00\x00\x00\x01", "", "FRAME_SIZE_ERROR"},
		{"five bytes of priority", 3, flagPriority, "\x00\x00\x00\x01\x09", "", ""},
		{"priority and block", 3, flagPriority, "\x00\x00\x00\x01\x09a", "a", ""},
		{"depends on itself", 3, flagPriority, "\x00\x00\x00\x03\x09a", "", "PROTOCOL_ERROR"},
		{"depends on itself alone", 3, flagPriority, "\x80\x00\x00\x03\x09a", "", "PROTOCOL_ERROR"},
		{"padding and priority", 3, flagPriority | flagPadded, "\x02\x00\x00\x00\x01\x09a\x00\x00", "a", ""},
		{"padding in the priority", 3, flagPriority | flagPadded, "\x02\x00\x00\x00\x01\x00\x00", "", "FRAME_SIZE_ERROR"},
		{"too much padding", 3, flagPadded, "\x02a", "", "PROTOCOL_ERROR"},
	} {
		c := corked(t, &Config{})
		if got := codeOf(t, c.onHeaders(tt.id, tt.flags, []byte(tt.p))); got != tt.code {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.code)
		}
		b := c.r.block
		if (b == nil) != (tt.code != "") || b != nil && (string(b.B) != tt.block || c.r.blockID != tt.id) {
			t.Errorf("%s: got %v on stream %d, want %q", tt.name, b, c.r.blockID, tt.block)
		}
		buffer.Put(b)
	}
}

// TestWithinABlock: until a header block is complete, nothing may come but more of it on the same stream (RFC 9113,
// section 6.10).
func TestWithinABlock(t *testing.T) {
	t.Parallel()
	for typ := frameData; typ <= frameContinuation+1; typ++ {
		for _, id := range []uint32{0, 1, 3} {
			c := corked(t, &Config{HeaderList: 1 << 10})
			if err := c.frame(frameHeaders, 0, 1, []byte("a")); err != nil {
				t.Fatal(err)
			}
			want := "PROTOCOL_ERROR"
			if typ == frameContinuation && id == 1 {
				want = ""
			}
			if got := codeOf(t, c.frame(typ, 0, id, []byte("12345678"))); got != want {
				t.Errorf("type %d on stream %d: got %q, want %q", typ, id, got, want)
			}
			buffer.Put(c.r.block)
		}
	}
}

// TestBlockBounds: a header block that has not ended may be as long as two lists and a frame, and its parts count
// against the budget when they are short.
func TestBlockBounds(t *testing.T) {
	t.Parallel()
	const list, begun = 1 << 10, 5 << 10
	const most = 2*list + defaultFrameSize - begun
	for _, tt := range []struct {
		n     int
		units int
		code  string
	}{
		{0, 0, "ENHANCE_YOUR_CALM"},
		{1, 1, ""},
		{smallContinuation - 1, 1, ""},
		{smallContinuation, 0, ""},
		{most, 0, ""},
		{most + 1, 0, "ENHANCE_YOUR_CALM"},
	} {
		g := new(protocol.Guard)
		c := corked(t, &Config{HeaderList: list, Guard: g})
		if err := c.frame(frameHeaders, 0, 1, make([]byte, begun)); err != nil {
			t.Fatal(err)
		}
		got := codeOf(t, c.frame(frameContinuation, 0, 1, make([]byte, tt.n)))
		if got != tt.code || c.r.guard.work != tt.units {
			t.Errorf("%d bytes: got %q and %d units, want %q and %d", tt.n, got, c.r.guard.work, tt.code, tt.units)
		}
		if n := g.Counts()[protocol.FloodContinuation]; (n == 1) != (tt.code != "") {
			t.Errorf("%d bytes: %d floods are counted", tt.n, n)
		}
		buffer.Put(c.r.block)
	}
}

// TestCheckOpened: frames for streams that were never open end the connection (RFC 9113, section 5.1).
func TestCheckOpened(t *testing.T) {
	t.Parallel()
	for _, client := range []bool{false, true} {
		c := corked(t, &Config{})
		c.client = client
		c.s.lastPeer, c.w.nextID = 5, 7 // 5 is the last that was opened, in both roles
		for id := uint32(1); id < 10; id++ {
			want := "PROTOCOL_ERROR"
			if id == 1 || id == 3 || id == 5 {
				want = ""
			}
			if got := codeOf(t, c.checkOpened(id)); got != want {
				t.Errorf("client %v, stream %d: got %q, want %q", client, id, got, want)
			}
		}
	}
}

// TestEstimate: half a window that has arrived on a stream starts a measurement, and two thirds of one within a round
// trip double the windows, up to their limit.
func TestEstimate(t *testing.T) {
	t.Parallel()
	const ping = "type 6 77696e646f770001"
	for _, tt := range []struct {
		window, arrived int64
		starts          bool
	}{
		{minStreamWindow, minStreamWindow/2 - 1, false},
		{minStreamWindow, minStreamWindow / 2, true},
		{maxStreamWindow - 1, maxStreamWindow, true},
		{maxStreamWindow, maxStreamWindow, false},
	} {
		c := corked(t, &Config{})
		c.est.window.Store(tt.window)
		c.est.arrived = 99
		c.count(&stream{c: c, arrived: tt.arrived}, 10)
		if got := said(t, c); slices.Equal(got, []string{ping}) != tt.starts || c.est.active != tt.starts {
			t.Errorf("%d of %d: got %q, measuring %v, want %v", tt.arrived, tt.window, got, c.est.active, tt.starts)
		}
		if tt.starts {
			c.count(&stream{c: c, arrived: tt.arrived}, 10)
			if got := said(t, c); got != nil || c.est.arrived != 10 {
				t.Errorf("within a measurement: got %q and %d bytes, want 10", got, c.est.arrived)
			}
		}
	}
	for _, tt := range []struct{ window, arrived, want int64 }{
		{minStreamWindow, minStreamWindow*2/3 - 1, minStreamWindow},
		{minStreamWindow, minStreamWindow * 2 / 3, 2 * minStreamWindow},
		{maxStreamWindow / 2, maxStreamWindow, maxStreamWindow},
		{maxStreamWindow * 3 / 4, maxStreamWindow, maxStreamWindow},
	} {
		for _, active := range []bool{true, false} {
			c := corked(t, &Config{})
			c.est.window.Store(tt.window)
			c.est.arrived, c.est.active = tt.arrived, active
			c.measured()
			want, frames := tt.want, []string{fmt.Sprintf("type 4 0004%08x", tt.want)}
			if !active || want == tt.window {
				want, frames = tt.window, nil
			}
			if got := said(t, c); !slices.Equal(got, frames) || c.est.window.Load() != want || c.est.active {
				t.Errorf("%d in a window of %d, measuring %v: got %q and a window of %d, want %q and %d",
					tt.arrived, tt.window, active, got, c.est.window.Load(), frames, want)
			}
		}
	}
}

// TestHeldBounds: window that was withheld comes back when less than half of what may be held is.
func TestHeldBounds(t *testing.T) {
	t.Parallel()
	for held, back := range map[int64]bool{48: true, 49: true, 50: false, 51: false} {
		for name, do := range map[string]func(c *Conn){
			"release":  func(c *Conn) { c.queued.Store(held + 10); c.withheld.Store(7); c.release(10) },
			"withhold": func(c *Conn) { c.queued.Store(held); c.withheld.Store(3); c.withhold(4) },
		} {
			c := corked(t, &Config{QueuedBytes: 100})
			do(c)
			var want []string
			if back {
				want = []string{"type 8 00000007"}
			}
			if got := said(t, c); !slices.Equal(got, want) || c.withheld.Load() == 0 != back || c.queued.Load() != held {
				t.Errorf("%s with %d held: got %q, %d withheld, want %q", name, held, got, c.withheld.Load(), want)
			}
			if got := c.received.Load() - connWindow; (got == 7) != back {
				t.Errorf("%s with %d held: the peer got %d bytes of window", name, held, got)
			}
		}
	}
}

// TestStreamWindowBound: a peer may use up all of a stream's window. What is held for a reader counts, and what was not
// given back.
func TestStreamWindowBound(t *testing.T) {
	t.Parallel()
	for _, pulled := range []bool{false, true} {
		c := corked(t, &Config{})
		s := &stream{c: c, uncredit: 1000}
		room := minStreamWindow - 1000
		if pulled {
			s.pull()
			s.p.held = 500
			room -= 500
		}
		if s.overWindow(room-1) || s.overWindow(room) || !s.overWindow(room+1) {
			t.Errorf("pulled %v: the room is not %d", pulled, room)
		}
	}
}

// TestCloseCause: calls on a connection that was closed get a Failure. The first cause counts, and a write that failed
// says more, unless the peer had gone away.
func TestCloseCause(t *testing.T) {
	t.Parallel()
	own := &protocol.Failure{Kind: protocol.FailedLost, Cause: errBad}
	before := &protocol.Failure{Kind: protocol.FailedLost}
	for _, tt := range []struct {
		name   string
		cause  error
		before error
		away   *protocol.Failure
		kind   protocol.FailureKind
		is     error
	}{
		{"no cause", nil, nil, nil, protocol.FailedClosed, errDone},
		{"any error", errBad, nil, nil, protocol.FailedClosed, errBad},
		{"a failure", own, nil, nil, protocol.FailedLost, own},
		{"a write had failed", own, before, nil, protocol.FailedLost, before},
		{"a write had failed, after GOAWAY", own, before, new(protocol.Failure), protocol.FailedLost, own},
	} {
		c := newConn(&closable{}, &Config{})
		c.s.err, c.s.away = tt.before, tt.away
		c.Close(tt.cause)
		c.Close(errSendAfterEnd)
		f, ok := c.s.err.(*protocol.Failure) //nolint:errorlint // it is kept bare
		if !ok || f.Kind != tt.kind || !errors.Is(f, tt.is) {
			t.Errorf("%s: got %v, want %v", tt.name, c.s.err, tt.is)
		}
		if n := c.tc.(*closable).closed; n != 1 || !c.s.draining {
			t.Errorf("%s: closed %d times, and takes streams %v", tt.name, n, !c.s.draining)
		}
	}
}

// closable is a connection that can be closed, and nothing else.
type closable struct {
	nowhere

	closed int
}

func (c *closable) Close() error {
	c.closed++
	return nil
}

// lateAt is a protocol whose requests are due at a time.
type lateAt struct {
	protocol.Responder

	at time.Time
}

func (l lateAt) Deadline(*protocol.Head) time.Time { return l.at }

// TestDue: a request has to be complete by its deadline or in the server's time for messages, whichever comes first.
func TestDue(t *testing.T) {
	t.Parallel()
	const now = time.Hour
	guard := func(d time.Duration) *protocol.Guard {
		g := new(protocol.Guard)
		g.MessageTimeout = d
		return g
	}
	for _, tt := range []struct {
		name     string
		guard    *protocol.Guard
		deadline time.Duration // after now; 0: none
		before   time.Duration // when the reader's timer is due, after now; 0: never
		due      time.Duration // after now; 0: never
		timer    time.Duration
	}{
		{"no limit", nil, 0, 0, 0, 0},
		{"no limit of messages", guard(0), 0, 0, 0, 0},
		{"no limit, another request is due", guard(0), 0, 5, 0, 5},
		{"messages", guard(10), 0, 0, 10, 10},
		{"deadline", nil, 20, 0, 20, 20},
		{"deadline and no limit of messages", guard(0), 20, 0, 20, 20},
		{"deadline after", guard(10), 20, 0, 10, 10},
		{"deadline before", guard(10), 9, 0, 9, 9},
		{"deadline over", guard(10), -1, 0, -1, -1},
		{"another is due before", guard(10), 0, 9, 10, 9},
		{"another is due after", guard(10), 0, 11, 10, 10},
	} {
		c := corked(t, &Config{Guard: tt.guard})
		after := func(d time.Duration) time.Duration {
			if d == 0 {
				return 0
			}
			return now + d
		}
		app := lateAt{}
		if tt.deadline != 0 {
			app.at = epoch.Add(after(tt.deadline))
		}
		c.r.now, c.r.timer.due = now, after(tt.before)
		s := &stream{c: c, app: app, head: new(protocol.Head)}
		c.unfinished(s)
		if s.due != after(tt.due) || c.r.timer.due != after(tt.timer) {
			t.Errorf("%s: due at %v, the timer at %v; want %v and %v",
				tt.name, s.due, c.r.timer.due, after(tt.due), after(tt.timer))
		}
		if want := epoch.Add(now); !s.head.Came.Equal(want) {
			t.Errorf("%s: it came at %v, want %v", tt.name, s.head.Came, want)
		}
		c.r.now = now + 1
		if c.unfinished(s); tt.due != 0 && s.due != after(tt.due) || !s.head.Came.Equal(epoch.Add(now)) {
			t.Errorf("%s: it is due at %v the second time", tt.name, s.due)
		}
	}
}

// TestRecycle: a stream that somebody can still reach is not used again.
func TestRecycle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(s *stream)
		kept bool
	}{
		{"free", func(*stream) {}, false},
		{"pulled", func(s *stream) { s.pull() }, true},
		{"with DATA to send", func(s *stream) { s.out = new(buffer.Buf) }, true},
		{"in the queue", func(s *stream) { s.isWaiting = true }, true},
	} {
		s := &stream{c: corked(t, &Config{}), id: 1}
		tt.do(s)
		if s.recycle(); (s.c != nil) != tt.kept {
			t.Errorf("%s: kept %v, want %v", tt.name, s.c != nil, tt.kept)
		}
	}
}
