package preset_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// quotaError has a method that panics for a nil pointer.
type quotaError struct{ who string }

func (e *quotaError) Error() string { return "no quota for " + e.who }

// crashError has a method that panics when somebody looks behind it.
type crashError struct{}

func (crashError) Error() string { return "it crashed" }
func (crashError) Unwrap() error { panic("in Unwrap") }

// TestErrorsWhoseMethodsPanic has handlers return such errors, which a server must not fall for: the methods are called
// outside of what middleware recovers from.
func TestErrorsWhoseMethodsPanic(t *testing.T) {
	t.Parallel()
	var none *quotaError
	broken := map[string]error{"nil": none, "wrapped": fmt.Errorf("booking: %w", none), "unwrap": crashError{}}
	list := fairlead.NewMethod[text, text](fairlead.ServerStreaming, "preset.v1.Broken", "List")
	get := fairlead.NewMethod[text, text](fairlead.Unary, "preset.v1.Broken", "Get")
	service := fairlead.Implement(
		fairlead.NewService("preset.v1.Broken", "proto", nil, get, list),
		fairlead.UnaryHandler(func(_ context.Context, m *text) (*text, error) {
			if m.GetValue() == "panic" {
				panic(none)
			}
			return m, broken[m.GetValue()]
		}),
		fairlead.ServerStreamHandler(func(_ context.Context, m *text, s *fairlead.Outbound[text]) error {
			if err := s.Send(m); err != nil {
				return err
			}
			if m.GetValue() == "panic" {
				panic(none)
			}
			return broken[m.GetValue()]
		}),
	)
	// told calls the methods again when the call is over.
	told := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			c.OnEnd(func(_ context.Context, _ *fairlead.Call, err error) {
				if err != nil && (err.Error() == "" || errors.Is(err, io.EOF)) {
					t.Errorf("OnEnd: got %q", err)
				}
			})
			return next(ctx, c)
		}
	}
	logger := slog.New(slog.DiscardHandler)
	for name, opts := range map[string][]server.Option{
		"preset":             {server.Logger(logger)},
		"without middleware": {server.Logger(logger), server.Without("recovery", "logging")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := inproc.New()
			start(t, "broken:80", append(opts, server.Transport(n), server.Service(service), server.Use(told))...)
			c := connect(t, "static:///broken:80", client.Dialer(n))
			call := func(m *fairlead.Method, what string) error {
				k := fairlead.NewCall(m, wrapperspb.String(what))
				err := c.Bind(m)(t.Context(), k)
				if m == get || err != nil {
					_, err = fairlead.Result[text](k, err)
					return err
				}
				for err == nil {
					err = k.Stream().Recv(new(text))
				}
				return err
			}
			for _, m := range []*fairlead.Method{get, list} {
				for what, want := range map[string]string{
					"nil": "a nil *preset_test.quotaError", "wrapped": "booking: ", "unwrap": "it crashed",
				} {
					err := call(m, what)
					e := fairlead.ErrorOf(err)
					if e.Code != fairlead.Unknown || !e.FromPeer() || !strings.Contains(e.Message, want) {
						t.Errorf("%s, %s: got %v, want UNKNOWN with %q", m.Name, what, err, want)
					}
				}
				if name == "preset" {
					if err := call(m, "panic"); fairlead.CodeOf(err) != fairlead.Internal {
						t.Errorf("%s, panic: got %v, want INTERNAL", m.Name, err)
					}
				}
			}
			if err := call(get, "well"); err != nil {
				t.Errorf("the server after that: %v", err)
			}
		})
	}
}
