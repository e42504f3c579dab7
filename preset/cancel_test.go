package preset_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// unnoticed is a context that was cancelled a moment ago: it has ended, and those who wait for that were not woken yet.
type unnoticed struct {
	context.Context //nolint:containedctx // unnoticed is a context

	over atomic.Bool
}

func (u *unnoticed) Err() error {
	if u.over.Load() {
		return context.Canceled
	}
	return u.Context.Err()
}

// playground starts a server of the script and a client of it. With incomplete it is wrong that a method of the server
// which receives a stream succeeds.
func playground(t *testing.T, incomplete bool, opts ...client.Option) *client.Client {
	t.Helper()
	n := inproc.New()
	var complete atomic.Int32
	t.Cleanup(func() { // after the server was shut down
		if n := complete.Load(); incomplete && n > 0 {
			t.Errorf("the server took %d calls for complete that were cancelled before", n)
		}
	})
	watch := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			err := next(ctx, c)
			if err == nil && c.Method().Kind.ClientStreams() {
				complete.Add(1)
			}
			return err
		}
	}
	r := &record{}
	start(t, "script:80", server.Transport(n), server.Service(r.implement()), server.Use(watch))
	c, err := preset.NewClient("static:///script:80", append(opts, client.Dialer(n))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// canceled checks that err says that the call was given up, in words.
func canceled(t *testing.T, what string, err error) {
	t.Helper()
	if fairlead.CodeOf(err) != fairlead.Canceled || !errors.Is(err, context.Canceled) ||
		strings.Contains(err.Error(), "%!") {
		t.Errorf("%s: got %v, want CANCELLED", what, err)
	}
}

// TestNothingSucceedsAfterCancel ends the context of calls at each of their operations. Whoever has cancelled a call
// relies on it, although it takes a goroutine some time to reset the stream: nothing succeeds any more, and the server
// is not told that the client has sent all it has.
func TestNothingSucceedsAfterCancel(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T, u *unnoticed, c *client.Client, m *fairlead.Method, req any) *fairlead.Call {
		t.Helper()
		k := fairlead.NewCall(m, req)
		if err := c.Bind(m)(u, k); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = k.Stream().Close() })
		return k
	}
	talk := func(t *testing.T, k *fairlead.Call, sent string) *fairlead.Bidi[text, text] {
		t.Helper()
		s, _ := fairlead.OpenedBidi[text, text](k, nil)
		if err := s.Send(wrapperspb.String(sent)); err != nil {
			t.Fatal(err)
		}
		return s
	}
	tests := []struct {
		name string
		do   func(t *testing.T, u *unnoticed, c *client.Client)
		// incomplete says that the client has not said that it has sent all it has.
		incomplete bool
	}{
		{name: "unary", do: func(t *testing.T, u *unnoticed, c *client.Client) {
			k := fairlead.NewCall(scriptGet, wrapperspb.String("x"), fairlead.WithValue(u))
			got, err := fairlead.Result[text](k, c.Bind(scriptGet)(u, k))
			canceled(t, "Get", err)
			if got != nil || k.Response() != nil {
				t.Errorf("got a response, %v", got)
			}
		}},
		{name: "opening", incomplete: true, do: func(t *testing.T, u *unnoticed, c *client.Client) {
			k := fairlead.NewCall(scriptTalk, nil, fairlead.WithValue(u))
			canceled(t, "Talk", c.Bind(scriptTalk)(u, k))
			canceled(t, "Recv", k.Stream().Recv(new(text)))
		}},
		{name: "opening with a request", do: func(t *testing.T, u *unnoticed, c *client.Client) {
			k := fairlead.NewCall(scriptList, wrapperspb.String("x"), fairlead.WithValue(u))
			canceled(t, "List", c.Bind(scriptList)(u, k))
		}},
		{name: "Send", incomplete: true, do: func(t *testing.T, u *unnoticed, c *client.Client) {
			s := talk(t, open(t, u, c, scriptTalk, nil), "a")
			u.over.Store(true)
			if err := s.Send(wrapperspb.String("b")); err != io.EOF { //nolint:errorlint // streams return it bare
				t.Errorf("Send: got %v, want EOF", err)
			}
			_, err := s.Recv()
			canceled(t, "Recv", err)
		}},
		{name: "CloseSend", incomplete: true, do: func(t *testing.T, u *unnoticed, c *client.Client) {
			s := talk(t, open(t, u, c, scriptTalk, nil), "a")
			u.over.Store(true)
			for range 2 {
				canceled(t, "CloseSend", s.CloseSend())
			}
			_, err := s.Recv()
			canceled(t, "Recv", err)
		}},
		{name: "CloseAndRecv", incomplete: true, do: func(t *testing.T, u *unnoticed, c *client.Client) {
			s, _ := fairlead.OpenedClientStream[text, text](open(t, u, c, scriptJoin, nil), nil)
			if err := s.Send(wrapperspb.String("a")); err != nil {
				t.Fatal(err)
			}
			u.over.Store(true)
			_, err := s.CloseAndRecv()
			canceled(t, "CloseAndRecv", err)
		}},
		{name: "the response of a client's stream", do: func(t *testing.T, u *unnoticed, c *client.Client) {
			k := open(t, u, c, scriptJoin, nil)
			if err := k.Stream().CloseSend(); err != nil {
				t.Fatal(err)
			}
			if err := k.Stream().Recv(new(text)); err != nil {
				t.Fatal(err)
			}
			u.over.Store(true)
			canceled(t, "the end", k.Stream().Recv(new(text)))
		}},
		{name: "Recv of a message that is there", incomplete: true, do: func(t *testing.T, u *unnoticed, c *client.Client) {
			s := talk(t, open(t, u, c, scriptTalk, nil), "a")
			if err := s.Call().WaitHeader(t.Context()); err != nil {
				t.Fatal(err)
			}
			u.over.Store(true)
			for range 2 {
				_, err := s.Recv()
				canceled(t, "Recv", err)
			}
		}},
		{name: "Recv of the end", do: func(t *testing.T, u *unnoticed, c *client.Client) {
			s, _ := fairlead.OpenedServerStream[text](open(t, u, c, scriptList, wrapperspb.String("x")), nil)
			for range words {
				if _, err := s.Recv(); err != nil {
					t.Fatal(err)
				}
			}
			u.over.Store(true)
			_, err := s.Recv()
			canceled(t, "Recv", err)
		}},
		{name: "Recv after the end", do: func(t *testing.T, u *unnoticed, c *client.Client) {
			s, _ := fairlead.OpenedServerStream[text](open(t, u, c, scriptList, wrapperspb.String("x")), nil)
			for _, err := range s.All() {
				if err != nil {
					t.Fatal(err)
				}
			}
			u.over.Store(true)
			if _, err := s.Recv(); err != io.EOF { //nolint:errorlint // streams return it bare
				t.Errorf("got %v, want the EOF that was reported before", err)
			}
		}},
		{name: "WaitHeader", incomplete: true, do: func(t *testing.T, u *unnoticed, c *client.Client) {
			s := talk(t, open(t, u, c, scriptTalk, nil), "a")
			u.over.Store(true)
			canceled(t, "WaitHeader", s.Call().WaitHeader(t.Context()))
		}},
		{name: "WaitHeader's own context", incomplete: true, do: func(t *testing.T, u *unnoticed, c *client.Client) {
			s := talk(t, open(t, u, c, scriptTalk, nil), "a")
			if _, err := s.Recv(); err != nil {
				t.Fatal(err)
			}
			own := &unnoticed{Context: t.Context()}
			own.over.Store(true)
			canceled(t, "WaitHeader", s.Call().WaitHeader(own))
			if err := s.Call().WaitHeader(t.Context()); err != nil {
				t.Errorf("another WaitHeader: got %v", err)
			}
		}},
	}
	// late ends the context when what is behind it has succeeded.
	late := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			err := next(ctx, c)
			if u, ok := fairlead.OptionValue[*unnoticed](c); ok && err == nil {
				u.over.Store(true)
			}
			return err
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.do(t, &unnoticed{Context: t.Context()}, playground(t, tt.incomplete, client.Use(late)))
		})
	}
}

