package fairlead

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// reporter is a Driver that keeps what is reported to it.
type reporter struct {
	Driver

	mu    sync.Mutex
	calls []*Call
	what  []string
	value []any
}

func (r *reporter) ReportPanic(c *Call, what string, value any) *Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls, r.what, r.value = append(r.calls, c), append(r.what, what), append(r.value, value)
	return Errorf(Internal, "reported")
}

// TestEndPanics: an end function that panics or leaves its goroutine is reported, does not keep the others from
// running, and makes a call that had succeeded fail.
func TestEndPanics(t *testing.T) {
	t.Parallel()
	failure := Errorf(NotFound, "no such thing")
	panics := func(context.Context, *Call, error) { panic("bad end") }
	leaves := func(context.Context, *Call, error) { runtime.Goexit() }
	type bad map[int]EndFunc
	const never Code = 99 // End does not return
	tests := []struct {
		name   string
		n      int // functions in all
		bad    bad
		err    error
		want   []Code // what each function gets, in the order in which they run
		end    Code   // what End returns
		values []any
	}{
		{"none", 3, nil, nil, []Code{OK, OK, OK}, OK, nil},
		{"the last to run", 3, bad{0: panics}, nil, []Code{OK, OK}, Internal, []any{"bad end"}},
		{"the first to run", 3, bad{2: panics}, nil, []Code{Internal, Internal}, Internal, []any{"bad end"}},
		{"one of a call that failed", 2, bad{1: panics}, failure, []Code{NotFound}, NotFound, []any{"bad end"}},
		{
			"two of many", 6, bad{4: panics, 1: panics}, nil,
			[]Code{OK, Internal, Internal, Internal}, Internal, []any{"bad end", "bad end"},
		},
		{
			"runtime.Goexit", 5, bad{3: leaves}, nil,
			[]Code{OK, Internal, Internal, Internal}, never, []any{nil},
		},
		{
			"runtime.Goexit, and a panic", 5, bad{3: leaves, 1: panics}, failure,
			[]Code{NotFound, NotFound, NotFound}, never, []any{nil, "bad end"},
		},
		{"runtime.Goexit twice", 3, bad{2: leaves, 1: leaves}, nil, []Code{Internal}, never, []any{nil, nil}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := new(reporter)
			c := NewServerCall(&ServerCall{Method: &Method{Path: "/s/m"}, Driver: r})
			var got []Code
			for i := range tt.n {
				if f := tt.bad[i]; f != nil {
					c.OnEnd(f)
					continue
				}
				c.OnEnd(func(_ context.Context, _ *Call, err error) { got = append(got, CodeOf(err)) })
			}
			end := never
			done := make(chan struct{})
			go func() {
				defer close(done)
				end = CodeOf(c.Wire().End(t.Context(), tt.err))
			}()
			<-done
			if !slices.Equal(got, tt.want) {
				t.Errorf("the functions got %v, want %v", got, tt.want)
			}
			if end != tt.end {
				t.Errorf("got %v, want %v", end, tt.end)
			}
			if !slices.Equal(r.value, tt.values) {
				t.Errorf("%v was reported, want %v", r.value, tt.values)
			}
			for i := range r.calls {
				if r.calls[i] != c || r.what[i] != "a function of Call.OnEnd" {
					t.Errorf("%v, %q was reported", r.calls[i], r.what[i])
				}
			}
			if c.Context().Err() != context.Canceled { //nolint:errorlint // it is that one
				t.Errorf("got %v for the call's context, want an end", c.Context().Err())
			}
			if again := c.Wire().End(t.Context(), failure); !errors.Is(again, failure) {
				t.Errorf("got %v for a call that has ended", again)
			}
		})
	}
}

// TestEndPanicsCallInfo: a client's WithInfo is filled in whatever its end functions do.
func TestEndPanicsCallInfo(t *testing.T) {
	t.Parallel()
	var info CallInfo
	c := NewCall(&Method{Path: "/s/m"}, nil, WithInfo(&info))
	c.ResponseTrailer().Append("a", "b")
	c.Wire().SetDriver(new(reporter))
	c.OnEnd(func(context.Context, *Call, error) { runtime.Goexit() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Wire().End(t.Context(), nil)
	}()
	<-done
	if got := info.Trailer.Get("a"); got != "b" || info.Attempts != 1 {
		t.Errorf("got %q, %d attempts", got, info.Attempts)
	}
}

// TestEndPanicsUnreported: with a driver that takes no reports the error says what happened, but not the panic's value,
// which may be nobody else's business.
func TestEndPanicsUnreported(t *testing.T) {
	t.Parallel()
	c := NewCall(&Method{Path: "/s/m"}, nil)
	c.OnEnd(func(context.Context, *Call, error) { panic("a secret") })
	err := c.Wire().End(t.Context(), nil)
	const want = "INTERNAL: a function of Call.OnEnd panicked: a panic with a value of type string"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	c = NewCall(&Method{Path: "/s/m"}, nil)
	var got error
	c.OnEnd(func(_ context.Context, _ *Call, err error) { got = err })
	c.OnEnd(func(context.Context, *Call, error) { runtime.Goexit() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Wire().End(t.Context(), nil)
	}()
	<-done
	if want := "INTERNAL: a function of Call.OnEnd called runtime.Goexit"; got == nil || got.Error() != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
