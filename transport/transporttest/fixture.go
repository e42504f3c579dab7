package transporttest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/transport"
)

// fixture is one test's network, and closes what the test opens.
type fixture struct {
	*testing.T

	env      Env
	listener transport.Listener
	tasks    sync.WaitGroup
}

func newFixture(t *testing.T, env Env) *fixture {
	t.Helper()
	f := &fixture{T: t, env: env}
	t.Cleanup(f.tasks.Wait)
	l, err := env.Network.Listen(t.Context(), env.Listen)
	if err != nil {
		t.Fatalf("cannot listen: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	f.listener = l
	return f
}

// start runs a task, which must end once the connections are closed.
func (f *fixture) start(task func()) { f.tasks.Go(task) }

// keep closes c at the end of the test.
func (f *fixture) keep(c transport.Conn) {
	f.Cleanup(func() { _ = c.Close() })
}

// target is where the listener is.
func (f *fixture) target() transport.Target {
	return transport.Target{Network: f.env.Listen.Network, Addr: f.listener.Addr().String(), TLS: f.env.ClientTLS}
}

// dialled is what Dial returned.
type dialled struct {
	conn transport.Conn
	err  error
}

// dial starts to connect to t.
func (f *fixture) dial(ctx context.Context, t transport.Target) <-chan dialled {
	result := make(chan dialled, 1)
	f.start(func() {
		c, err := f.env.Network.Dial(ctx, t)
		if err == nil {
			f.keep(c)
		}
		result <- dialled{c, err}
	})
	return result
}

// accept returns the next connection.
func (f *fixture) accept() transport.Conn {
	f.Helper()
	c, err := f.listener.Accept()
	if err != nil {
		f.Fatalf("cannot accept: %v", err)
	}
	f.keep(c)
	return c
}

// pair returns both ends of a connection that is ready for use.
func (f *fixture) pair() (client, server transport.Conn) {
	f.Helper()
	result := f.dial(f.Context(), f.target())
	server = f.accept()
	handshake(f, server)
	d := <-result
	if d.err != nil {
		f.Fatalf("cannot dial: %v", d.err)
	}
	return d.conn, server
}

// handshake completes it if c has one.
func handshake(f *fixture, c transport.Conn) {
	f.Helper()
	if h, ok := c.(transport.Handshaker); ok {
		if err := h.Handshake(f.Context()); err != nil {
			f.Fatalf("cannot complete the handshake: %v", err)
		}
	}
}

// write writes b and fails the test if it cannot.
func (f *fixture) write(c transport.Conn, b []byte) {
	f.Helper()
	if err := c.Write(b); err != nil {
		f.Errorf("cannot write %d bytes: %v", len(b), err)
	}
}

// peek returns what Peek does and fails the test on an error.
func (f *fixture) peek(c transport.Conn, n int) []byte {
	f.Helper()
	b, err := c.Peek(n)
	if err != nil {
		f.Fatalf("Peek(%d): got the error %v with %d bytes", n, err, len(b))
	}
	if len(b) < n {
		f.Fatalf("Peek(%d): got %d bytes", n, len(b))
	}
	return b
}

// serveEcho sends back what arrives until the connection ends.
func serveEcho(c transport.Conn) {
	for {
		b, err := c.Peek(1)
		if err != nil {
			return
		}
		if c.Write(b) != nil {
			return
		}
		c.Discard(len(b))
	}
}

// eventually reports whether cond becomes true in time.
func eventually(cond func() bool) bool {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(assert.Patience(patience)); !cond(); <-tick.C {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// pattern returns n bytes that tell where in a stream they are; it does not repeat at powers of two.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}
