package grpcgo_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/internal/assert"
	"google.golang.org/protobuf/proto"
)

// loop is a client and a server without a wire between them: it hands encoded messages and metadata over as a protocol
// does. Tests look into the client's calls with seen.
type loop struct {
	t        testing.TB
	handlers map[string]fairlead.Handler
	methods  map[string]*fairlead.Method
	peer     *fairlead.Peer
	seen     func(*fairlead.Call)
	reply    func(*fairlead.Call) any // what a unary response is decoded into; nil: WireCall.Reply
	running  sync.WaitGroup
}

func newLoop(t testing.TB, reg *grpcgo.Registrar) *loop {
	t.Helper()
	impls, err := reg.Implementations()
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{
		t:        t,
		handlers: make(map[string]fairlead.Handler),
		methods:  make(map[string]*fairlead.Method),
		peer:     &fairlead.Peer{Addr: "192.0.2.7:4711", Wire: "loop"},
	}
	for _, im := range impls {
		for i, m := range im.Service.Methods {
			l.methods[m.Path], l.handlers[m.Path] = m, im.Handlers[i]
		}
	}
	t.Cleanup(l.running.Wait)
	return l
}

// Bind implements fairlead.Binder.
func (l *loop) Bind(m *fairlead.Method) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		if l.seen != nil {
			l.seen(c)
		}
		served := l.methods[m.Path]
		if served == nil {
			err := fairlead.PeerError(fairlead.Unimplemented, "unknown method "+m.Path, nil)
			c.Wire().End(ctx, err)
			return err
		}
		x := newExchange(ctx, l, c, served)
		if m.Kind == fairlead.Unary {
			err := x.unary()
			c.Wire().End(ctx, err)
			return err
		}
		return x.open()
	}
}

// exchange is one call on a loop.
type exchange struct {
	ctx    context.Context
	loop   *loop
	client *fairlead.Call
	server *fairlead.Call
	up     chan []byte // requests; closed by CloseSend
	down   chan []byte // responses
	head   chan struct{}
	done   chan struct{} // closed when the handler has returned
	err    error         // before done
	once   sync.Once
	closed sync.Once
}

func newExchange(ctx context.Context, l *loop, c *fairlead.Call, served *fairlead.Method) *exchange {
	x := &exchange{
		ctx: ctx, loop: l, client: c,
		up: make(chan []byte), down: make(chan []byte, 1),
		head: make(chan struct{}), done: make(chan struct{}),
	}
	deadline, _ := c.Deadline()
	if d, ok := ctx.Deadline(); ok && (deadline.IsZero() || d.Before(deadline)) {
		deadline = d
	}
	x.server = fairlead.NewServerCall(&fairlead.ServerCall{
		Method: served, Peer: l.peer, Header: c.RequestHeader().Clone(), Authority: "loop.example",
		UserAgent: "loop/1", Deadline: deadline, Driver: (*serverSide)(x),
	})
	c.Wire().SetPeer(l.peer)
	c.Wire().SetDriver((*clientSide)(x))
	return x
}

// start runs the handler.
func (x *exchange) start() {
	x.loop.running.Add(2)
	go func() {
		defer x.loop.running.Done()
		select {
		case <-x.ctx.Done():
			x.server.Wire().Cancel(x.ctx.Err())
		case <-x.done:
		}
	}()
	go func() {
		defer x.loop.running.Done()
		ctx := x.server.Context()
		x.err = x.loop.handlers[x.server.Method().Path](ctx, x.server)
		x.server.Wire().End(ctx, x.err)
		x.sendHead()
		if e := fairlead.ErrorOf(x.err); e != nil {
			x.err = fairlead.PeerError(e.Code, e.Message, e.Details)
		}
		close(x.done)
	}()
}

func (x *exchange) sendHead() {
	x.once.Do(func() { close(x.head) })
}

func (x *exchange) unary() error {
	data, err := encode(x.client.Request())
	if err != nil {
		return err
	}
	x.server.SetRequest(&fairlead.Raw{Data: data, Codec: "proto", Decode: decode})
	x.start()
	select {
	case <-x.ctx.Done():
		return fairlead.ErrorOf(x.ctx.Err())
	case <-x.done:
	}
	*x.client.ResponseHeader() = x.server.ResponseHeader().Clone()
	*x.client.ResponseTrailer() = x.server.ResponseTrailer().Clone()
	if x.err != nil {
		return x.err
	}
	out, err := encode(x.server.Response())
	if err != nil {
		return err
	}
	reply := x.client.Wire().Reply()
	if x.loop.reply != nil {
		reply = x.loop.reply(x.client)
	}
	if raw, ok := reply.(*fairlead.Raw); ok {
		*raw = fairlead.Raw{Data: out, Codec: "proto", Decode: decode}
	} else if err := decode(out, reply); err != nil {
		return err
	}
	x.client.SetResponse(reply)
	return nil
}

