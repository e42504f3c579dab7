package attack_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"golang.org/x/net/http2"
)

// TestNothingComes connects and sends nothing, or less than it takes, over and over. The server hangs up.
func TestNothingComes(t *testing.T) { //nolint:paralleltest // memory is the process's
	const conns = 50
	long := string(make([]byte, 10<<10))
	for _, tt := range []struct {
		name  string
		bytes string
		count protocol.Abuse
	}{
		{"nothing", "", 0},
		{"half a preface", http2.ClientPreface[:10], 0},
		{"a preface and no SETTINGS", http2.ClientPreface, protocol.SlowFrame},
		{
			"half a frame",
			http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x40\x00\x00",
			protocol.SlowFrame,
		},
		{
			"most of a large frame",
			http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x40\x00\x01\x04\x00\x00\x00\x01" + long,
			protocol.SlowFrame,
		},
		{
			"a header block without an end",
			http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82",
			protocol.SlowFrame,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tg := newTarget(t, server.HandshakeTimeout(200*time.Millisecond),
				preset.ServerHTTP2(web.FrameTimeout(200*time.Millisecond)))
			tg.during(bounds{heap: 8, goroutines: 20}, func() {
				var all []net.Conn
				for range conns {
					nc, err := new(net.Dialer).DialContext(t.Context(), "tcp", tg.Addr().String())
					if err != nil {
						t.Fatal(err)
					}
					defer func() { _ = nc.Close() }()
					_ = nc.SetDeadline(time.Now().Add(assert.Patience(patience)))
					_, _ = nc.Write([]byte(tt.bytes))
					all = append(all, nc)
				}
				for _, nc := range all {
					if _, err := io.Copy(io.Discard, nc); timedOut(err) {
						t.Fatal("got no end of the connection")
					}
				}
			})
			tg.eventually("that only the good client is connected", func() bool {
				st := tg.Stats()
				return st.Connections == 1 && st.Detecting == 0
			})
			if tt.count != 0 {
				tg.counted(tt.count)
			}
		})
	}
}

// TestDripping sends a header block so slowly that something always comes, but never its end.
func TestDripping(t *testing.T) { //nolint:paralleltest // memory is the process's
	tg := newTarget(t, preset.ServerHTTP2(web.FrameTimeout(300*time.Millisecond)))
	a := tg.attack().start()
	_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !a.dead(); <-tick.C {
		_ = a.WriteContinuation(1, false, []byte{0x82})
		a.flush()
		if time.Since(began) > assert.Patience(patience) {
			t.Fatal("got no end of the connection")
		}
	}
	tg.counted(protocol.SlowFrame)
	tg.answers()
}

// TestOneByteAtATime is no attack: a call whose bytes come one by one is answered, and those of a connection that is
// idle for longer than a frame may take are, too.
func TestOneByteAtATime(t *testing.T) { //nolint:paralleltest // memory is the process's
	limit := assert.Patience(300 * time.Millisecond)
	tg := newTarget(t, preset.ServerHTTP2(web.FrameTimeout(limit)), server.HandshakeTimeout(limit))
	nc, err := new(net.Dialer).DialContext(t.Context(), "tcp", tg.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a := newAttacker(t, dripping{nc}).start()
	for range 3 {
		a.call(unaryPath)
		a.alive()
		idle := time.NewTimer(limit + limit/2)
		<-idle.C
	}
	a.alive()
}

// dripping writes each byte by itself.
type dripping struct{ net.Conn }

func (d dripping) Write(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		_, err = d.Conn.Write(b[n : n+1])
		n++
	}
	return n, err
}

// TestDeafPeer asks for large responses and reads none of them, with windows that would let them come: the server's
// memory is bounded, and the streams wait.
func TestDeafPeer(t *testing.T) { //nolint:paralleltest // memory is the process's
	for _, tt := range []struct {
		name     string
		settings []http2.Setting
		update   bool
		send     func(a *attacker)
	}{
		{"streams and open windows", []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1}}, true,
			func(a *attacker) { a.call(outputPath) }},
		{"streams and zero windows", []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}, false,
			func(a *attacker) { a.call(outputPath) }},
		{"streams and windows of one byte", []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1}}, false,
			func(a *attacker) { a.call(outputPath) }},
		{"unary calls", []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1}}, true,
			func(a *attacker) { a.call(unaryPath) }},
		{"calls of nothing", nil, true, func(a *attacker) { a.call("/nobody/Serves") }},
		{"pings", nil, true, func(a *attacker) { _ = a.WritePing(false, [8]byte{}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tg := newTarget(t, server.MaxStreams(100), preset.ServerHTTP2(web.PingPolicy(0, true), web.ControlBudget(1<<30)))
			tg.during(bounds{heap: 24, goroutines: 120}, func() {
				a := tg.deaf().preface(tt.settings...)
				if tt.update {
					_ = a.WriteWindowUpdate(0, 1<<30)
				}
				for range 400_000 {
					tt.send(a)
					if a.w.Buffered() > 8<<10 && !a.flush() {
						break
					}
				}
				a.flush()
			})
		})
	}
}

