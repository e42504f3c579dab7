package server

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/transport"
)

// The tests of this file serve gRPC on synctest's clock.

func newHTTP2Kit(t *testing.T, h handlers, opts ...Option) *kit {
	t.Helper()
	return newKit(t, h, append(opts, Protocol(web.NewServer(grpc.NewServer())))...)
}

// hello connects, as a client of HTTP/2 that then says no more.
func (k *kit) hello(t *testing.T) transport.Conn {
	t.Helper()
	tc := k.raw(t)
	if err := tc.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")); err != nil {
		t.Fatal(err)
	}
	return tc
}

// until reads until the connection ends, and returns how long that took and the frame types that came.
func until(tc transport.Conn) (d time.Duration, frames string) {
	begun := time.Now()
	names := [...]string{"DATA", "HEADERS", "PRIORITY", "RST", "SETTINGS", "PUSH", "PING", "GOAWAY", "WINDOW", "CONT"}
	var seen []string
	for {
		b, err := tc.Peek(9)
		if err != nil {
			return time.Since(begun), strings.Join(seen, " ")
		}
		seen = append(seen, names[b[3]])
		n := 9 + (int(b[0])<<16 | int(b[1])<<8 | int(b[2]))
		if _, err := tc.Peek(n); err != nil {
			return time.Since(begun), strings.Join(seen, " ")
		}
		tc.Discard(n)
	}
}

// between says whether d is at least least, and longer by a tenth at most.
func between(d, least time.Duration) bool { return d >= least && d <= least+least/10+maxLook }

// maxLook is the longest time between two looks of a keeper.
const maxLook = time.Minute

// A client that is gone without a word is found, by default after two hours.
func TestKeepAliveFindsDeadClient(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts []Option
		want time.Duration // 0: never
	}{
		{"default", nil, 2*time.Hour + 20*time.Second},
		{"sooner", []Option{KeepAlive(time.Minute, time.Second)}, 61 * time.Second},
		{"never", []Option{KeepAlive(0, 0)}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newHTTP2Kit(t, handlers{}, tt.opts...)
				tc := k.hello(t)
				if tt.want == 0 {
					time.Sleep(24 * time.Hour)
					if got := k.Stats().Connections; got != 1 {
						t.Errorf("got %d connections, want 1", got)
					}
					tc.Close()
					return
				}
				took, frames := until(tc)
				if !between(took, tt.want) || !strings.HasSuffix(frames, "SETTINGS PING") {
					t.Errorf("it took %v, want %v, with %s", took, tt.want, frames)
				}
				synctest.Wait()
				if got := k.Stats().Connections; got != 0 {
					t.Errorf("got %d connections, want none", got)
				}
			})
		})
	}
}

// The calls of such a client are cancelled.
func TestKeepAliveCancelsCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cancelled := make(chan error, 1)
		k := newHTTP2Kit(t, handlers{Unary: func(ctx context.Context, _ *msg) (*msg, error) {
			<-ctx.Done()
			cancelled <- ctx.Err()
			return nil, ctx.Err()
		}}, KeepAlive(time.Minute, time.Second))
		tc := k.raw(t)
		m := &mutedConn{Conn: tc}
		conn, err := web.NewClient(grpc.NewClient()).NewConn(t.Context(), m, clientConfig)
		if err != nil {
			t.Fatal(err)
		}
		stub := k.desc.NewClient(protocoltest.NewDirect(t, web.NewClient(grpc.NewClient()), conn, clientConfig))
		begun := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := stub.Unary(t.Context(), &msg{})
			if fairlead.CodeOf(err) != fairlead.Unavailable {
				t.Errorf("the client got %v", err)
			}
		})
		synctest.Wait()
		m.mute()
		if err := <-cancelled; err != context.Canceled { //nolint:errorlint // that very error
			t.Errorf("got %v", err)
		}
		if took := time.Since(begun); !between(took, 61*time.Second) {
			t.Errorf("it took %v", took)
		}
		conn.Close(io.ErrUnexpectedEOF)
		wg.Wait()
	})
}

