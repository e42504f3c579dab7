package peer

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// fake answers without a network, after a delay.
type fake struct {
	delay time.Duration
	err   error
}

func (f *fake) Caller(string) Caller { return f }
func (f *fake) Close() error         { return nil }

func (f *fake) Unary(ctx context.Context) error {
	if f.err != nil {
		return f.err
	}
	return wait(ctx, f.delay)
}

func (f *fake) Receive(ctx context.Context, n int, got *atomic.Int64) error {
	got.Add(int64(n))
	return f.Unary(ctx)
}

func (f *fake) Send(ctx context.Context, n int, sent *atomic.Int64) error {
	return f.Receive(ctx, n, sent)
}

func (f *fake) Chat(context.Context) (Chat, error) { return fakeChat{f}, nil }

type fakeChat struct{ f *fake }

func (c fakeChat) Turn() error { return c.f.Unary(context.Background()) }
func (fakeChat) Close() error  { return nil }

// loadOf runs a load against an admin address of this process's own.
func loadOf(t *testing.T, f *fake, args ...string) (*Result, error) {
	t.Helper()
	admin, stop, err := startAdmin(t.Context(), "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	stdin, hold := io.Pipe()
	defer hold.Close()
	var out bytes.Buffer
	args = append([]string{"-addr", "none", "-admin", admin, "-duration", "100ms", "-warmup", "10ms"}, args...)
	err = runLoad(func(context.Context, *DialConfig) (Channel, error) { return f, nil }, args, stdin, &out)
	if out.Len() == 0 {
		return nil, err
	}
	r := new(Result)
	if err := json.Unmarshal(out.Bytes(), r); err != nil {
		t.Fatal(err)
	}
	return r, err
}

func TestLoadModes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{Unary, ServerStream, ClientStream, Bidi} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r, err := loadOf(t, &fake{delay: time.Millisecond}, "-mode", mode, "-callers", "4")
			if err != nil {
				t.Fatal(err)
			}
			if r.Mode != mode || r.Calls == 0 || r.CallsPerSecond <= 0 || r.Errors != 0 {
				t.Errorf("%+v", r)
			}
			if latency := mode == Unary || mode == Bidi; latency != (r.P50 >= 1000) {
				t.Errorf("p50 = %v µs of calls that take 1 ms, in mode %s", r.P50, mode)
			}
		})
	}
}

// TestOpenLoopCorrects has one caller that takes 5 ms a call get 1,000 calls a second: the calls wait longer and
// longer, and that must show, since a caller in a closed loop would report 5 ms.
func TestOpenLoopCorrects(t *testing.T) {
	t.Parallel()
	r, err := loadOf(t, &fake{delay: 5 * time.Millisecond}, "-mode", OpenLoop, "-rate", "1000", "-callers", "1")
	if err != nil {
		t.Fatal(err)
	}
	if r.P99 < 20_000 {
		t.Errorf("p99 = %v µs, want the time that calls waited for the one caller as well", r.P99)
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	r, err := loadOf(t, &fake{}, "-mode", Idle, "-conns", "10")
	if err != nil {
		t.Fatal(err)
	}
	if r.Calls != 10 {
		t.Errorf("%d connections, want 10", r.Calls)
	}
}

func TestErrorsFailTheRun(t *testing.T) {
	t.Parallel()
	broken := &fake{err: errors.New("broken")}
	for _, mode := range []string{Unary, OpenLoop, Idle} {
		if _, err := loadOf(t, broken, "-mode", mode, "-rate", "1000", "-conns", "2"); err == nil {
			t.Errorf("mode %s: no error", mode)
		} else if !strings.Contains(err.Error(), "broken") {
			t.Errorf("mode %s: %v", mode, err)
		}
	}
	r, err := loadOf(t, &fake{err: errors.New("broken"), delay: time.Millisecond}, "-callers", "1", "-allow-errors")
	if err != nil {
		t.Fatal(err)
	}
	if r.Errors == 0 || r.FirstError != "broken" || r.Calls != 0 {
		t.Errorf("%+v", r)
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
	}{
		{"mode", []string{"-mode", "other"}},
		{"conns", []string{"-conns", "0"}},
		{"slow callers", []string{"-callers", "3", "-slow-callers", "3"}},
		{"rate", []string{"-mode", OpenLoop}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := loadOf(t, &fake{}, tt.args...); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestAct(t *testing.T) {
	t.Parallel()
	tests := []struct {
		action string
		least  time.Duration
		bad    bool
	}{
		{"", 0, false},
		{"sleep2ms", 2 * time.Millisecond, false},
		{"spin500us", 500 * time.Microsecond, false},
		{"sleep", 0, true},
		{"spinning", 0, true},
		{"dance", 0, true},
	}
	for _, tt := range tests {
		start := time.Now()
		if err := Act(t.Context(), tt.action); (err != nil) != tt.bad {
			t.Errorf("Act(%q) = %v, want an error: %v", tt.action, err, tt.bad)
		}
		if took := time.Since(start); took < tt.least {
			t.Errorf("Act(%q) took %v, want at least %v", tt.action, took, tt.least)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Act(ctx, "sleep1h"); !errors.Is(err, context.Canceled) {
		t.Errorf("sleeping in an ended context: %v", err)
	}
	if n, err := Count(Times(12)); n != 12 || err != nil {
		t.Errorf("Count(Times(12)) = %d, %v", n, err)
	}
}

// listener is a Server that completes handshakes and does nothing more.
type listener struct{ net.Listener }

func (l listener) Addr() string               { return l.Listener.Addr().String() }
func (l listener) Stop(context.Context) error { return l.Close() }

func (l listener) run() {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		if t, ok := c.(*tls.Conn); ok {
			_ = t.Handshake()
		}
		_ = c.Close()
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	stdin, hold := io.Pipe()
	out, stdout := io.Pipe()
	ended := make(chan error, 1)
	start := func(_ context.Context, cfg ServerConfig) (Server, error) {
		l, err := tls.Listen("tcp", cfg.Addr, cfg.TLS)
		if err != nil {
			return nil, err
		}
		go listener{l}.run()
		return listener{l}, nil
	}
	go func() { ended <- serve(start, []string{"-tls"}, stdin, stdout) }()
	var ready Ready
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		t.Fatal(err)
	}
	stats, err := fetchStats(t.Context(), ready.Admin, true)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Goroutines == 0 || stats.Mallocs == 0 || stats.Collections == 0 {
		t.Errorf("stats are empty: %+v", stats)
	}
	cert, err := fetch(t.Context(), ready.Admin, "/cert")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := trust(cert)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(t.Context(), "tcp", ready.Addr)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	_ = hold.Close()
	if err := <-ended; err != nil {
		t.Errorf("after its standard input had ended: %v", err)
	}
}

func ExampleTimes() {
	fmt.Println(Times(3))
	// Output: 3
}
