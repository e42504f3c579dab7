package protocoltest

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// Direct is a minimal client: it makes every call on one connection, without picking, retrying or pooling. It is for
// tests of servers, protocols and middleware. It is safe for concurrent use.
type Direct struct {
	t     testing.TB
	proto protocol.Client
	conn  protocol.ClientConn
	cfg   *protocol.ClientConfig
	mw    []fairlead.Middleware
}

// NewDirect makes a client on a connection. If a method cannot be bound, t fails. The middleware wraps each call.
func NewDirect(
	t testing.TB, p protocol.Client, conn protocol.ClientConn, cfg *protocol.ClientConfig, mw ...fairlead.Middleware,
) *Direct {
	t.Helper()
	return &Direct{t: t, proto: p, conn: conn, cfg: cfg, mw: mw}
}

// Bind implements fairlead.Binder.
func (d *Direct) Bind(m *fairlead.Method) fairlead.Handler {
	d.t.Helper()
	bind, err := d.proto.Bind(m, d.cfg)
	if err != nil {
		d.t.Fatalf("binding %s: %v", m.Path, err)
	}
	core := func(ctx context.Context, c *fairlead.Call) error {
		if t, ok := ctx.Deadline(); ok {
			c.Tighten(t)
		}
		if m.Kind == fairlead.Unary {
			return d.conn.Unary(ctx, bind, c)
		}
		return d.conn.Open(ctx, bind, c)
	}
	chain := fairlead.Chain(fairlead.Site{Side: fairlead.ClientSide, Method: m, Target: "direct"}, core, d.mw...)
	return func(ctx context.Context, c *fairlead.Call) error {
		err := chain(ctx, c)
		if err != nil || m.Kind == fairlead.Unary {
			c.Wire().End(ctx, err)
			return err
		}
		s := &directStream{Stream: c.Stream(), ctx: ctx, call: c}
		c.WrapStream(func(fairlead.Stream) fairlead.Stream { return s })
		return nil
	}
}

// directStream ends the call when its stream has ended.
type directStream struct {
	fairlead.Stream

	ctx  context.Context //nolint:containedctx // of the call, which this is a part of
	call *fairlead.Call
	once sync.Once
}

// Recv ends the call with the stream's last error; io.EOF is success.
func (s *directStream) Recv(msg any) error {
	err := s.Stream.Recv(msg)
	if err != nil {
		s.end(err)
	}
	return err
}

// Close ends the call.
func (s *directStream) Close() error {
	err := s.Stream.Close()
	s.end(fairlead.Errorf(fairlead.Canceled, "closed"))
	return err
}

func (s *directStream) end(err error) {
	s.once.Do(func() {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		s.call.Wire().End(s.ctx, err)
	})
}
