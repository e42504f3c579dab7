package preset_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/app"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// TestHeader has metadata of every call arrive, whatever the kind of call, and what cannot be sent refused.
func TestHeader(t *testing.T) {
	t.Parallel()
	const bytes = "\x00\xff token"
	var mu sync.Mutex
	var got []string
	s := start(t, "127.0.0.1:0", echoes(nil), server.Use(
		func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
			return func(ctx context.Context, c *fairlead.Call) error {
				mu.Lock()
				got = append(got, c.RequestHeader().Get("authorization")+"|"+c.RequestHeader().Get("ticket-bin"))
				mu.Unlock()
				return next(ctx, c)
			}
		}))
	c := connect(t, s.Addr().String(),
		client.Header("Authorization", func(context.Context) (string, error) { return "Bearer x", nil }),
		client.Header("ticket-bin", func(context.Context) (string, error) { return bytes, nil }))
	if _, err := call(t.Context(), c, "x"); err != nil {
		t.Error(err)
	}
	k := fairlead.NewCall(chat, nil)
	stream, err := fairlead.OpenedBidi[text, text](k, c.Bind(chat)(t.Context(), k))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.Send(wrapperspb.String("x")), stream.CloseSend()); err != nil {
		t.Error(err)
	}
	for _, err := range stream.All() {
		if err != nil {
			t.Error(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if want := "Bearer x|" + bytes; len(got) != 2 || got[0] != want || got[1] != want {
		t.Errorf("got %q, want twice %q", got, want)
	}

	for name, want := range map[string]string{
		"content-type": "reserved", "grpc-timeout": "reserved", ":path": "reserved", "a b": "characters", "ä": "characters",
	} {
		_, err := preset.NewClient("x:1", client.Header(name, func(context.Context) (string, error) { return "", nil }))
		if err == nil || !strings.Contains(err.Error(), "client: Header(") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, want)
		}
	}
	const secret = "secret\nvalue"
	bad := connect(t, s.Addr().String(),
		client.Header("authorization", func(context.Context) (string, error) { return secret, nil }))
	_, err = call(t.Context(), bad, "x")
	if e := fairlead.ErrorOf(err); err == nil || e.Reach != fairlead.NotSent || strings.Contains(e.Message, "secret") ||
		!strings.Contains(e.Message, `"authorization"`) {
		t.Errorf("got %v, want the name, and not the value, before anything was sent", err)
	}
}

// TestClientInApp has an app.App close a client when the server whose handlers use it has drained.
func TestClientInApp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := inproc.New()
		behind, err := preset.NewServer("behind:1", server.Transport(network), echoes(nil))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := preset.NewClient("behind:1", client.Dialer(network))
		if err != nil {
			t.Fatal(err)
		}
		arrived := make(chan struct{})
		front, err := preset.NewServer("front:1", server.Transport(network), echoes(func(ctx context.Context) error {
			close(arrived)
			time.Sleep(time.Second) // of the bubble: while this passes the process is told to stop
			_, err := call(ctx, conn, "x")
			return err
		}))
		if err != nil {
			t.Fatal(err)
		}
		a, err := app.New("test", behind, conn, front)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- a.Run(ctx, app.Signals()) }()
		synctest.Wait()
		if st := conn.Stats(); len(st.Instances) != 1 || st.Instances[0].Connections != 1 {
			t.Errorf("got %+v, want a connection before the first call", st)
		}

		caller, err := preset.NewClient("front:1", client.Dialer(network))
		if err != nil {
			t.Fatal(err)
		}
		defer caller.Close()
		answered := make(chan error, 1)
		go func() {
			_, err := call(context.Background(), caller, "x")
			answered <- err
		}()
		<-arrived
		cancel()
		if err := <-answered; err != nil {
			t.Errorf("the call under way: %v", err)
		}
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
		if _, err := call(context.Background(), conn, "x"); !errors.Is(err, client.ErrClosed) {
			t.Errorf("got %v, want the client closed", err)
		}
		if err := conn.Start(context.Background()); !errors.Is(err, client.ErrClosed) {
			t.Errorf("Start: got %v, want the client closed", err)
		}
	})
}

// TestClientOfNobody has a process start although what it calls cannot be reached.
func TestClientOfNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn, err := preset.NewClient("nobody:1", client.Dialer(inproc.New()))
		if err != nil {
			t.Fatal(err)
		}
		a, err := app.New("test", conn)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel2 := app.AfterStart(func(context.Context) error { cancel(); return nil })
		if err := a.Run(ctx, app.Signals(), cancel2); err != nil {
			t.Errorf("got %v, want nil", err)
		}
		if got, want := conn.String(), "the client of nobody:1"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
