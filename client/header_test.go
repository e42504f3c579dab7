package client

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
)

// fixed is a header's function that always returns the same.
func fixed(value string, err error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return value, err }
}

// sent notes the metadata of attempts.
func sent(into *[]string) Option {
	return UsePerAttempt(func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			*into = nil
			for k, v := range c.RequestHeader().All() {
				*into = append(*into, k+"="+v)
			}
			return next(ctx, c)
		}
	})
}

func TestHeader(t *testing.T) {
	t.Parallel()
	broken := errors.New("no token")
	denied := fairlead.Errorf(fairlead.PermissionDenied, "not you")
	tests := []struct {
		name string
		opts []Option
		call []fairlead.CallOption
		want []string      // what is sent
		code fairlead.Code // of the error
		text string        // in the error
	}{
		{"one", []Option{Header("authorization", fixed("Bearer x", nil))}, nil, []string{"authorization=Bearer x"}, 0, ""},
		{"two, one in capitals", []Option{Header("X-A", fixed("1", nil)), Header("b-bin", fixed("\x00\xff", nil))}, nil,
			[]string{"x-a=1", "b-bin=\x00\xff"}, 0, ""},
		{"the last of a name", []Option{Header("a", fixed("1", broken)), Header("b", fixed("2", nil)),
			Header("A", fixed("3", nil))}, nil, []string{"a=3", "b=2"}, 0, ""},
		{"no value", []Option{Header("a", fixed("", nil))}, nil, nil, 0, ""},
		{"the caller's", []Option{Header("a", fixed("", broken))}, []fairlead.CallOption{fairlead.WithHeader("A", "own")},
			[]string{"a=own"}, 0, ""},
		{"an error", []Option{Header("a", fixed("", broken))}, nil, nil, fairlead.Unauthenticated,
			`: header "a": no token`},
		{"an error with a code", []Option{Header("a", fixed("", denied))}, nil, nil, fairlead.PermissionDenied, "not you"},
		{"a context's error", []Option{Header("a", fixed("", context.Canceled))}, nil, nil, fairlead.Canceled, ""},
	}
	for _, tt := range tests {
		for _, stream := range []bool{false, true} {
			t.Run(tt.name+", stream "+strconv.FormatBool(stream), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld()
					var got []string
					s := w.serve("a:1")
					var e ends
					c, _ := w.client(t, []string{"a:1"}, append(slices.Clip(tt.opts), Use(e.middleware), sent(&got))...)
					var err error
					if stream {
						var b *fairlead.Bidi[string, string]
						if b, err = open(t.Context(), c, tt.call...); err == nil {
							defer b.Close()
						}
					} else {
						_, err = say(t.Context(), c, "x", tt.call...)
					}
					if tt.code != fairlead.OK {
						wantError(t, err, tt.code, fairlead.NotSent, tt.text, "/test.Echo/")
						if s.calls() != 0 {
							t.Error("the call was sent")
						}
						e.want(t, 1, tt.code)
						return
					}
					if err != nil || !slices.Equal(got, tt.want) {
						t.Errorf("got %q, %v; want %q", got, err, tt.want)
					}
				})
			})
		}
	}
}

// TestHeaderAgain has repeated attempts send what the first one had, or ask again if it had nothing.
func TestHeaderAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		var got []string
		w.serve("a:1")
		asked := 0
		again := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
			return func(ctx context.Context, c *fairlead.Call) error {
				for range 2 {
					a := c.Wire().Another()
					_ = next(ctx, a)
				}
				return next(ctx, c)
			}
		}
		c, _ := w.client(t, []string{"a:1"}, Use(again), sent(&got), Header("a", func(context.Context) (string, error) {
			if asked++; asked == 1 {
				return "", errors.New("not yet")
			}
			return strconv.Itoa(asked), nil
		}))
		if _, err := say(t.Context(), c, "x"); err != nil || !slices.Equal(got, []string{"a=3"}) || asked != 3 {
			t.Errorf("got %q, %v after %d questions", got, err, asked)
		}
	})
}

