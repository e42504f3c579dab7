package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/transport"
)

// badGate is a gate that does as it is told.
type badGate struct{ enter, leave func() }

func (g *badGate) Enter(*fairlead.Call) error {
	if g.enter != nil {
		g.enter()
	}
	return nil
}

func (g *badGate) Leave(*fairlead.Call) {
	if g.leave != nil {
		g.leave()
	}
}

// inGoroutine runs f in a goroutine of its own and waits for its end, which may be runtime.Goexit.
func inGoroutine(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// TestGatesPanic: a gate that panics or leaves its goroutine refuses the call or loses its word, is counted, and keeps
// no other gate from being left, nor the call from being taken off the load.
func TestGatesPanic(t *testing.T) {
	t.Parallel()
	boom := func() { panic("boom") }
	tests := []struct {
		name   string
		bad    badGate
		admits bool
		want   []string
	}{
		{"Enter panics", badGate{enter: boom}, false, []string{"enter a", "enter b", "leave b", "leave a"}},
		{"Enter leaves", badGate{enter: runtime.Goexit}, false, []string{"enter a", "enter b", "leave b", "leave a"}},
		{
			"Leave panics", badGate{leave: boom}, true,
			[]string{"enter a", "enter b", "enter c", "leave c", "leave b", "leave a"},
		},
		{
			"Leave leaves", badGate{leave: runtime.Goexit}, true,
			[]string{"enter a", "enter b", "enter c", "leave c", "leave b", "leave a"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log []string
			s := plain(t, Admission(&gate{"a", &log, nil}, &gate{"b", &log, nil}, &tt.bad, &gate{"c", &log, nil}))
			d := s.Dispatcher()
			call := fairlead.NewServerCall(&fairlead.ServerCall{Method: s.ordered[0].Method})
			err := errors.New("Admit did not return")
			inGoroutine(func() { err = d.Admit(call, 10) })
			if (err == nil) != tt.admits {
				t.Errorf("got %v, want admitted: %v", err, tt.admits)
			}
			if tt.admits {
				inGoroutine(func() { d.Done(call, 10) })
			} else if e := (*fairlead.Error)(nil); errors.As(err, &e) && e.Code != fairlead.Internal {
				t.Errorf("got %v, want INTERNAL", err)
			}
			if !slices.Equal(log, tt.want) {
				t.Errorf("got %q, want %q", log, tt.want)
			}
			if got, want := s.Stats(), (Stats{Panics: 1}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// TestBeginPanics: what goes wrong before a connection's wire is known costs that connection and no other.
func TestBeginPanics(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFakeWire("a", 'a')
			first := true
			w.newConn = func(transport.Conn) (protocol.ServerConn, error) {
				if first {
					first = false
					f()
				}
				return nil, errors.New("as well")
			}
			k := newKit(t, handlers{}, Protocol(w))
			for range 2 {
				tc := k.raw(t)
				if err := tc.Write([]byte("a")); err != nil {
					t.Fatal(err)
				}
				if _, err := tc.Peek(1); err == nil {
					t.Error("the connection was not closed")
				}
			}
			if got := k.Stats(); got.Panics != 1 {
				t.Errorf("got %+v, want 1 panic", got)
			}
		})
	}
}

// TestServePanics: a wire that panics loses the connection, and the server drains as ever.
func TestServePanics(t *testing.T) {
	t.Parallel()
	if buffer.Poisoning {
		t.Skip("such a panic ends the process in this build")
	}
	w := newFakeWire("a", 'a')
	w.newConn = func(tc transport.Conn) (protocol.ServerConn, error) {
		return panicking{&fakeConn{tc: tc, drains: make(chan bool, 10), over: make(chan struct{})}}, nil
	}
	k := newKit(t, handlers{}, Protocol(w))
	tc := k.raw(t)
	if err := tc.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := tc.Peek(1); err == nil {
		t.Error("the connection was not closed")
	}
	if err := k.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if got, want := k.Stats(), (Stats{Accepted: 1, Panics: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

type panicking struct{ *fakeConn }

func (panicking) Serve() error { panic("boom") }

// TestAcceptPanics: a listener that panics is one that has failed.
func TestAcceptPanics(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, err := New(Protocol(protocoltest.NewFrameServer()), Codec(protocoltest.Codec{}),
					Service(unaryImpl("s", "M", nothing)), Logger(slog.New(bad{})),
					Transport(oneListener{&badListener{f}}), Listen("x:1"))
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := <-s.Failed(); fairlead.CodeOf(err) != fairlead.Internal {
					t.Errorf("got %v, want INTERNAL", err)
				}
				if err := s.Shutdown(t.Context()); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
				if got, want := s.Stats(), (Stats{Panics: 1}); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		})
	}
}

type badListener struct{ f func() }

func (l *badListener) Accept() (transport.Conn, error) {
	l.f()
	return nil, net.ErrClosed
}

func (*badListener) Addr() net.Addr { return &net.UnixAddr{Name: "bad", Net: "unix"} }
func (*badListener) Close() error   { return nil }

// bad is a log handler that panics.
type bad struct{ slog.Handler }

func (bad) Enabled(context.Context, slog.Level) bool { return true }

func (bad) Handle(context.Context, slog.Record) error { panic("the logger") }