var clientConfig = &protocol.ClientConfig{
	Codec: protocoltest.Codec{}, RecvMessage: 1 << 20, SendMessage: 1 << 20, HeaderList: 1 << 16,
	Logger: quiet(), Authority: "echo",
}

// mutedConn is a connection whose writes go nowhere once it is muted.
type mutedConn struct {
	transport.Conn

	mu    sync.Mutex
	muted bool
}

func (c *mutedConn) mute() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.muted = true
}

func (c *mutedConn) Write(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.muted {
		return nil
	}
	return c.Conn.Write(b)
}

func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newHTTP2Kit(t, handlers{}, IdleTimeout(time.Minute))
		// The PING between the two GOAWAYs stays without an answer.
		took, frames := until(k.hello(t))
		if !between(took, time.Minute+5*time.Second) || !strings.HasSuffix(frames, "GOAWAY PING GOAWAY") {
			t.Errorf("it took %v with %s", took, frames)
		}
	})
}

// A connection that has grown old ends its calls in peace, but not for ever.
func TestMaxAge(t *testing.T) {
	t.Parallel()
	const age, grace = time.Hour, 20 * time.Minute
	tests := []struct {
		name string
		opt  Option
		call time.Duration // how long it takes
		code fairlead.Code
	}{
		{"ends within the grace", MaxAge(age, grace), 70 * time.Minute, fairlead.OK},
		{"goes on too long", MaxAge(age, grace), 3 * time.Hour, fairlead.Unavailable},
		{"no grace set", MaxAge(age, 0), 30 * time.Hour, fairlead.OK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newHTTP2Kit(t, handlers{Unary: func(ctx context.Context, m *msg) (*msg, error) {
					timer := time.NewTimer(tt.call)
					defer timer.Stop()
					select {
					case <-timer.C:
						return m, nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}}, tt.opt)
				conn, err := web.NewClient(grpc.NewClient()).NewConn(t.Context(), k.raw(t), clientConfig)
				if err != nil {
					t.Fatal(err)
				}
				stub := k.desc.NewClient(protocoltest.NewDirect(t, web.NewClient(grpc.NewClient()), conn, clientConfig))
				begun := time.Now()
				var drained time.Duration
				var wg sync.WaitGroup
				wg.Go(func() {
					<-conn.Closed()
					drained = time.Since(begun)
				})
				_, err = stub.Unary(t.Context(), &msg{})
				took := time.Since(begun)
				wg.Wait()
				if got := fairlead.CodeOf(err); got != tt.code {
					t.Errorf("got %v, want %v", err, tt.code)
				}
				if drained < age*9/10 || drained > age*11/10+maxLook {
					t.Errorf("drained after %v, want %v give or take a tenth", drained, age)
				}
				if tt.code != fairlead.OK && !between(took-drained, grace) {
					t.Errorf("cut %v after the drain, want %v", took-drained, grace)
				}
				<-conn.Done()
			})
		})
	}
}

func TestAliveOptions(t *testing.T) {
	t.Parallel()
	desc := protocoltest.NewEcho("test.Echo")
	for _, tt := range []struct {
		opt  Option
		want string
	}{
		{KeepAlive(0, 0), ""},
		{KeepAlive(0, -1), "KeepAlive"},
		{KeepAlive(time.Second, time.Millisecond), ""},
		{KeepAlive(time.Millisecond, time.Second), "KeepAlive: the interval 1ms"},
		{KeepAlive(-time.Hour, time.Second), "KeepAlive"},
		{KeepAlive(time.Hour, 0), "KeepAlive: the timeout 0s"},
		{IdleTimeout(-1), "IdleTimeout"},
		{MaxAge(-1, 0), "MaxAge"},
		{MaxAge(time.Hour, -1), "MaxAge"},
		{MaxAge(0, time.Hour), "MaxAge"},
		{MaxAge(time.Hour, 0), ""},
	} {
		_, err := New(Service(desc.Implement(handlers{})), Protocol(protocoltest.NewFrameServer()),
			Codec(protocoltest.Codec{}), Logger(quiet()), tt.opt)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}
