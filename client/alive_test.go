package client

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
	"github.com/fairlead-go/fairlead/transport/std"
)

// The tests of this file call over HTTP/2, most of them on synctest's clock.

// counted is a dialer that counts.
type counted struct {
	transport.Dialer

	n atomic.Int32
}

func (d *counted) Dial(ctx context.Context, t transport.Target) (transport.Conn, error) {
	d.n.Add(1)
	return d.Dialer.Dial(ctx, t)
}

// http2Client makes a client of the server at "a".
func http2Client(t *testing.T, n *inproc.Network, more ...Option) (*protocoltest.EchoClient, *Client, *counted) {
	t.Helper()
	d := &counted{Dialer: n}
	opts := append([]Option{Protocol(web.NewClient(grpc.NewClient())), Dialer(d)}, more...)
	c := wireClient(t, n, []string{"a"}, opts...)
	return service.NewClient(c), c, d
}

func serveHTTP2(t *testing.T, n *inproc.Network, h protocoltest.Handlers, opts ...server.Option) {
	t.Helper()
	serveAs(t, n, "a", h, opts...)
}

func serveAs(t *testing.T, n *inproc.Network, addr string, h protocoltest.Handlers, opts ...server.Option) {
	t.Helper()
	serveAt(t, n, addr, h, append([]server.Option{server.Protocol(web.NewServer(grpc.NewServer()))}, opts...)...)
}

// waiting holds calls until their context ends.
func waiting(ctx context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
	if m.Text == "wait" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return m, nil
}

// serveMute accepts connections at "a" on which it says hello and then nothing, as a server that has lost its network.
func serveMute(t *testing.T, n *inproc.Network) {
	t.Helper()
	l, err := n.Listen(t.Context(), transport.Target{Addr: "a"})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			tc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer tc.Close()
				_ = tc.Write([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0}) // SETTINGS
				for {
					b, err := tc.Peek(1)
					if err != nil {
						return
					}
					tc.Discard(len(b))
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
}

func TestKeepAliveFindsDeadServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := inproc.New()
		serveMute(t, n)
		stub, c, dials := http2Client(t, n, KeepAlive(10*time.Second, 5*time.Second, false))
		defer c.Close()
		for i := range int32(2) { // after a third it would pass for a server that cannot be reached
			begun := time.Now()
			_, err := stub.Unary(t.Context(), &protocoltest.Msg{})
			wantError(t, err, fairlead.Unavailable, fairlead.Unknowable, "keepalive", "10s", "PING within 5s")
			if took := time.Since(begun); took < 15*time.Second || took > 17*time.Second {
				t.Errorf("it took %v, want 15s", took)
			}
			if got := dials.n.Load(); got != i+1 {
				t.Errorf("got %d connections for %d calls", got, i+1)
			}
		}
		s, err := stub.Scatter(t.Context(), &protocoltest.Msg{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Recv()
		wantError(t, err, fairlead.Unavailable, fairlead.Unknowable, "keepalive")
	})
}

// Without KeepAlive, and with it but without calls, nobody finds out.
func TestNoKeepAlive(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts []Option
		call bool
	}{
		{"default", nil, true},
		{"no calls", []Option{KeepAlive(10*time.Second, time.Second, false), IdleTimeout(0)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := inproc.New()
				serveMute(t, n)
				stub, c, dials := http2Client(t, n, tt.opts...)
				defer c.Close()
				if err := c.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				if tt.call {
					begun := time.Now()
					_, err := stub.Unary(t.Context(), &protocoltest.Msg{}, fairlead.WithTimeout(time.Hour))
					wantError(t, err, fairlead.DeadlineExceeded, fairlead.Unknowable)
					if took := time.Since(begun); took != time.Hour {
						t.Errorf("the call took %v", took)
					}
				} else {
					time.Sleep(24 * time.Hour)
				}
				if got := c.Stats().Instances[0].Connections; got != 1 || dials.n.Load() != 1 {
					t.Errorf("got %d connections of %d that were made, want 1 of 1", got, dials.n.Load())
				}
			})
		})
	}
}

