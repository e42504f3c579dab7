package attack_test

import (
	"testing"

	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"golang.org/x/net/http2"
)

// million is how often a flood would like to do its worst.
const million = 1_000_000

// TestFloods sends frames of one kind for as long as the server lets it, and wants to be sent away with the reason.
func TestFloods(t *testing.T) { //nolint:paralleltest // memory is the process's
	for _, f := range []struct {
		name   string
		opts   []server.Option
		reason string
		count  protocol.Abuse
		// begin returns what is repeated.
		begin func(a *attacker) func()
	}{
		{
			"settings", nil, "flood of SETTINGS", protocol.FloodSettings,
			func(a *attacker) func() { return func() { _ = a.WriteSettings() } },
		},
		{
			"settings acknowledgements", nil, "flood of SETTINGS", protocol.FloodSettings,
			func(a *attacker) func() { return func() { _ = a.WriteSettingsAck() } },
		},
		{
			"window changes with many streams", nil, "flood of SETTINGS", protocol.FloodSettings,
			func(a *attacker) func() {
				for range 900 {
					a.open(a.head(duplexPath), false)
				}
				var settings []http2.Setting
				for i := range uint32(2000) {
					settings = append(settings, http2.Setting{ID: http2.SettingInitialWindowSize, Val: i % 7})
				}
				return func() {
					settings[len(settings)-1].Val++
					_ = a.WriteSettings(settings...)
				}
			},
		},
		{
			"table sizes", nil, "flood of SETTINGS", protocol.FloodSettings,
			func(a *attacker) func() {
				size := uint32(0)
				return func() {
					size = 4096 - size
					_ = a.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: size})
				}
			},
		},
		{
			"ping under the policy", nil, "too_many_pings", protocol.TooManyPings,
			func(a *attacker) func() { return func() { _ = a.WritePing(false, [8]byte{}) } },
		},
		{
			"ping", []server.Option{preset.ServerHTTP2(web.PingPolicy(0, true))}, "flood of PING", protocol.FloodPing,
			func(a *attacker) func() { return func() { _ = a.WritePing(false, [8]byte{}) } },
		},
		{
			"ping acknowledgements", nil, "flood of PING", protocol.FloodPing,
			func(a *attacker) func() { return func() { _ = a.WritePing(true, [8]byte{}) } },
		},
		{
			"priority", nil, "flood of PRIORITY", protocol.FloodPriority,
			func(a *attacker) func() { return func() { _ = a.WritePriority(1, http2.PriorityParam{Weight: 1}) } },
		},
		{
			"window updates of the connection", nil, "flood of WINDOW_UPDATE", protocol.FloodWindowUpdate,
			func(a *attacker) func() { return func() { _ = a.WriteWindowUpdate(0, 1) } },
		},
		{
			"window updates of a stream", nil, "flood of WINDOW_UPDATE", protocol.FloodWindowUpdate,
			func(a *attacker) func() {
				id := a.open(a.head(duplexPath), false)
				return func() { _ = a.WriteWindowUpdate(id, 1) }
			},
		},
		{
			"empty data", nil, "flood of empty DATA", protocol.FloodData,
			func(a *attacker) func() {
				id := a.open(a.head(duplexPath), false)
				return func() { _ = a.WriteData(id, false, nil) }
			},
		},
		{
			"data of padding alone", nil, "flood of empty DATA", protocol.FloodData,
			func(a *attacker) func() {
				id := a.open(a.head(duplexPath), false)
				pad := make([]byte, 16)
				return func() { _ = a.WriteDataPadded(id, false, nil, pad) }
			},
		},
		{
			"reset of a stream that is over", nil, "flood of RST_STREAM", protocol.FloodReset,
			func(a *attacker) func() {
				id := a.open(a.head(duplexPath), false)
				return func() { _ = a.WriteRSTStream(id, http2.ErrCodeCancel) }
			},
		},
		{
			"trailers of a stream that was reset", nil, "flood of HEADERS", protocol.FloodHeaders,
			func(a *attacker) func() {
				id := a.open(a.head(duplexPath), false)
				_ = a.WriteWindowUpdate(id, 0) // resets it
				return func() {
					_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndStream: true, EndHeaders: true})
				}
			},
		},
		{
			"headers without a field", nil, "flood of streams that had to be reset", protocol.FloodProvoked,
			func(a *attacker) func() { return func() { a.open(nil, true) } },
		},
		{
			"small continuations", []server.Option{preset.ServerHTTP2(web.ControlBudget(1000))},
			"flood of CONTINUATION", protocol.FloodContinuation,
			func(a *attacker) func() {
				_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1})
				return func() { _ = a.WriteContinuation(1, false, []byte{0x82}) }
			},
		},
		{
			"empty continuations", nil, "does not come to an end", protocol.FloodContinuation,
			func(a *attacker) func() {
				_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1})
				return func() { _ = a.WriteContinuation(1, false, nil) }
			},
		},
		{
			"long continuations", nil, "does not come to an end", protocol.FloodContinuation,
			func(a *attacker) func() {
				_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1})
				part := make([]byte, 16<<10)
				return func() { _ = a.WriteContinuation(1, false, part) }
			},
		},
		{
			"unknown frames", nil, "unknown frames", protocol.FloodUnknown,
			func(a *attacker) func() { return func() { _ = a.WriteRawFrame(0xfa, 0, 0, nil) } },
		},
		{
			"goaway", nil, "flood of GOAWAY", protocol.FloodUnknown,
			func(a *attacker) func() { return func() { _ = a.WriteGoAway(0, 0, nil) } },
		},
	} {
		t.Run(f.name, func(t *testing.T) {
			tg := newTarget(t, f.opts...)
			tg.during(bounds{heap: 16, goroutines: 20}, func() {
				a := tg.attack().start()
				a.flood(million, f.begin(a))
				a.sentAway(http2.ErrCodeEnhanceYourCalm, f.reason)
			})
			tg.counted(f.count)
		})
	}
}

