package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

type (
	msg      = protocoltest.Msg
	handlers = protocoltest.Handlers
)

// quiet is a logger for tests that do not look at the log.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// kit is a started server and what its clients need.
type kit struct {
	*Server

	network *inproc.Network
	desc    *protocoltest.Echo
}

// newKit starts an echo server at "echo:1". It is shut down when the test ends, if the test did not.
func newKit(t *testing.T, h handlers, opts ...Option) *kit {
	t.Helper()
	k := &kit{network: inproc.New(), desc: protocoltest.NewEcho("test.Echo")}
	opts = append([]Option{
		Service(k.desc.Implement(h)), Protocol(protocoltest.NewFrameServer()), Codec(protocoltest.Codec{}),
		Transport(k.network), Listen("echo:1"), Logger(quiet()),
	}, opts...)
	var err error
	if k.Server, err = New(opts...); err != nil {
		t.Fatal(err)
	}
	if err := k.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := k.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return k
}

// raw connects without a protocol.
func (k *kit) raw(t *testing.T) transport.Conn {
	t.Helper()
	tc, err := k.network.Dial(t.Context(), transport.Target{Addr: "echo:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tc.Close() })
	return tc
}

// client connects and returns a stub.
func (k *kit) client(t *testing.T) (*protocoltest.EchoClient, protocol.ClientConn) {
	t.Helper()
	cfg := &protocol.ClientConfig{
		Codec: protocoltest.Codec{}, RecvMessage: 1 << 20, SendMessage: 1 << 20, HeaderList: 1 << 16,
	}
	conn, err := protocoltest.FrameClient{}.NewConn(t.Context(), k.raw(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(errors.New("test over")) })
	return k.desc.NewClient(protocoltest.NewDirect(t, protocoltest.FrameClient{}, conn, cfg)), conn
}

// fakeWire is a wire whose connections do what the test says. It answers to one first byte.
type fakeWire struct {
	name    string
	first   byte
	need    int // bytes before it decides
	alpn    []string
	attach  error
	newConn func(tc transport.Conn) (protocol.ServerConn, error)
	conns   chan *fakeConn
}

func newFakeWire(name string, first byte) *fakeWire {
	return &fakeWire{name: name, first: first, need: 1, conns: make(chan *fakeConn, 10)}
}

func (w *fakeWire) Name() string                     { return w.name }
func (w *fakeWire) Attach(protocol.Dispatcher) error { return w.attach }
func (w *fakeWire) ALPN() []string                   { return w.alpn }

func (w *fakeWire) Detect(first []byte) protocol.Verdict {
	switch {
	case first[0] != w.first:
		return protocol.No
	case len(first) < w.need:
		return protocol.More
	}
	return protocol.Yes
}

func (w *fakeWire) NewConn(tc transport.Conn) (protocol.ServerConn, error) {
	if w.newConn != nil {
		return w.newConn(tc)
	}
	c := &fakeConn{tc: tc, drains: make(chan bool, 10), over: make(chan struct{})}
	w.conns <- c
	return c, nil
}

// fakeConn serves nothing, ends when it is closed or told to, and tells how it was drained.
type fakeConn struct {
	tc     transport.Conn
	drains chan bool
	over   chan struct{}

	mu    sync.Mutex
	cause error
}

func (c *fakeConn) Serve() error {
	<-c.over
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

func (c *fakeConn) Drain(final bool) { c.drains <- final }

func (c *fakeConn) Close(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = cause
		close(c.over)
	}
	c.tc.Close()
}

// end is what a connection does by itself after its last call.
func (c *fakeConn) end() { c.Close(io.EOF) }

// scripted is a listener whose Accept returns what the test sends.
type scripted struct {
	results chan any // transport.Conn or error
	closed  chan struct{}
	once    sync.Once
}

func newScripted() *scripted {
	return &scripted{results: make(chan any, 10), closed: make(chan struct{})}
}

func (l *scripted) Accept() (transport.Conn, error) {
	select {
	case r := <-l.results:
		if err, ok := r.(error); ok {
			return nil, err
		}
		return r.(transport.Conn), nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *scripted) Addr() net.Addr { return &net.UnixAddr{Name: "scripted", Net: "unix"} }

func (l *scripted) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// unaryImpl is a service with one unary method.
func unaryImpl(service, name string, h fairlead.Handler) *fairlead.Implementation {
	m := fairlead.NewMethod[msg, msg](fairlead.Unary, service, name)
	return fairlead.Implement(fairlead.NewService(service, "test", nil, m), h)
}
