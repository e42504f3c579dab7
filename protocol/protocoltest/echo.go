package protocoltest

import (
	"context"
	"errors"
	"io"

	"github.com/fairlead-go/fairlead"
)

// Echo is a service with a method of each kind, whose messages are Msg.
type Echo struct {
	Service *fairlead.Service

	Unary   *fairlead.Method // answers with the request
	Gather  *fairlead.Method // client streaming: answers with all texts joined and the sum of N
	Scatter *fairlead.Method // server streaming: answers N times with the text, N counting from 0
	Chat    *fairlead.Method // bidirectional: answers each message with itself
}

// NewEcho makes the service under a name, such as "test.Echo". Options apply to each of its methods.
func NewEcho(name string, opts ...fairlead.MethodOption) *Echo {
	e := &Echo{
		Unary:   fairlead.NewMethod[Msg, Msg](fairlead.Unary, name, "Unary", opts...),
		Gather:  fairlead.NewMethod[Msg, Msg](fairlead.ClientStreaming, name, "Gather", opts...),
		Scatter: fairlead.NewMethod[Msg, Msg](fairlead.ServerStreaming, name, "Scatter", opts...),
		Chat:    fairlead.NewMethod[Msg, Msg](fairlead.BidiStreaming, name, "Chat", opts...),
	}
	e.Service = fairlead.NewService(name, "test", nil, e.Unary, e.Gather, e.Scatter, e.Chat)
	return e
}

// Handlers replace Echo's own; nil: Echo's.
type Handlers struct {
	Unary   func(context.Context, *Msg) (*Msg, error)
	Gather  func(context.Context, *fairlead.Inbound[Msg]) (*Msg, error)
	Scatter func(context.Context, *Msg, *fairlead.Outbound[Msg]) error
	Chat    func(context.Context, *fairlead.Bidi[Msg, Msg]) error
}

// Implement returns the service with its handlers.
func (e *Echo) Implement(h Handlers) *fairlead.Implementation {
	if h.Unary == nil {
		h.Unary = echoUnary
	}
	if h.Gather == nil {
		h.Gather = echoGather
	}
	if h.Scatter == nil {
		h.Scatter = echoScatter
	}
	if h.Chat == nil {
		h.Chat = echoChat
	}
	return fairlead.Implement(e.Service,
		fairlead.UnaryHandler(h.Unary),
		fairlead.ClientStreamHandler(h.Gather),
		fairlead.ServerStreamHandler(h.Scatter),
		fairlead.BidiHandler(h.Chat),
	)
}

// EchoClient is a stub of Echo, as generated code would be.
type EchoClient struct {
	echo                         *Echo
	unary, gather, scatter, chat fairlead.Handler
}

// NewClient makes a stub whose calls go through b.
func (e *Echo) NewClient(b fairlead.Binder) *EchoClient {
	return &EchoClient{
		echo: e, unary: b.Bind(e.Unary), gather: b.Bind(e.Gather), scatter: b.Bind(e.Scatter), chat: b.Bind(e.Chat),
	}
}

// Unary calls Echo.Unary.
func (c *EchoClient) Unary(ctx context.Context, m *Msg, opts ...fairlead.CallOption) (*Msg, error) {
	call := fairlead.NewCall(c.echo.Unary, m, opts...)
	return fairlead.Result[Msg](call, c.unary(ctx, call))
}

// Gather calls Echo.Gather.
func (c *EchoClient) Gather(
	ctx context.Context, opts ...fairlead.CallOption,
) (*fairlead.ClientStream[Msg, Msg], error) {
	call := fairlead.NewCall(c.echo.Gather, nil, opts...)
	return fairlead.OpenedClientStream[Msg, Msg](call, c.gather(ctx, call))
}

// Scatter calls Echo.Scatter.
func (c *EchoClient) Scatter(
	ctx context.Context, m *Msg, opts ...fairlead.CallOption,
) (*fairlead.Inbound[Msg], error) {
	call := fairlead.NewCall(c.echo.Scatter, m, opts...)
	return fairlead.OpenedServerStream[Msg](call, c.scatter(ctx, call))
}

// Chat calls Echo.Chat.
func (c *EchoClient) Chat(ctx context.Context, opts ...fairlead.CallOption) (*fairlead.Bidi[Msg, Msg], error) {
	call := fairlead.NewCall(c.echo.Chat, nil, opts...)
	return fairlead.OpenedBidi[Msg, Msg](call, c.chat(ctx, call))
}

// Notice is a service with a method that is one-way, whose message is Msg.
type Notice struct {
	Service *fairlead.Service

	Notify *fairlead.Method
}

// NewNotice makes the service under a name. Options apply to its method.
func NewNotice(name string, opts ...fairlead.MethodOption) *Notice {
	opts = append([]fairlead.MethodOption{func(m *fairlead.Method) { m.OneWay = true }}, opts...)
	n := &Notice{Notify: fairlead.NewMethod[Msg, Msg](fairlead.Unary, name, "Notify", opts...)}
	n.Service = fairlead.NewService(name, "test", nil, n.Notify)
	return n
}

// Implement returns the service with its handler.
func (n *Notice) Implement(notify func(context.Context, *Msg) error) *fairlead.Implementation {
	return fairlead.Implement(n.Service, fairlead.OneWayHandler(notify))
}

// NoticeClient is a stub of Notice.
type NoticeClient struct {
	notice *Notice
	notify fairlead.Handler
}

// NewClient makes a stub whose calls go through b.
func (n *Notice) NewClient(b fairlead.Binder) *NoticeClient {
	return &NoticeClient{notice: n, notify: b.Bind(n.Notify)}
}

// Notify calls Notice.Notify.
func (c *NoticeClient) Notify(ctx context.Context, m *Msg, opts ...fairlead.CallOption) error {
	return c.notify(ctx, fairlead.NewCall(c.notice.Notify, m, opts...))
}

func echoUnary(_ context.Context, m *Msg) (*Msg, error) { return m, nil }

func echoGather(_ context.Context, s *fairlead.Inbound[Msg]) (*Msg, error) {
	sum := new(Msg)
	for m, err := range s.All() {
		if err != nil {
			return nil, err
		}
		sum.Text += m.Text
		sum.N += m.N
	}
	return sum, nil
}

func echoScatter(_ context.Context, m *Msg, s *fairlead.Outbound[Msg]) error {
	for i := range m.N {
		if err := s.Send(&Msg{Text: m.Text, N: i}); err != nil {
			return err
		}
	}
	return nil
}

func echoChat(_ context.Context, s *fairlead.Bidi[Msg, Msg]) error {
	for {
		m, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(m); err != nil {
			return err
		}
	}
}
