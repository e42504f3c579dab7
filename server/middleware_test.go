package server

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

// zip is a compressor that is only asked for its name.
type zip string

func (z zip) Name() string { return string(z) }

func (zip) AppendCompress(dst, _ []byte) ([]byte, error) { return dst, nil }

func (zip) AppendDecompress(dst, _ []byte, _ int) ([]byte, error) { return dst, nil }

func pass(_ fairlead.Site, next fairlead.Handler) fairlead.Handler { return next }

// TestWithout has middleware and compressors replaced and left out by name, in the order of the options.
func TestWithout(t *testing.T) {
	t.Parallel()
	var order []string
	tag := func(name string) fairlead.Middleware {
		return func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
			return func(ctx context.Context, c *fairlead.Call) error {
				order = append(order, name)
				return next(ctx, c)
			}
		}
	}
	s, err := New(Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{}), Service(unaryImpl("s", "M", nothing)),
		UseNamed("first", tag("first")), UseNamed("second", tag("second")), UseNamed("third", tag("third")), Use(tag("own")),
		Validation(tag("validation")),
		UseNamed("first", tag("another first")), Without("second", "third"), UseNamed("third", tag("last")),
		Compressor(zip("a"), zip("b"), zip("c")), WithoutCompressor("a", "b"), Compressor(zip("a")))
	if err != nil {
		t.Fatal(err)
	}
	r := s.Dispatcher().Lookup("/s/M")
	if err := r.Handler(t.Context(), fairlead.NewServerCall(&fairlead.ServerCall{Method: r.Method})); err != nil {
		t.Fatal(err)
	}
	if want := []string{"another first", "own", "last", "validation"}; !slices.Equal(order, want) {
		t.Errorf("got order %q, want %q", order, want)
	}
	if got, want := compressorNames(s.Dispatcher().Limits().Compressors), []string{"c", "a"}; !slices.Equal(got, want) {
		t.Errorf("got compressors %q, want %q", got, want)
	}
}

func TestWithoutErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts []Option
		want string // a part of the error; "": no error
	}{
		{"one", []Option{UseNamed("x", pass), Without("x")}, ""},
		{"validation", []Option{Validation(pass), Without("validation")}, ""},
		{"an unknown one", []Option{UseNamed("x", pass), Validation(pass), Use(pass), Without("loging")},
			`Without: no middleware is named "loging"; options before this one added ["x" "validation"]`},
		{"too early", []Option{Without("x"), UseNamed("x", pass)}, `"x"; options before this one added none`},
		{"the same twice", []Option{UseNamed("x", pass), Without("x", "x")}, `named "x"`},
		{"no name", []Option{Without()}, "Without: no name"},
		{"an empty name", []Option{Use(pass), Without("")}, `Without: no middleware is named ""`},
		{"an unknown compressor", []Option{Compressor(zip("a"), zip("b")), WithoutCompressor("c")},
			`WithoutCompressor: there is no "c"; options before this one added ["a" "b"]`},
		{"no compressor", []Option{WithoutCompressor()}, "WithoutCompressor: no name"},
		{"a nil middleware with a name", []Option{UseNamed("x", nil)}, `UseNamed("x"): nil`},
		{"a middleware of no name", []Option{UseNamed("", pass)}, "UseNamed: the name is empty"},
		{"a middleware of a taken name", []Option{UseNamed("validation", pass)}, "the name of Validation"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(append([]Option{
				Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{}), Service(unaryImpl("s", "M", nothing)),
			}, tt.opts...)...)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}
