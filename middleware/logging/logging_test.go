package logging

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
)

var method = fairlead.NewMethod[int, int](fairlead.Unary, "s", "M")

func logger(w *bytes.Buffer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

func around(t *testing.T, at fairlead.Site, l *slog.Logger, h fairlead.Handler, opts ...Option) fairlead.Handler {
	t.Helper()
	mw, err := New(l, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return mw(at, h)
}

// TestLine: the line is written at the call's end, once, and says what there is to say.
func TestLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		stream := fairlead.NewMethod[int, int](fairlead.BidiStreaming, "s", "Chat")
		at := fairlead.Site{Side: fairlead.ClientSide, Method: stream}
		h := around(t, at, logger(&log, slog.LevelDebug), func(context.Context, *fairlead.Call) error { return nil })
		c := fairlead.NewCall(stream, nil)
		if err := h(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // of the bubble's clock: the stream goes on
		if log.Len() > 0 {
			t.Errorf("logged before the end: %q", &log)
		}
		c.Wire().SetPeer(&fairlead.Peer{Addr: "10.0.0.7:8080"})
		c.Wire().End(t.Context(), fairlead.Errorf(fairlead.Unavailable, "gone"))
		c.Wire().End(t.Context(), nil)
		if got := strings.Count(log.String(), "\n"); got != 1 {
			t.Errorf("got %d lines: %q", got, &log)
		}
		for _, part := range []string{
			"level=WARN", "msg=call", "method=/s/Chat", `kind="bidirectional streaming"`, "side=client",
			"peer=10.0.0.7:8080", "code=UNAVAILABLE", "took=1s", `error="UNAVAILABLE: gone"`,
		} {
			if !strings.Contains(log.String(), part) {
				t.Errorf("%q is not in %q", part, &log)
			}
		}
		if strings.Contains(log.String(), "attempt") {
			t.Errorf("a first attempt is counted: %q", &log)
		}
	})
}

func TestLevels(t *testing.T) {
	t.Parallel()
	tests := []struct {
		side fairlead.Side
		err  error
		want string
	}{
		{fairlead.ServerSide, nil, "DEBUG"},
		{fairlead.ServerSide, fairlead.Errorf(fairlead.InvalidArgument, "x"), "INFO"},
		{fairlead.ServerSide, fairlead.Errorf(fairlead.NotFound, "x"), "INFO"},
		{fairlead.ServerSide, context.Canceled, "INFO"},
		{fairlead.ServerSide, fairlead.Errorf(fairlead.Unimplemented, "x"), "INFO"},
		{fairlead.ClientSide, fairlead.Errorf(fairlead.Unimplemented, "x"), "ERROR"},
		{fairlead.ServerSide, fairlead.Errorf(fairlead.ResourceExhausted, "x"), "WARN"},
		{fairlead.ClientSide, context.DeadlineExceeded, "WARN"},
		{fairlead.ServerSide, fairlead.Errorf(fairlead.Internal, "x"), "ERROR"},
		{fairlead.ServerSide, errors.New("x"), "ERROR"},
		{fairlead.ServerSide, fairlead.Errorf(fairlead.Code(99), "x"), "ERROR"},
	}
	for _, tt := range tests {
		var log bytes.Buffer
		at := fairlead.Site{Side: tt.side, Method: method}
		h := around(t, at, logger(&log, slog.LevelDebug), func(context.Context, *fairlead.Call) error { return tt.err })
		c := fairlead.NewCall(method, nil)
		err := h(t.Context(), c)
		c.Wire().End(t.Context(), err)
		if want := "level=" + tt.want; !strings.Contains(log.String(), want) {
			t.Errorf("%v, %v: got %q, want %s", tt.side, tt.err, &log, want)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	asked := 0
	h := around(t, fairlead.Site{Method: method}, logger(&log, slog.LevelInfo),
		func(context.Context, *fairlead.Call) error { return nil },
		Message("rpc"), Levels(func(at fairlead.Site, code fairlead.Code) slog.Level {
			asked++
			if at.Method != method {
				t.Errorf("asked for %v", at.Method)
			}
			if code == fairlead.OK {
				return slog.LevelInfo
			}
			return slog.LevelError
		}))
	built := asked
	c := fairlead.NewCall(method, nil).Wire().Another()
	_ = h(t.Context(), c)
	c.Wire().End(t.Context(), nil)
	if got := log.String(); !strings.Contains(got, "level=INFO msg=rpc") || !strings.Contains(got, "attempt=1") {
		t.Errorf("got %q", got)
	}
	if asked != built || built != codes {
		t.Errorf("asked %d times when built, %d later; want %d and 0", built, asked-built, codes)
	}
}

func TestNewErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		opt  Option
		want string
	}{{Levels(nil), "Levels"}, {Message(""), "Message"}, {nil, "nil Option"}} {
		if _, err := New(slog.New(slog.DiscardHandler), tt.opt); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want an error about %s", err, tt.want)
		}
	}
}

// TestSiteLogger has a middleware without a logger use that of the server or client; one of its own comes first.
func TestSiteLogger(t *testing.T) {
	t.Parallel()
	for _, own := range []bool{false, true} {
		var site, given bytes.Buffer
		var l *slog.Logger
		if own {
			l = logger(&given, slog.LevelDebug)
		}
		at := fairlead.Site{Method: method, Logger: logger(&site, slog.LevelDebug)}
		h := around(t, at, l, func(context.Context, *fairlead.Call) error { return nil })
		c := fairlead.NewCall(method, nil)
		c.Wire().End(t.Context(), h(t.Context(), c))
		if got := site.Len() > 0; got == own {
			t.Errorf("a logger of its own: %v; the site's logger was used: %v", own, got)
		}
		if got := given.Len() > 0; got != own {
			t.Errorf("a logger of its own: %v; it was used: %v", own, got)
		}
	}
}

func TestAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	var log bytes.Buffer
	failure := fairlead.Errorf(fairlead.NotFound, "x")
	for _, result := range []error{nil, failure} {
		h := around(t, fairlead.Site{Method: method}, logger(&log, slog.LevelWarn),
			func(context.Context, *fairlead.Call) error { return result })
		ctx := t.Context()
		assert.Allocs(t, 1, func() { // the call itself
			c := fairlead.NewCall(method, nil)
			c.Wire().End(ctx, h(ctx, c))
		})
	}
	if log.Len() > 0 {
		t.Errorf("logged %q", &log)
	}
}
