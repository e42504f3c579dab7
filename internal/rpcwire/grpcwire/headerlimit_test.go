package grpcwire

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

// TestMetadataTooLong: metadata of a successful response that the client would not take is an error, in the head and in
// the trailer, of each kind of method, and what the client takes to the byte is not.
func TestMetadataTooLong(t *testing.T) {
	t.Parallel()
	where := map[string]func(c *fairlead.Call) *fairlead.Metadata{
		"head":    (*fairlead.Call).ResponseHeader,
		"trailer": (*fairlead.Call).ResponseTrailer,
	}
	for name, of := range where {
		for _, m := range []*fairlead.Method{mUnary, mServer, mClient, mBidi} {
			t.Run(name+" of "+m.Name, func(t *testing.T) {
				t.Parallel()
				for n, want := range map[int]string{100: "0", 2000: "8"} {
					d := newDispatcher()
					d.limits.Guard = new(protocol.Guard)
					d.handle(m, func(_ context.Context, c *fairlead.Call) error {
						of(c).Add("x", strings.Repeat("v", n))
						if m == mUnary || m == mClient {
							c.SetResponse(&note{"hi"})
						}
						return nil
					})
					x := raw{path: m.Path, parts: [][]byte{frame(0, "hi")}, limit: 1000}.send(t, attach(t, d), d)
					code, message, _ := x.status()
					if code != want {
						t.Errorf("%d bytes: got the code %s (%s), want %s", n, code, message, want)
					}
					if n > 1000 && !strings.Contains(message, "and the client takes 1000") {
						t.Errorf("got %q", message)
					}
					if got := d.limits.Guard.Counts()[protocol.PeerHeaderLimit]; (got > 0) != (n > 1000) {
						t.Errorf("%d bytes: got %d counted", n, got)
					}
				}
			})
		}
	}
}

// TestFitsToTheByte: a header list of exactly what the client takes is taken.
func TestFitsToTheByte(t *testing.T) {
	t.Parallel()
	b := protocol.NewBlock(":status", "200")
	md := new(fairlead.Metadata)
	md.Add("x", "value")
	size := b.Size() + protocol.FieldsSize(md, true)
	for limit, fits := range map[int]bool{size - 1: false, size: true, size + 1: true} {
		d := newDispatcher()
		s := attach(t, d)
		x := newExchange(t, &protocol.Head{})
		x.headerLimit = limit
		if err := (&incoming{s: s, x: serverSide{x}}).fits(b, md); (err == nil) != fits {
			t.Errorf("%d bytes of %d: got %v", size, limit, err)
		}
	}
}

// TestSendHeaderFails: a handler that sends the header learns that it is too long, or that the client has gone.
func TestSendHeaderFails(t *testing.T) {
	t.Parallel()
	for _, m := range []*fairlead.Method{mUnary, mBidi} {
		var got error
		d := newDispatcher()
		d.handle(m, func(_ context.Context, c *fairlead.Call) error {
			c.ResponseHeader().Add("x", strings.Repeat("v", 2000))
			got = c.SendHeader()
			*c.ResponseHeader() = fairlead.Metadata{}
			if m == mUnary {
				c.SetResponse(&note{"hi"})
			}
			return nil
		})
		x := raw{path: m.Path, parts: [][]byte{frame(0, "hi")}, limit: 1000}.send(t, attach(t, d), d)
		wantError(t, got, fairlead.ResourceExhausted, "and the client takes 1000")
		if code, message, _ := x.status(); code != "0" {
			t.Errorf("%s: got %s (%s), want 0", m.Name, code, message)
		}
	}
}
