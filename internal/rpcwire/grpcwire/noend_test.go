package grpcwire

import (
	"context"
	"errors"
	"fmt"
	"io"
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
