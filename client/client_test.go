package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/web"
)

func TestNewErrors(t *testing.T) {
	t.Parallel()
	w := newWorld()
	tests := []struct {
		name   string
		target string
		opts   []Option
		want   string
	}{
		{"no target", "", nil, "no endpoint"},
		{"no endpoint", "test:///", nil, "no endpoint"},
		{"no path", "unix:", nil, "no endpoint"},
		{"no path behind slashes", "unix://", nil, "no endpoint"},
		{"no abstract name", "unix-abstract:", nil, `scheme "dns"`},
		{"no scheme", "://x", nil, "empty scheme"},
		{"unknown scheme", "etcd:///x", nil, `no Resolver for scheme "etcd", only for ["test"]`},
		{"URL", "http://greeter:8080", nil, `only for ["test"]; write host:port`},
		{"no default resolver", "greeter:8080", nil, `scheme "dns"`},
		{"bad endpoint", "test:///a!", nil, "bad endpoint"},
		{"protocol", "", []Option{Protocol(nil)}, "Protocol"},
		{"dialer", "", []Option{Dialer(nil)}, "Dialer"},
		{"codec", "", []Option{Codec(nil)}, "Codec"},
		{"balancer", "", []Option{Balancer(nil)}, "Balancer"},
		{"resolver", "", []Option{Resolver(nil)}, "Resolver"},
		{"filter", "", []Option{Filter(nil)}, "Filter"},
		{"use", "", []Option{Use(nil)}, "Use"},
		{"use per attempt", "", []Option{UsePerAttempt(nil)}, "UsePerAttempt"},
		{"logger", "", []Option{Logger(nil)}, "Logger"},
		{"compressor", "", []Option{Compressor(nil)}, "Compressor"},
		{"nil option", "", []Option{nil}, "nil Option"},
		{"without an unknown compressor", "", []Option{Compressor(namedCompressor{name: "a"}), WithoutCompressor("zip")},
			`WithoutCompressor names "zip", and options before it added ["a"]`},
		{"without no compressor", "", []Option{WithoutCompressor()}, "WithoutCompressor was given no name"},
		{"compress with one left out", "",
			[]Option{Compressor(namedCompressor{name: "a"}), WithoutCompressor("a"), Compress("a")}, `Compress names "a"`},
		{"compress", "", []Option{Compress("zip")}, `Compress names "zip"`},
		{"compress min", "", []Option{CompressMin(-1)}, "CompressMin"},
		{"receive", "", []Option{MaxRecvMessage(0)}, "MaxRecvMessage"},
		{"send", "", []Option{MaxSendMessage(0)}, "MaxSendMessage"},
		{"header", "", []Option{MaxHeaderList(0)}, "MaxHeaderList"},
		{"of the wire", "", []Option{Protocol(web.NewClient(grpc.NewClient(), web.QueuedBytes(1<<10)))},
			"Protocol: web: QueuedBytes: 1024 is not between 65536"},
		{"connections", "", []Option{Connections(0)}, "Connections"},
		{"max connections", "", []Option{MaxConnections(0)}, "MaxConnections"},
		{"timeout", "", []Option{ConnectTimeout(0)}, "ConnectTimeout"},
		{"backoff", "", []Option{Backoff(2*time.Second, time.Second)}, "Backoff"},
		{"header, too long", "", []Option{MaxHeaderList(1 << 30)}, "MaxHeaderList"},
		{"keepalive", "", []Option{KeepAlive(time.Second, time.Second, false)}, "KeepAlive"},
		{"keepalive, negative timeout", "", []Option{KeepAlive(0, -1, false)}, "KeepAlive"},
		{"idle", "", []Option{IdleTimeout(-1)}, "IdleTimeout"},
		{"nameless compressor", "", []Option{Compressor(namedCompressor{})}, "Compressor"},
		{"compressor of no compression", "", []Option{Compressor(namedCompressor{name: "identity"})}, "Compressor"},
		{"user agent", "", []Option{UserAgent("a\nb")}, "UserAgent"},
		{"authority", "", []Option{Authority("a/b")}, "Authority"},
		{"authority with a space", "", []Option{Authority("a b")}, "Authority"},
		{"no TLS", "", []Option{TLS(nil)}, "TLS was given nil"},
		{"old TLS", "", []Option{TLS(&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})},
			"TLS has MinVersion TLS 1.0"},
		{"no TLS that is new enough", "", []Option{TLS(&tls.Config{MaxVersion: tls.VersionTLS11})},
			"TLS has MaxVersion TLS 1.1"},
		{"TLS for another protocol", "", []Option{TLS(&tls.Config{NextProtos: []string{"h3"}})},
			`TLS has NextProtos ["h3"]`},
		{"two at once", "", []Option{CompressMin(-1), Connections(0)}, "Connections"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			target := tt.target
			if target == "" && tt.opts != nil {
				target = "test:///service"
			}
			_, err := New(target, w.options(&fakeResolver{}, tt.opts...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

type namedResolver struct {
	fakeResolver

	scheme string
}

func (r *namedResolver) Scheme() string { return r.scheme }

type namedCompressor struct {
	compress.Compressor

	name string
}

func (k namedCompressor) Name() string { return k.name }

func TestTargets(t *testing.T) {
	t.Parallel()
	w := newWorld()
	tests := []struct{ target, scheme, endpoint, authority, host string }{
		{"greeter:8080", "dns", "greeter:8080", "greeter:8080", "greeter"},
		{"dns:///greeter:8080", "dns", "greeter:8080", "greeter:8080", "greeter"},
		{"DNS:///greeter", "dns", "greeter", "greeter", "greeter"},
		{"dns://8.8.8.8/greeter:8080", "dns", "//8.8.8.8/greeter:8080", "greeter:8080", "greeter"},
		{"dns:///[::1]:8080", "dns", "[::1]:8080", "[::1]:8080", "::1"},
		{":8080", "dns", ":8080", "localhost:8080", "localhost"},
		{"static:///a:1,b:2", "static", "a:1,b:2", "a:1", "a"},
		{"static:///a:1, b:2", "static", "a:1, b:2", "a:1", "a"},
		{"unix:///run/greeter.sock", "unix", "/run/greeter.sock", "localhost", "localhost"},
		{"unix://greeter.sock", "unix", "greeter.sock", "localhost", "localhost"},
		{"unix:/run/greeter.sock", "unix", "/run/greeter.sock", "localhost", "localhost"},
		{"unix:greeter.sock", "unix", "greeter.sock", "localhost", "localhost"},
		{"unix:8080", "unix", "8080", "localhost", "localhost"},
		{"unix:/run/a://b", "unix", "/run/a://b", "localhost", "localhost"},
		{"UNIX:@greeter", "unix", "@greeter", "localhost", "localhost"},
		{"unix-abstract:greeter", "unix", "@greeter", "localhost", "localhost"},
		{"dns:greeter:8080", "dns", "greeter:8080", "greeter:8080", "greeter"},
		{"dns:8080", "dns", "dns:8080", "dns:8080", "dns"},
		{"static:a:1,b:2", "static", "a:1,b:2", "a:1", "a"},
		{"static:1", "dns", "static:1", "static:1", "static"},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			t.Parallel()
			c, err := New(tt.target, w.options(&namedResolver{scheme: "dns"},
				Resolver(&namedResolver{scheme: "static"}, &namedResolver{scheme: "unix"}),
				TLS(&tls.Config{MinVersion: tls.VersionTLS13}))...)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			got := []string{c.target.scheme, c.target.endpoint, c.protocol.Authority, c.cfg.tls.ServerName}
			want := []string{tt.scheme, tt.endpoint, tt.authority, tt.host}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := c.cfg.tls.NextProtos; !slices.Equal(got, []string{"fake"}) {
				t.Errorf("got ALPN %q, want the protocol's", got)
			}
			if c.Target() != tt.target {
				t.Errorf("got target %q, want %q", c.Target(), tt.target)
			}
		})
	}
}

// namesOwn is a Dialer that resolves names itself, or not.
type namesOwn struct {
	*world

	own bool
}

func (d namesOwn) ResolvesNames() bool { return d.own }

// TestNamesOfTheDialer has a Dialer get the names that it resolves as they are.
func TestNamesOfTheDialer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		target string
		own    bool
		want   string // the address dialled, or a part of the error of New
	}{
		{"shop:1", true, "shop:1"},
		{"dns:///shop:1", true, "shop:1"},
		{"dns:shop:1", true, "shop:1"},
		{"shop", true, "shop"},
		{":8080", true, ":8080"},
		{"dns://8.8.8.8/shop:1", true, "names a name server"},
		{"test:///a:1", true, "a:1"}, // the resolver's
		{"shop:1", false, `no Resolver for scheme "dns"`},
	} {
		t.Run(fmt.Sprintf("%s, %v", tt.target, tt.own), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.serve(tt.want)
				c, err := New(tt.target, w.options(&fakeResolver{first: instances("a:1")}, Dialer(namesOwn{w, tt.own}))...)
				if err != nil {
					if !strings.Contains(err.Error(), tt.want) {
						t.Errorf("got %v, want %q", err, tt.want)
					}
					return
				}
				defer c.Close()
				if err := c.Connect(t.Context()); err != nil {
					t.Fatal(err)
				}
				if n := len(w.dials(tt.want)); n != 1 {
					t.Errorf("got %d connections to %s, want 1: %+v", n, tt.want, c.Stats())
				}
			})
		})
	}
}

