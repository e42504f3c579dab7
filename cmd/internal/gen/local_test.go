package gen_test

import (
	"context"
	"fmt"
	"io"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead"
)

// local is a fairlead.Binder that runs calls in the implementations that it holds, without a wire.
type local map[*fairlead.Method]fairlead.Handler

func newLocal(impls ...*fairlead.Implementation) local {
	l := make(local)
	for _, impl := range impls {
		for i, m := range impl.Service.Methods {
			l[m] = impl.Handlers[i]
		}
	}
	return l
}

// Bind returns a handler that runs the method's own.
func (l local) Bind(m *fairlead.Method) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		server := fairlead.NewServerCall(&fairlead.ServerCall{Context: ctx, Method: m})
		server.SetRequest(c.Request())
		if m.Kind == fairlead.Unary {
			err := l[m](server.Context(), server)
			c.SetResponse(server.Response())
			server.Wire().End(ctx, err)
			return err
		}
		p := &pipe{up: make(chan proto.Message), down: make(chan proto.Message), gone: make(chan struct{})}
		server.Wire().SetStream(serverEnd{p})
		c.Wire().SetStream(clientEnd{p})
		go func() {
			err := l[m](server.Context(), server)
			if err == nil && m.Kind == fairlead.ClientStreaming {
				err = serverEnd{p}.Send(server.Response())
			}
			p.err = err
			close(p.down)
			server.Wire().End(ctx, err)
		}()
		return nil
	}
}

// pipe carries the messages of one stream.
type pipe struct {
	up, down chan proto.Message
	gone     chan struct{} // closed when the client gives the call up
	err      error         // written before down is closed
	half     sync.Once
	close    sync.Once
}

func into(target any, m proto.Message) error {
	to, ok := target.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no message", target)
	}
	proto.Reset(to)
	proto.Merge(to, m)
	return nil
}

type clientEnd struct{ p *pipe }

func (e clientEnd) Send(m any) error {
	select {
	case e.p.up <- proto.CloneOf(m.(proto.Message)):
		return nil
	case <-e.p.gone:
		return io.EOF
	}
}

func (e clientEnd) Recv(m any) error {
	got, ok := <-e.p.down
	switch {
	case ok:
		return into(m, got)
	case e.p.err != nil:
		return e.p.err
	default:
		return io.EOF
	}
}

func (e clientEnd) CloseSend() error { e.p.half.Do(func() { close(e.p.up) }); return nil }

func (e clientEnd) Close() error { e.p.close.Do(func() { close(e.p.gone) }); return nil }

type serverEnd struct{ p *pipe }

func (e serverEnd) Send(m any) error {
	select {
	case e.p.down <- proto.CloneOf(m.(proto.Message)):
		return nil
	case <-e.p.gone:
		return io.EOF
	}
}

func (e serverEnd) Recv(m any) error {
	select {
	case got, ok := <-e.p.up:
		if !ok {
			return io.EOF
		}
		return into(m, got)
	case <-e.p.gone:
		return context.Canceled
	}
}

func (serverEnd) CloseSend() error { return nil }
func (serverEnd) Close() error     { return nil }
