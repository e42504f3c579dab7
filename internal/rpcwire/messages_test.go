package rpcwire

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
)

// brokenError is an error of a codec's whose methods panic.
type brokenError struct{}

func (brokenError) Error() string { panic("in Error") }
func (brokenError) Is(error) bool { panic("in Is") }

// TestInternal makes errors of what codecs and compressors return.
func TestInternal(t *testing.T) {
	t.Parallel()
	cause := errors.New("too short")
	tests := []struct {
		name string
		err  error
		text string
		is   error // what is to be found; nil: nothing
	}{
		{"another", cause, "cannot decode: too short", cause},
		{"the end", io.EOF, "cannot decode: EOF", nil},
		{"the end, wrapped", fmt.Errorf("codec: %w", io.EOF), "cannot decode: codec: EOF", nil},
		{"one whose methods panic", brokenError{}, "cannot decode: ", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := AsInternal(tt.err, "cannot decode")
			wantError(t, err, fairlead.Internal, tt.text)
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			if tt.name != "one whose methods panic" && errors.Is(err, io.EOF) {
				t.Errorf("%v looks like the end of a stream", err)
			}
		})
	}
}

// TestShortMessageIsNoEnd makes errors of what codecs and compressors say of a message that is too short: none looks
// like the end of a stream.
func TestShortMessageIsNoEnd(t *testing.T) {
	t.Parallel()
	short := fmt.Errorf("reading a length: %w", io.EOF)
	for _, err := range []error{AsInternal(short, "cannot decode"), Internal(short, "cannot decompress with %s", "x")} {
		if errors.Is(err, io.EOF) || fairlead.CodeOf(err) != fairlead.Internal || !strings.HasSuffix(err.Error(), ": EOF") {
			t.Errorf("got %v, want an error that is Internal and not io.EOF", err)
		}
	}
	if err := AsInternal(io.ErrUnexpectedEOF, "cannot decode"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v does not have its cause", err)
	}
}