func TestOptionsReachTheProtocol(t *testing.T) {
	t.Parallel()
	w := newWorld()
	gzip, other := namedCompressor{name: "gzip"}, namedCompressor{name: "zstd"}
	conf := &tls.Config{MinVersion: tls.VersionTLS13}
	c, err := New("test:///a", w.options(&fakeResolver{}, Compressor(gzip, other), Compressor(gzip), Compress("zstd"),
		CompressMin(0), CompressMin(7), MaxRecvMessage(1), MaxSendMessage(2), MaxHeaderList(3<<10), UserAgent("me/1"),
		Authority("host:1"), TLS(conf), Connections(9))...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p := c.protocol
	got := []any{
		p.Compressor.Name(), len(p.Compressors), p.CompressMin, p.RecvMessage, p.SendMessage, p.HeaderList,
		p.UserAgent, p.Authority, p.TLS, c.cfg.tls.ServerName, c.cfg.maxConnections,
	}
	want := []any{"zstd", 2, 7, 1, 2, 3 << 10, "me/1", "host:1", true, "host", 9}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if conf.ServerName != "" || conf.NextProtos != nil {
		t.Error("the caller's TLS configuration was changed")
	}
}

func TestUnary(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.serve("a:1")
	var order []string
	note := func(name string) fairlead.Middleware {
		return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
			if at.Side != fairlead.ClientSide || at.Target != "test:///service" || at.Method != echo {
				t.Errorf("got site %+v", at)
			}
			return func(ctx context.Context, c *fairlead.Call) error {
				peer := "-"
				if c.Peer() != nil {
					peer = c.Peer().Addr
				}
				order = append(order, name+" "+peer)
				c.OnEnd(func(context.Context, *fairlead.Call, error) { order = append(order, name+" end") })
				return next(ctx, c)
			}
		}
	}
	c, _ := w.client(t, []string{"a:1"}, Use(note("call")), UsePerAttempt(note("attempt")))
	got, err := say(t.Context(), c, "hello")
	if got != "hello" || err != nil {
		t.Errorf("got %q, %v, want hello", got, err)
	}
	want := []string{"call -", "attempt a:1", "attempt end", "call end"}
	if !slices.Equal(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
	if n := w.servers["a:1"].accepted(); n != 1 {
		t.Errorf("got %d connections, want 1", n)
	}
}

func TestBind(t *testing.T) {
	t.Parallel()
	w := newWorld()
	made := 0
	c, _ := w.client(t, nil, Use(func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler { made++; return next }))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { c.Bind(echo) })
	}
	wg.Wait()
	c.Bind(chat)
	if made != 2 {
		t.Errorf("got %d chains for 2 methods", made)
	}

	w.bindErr = codec.ErrType
	ended := error(nil)
	c, _ = w.client(t, nil, Use(func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			c.OnEnd(func(_ context.Context, _ *fairlead.Call, err error) { ended = err })
			return next(ctx, c)
		}
	}))
	_, err := say(t.Context(), c, "x")
	wantError(t, err, fairlead.Internal, fairlead.NotSent, "/test.Echo/Echo")
	if !errors.Is(err, codec.ErrType) || !errors.Is(ended, codec.ErrType) {
		t.Errorf("got %v, ended with %v, want codec.ErrType", err, ended)
	}
}