// A server that has too many PINGs says so until the client has come to send few enough, and the client remembers.
func TestTooManyPings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		idle   bool
		open   bool // a call is under way all the time
		policy []web.ServerOption
		calls  int // seven hours apart
		dials  int32
	}{
		// 10 s become 320 s, which is more than the five minutes that the server wants.
		{"in a call", false, true, nil, 0, 6},
		// 10 s become 2 h 50 min, more than the two hours.
		{"without calls", true, false, nil, 14, 11},
		{"allowed", true, false, []web.ServerOption{web.PingPolicy(10*time.Second, true)}, 2, 1},
		{"turned off", true, false, []web.ServerOption{web.PingPolicy(0, false)}, 2, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := inproc.New()
				serveHTTP2(t, n, protocoltest.Handlers{Unary: waiting},
					server.Protocol(web.NewServer(grpc.NewServer(), tt.policy...)))
				stub, c, dials := http2Client(t, n, KeepAlive(10*time.Second, 5*time.Second, tt.idle), IdleTimeout(0))
				defer c.Close()
				if tt.open {
					ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
					defer cancel()
					for ctx.Err() == nil {
						_, err := stub.Unary(ctx, &protocoltest.Msg{Text: "wait"})
						if code := fairlead.CodeOf(err); code != fairlead.Unavailable && code != fairlead.DeadlineExceeded {
							t.Errorf("got %v", err)
						}
					}
				} else {
					for range tt.calls {
						if _, err := stub.Unary(t.Context(), &protocoltest.Msg{}); err != nil {
							t.Fatal(err)
						}
						time.Sleep(7 * time.Hour)
					}
				}
				if got := dials.n.Load(); got != tt.dials {
					t.Errorf("got %d connections, want %d", got, tt.dials)
				}
			})
		})
	}
}

// The PINGs that measure a connection's windows are none too many, however soon they come.
func TestMeasuringIsAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := inproc.New()
		serveHTTP2(t, n, protocoltest.Handlers{})
		stub, c, dials := http2Client(t, n)
		defer c.Close()
		text := strings.Repeat("x", 1<<20)
		for range 50 {
			if _, err := stub.Unary(t.Context(), &protocoltest.Msg{Text: text}); err != nil {
				t.Fatal(err)
			}
		}
		if got := dials.n.Load(); got != 1 {
			t.Errorf("got %d connections, want 1", got)
		}
	})
}

// An unused connection is closed, and nobody notices; one that is used stays.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		opts  []Option
		pause time.Duration
		dials int32
		left  int // connections after the last pause
	}{
		{"default", nil, 32 * time.Minute, 5, 0},
		{"default, used", nil, 29 * time.Minute, 1, 1},
		{"shorter", []Option{IdleTimeout(time.Second)}, 1200 * time.Millisecond, 5, 0},
		{"never", []Option{IdleTimeout(0)}, 100 * time.Hour, 1, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := inproc.New()
				serveHTTP2(t, n, protocoltest.Handlers{Unary: waiting})
				stub, c, dials := http2Client(t, n, tt.opts...)
				defer c.Close()
				for range 5 {
					if _, err := stub.Unary(t.Context(), &protocoltest.Msg{}); err != nil {
						t.Error(err)
					}
					time.Sleep(tt.pause)
					synctest.Wait()
				}
				if got := dials.n.Load(); got != tt.dials {
					t.Errorf("got %d connections, want %d", got, tt.dials)
				}
				if got := c.Stats().Instances[0].Connections; got != tt.left {
					t.Errorf("got %d connections at last, want %d", got, tt.left)
				}
				// A call that takes long is use.
				_, err := stub.Unary(t.Context(), &protocoltest.Msg{Text: "wait"}, fairlead.WithTimeout(5*tt.pause))
				wantError(t, err, fairlead.DeadlineExceeded, fairlead.Unknowable)
			})
		})
	}
}

// A connection that is cut as unused again and again says nothing against the server.
func TestIdleIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := inproc.New()
		serveHTTP2(t, n, protocoltest.Handlers{})
		_, c, _ := http2Client(t, n, IdleTimeout(time.Second))
		defer c.Close()
		for range 10 {
			if err := c.Connect(t.Context()); err != nil {
				t.Error(err)
			}
			time.Sleep(2 * time.Second)
			if in := c.Stats().Instances[0]; in.Err != nil || in.Connections != 0 {
				t.Errorf("got %+v", in)
			}
		}
	})
}

