package preset_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) //nolint:forbidigo // the presets log there
	leakcheck.Main(m)
}

type text = wrapperspb.StringValue

var (
	say  = fairlead.NewMethod[text, text](fairlead.Unary, "preset.v1.Echo", "Say")
	chat = fairlead.NewMethod[text, text](fairlead.BidiStreaming, "preset.v1.Echo", "Chat")
	echo = fairlead.NewService("preset.v1.Echo", "proto", nil, say, chat)
)

// echoes implements the service; before is called by Say.
func echoes(before func(ctx context.Context) error) server.Option {
	return server.Service(fairlead.Implement(echo,
		fairlead.UnaryHandler(func(ctx context.Context, m *text) (*text, error) {
			if before != nil {
				if err := before(ctx); err != nil {
					return nil, err
				}
			}
			return m, nil
		}),
		fairlead.BidiHandler(func(_ context.Context, s *fairlead.Bidi[text, text]) error {
			for m, err := range s.All() {
				if err != nil {
					return err
				}
				if err := s.Send(m); err != nil {
					return err
				}
			}
			return nil
		}),
	))
}

// start runs a server at addr until the test ends.
func start(t *testing.T, addr string, opts ...server.Option) *server.Server {
	t.Helper()
	s, err := preset.NewServer(addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return s
}

func connect(t *testing.T, target string, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := preset.NewClient(target, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

func call(ctx context.Context, c *client.Client, s string, opts ...fairlead.CallOption) (string, error) {
	k := fairlead.NewCall(say, wrapperspb.String(s), opts...)
	m, err := fairlead.Result[text](k, c.Bind(say)(ctx, k))
	return m.GetValue(), err
}

func TestCalls(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	s := start(t, "127.0.0.1:0", echoes(nil), server.Listen("unix://"+socket))
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(here, socket)
	if err != nil {
		t.Fatal(err)
	}
	addr := s.Addr().String()
	long := strings.Repeat("fairlead ", 20_000)
	tests := []struct {
		name   string
		target string
		opts   []client.Option
	}{
		{"default scheme", addr, nil},
		{"dns", "dns:///" + addr, nil},
		{"static", "static:///" + addr, nil},
		{"unix", "unix://" + socket, nil},
		{"unix with one slash", "unix:" + socket, nil},
		{"unix, relative", "unix:" + relative, nil},
		{"gzip", addr, []client.Option{client.Compress("gzip")}},
		{"zstd", addr, []client.Option{client.Compress("zstd")}},
		{"four connections", addr, []client.Option{client.Connections(4)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, tt.target, tt.opts...)
			for _, want := range []string{"", "hello", long} {
				if got, err := call(t.Context(), c, want); err != nil || got != want {
					t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
				}
			}
			k := fairlead.NewCall(chat, nil)
			stream, err := fairlead.OpenedBidi[text, text](k, c.Bind(chat)(t.Context(), k))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"a", long, "b"} {
				if err := stream.Send(wrapperspb.String(want)); err != nil {
					t.Error(err)
				}
				if got, err := stream.Recv(); err != nil || got.GetValue() != want {
					t.Errorf("stream: got %d bytes, %v, want %d", len(got.GetValue()), err, len(want))
				}
			}
			if err := stream.CloseSend(); err != nil {
				t.Error(err)
			}
			if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
				t.Errorf("got %v, want io.EOF", err)
			}
		})
	}
}

func TestManyCallers(t *testing.T) {
	t.Parallel()
	// With two streams a connection most calls wait in line. The first one learns of the limit.
	s := start(t, "127.0.0.1:0", echoes(nil), server.MaxStreams(2))
	c := connect(t, s.Addr().String(), client.MaxConnections(1))
	if _, err := call(t.Context(), c, "x"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 20 {
				if _, err := call(t.Context(), c, "x", fairlead.WithTimeout(time.Minute)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A panic becomes an error, and a deadline is passed on in part.
func TestMiddleware(t *testing.T) {
	t.Parallel()
	panics := start(t, "127.0.0.1:0", echoes(func(context.Context) error { panic("oh") }))
	_, err := call(t.Context(), connect(t, panics.Addr().String()), "x")
	if fairlead.CodeOf(err) != fairlead.Internal || !fairlead.ErrorOf(err).FromPeer() {
		t.Errorf("got %v, want the server's INTERNAL", err)
	}

	left := make(chan time.Duration, 1)
	behind := start(t, "127.0.0.1:0", echoes(func(ctx context.Context) error {
		d, _ := ctx.Deadline()
		left <- time.Until(d)
		return nil
	}))
	next := connect(t, behind.Addr().String())
	front := start(t, "127.0.0.1:0", echoes(func(ctx context.Context) error {
		_, err := call(ctx, next, "x")
		return err
	}))
	_, err = call(t.Context(), connect(t, front.Addr().String()), "x", fairlead.WithTimeout(100*time.Second))
	if d := <-left; err != nil || d > 90*time.Second || d < 80*time.Second {
		t.Errorf("got %v with %s left behind, want 90s of 100s", err, d)
	}
}

func TestOptionsOverride(t *testing.T) {
	t.Parallel()
	if _, err := preset.NewClient("etcd:///x"); err == nil || !strings.Contains(err.Error(), `"dns" "static" "unix"`) {
		t.Errorf("got %v, want the schemes that are known", err)
	}
	if _, err := preset.NewClient("x:1", client.Balancer(nil)); err == nil || !strings.Contains(err.Error(), "Balancer") {
		t.Errorf("got %v, want the option named", err)
	}
	if _, err := preset.NewServer("127.0.0.1:0"); err == nil {
		t.Error("a server without a service was made")
	}
}