// The one allocation is the Call's.
//
//nolint:paralleltest // others' allocations would count
func TestUnaryAllocations(t *testing.T) {
	w := newWorld()
	a, b := w.serve("a:1"), w.serve("b:1")
	_ = a
	_ = b
	for name, addrs := range map[string][]string{"one node": {"a:1"}, "two nodes": {"a:1", "b:1"}} {
		c, _ := w.client(t, addrs, UsePerAttempt(func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
			return func(ctx context.Context, c *fairlead.Call) error { return next(ctx, c) }
		}))
		h := c.Bind(echo)
		text := "x"
		ctx := t.Context()
		call := func() {
			call := fairlead.NewCall(echo, &text)
			if _, err := fairlead.Result[string](call, h(ctx, call)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		call()
		call()
		if err := c.Connect(ctx); err != nil {
			t.Fatal(err)
		}
		assert.Allocs(t, 1, call)
		timed := func() {
			call := fairlead.NewCall(echo, &text, fairlead.WithTimeout(time.Minute))
			if err := h(ctx, call); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		assert.Allocs(t, 1, timed)
	}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		w.serve("b:1")
		c, _ := w.client(t, []string{"a:1", "b:1"})
		if err := c.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, in := range c.Stats().Instances {
			if in.Connections != 1 || in.Err != nil {
				t.Errorf("got %+v, want one connection", in)
			}
		}

		// A back-off is cut short.
		c, _ = w.client(t, []string{"a:1"})
		s.stop()
		err := c.Connect(t.Context())
		wantError(t, err, fairlead.Unavailable, fairlead.NotSent, "test:///service", "a:1", "connection refused")
		s.set(func(s *host) { s.up = true })
		begun := time.Now()
		if err := c.Connect(t.Context()); err != nil || time.Since(begun) > 0 {
			t.Errorf("got %v after %s, want a connection at once", err, time.Since(begun))
		}

		s.set(func(s *host) { s.black = true })
		c, _ = w.client(t, []string{"a:1"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantError(t, c.Connect(ctx), fairlead.DeadlineExceeded, fairlead.Unknowable)
		c.Close()
		wantError(t, c.Connect(t.Context()), fairlead.Canceled, fairlead.NotSent, "closed")
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := w.serve("a:1")
		s.limit = 2
		s.handle = func(ctx context.Context, k *fakeConn, _ *fairlead.Call) error { return k.wait(ctx, nil) }
		c, _ := w.client(t, []string{"a:1"}, MaxConnections(1))
		errs := make(chan error, 4)
		for range 3 { // the third waits in line
			go func() {
				_, err := say(t.Context(), c, "x")
				errs <- err
			}()
		}
		synctest.Wait()
		// One more on a connection that the server has shut down.
		s.conn(0).goaway()
		synctest.Wait()
		go func() {
			_, err := say(t.Context(), c, "x")
			errs <- err
		}()
		synctest.Wait()
		if n := s.accepted(); n != 2 {
			t.Errorf("got %d connections, want 2", n)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		for range 4 {
			if err := <-errs; !errors.Is(err, ErrClosed) {
				t.Errorf("got %v, want ErrClosed", err)
			}
		}
		_, err := say(t.Context(), c, "x")
		wantError(t, err, fairlead.Canceled, fairlead.NotSent, "closed")
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.serve("a:1")
		seen := time.Duration(0)
		w.servers["a:1"].handle = func(_ context.Context, _ *fakeConn, c *fairlead.Call) error {
			d, _ := c.Deadline()
			seen = time.Until(d)
			c.SetResponse(c.Request())
			return nil
		}
		c, _ := w.client(t, []string{"a:1"})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := say(ctx, c, "x", fairlead.WithTimeout(time.Minute)); err != nil || seen != time.Second {
			t.Errorf("got %v with a deadline in %s, want 1s", err, seen)
		}
		_, err := say(t.Context(), c, "x", fairlead.WithTimeout(-1))
		wantError(t, err, fairlead.DeadlineExceeded, fairlead.NotSent, "before it was sent")
		cancel()
		_, err = say(ctx, c, "x")
		wantError(t, err, fairlead.Canceled, fairlead.NotSent, "before it was sent")
	})
}