// TestCloseSendAfterEnd closes the sending side of streams that have ended. An end by the peer is no error, so that a
// caller who returns errors at once still gets the status from Recv; what this side gave up does not succeed.
func TestCloseSendAfterEnd(t *testing.T) {
	t.Parallel()
	method := fairlead.NewMethod[text, text](fairlead.BidiStreaming, "preset.v1.Ending", "End")
	n := inproc.New()
	start(t, "ending:80", server.Transport(n), server.Service(fairlead.Implement(
		fairlead.NewService("preset.v1.Ending", "proto", nil, method),
		fairlead.BidiHandler(func(ctx context.Context, s *fairlead.Bidi[text, text]) error {
			m, err := s.Recv()
			if err != nil {
				return err
			}
			switch m.GetValue() {
			case "fail":
				return fairlead.Errorf(fairlead.AlreadyExists, "it is there")
			case "hang":
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}),
	)))
	c, err := preset.NewClient("static:///ending:80", client.Dialer(n))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	type stream = fairlead.Bidi[text, text]
	// ended waits until the end is here, without receiving it.
	ended := func(t *testing.T, s *stream) {
		t.Helper()
		if err := s.Call().WaitHeader(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	received := func(t *testing.T, s *stream) {
		t.Helper()
		if _, err := s.Recv(); err == nil {
			t.Fatal("got a message, want the end")
		}
	}
	tests := []struct {
		name string
		send string // what the server is to do
		opts []fairlead.CallOption
		do   func(t *testing.T, s *stream, cancel func())
		want fairlead.Code // of CloseSend
		then fairlead.Code // of Recv
	}{
		{
			name: "failed", send: "fail", then: fairlead.AlreadyExists,
			do: func(t *testing.T, s *stream, _ func()) { t.Helper(); ended(t, s) },
		},
		{
			name: "failed, received", send: "fail", then: fairlead.AlreadyExists,
			do: func(t *testing.T, s *stream, _ func()) { t.Helper(); received(t, s) },
		},
		{
			name: "succeeded", send: "end",
			do: func(t *testing.T, s *stream, _ func()) { t.Helper(); ended(t, s) },
		},
		{
			name: "succeeded, received, then cancelled and closed", send: "end",
			do: func(t *testing.T, s *stream, cancel func()) { t.Helper(); received(t, s); cancel(); s.Close() },
		},
		{
			name: "failed, then cancelled", send: "fail", want: fairlead.Canceled, then: fairlead.Canceled,
			do: func(t *testing.T, s *stream, cancel func()) { t.Helper(); ended(t, s); cancel() },
		},
		{
			name: "cancelled", send: "hang", want: fairlead.Canceled, then: fairlead.Canceled,
			do: func(t *testing.T, _ *stream, cancel func()) { t.Helper(); cancel() },
		},
		{
			name: "closed", send: "hang", want: fairlead.Canceled, then: fairlead.Canceled,
			do: func(t *testing.T, s *stream, _ func()) { t.Helper(); s.Close() },
		},
		{
			name: "late", send: "hang", opts: []fairlead.CallOption{fairlead.WithTimeout(20 * time.Millisecond)},
			want: fairlead.DeadlineExceeded, then: fairlead.DeadlineExceeded,
			do: func(t *testing.T, s *stream, _ func()) { t.Helper(); received(t, s) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			k := fairlead.NewCall(method, nil, tt.opts...)
			s, err := fairlead.OpenedBidi[text, text](k, c.Bind(method)(ctx, k))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Send(wrapperspb.String(tt.send)); err != nil && tt.opts == nil { // its deadline may have passed
				t.Fatal(err)
			}
			tt.do(t, s, cancel)
			want := tt.want
			if want == fairlead.DeadlineExceeded {
				if _, err := s.Recv(); fairlead.ErrorOf(err).FromPeer() {
					want = fairlead.OK // the server's clock was first: the peer has ended the call
				}
			}
			for range 2 {
				if err := s.CloseSend(); fairlead.CodeOf(err) != want {
					t.Errorf("CloseSend: got %v, want %v", err, want)
				}
			}
			_, err = s.Recv()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			if fairlead.CodeOf(err) != tt.then {
				t.Errorf("Recv: got %v, want %v", err, tt.then)
			}
		})
	}
}

// TestCancelBeforeCloseSend cancels for real, again and again: the goroutine that resets the stream is always late.
func TestCancelBeforeCloseSend(t *testing.T) {
	t.Parallel()
	const rounds = 2000
	c := playground(t, true)
	for range rounds {
		ctx, cancel := context.WithCancel(t.Context())
		k := fairlead.NewCall(scriptJoin, nil)
		s, err := fairlead.OpenedClientStream[text, text](k, c.Bind(scriptJoin)(ctx, k))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Send(wrapperspb.String("a")); err != nil {
			t.Fatal(err)
		}
		cancel()
		_, err = s.CloseAndRecv()
		canceled(t, "CloseAndRecv", err)
	}
}
