package server

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

// gate notes what happens to it, and refuses when told to.
type gate struct {
	name   string
	log    *[]string
	refuse error
}

func (g *gate) Enter(*fairlead.Call) error {
	*g.log = append(*g.log, "enter "+g.name)
	return g.refuse
}

func (g *gate) Leave(*fairlead.Call) { *g.log = append(*g.log, "leave "+g.name) }

func plain(t *testing.T, opts ...Option) *Server {
	t.Helper()
	s, err := New(append([]Option{
		Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{}), Service(unaryImpl("s", "M", nothing)),
		Logger(quiet()),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGates(t *testing.T) {
	t.Parallel()
	var log []string
	a, b, c := &gate{"a", &log, nil}, &gate{"b", &log, nil}, &gate{"c", &log, nil}
	s := plain(t, Admission(a, b), Admission(c))
	d := s.Dispatcher()
	call := fairlead.NewServerCall(&fairlead.ServerCall{Method: s.ordered[0].Method})
	if err := d.Admit(call, 10); err != nil {
		t.Fatal(err)
	}
	if got, want := s.Stats(), (Stats{Calls: 1, Bytes: 10}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	d.Done(call, 10)
	want := []string{"enter a", "enter b", "enter c", "leave c", "leave b", "leave a"}
	if !slices.Equal(log, want) {
		t.Errorf("got %q, want %q", log, want)
	}
	log = nil
	c.refuse = errors.New("no")
	if err := d.Admit(call, 10); !errors.Is(err, c.refuse) {
		t.Errorf("got %v, want the gate's error", err)
	}
	if want := []string{"enter a", "enter b", "enter c", "leave b", "leave a"}; !slices.Equal(log, want) {
		t.Errorf("got %q, want %q", log, want)
	}
	if got, want := s.Stats(), (Stats{Refused: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMaxBytes(t *testing.T) {
	t.Parallel()
	s := plain(t, MaxBytes(100))
	d := s.Dispatcher()
	call := fairlead.NewServerCall(&fairlead.ServerCall{Method: s.ordered[0].Method})
	steps := []struct {
		name string
		do   func() error
		want fairlead.Code
	}{
		{"fits", func() error { return d.Admit(call, 60) }, fairlead.OK},
		{"fits exactly", func() error { return d.Reserve(40) }, fairlead.OK},
		{"one too many", func() error { return d.Reserve(1) }, fairlead.ResourceExhausted},
		{"a call too many", func() error { return d.Admit(call, 1) }, fairlead.ResourceExhausted},
		{"a call without bytes", func() error { return d.Admit(call, 0) }, fairlead.OK},
		{"absurd", func() error { return d.Admit(call, math.MaxInt) }, fairlead.ResourceExhausted},
		{"the first is over", func() error { d.Done(call, 100); return nil }, fairlead.OK},
		{"fits again", func() error { return d.Admit(call, 100) }, fairlead.OK},
	}
	for _, step := range steps {
		if got := fairlead.CodeOf(step.do()); got != step.want {
			t.Errorf("%s: got %v, want %v", step.name, got, step.want)
		}
	}
	if got, want := s.Stats(), (Stats{Calls: 2, Bytes: 100, Refused: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMaxBytesConcurrent(t *testing.T) {
	t.Parallel()
	s := plain(t, MaxBytes(1000))
	d := s.Dispatcher()
	call := fairlead.NewServerCall(&fairlead.ServerCall{Method: s.ordered[0].Method})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 2000 {
				if d.Admit(call, 400) == nil {
					d.Done(call, 400)
				}
			}
		})
	}
	wg.Wait()
	if got := s.Stats(); got.Calls != 0 || got.Bytes != 0 {
		t.Errorf("got %+v, want nothing under way", got)
	}
}

func TestAdmitAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	s := plain(t)
	d := s.Dispatcher()
	call := fairlead.NewServerCall(&fairlead.ServerCall{Method: s.ordered[0].Method})
	path := []byte("/s/M")
	assert.Allocs(t, 0, func() {
		if d.Lookup(string(path[:4])) == nil || d.Admit(call, 10) != nil {
			t.Error("not admitted")
		}
		d.Done(call, 10)
	})
}

// A request may still be on its way to its handler when its connection has ended and Shutdown has seen nothing left.
func TestNoCallBeginsAfterShutdown(t *testing.T) {
	t.Parallel()
	s := plain(t)
	d := s.Dispatcher()
	call := fairlead.NewServerCall(&fairlead.ServerCall{Method: s.ordered[0].Method})
	if err := d.Admit(call, 10); err != nil {
		t.Fatal(err)
	}
	d.Done(call, 10)
	for range 2 {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.Admit(call, 10); fairlead.CodeOf(err) != fairlead.Unavailable || !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want the server closed", err)
		}
		if got, want := s.Stats(), (Stats{}); got != want {
			t.Errorf("got %+v, want nothing", got)
		}
	}
}

// A server may have nothing but a fallback.
func TestFallback(t *testing.T) {
	t.Parallel()
	s, err := New(Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{}), Logger(quiet()), Fallback(nothing))
	if err != nil {
		t.Fatal(err)
	}
	d := s.Dispatcher()
	r := d.Fallback()
	switch {
	case r == nil || r.Handler == nil || r.Method.Kind != fairlead.BidiStreaming || r.Codec("msg") == nil:
		t.Errorf("got the route %+v", r)
	case d.Lookup(r.Method.Path) != nil:
		t.Error("the fallback has a path")
	}
	for range d.Routes() {
		t.Error("the fallback is among the routes of methods")
	}
	if got := plain(t).Dispatcher().Fallback(); got != nil {
		t.Errorf("without the option: got the route %+v", got)
	}
	_, err = New(Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{}), Fallback(nothing),
		Use(func(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
			at.Fail(errors.New("not " + at.Method.Path))
			return next
		}))
	if err == nil || !strings.Contains(err.Error(), "server: Fallback: *: ") {
		t.Errorf("a middleware that cannot serve it: got %v", err)
	}
}

// Protocols of HTTP need a wire that carries them.
func TestHTTPWithoutWire(t *testing.T) {
	t.Parallel()
	_, err := New(Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{}), Service(unaryImpl("s", "M", nothing)),
		HTTP(new(protocoltest.Items)))
	if err == nil || !strings.Contains(err.Error(), "server: HTTP: no Protocol carries HTTP, which items needs") {
		t.Errorf("got %v", err)
	}
}
