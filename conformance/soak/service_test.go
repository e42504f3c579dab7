package soak_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
)

// The service of the soak: a method of each kind.
const serviceName = "soak.v1.Soak"

var (
	methodUnary = fairlead.NewMethod[message, message](fairlead.Unary, serviceName, "Unary")
	methodDown  = fairlead.NewMethod[message, message](fairlead.ServerStreaming, serviceName, "Down")
	methodUp    = fairlead.NewMethod[message, message](fairlead.ClientStreaming, serviceName, "Up")
	methodBoth  = fairlead.NewMethod[message, message](fairlead.BidiStreaming, serviceName, "Both")
	service     = fairlead.NewService(serviceName, "proto", nil, methodUnary, methodDown, methodUp, methodBoth)
)

// panicked is what handlers panic with when they are asked to.
const panicked = "as ordered"

// fill draws what responses are filled with.
var fill atomic.Uint32

// obey does what an order says, and returns the response.
func (r *run) obey(ctx context.Context, m *message) (*message, order, error) {
	o, err := decode(m)
	if err != nil {
		r.faultf("the server received %v", err)
		return nil, o, fairlead.Errorf(fairlead.DataLoss, "%v", err)
	}
	if o.pause > 0 {
		t := time.NewTimer(o.wait())
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, o, ctx.Err()
		}
	}
	if o.panics {
		panic(panicked)
	}
	if o.code != 0 {
		e := fairlead.Errorf(fairlead.Code(o.code), "as ordered")
		e.Details = []fairlead.Detail{{Type: "type.googleapis.com/soak.v1.Order", Value: m.GetValue()[:orderSize]}}
		return nil, o, e
	}
	if o.id == 0 {
		return new(message), o, nil
	}
	return encode(&order{id: o.id}, o.size, fill.Add(977)), o, nil
}

// implement is the service.
func (r *run) implement() *fairlead.Implementation {
	return fairlead.Implement(service,
		fairlead.UnaryHandler(func(ctx context.Context, m *message) (*message, error) {
			out, _, err := r.obey(ctx, m)
			return out, err
		}),
		fairlead.ServerStreamHandler(func(ctx context.Context, m *message, s *fairlead.Outbound[message]) error {
			out, o, err := r.obey(ctx, m)
			if err != nil {
				return err
			}
			for range o.count {
				if err := s.Send(out); err != nil {
					return err
				}
			}
			return nil
		}),
		fairlead.ClientStreamHandler(func(ctx context.Context, s *fairlead.Inbound[message]) (*message, error) {
			last := new(message)
			for {
				m, err := s.Recv()
				if errors.Is(err, io.EOF) {
					return last, nil
				}
				if err == nil {
					last, _, err = r.obey(ctx, m)
				}
				if err != nil {
					return nil, err
				}
			}
		}),
		fairlead.BidiHandler(func(ctx context.Context, s *fairlead.Bidi[message, message]) error {
			for {
				m, err := s.Recv()
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				out, _, err := r.obey(ctx, m)
				if err != nil {
					return err
				}
				if err := s.Send(out); err != nil {
					return err
				}
			}
		}),
	)
}

// middleware counts, on either side, the calls under way, and sees that each ends once.
func (r *run) middleware(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	open := &r.serving
	if at.Side == fairlead.ClientSide {
		open = &r.calling
	}
	return func(ctx context.Context, c *fairlead.Call) error {
		open.Add(1)
		ends := new(atomic.Int32)
		c.OnEnd(func(context.Context, *fairlead.Call, error) {
			open.Add(-1)
			if ends.Add(1) != 1 {
				r.faultf("%s ended twice on the %v side", c.Method().Path, c.Side())
			}
		})
		return next(ctx, c)
	}
}
