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