// TestRapidReset opens streams and resets them at once (CVE-2023-44487): with a handler that notices and with one that
// does not, of which no more than MaxStreams may run.
func TestRapidReset(t *testing.T) { //nolint:paralleltest // memory is the process's
	const streams = 50
	for _, path := range []string{duplexPath, stubbornPath} {
		t.Run(path, func(t *testing.T) {
			tg := newTarget(t, server.MaxStreams(streams))
			// A handler that ignores its context stays until it is released, so does its goroutine.
			tg.during(bounds{heap: 16, goroutines: streams + 20}, func() {
				a := tg.attack().start()
				a.flood(million, func() {
					_ = a.WriteRSTStream(a.call(path), http2.ErrCodeCancel)
				})
				a.sentAway(http2.ErrCodeEnhanceYourCalm, "flood of")
			})
			if got := tg.svc.most.Load(); got > streams {
				t.Errorf("got %d handlers at a time, want %d at most", got, streams)
			}
			close(tg.svc.release)
			tg.eventually("that all handlers return", func() bool { return tg.svc.running.Load() == 0 })
		})
	}
}

// TestResetWithinReason resets streams at a pace that a client with short deadlines has, between calls that are
// answered: it is not sent away.
func TestResetWithinReason(t *testing.T) { //nolint:paralleltest // memory is the process's
	tg := newTarget(t)
	a := tg.attack().start()
	for range 100 {
		for range 100 {
			a.call(unaryPath)
			_ = a.WriteRSTStream(a.open(a.head(duplexPath), false), http2.ErrCodeCancel)
		}
		a.alive()
	}
}

// TestMadeYouReset has the server reset streams whose handlers run (CVE-2025-8671): by frames that are malformed on an
// open stream, of all the kinds that are answered by a reset.
func TestMadeYouReset(t *testing.T) { //nolint:paralleltest // memory is the process's
	const streams = 50
	for _, p := range []struct {
		name    string
		provoke func(a *attacker, id uint32)
	}{
		{"window update of 0", func(a *attacker, id uint32) { _ = a.WriteRawFrame(8, 0, id, make([]byte, 4)) }},
		{"window overflow", func(a *attacker, id uint32) { _ = a.WriteWindowUpdate(id, 1<<31-1) }},
		{"priority of itself", func(a *attacker, id uint32) {
			_ = a.WritePriority(id, http2.PriorityParam{StreamDep: id})
		}},
		{"priority of the wrong length", func(a *attacker, id uint32) { _ = a.WriteRawFrame(2, 0, id, make([]byte, 4)) }},
		{"data after the end", func(a *attacker, id uint32) { _ = a.WriteData(id, false, []byte{0}) }},
	} {
		t.Run(p.name, func(t *testing.T) {
			tg := newTarget(t, server.MaxStreams(streams))
			tg.during(bounds{heap: 16, goroutines: streams + 20}, func() {
				a := tg.attack().start()
				a.flood(million, func() { p.provoke(a, a.call(stubbornPath)) })
				a.sentAway(http2.ErrCodeEnhanceYourCalm, "flood of")
			})
			if got := tg.svc.most.Load(); got > streams {
				t.Errorf("got %d handlers at a time, want %d at most", got, streams)
			}
			close(tg.svc.release)
			tg.eventually("that all handlers return", func() bool { return tg.svc.running.Load() == 0 })
		})
	}
}

// TestAbandonedStreams opens a million streams and does nothing with them.
func TestAbandonedStreams(t *testing.T) { //nolint:paralleltest // memory is the process's
	const streams = 100
	tg := newTarget(t, server.MaxStreams(streams))
	tg.during(bounds{heap: 16, goroutines: streams + 20}, func() {
		a := tg.attack().start()
		a.flood(million, func() { a.open(a.head(duplexPath), false) })
		a.sentAway(http2.ErrCodeEnhanceYourCalm, "flood of streams above the limit")
	})
	tg.counted(protocol.RefusedStream)
	tg.counted(protocol.FloodStreams)
	tg.eventually("that nothing of it is under way", func() bool { return tg.Stats().Calls == 0 })
}
