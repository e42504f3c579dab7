package attack_test

import (
	"bytes"
	"context"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// hostile is a server that attacks its clients: f gets each connection, whose preface and SETTINGS were exchanged.
func hostile(t *testing.T, f func(a *attacker), settings ...http2.Setting) (addr string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			preface := make([]byte, len(http2.ClientPreface))
			if _, err := nc.Read(preface); err != nil || string(preface) != http2.ClientPreface {
				_ = nc.Close()
				continue
			}
			a := newAttacker(t, nc)
			_ = a.WriteSettings(settings...)
			a.flush()
			go a.read()
			f(a)
			<-a.closed
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

// awaitCall waits for the first request.
func (a *attacker) awaitCall() {
	eventually(a.t, "a call", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		_, ok := a.ended[1]
		return ok || a.dead()
	})
}

// TestHostileServers has servers flood a client: its call fails, it takes no more than it may, and another server's
// answers come.
func TestHostileServers(t *testing.T) { //nolint:paralleltest // memory is the process's
	for _, tt := range []struct {
		name  string
		count protocol.Abuse
		flood func(a *attacker)
	}{
		{"ping", protocol.FloodPing, func(a *attacker) { _ = a.WritePing(false, [8]byte{}) }},
		{"settings", protocol.FloodSettings, func(a *attacker) { _ = a.WriteSettings() }},
		{"window updates", protocol.FloodWindowUpdate, func(a *attacker) { _ = a.WriteWindowUpdate(0, 1) }},
		{"priority", protocol.FloodPriority, func(a *attacker) { _ = a.WritePriority(1, http2.PriorityParam{Weight: 1}) }},
		{"unknown frames", protocol.FloodUnknown, func(a *attacker) { _ = a.WriteRawFrame(0xfa, 0, 0, nil) }},
		{"interim responses", protocol.FloodHeaders, func(a *attacker) {
			_ = a.WriteHeaders(http2.HeadersFrameParam{
				StreamID: 1, EndHeaders: true, BlockFragment: a.block(":status", "103"),
			})
		}},
		{"empty data", protocol.FloodData, func(a *attacker) { _ = a.WriteData(1, false, nil) }},
		{"push", protocol.ConnectionError, func(a *attacker) {
			_ = a.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true})
		}},
		{"compression", protocol.ConnectionError, func(a *attacker) {
			_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: []byte{0x80}})
		}},
		{"streams of its own", protocol.ConnectionError, func(a *attacker) {
			_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 2, EndHeaders: true, BlockFragment: a.block(":status", "200")})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := hostile(t, func(a *attacker) {
				a.awaitCall()
				if tt.name == "empty data" {
					_ = a.WriteHeaders(http2.HeadersFrameParam{
						StreamID: 1, EndHeaders: true, BlockFragment: a.block(":status", "200", "content-type", "application/grpc"),
					})
				}
				a.flood(million, func() { tt.flood(a) })
			})
			tg := newTarget(t)
			c, victim := newGoodClient(t, addr)
			tg.during(bounds{heap: 16, goroutines: 20}, func() {
				ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(patience))
				defer cancel()
				_, err := victim.UnaryCall(ctx, &testpb.SimpleRequest{})
				if got := status.Code(err); got == codes.OK || got == codes.DeadlineExceeded {
					t.Errorf("got %v, want that the connection ends", err)
				}
			})
			if c.Stats().Guard[tt.count] == 0 {
				t.Errorf("got no %v counted: %v", tt.count, c.Stats().Guard)
			}
			_ = c.Close()
		})
	}
}

// TestHostileResponses sends a client responses that are too much, or malformed: the call fails and the client goes on.
func TestHostileResponses(t *testing.T) { //nolint:paralleltest // memory is the process's
	ok := []string{":status", "200", "content-type", "application/grpc"}
	for _, tt := range []struct {
		name    string
		respond func(a *attacker)
	}{
		{"header list", func(a *attacker) {
			_ = a.WriteHeaders(http2.HeadersFrameParam{
				StreamID: 1, BlockFragment: a.block(append(ok, "x-bomb", strings.Repeat("b", 3900))...), EndHeaders: true,
			})
			_ = a.WriteHeaders(http2.HeadersFrameParam{
				StreamID: 1, BlockFragment: bytes.Repeat([]byte{0x80 | 62}, 12<<10), EndHeaders: true, EndStream: true,
			})
		}},
		{"length that lies", func(a *attacker) {
			_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: a.block(ok...), EndHeaders: true})
			_ = a.WriteData(1, false, []byte{0, 0xff, 0xff, 0xff, 0xff})
		}},
		{"content-length that lies", func(a *attacker) {
			_ = a.WriteHeaders(http2.HeadersFrameParam{
				StreamID: 1, BlockFragment: a.block(append(ok, "content-length", "7")...), EndHeaders: true,
			})
			_ = a.WriteData(1, true, make([]byte, 5))
		}},
		{"malformed field", func(a *attacker) {
			_ = a.WriteHeaders(http2.HeadersFrameParam{
				StreamID: 1, BlockFragment: a.block(append(ok, "x-v", "a\r\nb")...), EndHeaders: true,
			})
		}},
		{"connection field", func(a *attacker) {
			_ = a.WriteHeaders(http2.HeadersFrameParam{
				StreamID: 1, BlockFragment: a.block(append(ok, "connection", "x")...), EndHeaders: true,
			})
		}},
		{"request's pseudo-field", func(a *attacker) {
			_ = a.WriteHeaders(http2.HeadersFrameParam{
				StreamID: 1, BlockFragment: a.block(":path", "/"), EndHeaders: true,
			})
		}},
		{"data before headers", func(a *attacker) { _ = a.WriteData(1, true, make([]byte, 5)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := hostile(t, func(a *attacker) {
				a.awaitCall()
				tt.respond(a)
				a.alive()
			})
			before := heap()
			c, victim := newGoodClient(t, addr)
			ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(patience))
			defer cancel()
			_, err := victim.UnaryCall(ctx, &testpb.SimpleRequest{})
			if got := status.Code(err); got == codes.OK || got == codes.DeadlineExceeded {
				t.Errorf("got %v, want an error at once", err)
			}
			if grown := (max(heap(), before) - before) >> 20; grown > 8 {
				t.Errorf("got %d MiB more of heap", grown)
			}
			_ = c.Close()
		})
	}
}