// TestHeaderContext has the function's context know the call's deadline, whatever set that.
func TestHeaderContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name    string
			context time.Duration // 0: none
			option  time.Duration // 0: none
			wait    bool          // by Done, or else by the clock
			want    time.Duration // 0: none
		}{
			{"none", 0, 0, false, 0},
			{"the context's", time.Second, 0, true, time.Second},
			{"the caller's", 0, time.Second, true, time.Second},
			{"the caller's, not waited for", 0, time.Second, false, time.Second},
			{"the caller's, earlier", time.Minute, time.Second, true, time.Second},
			{"the caller's, later", time.Second, time.Minute, true, time.Second},
		} {
			w := newWorld()
			w.serve("a:1")
			var kept context.Context
			c, _ := w.client(t, []string{"a:1"}, Header("a", func(ctx context.Context) (string, error) {
				kept = ctx //nolint:fatcontext // to see it end
				d, ok := ctx.Deadline()
				if ok != (tt.want > 0) || ok && time.Until(d) != tt.want || ctx.Err() != nil || ctx.Value(key{}) != 1 {
					t.Errorf("%s: got %v, %v, %v", tt.name, time.Until(d), ok, ctx.Err())
				}
				switch {
				case tt.want == 0:
					return "x", nil
				case tt.wait:
					<-ctx.Done()
				default:
					time.Sleep(tt.want)
				}
				return "", ctx.Err()
			}))
			ctx := context.WithValue(t.Context(), key{}, 1)
			if tt.context > 0 {
				timed, cancel := context.WithTimeout(ctx, tt.context)
				defer cancel()
				ctx = timed
			}
			var opts []fairlead.CallOption
			if tt.option > 0 {
				opts = append(opts, fairlead.WithTimeout(tt.option))
			}
			began := time.Now()
			_, err := say(ctx, c, "x", opts...)
			if tt.want == 0 {
				if err != nil {
					t.Errorf("%s: %v", tt.name, err)
				}
				continue
			}
			wantError(t, err, fairlead.DeadlineExceeded, fairlead.NotSent)
			if took := time.Since(began); took != tt.want {
				t.Errorf("%s: took %v, want %v", tt.name, took, tt.want)
			}
			if tt.want > 0 && kept.Err() == nil {
				t.Errorf("%s: the context goes on", tt.name)
			}
		}
	})
}

// checking is a protocol that refuses names.
type checking struct{ *world }

func (checking) CheckName(name string) error {
	if strings.Contains(name, "!") {
		return errors.New("no such name")
	}
	return nil
}

func TestHeaderErrors(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for _, tt := range []struct {
		opts []Option
		want string
	}{
		{[]Option{Header("a", nil)}, `Header("a") was given a nil function`},
		{[]Option{Header("", fixed("", nil))}, `Header(""): the name is empty`},
		{[]Option{Header("A!", fixed("", nil)), Protocol(checking{w})}, `Header("a!"): no such name`},
		{[]Option{Invalid(errors.New("preset: bad"))}, "preset: bad"},
		{[]Option{Invalid(nil)}, "Invalid was given nil"},
	} {
		if _, err := New("test:///service", w.options(&fakeResolver{}, tt.opts...)...); err == nil ||
			!strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

// TestHeaderAllocs has a value that is at hand cost the list of pairs, and a context with the call's deadline.
func TestHeaderAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	next := func(context.Context, *fairlead.Call) error { return nil }
	h := withHeaders([]header{{"authorization", fixed("Bearer x", nil)}}, next)
	ctx := t.Context()
	assert.Allocs(t, 2, func() { _ = h(ctx, fairlead.NewCall(echo, nil)) })
	assert.Allocs(t, 3, func() { _ = h(ctx, fairlead.NewCall(echo, nil, fairlead.WithTimeout(time.Minute))) })
}
