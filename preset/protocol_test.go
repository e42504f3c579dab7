package preset_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// seen collects what calls know of their protocol and their connection, and the calls themselves.
type seen struct {
	mu    sync.Mutex
	notes []string
	calls []*fairlead.Call
}

func (s *seen) note(where string, c *fairlead.Call) {
	wire := "no peer"
	if p := c.Peer(); p != nil {
		wire = p.Wire
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, where+": "+c.Protocol()+" over "+wire)
	s.calls = append(s.calls, c)
}

// around notes what a call knows before and after next, and at its end.
func (s *seen) around(where string) fairlead.Middleware {
	atEnd := func(_ context.Context, c *fairlead.Call, _ error) { s.note(where+" at its end", c) }
	return func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			c.OnEnd(atEnd)
			s.note(where+" before", c)
			err := next(ctx, c)
			s.note(where+" after", c)
			return err
		}
	}
}

// TestProtocol: a call knows its protocol on both sides, before, during and after the attempt; its peer knows what is
// spoken on the connection as soon as there is one.
func TestProtocol(t *testing.T) {
	t.Parallel()
	network := inproc.New()
	socket := filepath.Join(t.TempDir(), "s")
	for _, tt := range []struct {
		name, listen, target string
		server               []server.Option
		client               []client.Option
	}{
		{name: "tcp", listen: "127.0.0.1:0"},
		{name: "unix", listen: "unix:" + socket, target: "unix://" + socket},
		{
			name: "inproc", listen: "protocol:80", target: "static:///protocol:80",
			server: []server.Option{server.Transport(network)}, client: []client.Option{client.Dialer(network)},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var called, served seen
			s := start(t, tt.listen, append(tt.server, echoes(func(ctx context.Context) error {
				served.note("handler", fairlead.CallFrom(ctx))
				return nil
			}), server.Use(served.around("server")))...)
			target := tt.target
			if target == "" {
				target = s.Addr().String()
			}
			c := connect(t, target, append(tt.client,
				client.Use(called.around("client")), client.UsePerAttempt(called.around("attempt")))...)

			if _, err := call(t.Context(), c, "hi"); err != nil {
				t.Fatal(err)
			}
			k := fairlead.NewCall(chat, nil)
			if got := k.Protocol(); got != "" {
				t.Errorf("got protocol %q of a call that no client has, want none", got)
			}
			stream, err := fairlead.OpenedBidi[text, text](k, c.Bind(chat)(t.Context(), k))
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.Send(wrapperspb.String("hi")); err != nil {
				t.Error(err)
			}
			if err := stream.CloseSend(); err != nil {
				t.Error(err)
			}
			for range stream.All() { //nolint:revive // to its end
			}

			unary := []string{
				"client before: grpc over no peer",
				"attempt before: grpc over ", // an instance is picked, and nothing is known of its connections
				"attempt after: grpc over http/2",
				"client after: grpc over http/2",
				"client at its end: grpc over http/2",
				"attempt at its end: grpc over http/2",
			}
			want := slices.Concat(unary, unary)
			slices.Sort(want)
			called.check(t, want)
			want = slices.Repeat([]string{
				"server before: grpc over http/2",
				"server after: grpc over http/2",
				"server at its end: grpc over http/2",
			}, 2)
			want = append(want, "handler: grpc over http/2")
			slices.Sort(want)
			served.check(t, want)
		})
	}
}

// check compares what was noted, in any order; calls that are over still know their protocol.
func (s *seen) check(t *testing.T, want []string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.notes)
	if !slices.Equal(s.notes, want) {
		t.Errorf("got\n%q, want\n%q", s.notes, want)
	}
	for _, c := range s.calls {
		if got := c.Protocol(); got != "grpc" {
			t.Errorf("got protocol %q of a call that is over", got)
		}
	}
}
