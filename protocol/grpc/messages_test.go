package grpc

import (
	"errors"
	"fmt"
	"io"
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
			err := asInternal(tt.err, "cannot decode")
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
