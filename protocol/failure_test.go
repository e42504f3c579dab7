package protocol

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
)

// Who receives from a stream takes errors.Is(err, io.EOF) for its proper end, which a connection that the peer has
// closed is not.
func TestFailureIsNoEnd(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{io.EOF, fmt.Errorf("read: %w", io.EOF), errors.Join(fs.ErrClosed, io.EOF)} {
		f := &Failure{Kind: FailedLost, Cause: cause}
		if errors.Is(f, io.EOF) {
			t.Errorf("%v is taken for the proper end of a stream", f)
		}
		if !strings.Contains(f.Error(), "EOF") {
			t.Errorf("got %q, want the cause in it", f)
		}
	}
	if f := (&Failure{Cause: io.ErrUnexpectedEOF}); !errors.Is(f, io.ErrUnexpectedEOF) {
		t.Errorf("%v does not have its cause", f)
	}
}

// TestFailureNames: what a peer said is told by its name.
func TestFailureNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		f    Failure
		want string
	}{
		{Failure{Kind: FailedReset, Code: ResetInternal}, "the peer reset the stream with INTERNAL_ERROR"},
		{Failure{Kind: FailedReset, Code: 0xd}, "the peer reset the stream with HTTP_1_1_REQUIRED"},
		{Failure{Kind: FailedReset, Code: 0xe}, "the peer reset the stream with 0xe"},
		{Failure{Kind: FailedReset, Code: 1<<32 - 1}, "the peer reset the stream with 0xffffffff"},
		{
			Failure{Kind: FailedGoaway, Code: ResetEnhanceCalm, Cause: errors.New(`"too_many_pings"`)},
			`the peer sent GOAWAY with ENHANCE_YOUR_CALM: "too_many_pings"`,
		},
	} {
		if got := tt.f.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