// TestServerThatSaysNothing accepts and is silent: the call ends with its deadline and nothing stays.
func TestServerThatSaysNothing(t *testing.T) { //nolint:paralleltest // goroutines are the process's
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	before := runtime.NumGoroutine()
	c, victim := newGoodClient(t, l.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := victim.UnaryCall(ctx, &testpb.SimpleRequest{}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
	_ = c.Close()
	eventually(t, "that no goroutine is left", func() bool { return runtime.NumGoroutine() <= before })
}

// TestWhyACallEnded: what a server said when it cut a call off is in the call's error, by name.
func TestWhyACallEnded(t *testing.T) { //nolint:paralleltest // as the others
	for _, tt := range []struct {
		name string
		do   func(a *attacker)
		code codes.Code
		text string
	}{
		{"reset", func(a *attacker) { _ = a.WriteRSTStream(1, http2.ErrCodeInternal) }, codes.Internal, "INTERNAL_ERROR"},
		{"reset to calm", func(a *attacker) { _ = a.WriteRSTStream(1, http2.ErrCodeEnhanceYourCalm) },
			codes.ResourceExhausted, "ENHANCE_YOUR_CALM"},
		{"goaway and the end", func(a *attacker) {
			_ = a.WriteGoAway(1, http2.ErrCodeInternal, []byte("out of order"))
			a.flush()
			_ = a.nc.Close()
		}, codes.Unavailable, `GOAWAY with INTERNAL_ERROR: "out of order"`},
		{"goaway without a word and the end", func(a *attacker) {
			_ = a.WriteGoAway(1, http2.ErrCodeNo, nil)
			a.flush()
			_ = a.nc.Close()
		}, codes.Unavailable, "GOAWAY with NO_ERROR: then it closed the connection"},
		{"the end", func(a *attacker) { _ = a.nc.Close() }, codes.Unavailable, "the connection was lost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr := hostile(t, func(a *attacker) {
				a.awaitCall()
				tt.do(a)
				a.flush()
			})
			_, good := newGoodClient(t, addr)
			ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(patience))
			defer cancel()
			_, err := good.UnaryCall(ctx, &testpb.SimpleRequest{})
			if got := status.Convert(err); got.Code() != tt.code || !strings.Contains(got.Message(), tt.text) {
				t.Errorf("got %v, want %v and %q", err, tt.code, tt.text)
			}
		})
	}
}

// TestServerThatAllowsNoCalls: SETTINGS_MAX_CONCURRENT_STREAMS may be 0 for a while. The client waits on the connection
// that it has.
func TestServerThatAllowsNoCalls(t *testing.T) { //nolint:paralleltest // as the others
	var connections atomic.Int32
	allow := make(chan struct{})
	addr := hostile(t, func(a *attacker) {
		connections.Add(1)
		<-allow
		_ = a.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1})
		a.flush()
		a.awaitCall()
		_ = a.WriteHeaders(http2.HeadersFrameParam{
			StreamID: 1, EndHeaders: true, EndStream: true,
			BlockFragment: a.block(":status", "200", "content-type", "application/grpc", "grpc-status", "5"),
		})
		a.flush()
	}, http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 0})
	c, good := newGoodClient(t, addr)
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(patience))
	defer cancel()
	answered := make(chan error, 1)
	go func() {
		_, err := good.UnaryCall(ctx, &testpb.SimpleRequest{})
		answered <- err
	}()
	eventually(t, "a call in line", func() bool {
		in := c.Stats().Instances
		return len(in) == 1 && in[0].Waiting == 1
	})
	close(allow)
	if err := <-answered; status.Code(err) != codes.NotFound {
		t.Errorf("got %v, want the server's %v", err, codes.NotFound)
	}
	if got := connections.Load(); got != 1 {
		t.Errorf("got %d connections, want 1", got)
	}
}
