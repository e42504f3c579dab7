package grpc

import (
	"context"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// TestShortenedIsCounted: the code arrives whatever the client takes, and what was left out is counted.
func TestShortenedIsCounted(t *testing.T) {
	t.Parallel()
	for _, m := range []*fairlead.Method{mUnary, mServer, mClient, mBidi} {
		for _, limit := range []int{1, 100, 400, 1000} {
			d := newDispatcher()
			d.limits.Guard = new(protocol.Guard)
			d.handle(m, func(context.Context, *fairlead.Call) error {
				e := fairlead.Errorf(fairlead.NotFound, "%s", strings.Repeat("no such note ", 100))
				e.Details = []fairlead.Detail{{Type: "t/x.Y", Value: make([]byte, 1000)}}
				return e
			})
			x := raw{path: m.Path, parts: [][]byte{frame(0, "hi")}, limit: limit}.send(t, attach(t, d), d)
			code, message, md := x.status()
			if code != "5" || md.Has(rpcwire.FieldDetails) {
				t.Errorf("%s with %d bytes: got the code %q, %q and %v", m.Path, limit, code, message, md)
			}
			if got := d.limits.Guard.Counts()[protocol.PeerHeaderLimit]; got != 1 {
				t.Errorf("%s with %d bytes: got %d counted, want 1", m.Path, limit, got)
			}
		}
	}
}