func (x *exchange) open() error {
	if err := x.ctx.Err(); err != nil {
		return fairlead.ErrorOf(err)
	}
	if x.server.Method().Kind == fairlead.ServerStreaming {
		data, err := encode(x.client.Request())
		if err != nil {
			return err
		}
		x.server.SetRequest(&fairlead.Raw{Data: data, Codec: "proto", Decode: decode})
	} else {
		x.server.Wire().SetStream((*serverSide)(x))
	}
	if x.server.Method().Kind == fairlead.ServerStreaming {
		x.server.Wire().SetStream((*serverSide)(x))
	}
	x.client.Wire().SetStream((*clientSide)(x))
	x.start()
	return nil
}

// serverSide is the stream and the driver of the server's call.
type serverSide exchange

func (s *serverSide) Protocol() string { return "loop" }

func (s *serverSide) SendHeader(*fairlead.Call) error {
	(*exchange)(s).sendHead()
	return nil
}
func (s *serverSide) WaitHeader(context.Context, *fairlead.Call) error { return nil }
func (s *serverSide) Draining() <-chan struct{}                        { return nil }
func (s *serverSide) CloseSend() error                                 { return nil }
func (s *serverSide) Close() error                                     { return nil }

func (s *serverSide) Send(msg any) error {
	data, err := encode(msg)
	if err != nil {
		return err
	}
	(*exchange)(s).sendHead()
	select {
	case s.down <- data:
		return nil
	case <-s.server.Context().Done():
		return io.EOF
	}
}

func (s *serverSide) Recv(msg any) error {
	select {
	case data, ok := <-s.up:
		if !ok {
			return io.EOF
		}
		return decode(data, msg)
	case <-s.server.Context().Done():
		return fairlead.ErrorOf(s.server.Context().Err())
	}
}

// clientSide is the stream and the driver of the client's call.
type clientSide exchange

func (s *clientSide) Protocol() string                { return "loop" }
func (s *clientSide) SendHeader(*fairlead.Call) error { return nil }
func (s *clientSide) Draining() <-chan struct{}       { return nil }

func (s *clientSide) WaitHeader(ctx context.Context, c *fairlead.Call) error {
	select {
	case <-s.head:
		if c.ResponseHeader().Len() == 0 {
			*c.ResponseHeader() = s.server.ResponseHeader().Clone()
		}
		return nil
	case <-ctx.Done():
		return fairlead.ErrorOf(ctx.Err())
	}
}

func (s *clientSide) Send(msg any) error {
	data, err := encode(msg)
	if err != nil {
		return err
	}
	select {
	case s.up <- data:
		return nil
	case <-s.done:
		return io.EOF
	case <-s.ctx.Done():
		return fairlead.ErrorOf(s.ctx.Err())
	}
}

func (s *clientSide) CloseSend() error {
	s.closed.Do(func() { close(s.up) })
	return nil
}

func (s *clientSide) Close() error {
	s.server.Wire().Cancel(context.Canceled)
	s.client.Wire().End(s.ctx, fairlead.ErrorOf(context.Canceled))
	return nil
}

func (s *clientSide) Recv(msg any) error {
	select {
	case data := <-s.down:
		return decode(data, msg)
	case <-s.ctx.Done():
		return s.end(fairlead.ErrorOf(s.ctx.Err()))
	case <-s.done:
	}
	select {
	case data := <-s.down:
		return decode(data, msg)
	default:
	}
	_ = s.WaitHeader(s.ctx, s.client)
	*s.client.ResponseTrailer() = s.server.ResponseTrailer().Clone()
	if s.err != nil {
		return s.end(s.err)
	}
	if s.server.Method().Kind == fairlead.ClientStreaming && s.server.Response() != nil {
		data, err := encode(s.server.Response())
		if err != nil {
			return s.end(err)
		}
		s.server.SetResponse(nil)
		return decode(data, msg)
	}
	return s.end(io.EOF)
}

func (s *clientSide) end(err error) error {
	final := err
	if errors.Is(err, io.EOF) {
		final = nil
	}
	s.client.Wire().End(s.ctx, final)
	return err
}

func encode(msg any) ([]byte, error) {
	m, ok := msg.(proto.Message)
	if !ok {
		return nil, fairlead.Errorf(fairlead.Internal, "cannot encode %T", msg)
	}
	data, err := proto.Marshal(m)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Internal, "%w", err)
	}
	return data, nil
}

func decode(data []byte, msg any) error {
	if raw, ok := msg.(*fairlead.Raw); ok {
		*raw = fairlead.Raw{Data: data, Codec: "proto", Decode: decode}
		return nil
	}
	m, ok := msg.(proto.Message)
	if !ok {
		return fairlead.Errorf(fairlead.Internal, "cannot decode into %T", msg)
	}
	return proto.Unmarshal(data, m)
}

// within returns a context that ends long after a test should have.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(30*time.Second))
	t.Cleanup(cancel)
	return ctx
}
