package protocol_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// hostile is the value of a panic whose methods panic.
type hostile struct{}

func (hostile) LogValue() slog.Value { panic("again") }
func (hostile) Error() string        { panic("again") }

// entries is a slog.Handler that keeps what it is given, and panics as long as it is told so.
type entries struct {
	slog.Handler

	panics int
	text   []string
}

func (e *entries) Enabled(context.Context, slog.Level) bool { return true }

func (e *entries) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %s", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		switch {
		case a.Equal(slog.Attr{}):
		case a.Key == "stack":
			fmt.Fprintf(&b, " stack=%v", strings.Contains(a.Value.String(), "TestPanics"))
		default:
			fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		}
		return true
	})
	e.text = append(e.text, b.String())
	if e.panics > 0 {
		e.panics--
		panic("the logger")
	}
	return nil
}

func TestPanics(t *testing.T) {
	t.Parallel()
	m := &fairlead.Method{Path: "/s/m"}
	tests := []struct {
		name   string
		side   fairlead.Side
		method *fairlead.Method
		f      func()
		panics int // of the logger
		want   string
		logged string
	}{
		{
			"a server's", fairlead.ServerSide, m, func() { panic("boom") }, 0,
			"INTERNAL: internal error", "ERROR the codec panicked side=server panic=boom stack=true method=/s/m",
		},
		{
			"a client's, for no method", fairlead.ClientSide, nil, func() { panic("boom") }, 0,
			"INTERNAL: the codec panicked", "ERROR the codec panicked side=client panic=boom stack=true",
		},
		{
			"runtime.Goexit", fairlead.ClientSide, m, runtime.Goexit, 0,
			"INTERNAL: the codec called runtime.Goexit",
			"ERROR the codec called runtime.Goexit side=client stack=true method=/s/m",
		},
		{
			"a value whose methods panic", fairlead.ServerSide, nil, func() { panic(hostile{}) }, 0,
			"INTERNAL: internal error", "side=server panic=",
		},
		{
			"a logger that panics once", fairlead.ServerSide, nil, func() { panic("boom") }, 1,
			"INTERNAL: internal error", "panic=a value of type string stack=true",
		},
		{
			"a logger that panics", fairlead.ServerSide, nil, func() { panic("boom") }, 2,
			"INTERNAL: internal error", "panic=a value of type string stack=true",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := &entries{panics: tt.panics}
			p := protocol.NewPanics(tt.side, slog.New(h))
			var err error
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { err = p.Caught(tt.method, "the codec", recover()) }()
				tt.f()
			}()
			<-done
			if err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if n := len(h.text); n == 0 || !strings.Contains(h.text[n-1], tt.logged) {
				t.Errorf("%q was logged, want %q", h.text, tt.logged)
			}
			if p.Count() != 1 {
				t.Errorf("got a count of %d", p.Count())
			}
		})
	}
}

// TestNoPanics: a protocol without Panics, in its own tests, lets panics go on.
func TestNoPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if p := recover(); p != "boom" {
			t.Errorf("got a panic with %v", p)
		}
	}()
	var none *protocol.Panics
	_ = none.Caught(nil, "the codec", "boom")
}

// TestContainLogger: what a log handler does wrong stays there.
func TestContainLogger(t *testing.T) {
	t.Parallel()
	h := new(entries)
	l := protocol.ContainLogger(slog.New(h))
	h.panics = 1
	l.Info("lost")
	l.Info("kept")
	if len(h.text) != 2 || h.text[1] != "INFO kept" {
		t.Errorf("got %q", h.text)
	}
	var b strings.Builder
	l = protocol.ContainLogger(slog.New(slog.NewTextHandler(&b, nil))).With("a", 1).WithGroup("g")
	l.Info("hello", "b", 2)
	l.Debug("not enabled")
	if got := b.String(); !strings.HasSuffix(got, "msg=hello a=1 g.b=2\n") {
		t.Errorf("got %q", got)
	}
	l = protocol.ContainLogger(slog.New(bad{})).With("a", 1).WithGroup("g")
	l.Info("nothing")
	if l.Enabled(t.Context(), slog.LevelError) {
		t.Error("a handler that panics is enabled")
	}
}

// bad is a slog.Handler that is nothing.
type bad struct{ slog.Handler }
