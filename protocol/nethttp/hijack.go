package nethttp

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// hijackable is a response whose handler can have the connection.
type hijackable struct {
	*response

	from protocol.Hijacker
}

var _ http.Hijacker = (*hijackable)(nil)

// Hijack implements http.Hijacker.
func (h *hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.v.hijacked:
		return nil, nil, http.ErrHijacked
	case h.over:
		return nil, nil, errOver
	}
	if h.v.body != nil {
		h.v.body.end()
	}
	tc, err := h.from.Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.v.hijacked = true
	if h.status != 0 { // a head that was not sent, as of handlers that switch protocols by WriteHeader
		if err := tc.Write(h.bytes()); err != nil {
			_ = tc.Close()
			return nil, nil, err
		}
	}
	c := &conn{tc}
	return c, bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c)), nil
}

// bytes returns the head of the response as HTTP/1.1 has it. The lock is held.
func (w *response) bytes() []byte {
	b := fmt.Appendf(nil, "HTTP/1.1 %03d %s\r\n", w.status, http.StatusText(w.status))
	for k, v := range w.out.All() {
		b = fmt.Appendf(b, "%s: %s\r\n", http.CanonicalHeaderKey(k), v)
	}
	return append(b, "\r\n"...)
}

// conn is a connection as a net.Conn.
type conn struct{ tc transport.Conn }

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := c.tc.Peek(1)
	if err != nil {
		return 0, err
	}
	n := copy(p, b)
	c.tc.Discard(n)
	return n, nil
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.tc.Write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close implements net.Conn.
func (c *conn) Close() error { return c.tc.Close() }

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return addr(c.tc.Info().Local) }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return addr(c.tc.Info().Remote) }

// addr returns an address that is not nil.
func addr(a net.Addr) net.Addr {
	if a == nil {
		return &net.UnixAddr{}
	}
	return a
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.tc.SetReadDeadline(t); err != nil {
		return err
	}
	return c.tc.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { return c.tc.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.tc.SetWriteDeadline(t) }