// TestNegativeWindows shrinks the windows of streams that have sent already, below zero, and opens them again: the rest
// comes.
func TestNegativeWindows(t *testing.T) { //nolint:paralleltest // memory is the process's
	tg := newTarget(t)
	a := tg.attack().start(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 30_000})
	id := a.open(a.head(unaryPath), false)
	// field 2, response_size: 100,000
	msg := []byte{0x10, 0xa0, 0x8d, 0x06}
	_ = a.WriteData(id, true, append([]byte{0, 0, 0, 0, byte(len(msg))}, msg...))
	a.flush()
	received := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.data
	}
	eventually(t, "a window's worth", func() bool { return received() == 30_000 })
	_ = a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}) // 30,000 below zero
	_ = a.WriteWindowUpdate(id, 30_000)                                            // at zero
	a.alive()
	if got := received(); got != 30_000 {
		t.Errorf("got %d bytes, want no more than before", got)
	}
	_ = a.WriteWindowUpdate(0, 1<<20)
	_ = a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	a.flush()
	eventually(t, "the rest", func() bool { return received() > 100_000 })
	a.alive()
}

// TestWindowOverflow opens windows beyond what they can be (RFC 9113, section 6.9.1).
func TestWindowOverflow(t *testing.T) { //nolint:paralleltest // memory is the process's
	tg := newTarget(t)
	a := tg.attack().start()
	id := a.open(a.head(duplexPath), false)
	_ = a.WriteWindowUpdate(id, 1<<31-1)
	a.flush()
	a.reset(id, http2.ErrCodeFlowControl)
	a.alive()
	for range 2 {
		_ = a.WriteWindowUpdate(0, 1<<31-1)
	}
	a.flush()
	a.sentAway(http2.ErrCodeFlowControl, "window")

	a = tg.attack().start()
	id = a.open(a.head(duplexPath), false)
	_ = a.WriteWindowUpdate(id, 1<<30)
	_ = a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
	a.flush()
	a.sentAway(http2.ErrCodeFlowControl, "SETTINGS_INITIAL_WINDOW_SIZE")
	tg.answers()
}

// TestMoreThanTheWindow sends more than the server's windows allow, to handlers that do not read: a stream's ends that
// stream, and the connection's, which is not opened again while so much is held, ends the connection.
func TestMoreThanTheWindow(t *testing.T) { //nolint:paralleltest // memory is the process's
	tg := newTarget(t, preset.ServerHTTP2(web.QueuedBytes(1<<20)))
	part := make([]byte, 16<<10)
	const streamWindow, connWindow = 256 << 10, 16 << 20
	tg.during(bounds{heap: 40, goroutines: 120}, func() {
		a := tg.attack().start()
		id := a.open(a.head(inputPath), false)
		for range streamWindow/len(part) + 1 {
			_ = a.WriteData(id, false, part)
		}
		a.flush()
		a.reset(id, http2.ErrCodeFlowControl)
		for range connWindow / streamWindow {
			id := a.open(a.head(inputPath), false)
			a.flood(streamWindow/len(part), func() { _ = a.WriteData(id, false, part) })
		}
		a.sentAway(http2.ErrCodeFlowControl, "connection's window")
	})
	tg.eventually("that nothing of it is under way", func() bool { return tg.Stats().Calls == 0 })
}

// TestRequestsWithoutAnEnd opens as many calls as there may be and sends less than they take: they end by their
// deadlines or, without one, by the server's limit, and the connection has room for the next call.
func TestRequestsWithoutAnEnd(t *testing.T) { //nolint:paralleltest // memory is the process's
	const streams = 1000
	half := []byte{0, 0, 0, 0, 9, 10}
	for _, tt := range []struct {
		name string
		path string
		head []string
		body []byte
		slow bool
	}{
		{"unary, deadline", unaryPath, []string{"grpc-timeout", "200m"}, half, false},
		{"unary, deadline, no body", unaryPath, []string{"grpc-timeout", "200m"}, nil, false},
		{"unary", unaryPath, nil, half, true},
		{"server stream, deadline", outputPath, []string{"grpc-timeout", "200m"}, half, false},
		{"server stream", outputPath, nil, half, true},
		{"two-way stream, deadline", duplexPath, []string{"grpc-timeout", "200m"}, half, false},
		{"two-way stream", duplexPath, nil, half, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tg := newTarget(t, server.MessageTimeout(300*time.Millisecond))
			tg.during(bounds{heap: 24, goroutines: 40}, func() {
				a := tg.attack().start()
				for range streams {
					id := a.open(a.head(tt.path, tt.head...), false)
					if tt.body != nil {
						_ = a.WriteData(id, false, tt.body)
					}
				}
				a.flush()
				eventually(t, "an end of each call", func() bool {
					a.mu.Lock()
					defer a.mu.Unlock()
					return len(a.ended) == streams
				})
				id := a.call(unaryPath)
				a.flush()
				eventually(t, "an answer to another call", func() bool {
					a.mu.Lock()
					defer a.mu.Unlock()
					return a.ended[id]
				})
			})
			if got := tg.Stats().Guard[protocol.SlowMessage]; (got == streams) != tt.slow {
				t.Errorf("got %d slow messages, want %d: %v", got, streams, tt.slow)
			}
			tg.eventually("that no call is under way", func() bool { return tg.Stats().Calls == 0 })
		})
	}
}

// TestResponsesThatNobodyTakes makes calls whose responses find no window: they are given up.
func TestResponsesThatNobodyTakes(t *testing.T) { //nolint:paralleltest // memory is the process's
	const streams = 1000
	tg := newTarget(t, server.MessageTimeout(300*time.Millisecond))
	tg.during(bounds{heap: 24, goroutines: 40}, func() {
		a := tg.attack().start(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		for range streams {
			a.call(unaryPath)
		}
		a.flush()
		eventually(t, "a reset of each stream", func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return len(a.resets) == streams
		})
		a.reset(1, http2.ErrCodeCancel)
	})
	tg.counted(protocol.SlowMessage)
}