// TestIdleRace has calls begin exactly when their connection is cut as unused: they wake at the same instant as the
// keeper of the side that cuts, and which of them runs first is for the scheduler to say.
func TestIdleRace(t *testing.T) {
	t.Parallel()
	const idle = time.Second
	tests := []struct {
		name   string
		server []server.Option
		client []Option
	}{
		{"cut by the server", []server.Option{server.IdleTimeout(idle)}, nil},
		{"cut by the client", nil, []Option{IdleTimeout(idle)}},
		{"cut by both", []server.Option{server.IdleTimeout(idle)}, []Option{IdleTimeout(idle)}},
		{"aged", []server.Option{server.MaxAge(idle, idle)}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := inproc.New()
				serveHTTP2(t, n, protocoltest.Handlers{}, tt.server...)
				stub, c, dials := http2Client(t, n, tt.client...)
				defer c.Close()
				const rounds, callers = 300, 4
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for i := range rounds {
							if _, err := stub.Unary(t.Context(), &protocoltest.Msg{N: int64(i)}); err != nil {
								t.Errorf("unary: %v", err)
							}
							if err := both(t.Context(), stub); err != nil {
								t.Errorf("stream: %v", err)
							}
							// Both keepers look each tenth of a second.
							time.Sleep(idle + time.Duration(i%4)*idle/10)
						}
					})
				}
				wg.Wait()
				if got := dials.n.Load(); got < rounds/10 {
					t.Errorf("only %d connections were made", got)
				}
			})
		})
	}
}

// both sends and receives a message on a stream.
func both(ctx context.Context, stub *protocoltest.EchoClient) error {
	s, err := stub.Chat(ctx)
	if err != nil {
		return err
	}
	if err := s.Send(&protocoltest.Msg{N: 1}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if _, err := s.Recv(); err != nil {
		return err
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	if _, err := s.Recv(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// TestIdleRaceOverTCP is the same in real time, with real sockets, which have their own ideas of who hangs up when.
func TestIdleRaceOverTCP(t *testing.T) {
	t.Parallel()
	// Much less, and a busy machine has connections cut before their first call, which counts against the server.
	const idle = 150 * time.Millisecond
	srv, err := server.New(server.Service(service.Implement(protocoltest.Handlers{})),
		server.Protocol(web.NewServer(grpc.NewServer())), server.Codec(protocoltest.Codec{}),
		server.Transport(std.Network{}), server.Listen("127.0.0.1:0"), server.IdleTimeout(idle))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var dialled atomic.Int32
	for range 8 {
		wg.Go(func() {
			d := &counted{Dialer: std.Network{}}
			c := wireClient(t, nil, []string{srv.Addr().String()}, Protocol(web.NewClient(grpc.NewClient())), Dialer(d))
			stub := service.NewClient(c)
			for range 15 {
				if _, err := stub.Unary(t.Context(), &protocoltest.Msg{Text: "x"}); err != nil {
					t.Errorf("unary: %v", err)
				}
				// The keeper looks ten times as often, and cuts at the tenth or eleventh look.
				time.Sleep(idle + time.Duration(rand.Int64N(int64(idle/5))))
			}
			dialled.Add(d.n.Load())
		})
	}
	wg.Wait()
	if got := dialled.Load(); got < 40 {
		t.Errorf("only %d connections were made", got)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAliveOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		opt  Option
		want string
	}{
		{KeepAlive(9*time.Second, time.Second, false), "KeepAlive has an interval of 9s, want 0 or 10s"},
		{KeepAlive(-time.Second, time.Second, false), "KeepAlive"},
		{KeepAlive(time.Minute, 0, true), "KeepAlive has a timeout of 0s"},
		{KeepAlive(0, 0, false), ""},
		{IdleTimeout(-1), "IdleTimeout"},
	}
	for _, tt := range tests {
		w := newWorld()
		c, err := New("test:///x", Protocol(w), Dialer(w), Codec(protocoltest.Codec{}), Balancer(new(turns)),
			Resolver(&fakeResolver{}), tt.opt)
		switch {
		case tt.want == "":
			if err != nil {
				t.Errorf("got %v", err)
				continue
			}
			_ = c.Close()
		case err == nil || !strings.Contains(err.Error(), tt.want):
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}
