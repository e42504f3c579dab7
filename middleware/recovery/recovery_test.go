package recovery

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
)

func newCall(kind fairlead.Kind) *fairlead.Call {
	return fairlead.NewServerCall(&fairlead.ServerCall{
		Method: fairlead.NewMethod[int, int](kind, "s", "M"), Peer: &fairlead.Peer{Addr: "10.0.0.7:1"},
	})
}

func around(t *testing.T, h fairlead.Handler, opts ...Option) fairlead.Handler {
	t.Helper()
	mw, err := New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return mw(fairlead.Site{Method: newCall(fairlead.Unary).Method()}, h)
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	failure := errors.New("failure")
	var nothing any
	tests := []struct {
		name    string
		handler fairlead.Handler
		code    fairlead.Code
		logged  string // "": nothing
	}{
		{"success", func(context.Context, *fairlead.Call) error { return nil }, fairlead.OK, ""},
		{"an error", func(context.Context, *fairlead.Call) error { return failure }, fairlead.Unknown, ""},
		{"a panic", func(context.Context, *fairlead.Call) error { panic("secret of the database") },
			fairlead.Internal, "secret of the database"},
		{"a run-time panic", func(_ context.Context, c *fairlead.Call) error {
			_ = c.Request().(*int) //nolint:forcetypeassert // the panic that is caught
			return nil
		}, fairlead.Internal, "interface conversion"},
		{"an error as panic", func(context.Context, *fairlead.Call) error { panic(failure) },
			fairlead.Internal, "failure"},
		{"a nil panic", func(context.Context, *fairlead.Call) error { panic(nothing) },
			fairlead.Internal, "nil"},
	}
	for _, tt := range tests {
		for _, kind := range []fairlead.Kind{fairlead.Unary, fairlead.BidiStreaming} {
			var log bytes.Buffer
			h := around(t, tt.handler, Logger(slog.New(slog.NewTextHandler(&log, nil))))
			c := newCall(kind)
			err := h(c.Context(), c)
			if got := fairlead.CodeOf(err); got != tt.code {
				t.Errorf("%s: got %v, want %v", tt.name, err, tt.code)
			}
			switch {
			case tt.logged == "":
				if log.Len() > 0 {
					t.Errorf("%s: logged %q", tt.name, &log)
				}
			case strings.Contains(err.Error(), tt.logged):
				t.Errorf("%s: the caller is told %q", tt.name, err)
			default:
				for _, part := range []string{tt.logged, "recovery_test.go", "method=/s/M", "10.0.0.7:1", "side=server"} {
					if !strings.Contains(log.String(), part) {
						t.Errorf("%s: %q is not in the log %q", tt.name, part, &log)
					}
				}
			}
		}
	}
}

func TestHandle(t *testing.T) {
	t.Parallel()
	own := fairlead.Errorf(fairlead.Unavailable, "try another")
	for _, want := range []error{own, nil} {
		h := around(t, func(context.Context, *fairlead.Call) error { panic(42) },
			Logger(slog.New(slog.DiscardHandler)),
			Handle(func(_ context.Context, c *fairlead.Call, p any, stack []byte) error {
				if c == nil || p != 42 || !bytes.Contains(stack, []byte("TestHandle")) {
					t.Errorf("got %v, %v, %s", c, p, stack)
				}
				return want
			}))
		c := newCall(fairlead.Unary)
		err := h(c.Context(), c)
		if want == nil {
			if fairlead.CodeOf(err) != fairlead.Internal {
				t.Errorf("got %v, want INTERNAL", err)
			}
			continue
		}
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// picky is a log handler that calls the methods of what it gets, as slog's own do not without care.
type picky struct{ slog.Handler }

func (p picky) Handle(ctx context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			_ = err.Error()
		}
		return true
	})
	return p.Handler.Handle(ctx, r)
}

// nilError has a method that panics for a nil pointer.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// TestPanicsOfPanics has the panic's value, the log handler and Handle panic in turn.
func TestPanicsOfPanics(t *testing.T) {
	t.Parallel()
	var none *nilError
	text := func(log *bytes.Buffer) slog.Handler { return slog.NewTextHandler(log, nil) }
	tests := []struct {
		name   string
		opts   []Option
		logger func(*bytes.Buffer) slog.Handler
		logged []string
	}{
		{"a value without a text", nil, text, []string{"panic in a call"}},
		{"a log handler that asks for it", nil, func(log *bytes.Buffer) slog.Handler { return picky{text(log)} },
			[]string{"panic in a call", "a value of type *recovery.nilError"}},
		{"Handle", []Option{
			Handle(func(_ context.Context, _ *fairlead.Call, p any, _ []byte) error {
				return errors.New(p.(error).Error()) //nolint:forcetypeassert,errorlint // the panic that is caught
			}),
		}, text, []string{"panic in a call", "panic in the function of recovery.Handle"}},
		{"a log handler that always panics", nil, func(*bytes.Buffer) slog.Handler { return nil }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			logger := new(slog.Logger) // of the last row: it has no handler
			if h := tt.logger(&log); h != nil {
				logger = slog.New(h)
			}
			h := around(t, func(context.Context, *fairlead.Call) error { panic(none) }, append(tt.opts, Logger(logger))...)
			c := newCall(fairlead.Unary)
			if err := h(c.Context(), c); fairlead.CodeOf(err) != fairlead.Internal || err.Error() != "INTERNAL: internal error" {
				t.Errorf("got %v, want INTERNAL", err)
			}
			for _, part := range append(tt.logged, "") {
				if !strings.Contains(log.String(), part) {
					t.Errorf("%q is not in the log %q", part, &log)
				}
			}
		})
	}
}

// TestGoexit: it is no panic, and is left to end its goroutine.
func TestGoexit(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := around(t, func(context.Context, *fairlead.Call) error { runtime.Goexit(); return nil },
		Logger(slog.New(slog.NewTextHandler(&log, nil))))
	returned := make(chan bool, 1)
	go func() {
		ok := false
		defer func() { returned <- ok }()
		c := newCall(fairlead.Unary)
		_ = h(c.Context(), c)
		ok = true
	}()
	if <-returned {
		t.Error("Goexit was taken for a return")
	}
	if log.Len() > 0 {
		t.Errorf("logged %q", &log)
	}
}

func TestNewErrors(t *testing.T) {
	t.Parallel()
	if _, err := New(Logger(nil)); err == nil || !strings.Contains(err.Error(), "Logger") {
		t.Errorf("got %v, want an error about Logger", err)
	}
}

func TestAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	c := newCall(fairlead.Unary)
	ctx := c.Context()
	for _, result := range []error{nil, io.EOF} {
		h := around(t, func(context.Context, *fairlead.Call) error { return result })
		assert.Allocs(t, 0, func() { _ = h(ctx, c) })
	}
}

// TestSiteLogger has panics logged where the server or client logs, if the middleware has no logger of its own.
func TestSiteLogger(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	mw, err := New()
	if err != nil {
		t.Fatal(err)
	}
	c := newCall(fairlead.Unary)
	at := fairlead.Site{Method: c.Method(), Logger: slog.New(slog.NewTextHandler(&log, nil))}
	err = mw(at, func(context.Context, *fairlead.Call) error { panic("oh") })(c.Context(), c)
	if fairlead.CodeOf(err) != fairlead.Internal || !strings.Contains(log.String(), "panic=oh") {
		t.Errorf("got %v and the log %q, want INTERNAL and the panic", err, &log)
	}
	for _, o := range []Option{Logger(nil), Handle(nil), nil} {
		if _, err := New(o); err == nil {
			t.Errorf("%v: got no error", o)
		}
	}
}
