package server

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

// Middleware of one service is inside that of the server and outside of the check of requests, and sees the sites of
// its own service only.
func TestWrap(t *testing.T) {
	t.Parallel()
	var order []string
	var sites []fairlead.Site
	trace := func(tag string) fairlead.Middleware {
		return func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
			if tag == "inner" {
				sites = append(sites, at)
			}
			return func(ctx context.Context, c *fairlead.Call) error {
				order = append(order, tag)
				return next(ctx, c)
			}
		}
	}
	echo := protocoltest.NewEcho("a.Echo").Implement(protocoltest.Handlers{})
	once := fairlead.Wrap(echo, trace("outer"), trace("inner"))
	twice := fairlead.Wrap(once, trace("outermost"))
	if len(echo.Middleware) != 0 || len(once.Middleware) != 2 {
		t.Errorf("Wrap changed what it was given: %d, %d middlewares", len(echo.Middleware), len(once.Middleware))
	}
	s, err := New(Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{}),
		Service(twice, unaryImpl("s", "M", nothing)), Use(trace("server")), Validation(trace("validation")))
	if err != nil {
		t.Fatal(err)
	}
	run := func(path string) []string {
		order = nil
		r := s.Dispatcher().Lookup(path)
		// The handler's own error does not matter: streams have none here.
		_ = r.Handler(t.Context(), fairlead.NewServerCall(&fairlead.ServerCall{Method: r.Method}))
		return order
	}
	want := []string{"server", "outermost", "outer", "inner", "validation"}
	if got := run("/a.Echo/Unary"); !slices.Equal(got, want) {
		t.Errorf("wrapped: got %q, want %q", got, want)
	}
	if got, want := run("/s/M"), []string{"server", "validation"}; !slices.Equal(got, want) {
		t.Errorf("not wrapped: got %q, want %q", got, want)
	}
	if len(sites) != len(echo.Service.Methods) {
		t.Fatalf("got %d sites, want one for each of %d methods", len(sites), len(echo.Service.Methods))
	}
	for i, at := range sites {
		if at.Side != fairlead.ServerSide || at.Method != echo.Service.Methods[i] || at.Fail == nil {
			t.Errorf("got site %v, %v, want the server's, of %s", at.Side, at.Method, echo.Service.Methods[i].Path)
		}
	}
}

func TestWrapErrors(t *testing.T) {
	t.Parallel()
	fail := func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
		at.Fail(errors.New("no key"))
		return next
	}
	none := func(fairlead.Site, fairlead.Handler) fairlead.Handler { return nil }
	impl := unaryImpl("s", "M", nothing)
	tests := []struct {
		name string
		impl *fairlead.Implementation
		want []string
	}{
		{"nothing", fairlead.Wrap(nil, fail), []string{"Service: nil"}},
		{"nil", fairlead.Wrap(impl, nil), []string{"Service: s", "nil Middleware", "Wrap"}},
		{"one that cannot serve", fairlead.Wrap(impl, fail), []string{"/s/M", "Wrap", "no key"}},
		{"one that returns nil", fairlead.Wrap(impl, none), []string{"/s/M", "Wrap", "nil handler"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{}), Service(tt.impl))
			for _, part := range tt.want {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want %q in it", err, part)
				}
			}
		})
	}
}
