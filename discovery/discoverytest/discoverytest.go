package discoverytest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/discovery"
)

// Subject is a resolver, and what the suite needs to know of it.
type Subject struct {
	Resolver discovery.Resolver
	// Endpoint is an endpoint for which the resolver has instances.
	Endpoint string
	// Malformed are endpoints that the resolver must refuse.
	Malformed []string
}

// Run runs the suite. It does not look for goroutines that a Watch leaves behind; the caller can, in the whole package
// or in the test that calls Run.
func Run(t *testing.T, s Subject) {
	t.Helper()
	for name, f := range map[string]func(*testing.T){
		"Scheme":    s.scheme,
		"Check":     s.check,
		"Malformed": s.malformed,
		"Instances": s.instances,
		"Cancel":    s.cancel,
		"Two":       s.two,
		"Refusal":   s.refusal,
		"Refresh":   s.refresh,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t)
		})
	}
}

// scheme checks the syntax of RFC 3986, section 3.1, in lower case.
func (s *Subject) scheme(t *testing.T) {
	got := s.Resolver.Scheme()
	if got == "" || strings.Trim(got, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" || got[0] < 'a' {
		t.Errorf("Scheme: got %q, want a letter and letters, digits, '+', '-' or '.' after it, in lower case", got)
	}
}

func (s *Subject) check(t *testing.T) {
	if err := s.Resolver.Check(s.Endpoint); err != nil {
		t.Errorf("Check(%q): %v", s.Endpoint, err)
	}
	for _, e := range append([]string{""}, s.Malformed...) {
		if err := s.Resolver.Check(e); err == nil {
			t.Errorf("Check(%q): got no error", e)
		}
	}
}

// malformed checks that Watch does not hang on endpoints that Check refuses.
func (s *Subject) malformed(t *testing.T) {
	for _, e := range append([]string{""}, s.Malformed...) {
		sink := NewSink()
		if err := s.Resolver.Watch(t.Context(), e, sink); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("Watch(%q): got error %v, want one about the endpoint", e, err)
		}
		if n := sink.Pending(); n > 0 {
			t.Errorf("Watch(%q) reported %d times", e, n)
		}
	}
}

// watch starts Watch; stop cancels it and returns its error.
func (s *Subject) watch(t *testing.T, sink discovery.Sink) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Resolver.Watch(ctx, s.Endpoint, sink) }()
	return func() error {
		cancel()
		return <-done
	}
}

// instances checks that the reported instances can be connected to.
func (s *Subject) instances(t *testing.T) {
	sink := NewSink()
	stop := s.watch(t, sink)
	got := sink.NextUpdate(t)
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: got error %v, want context.Canceled", err)
	}
	weights := uint64(0)
	for i := range got {
		in := &got[i]
		weights += uint64(in.Weight)
		if in.ID == "" {
			t.Errorf("instance %d has no ID", i)
		}
		if len(in.Endpoints) == 0 {
			t.Errorf("instance %q has no endpoints", in.ID)
		}
		for _, e := range in.Endpoints {
			if e.Network != "tcp" && e.Network != "unix" || e.Addr == "" {
				t.Errorf("instance %q: endpoint %q of network %q", in.ID, e.Addr, e.Network)
			}
		}
	}
	if weights == 0 {
		t.Error("no instance has a weight")
	}
}

func (s *Subject) cancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Resolver.Watch(ctx, s.Endpoint, NewSink()); !errors.Is(err, context.Canceled) {
		t.Errorf("Watch with a context that has ended: got error %v, want context.Canceled", err)
	}
}

// two checks that watches do not share state, and that their lists are in the same order.
func (s *Subject) two(t *testing.T) {
	a, b := NewSink(), NewSink()
	stopA, stopB := s.watch(t, a), s.watch(t, b)
	x, y := a.NextUpdate(t), b.NextUpdate(t)
	if err := stopA(); !errors.Is(err, context.Canceled) {
		t.Errorf("the first Watch: got error %v, want context.Canceled", err)
	}
	if !reflect.DeepEqual(x, y) {
		t.Errorf("two watches of one endpoint differ:\n%v\n%v", x, y)
	}
	x[0].ID = "changed"
	if y[0].ID == "changed" {
		t.Error("two watches share a list")
	}
	if err := stopB(); !errors.Is(err, context.Canceled) {
		t.Errorf("the second Watch: got error %v, want context.Canceled", err)
	}
}

// refusal checks that a sink may refuse a list: Watch goes on or returns an error, and ends with its context.
func (s *Subject) refusal(t *testing.T) {
	sink := NewSink()
	sink.Refuse(errors.New("refused"))
	stop := s.watch(t, sink)
	if e := sink.Next(t); e.Err == nil {
		t.Error("the list was not refused")
	}
	if stop() == nil {
		t.Error("Watch: got no error")
	}
}

// refresh checks that a request for a new lookup, which a resolver may ignore, does no harm.
func (s *Subject) refresh(t *testing.T) {
	sink := NewSink()
	stop := s.watch(t, sink)
	sink.NextUpdate(t)
	for range 3 {
		sink.AskRefresh()
	}
	if err := stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: got error %v, want context.Canceled", err)
	}
}
