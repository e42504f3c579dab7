package grpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// TestBrokenStreamIsNoEnd has a stream end by the end of its connection: no error of a stream that has not succeeded
// may look like the end of one that has.
func TestBrokenStreamIsNoEnd(t *testing.T) {
	t.Parallel()
	for _, kind := range []protocol.FailureKind{protocol.FailedLost, protocol.FailedClosed, protocol.FailedGoaway} {
		hc := newConn(t, reply{fail: &protocol.Failure{Kind: kind, Cause: fmt.Errorf("read: %w", io.EOF)}}.serve)
		b := bindTo(t, hc, mBidi, config())
		c := fairlead.NewCall(mBidi, nil)
		if err := b.cc.Open(context.Background(), b.b, c); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := c.Stream().Recv(new(note)); errors.Is(err, io.EOF) || fairlead.CodeOf(err) != fairlead.Unavailable {
				t.Errorf("got %v, want an error that is Unavailable and not io.EOF", err)
			}
		}
		_ = c.Stream().Close()
	}
}

// TestShortMessageIsNoEnd does the same with what codecs and compressors say of a message that is too short.
func TestShortMessageIsNoEnd(t *testing.T) {
	t.Parallel()
	short := fmt.Errorf("reading a length: %w", io.EOF)
	for _, err := range []error{asInternal(short, "cannot decode"), internal(short, "cannot decompress with %s", "x")} {
		if errors.Is(err, io.EOF) || fairlead.CodeOf(err) != fairlead.Internal || !strings.HasSuffix(err.Error(), ": EOF") {
			t.Errorf("got %v, want an error that is Internal and not io.EOF", err)
		}
	}
	if err := asInternal(io.ErrUnexpectedEOF, "cannot decode"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v does not have its cause", err)
	}
}
