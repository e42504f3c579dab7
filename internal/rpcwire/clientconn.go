package rpcwire

import (
	"math"

	"github.com/fairlead-go/fairlead/protocol"
)

// ClientConn is a protocol's view of an HTTP connection: all methods of a protocol.ClientConn but Unary and Open, for
// protocols to embed. They are about the connection and not about a call.
type ClientConn struct {
	HTTP protocol.HTTPConn
	// Deadlines gives up unary calls whose time has run out.
	Deadlines Deadlines
}

// NewClientConn returns the view of a connection. It is not to be copied once it is in use.
func NewClientConn(hc protocol.HTTPConn) ClientConn {
	return ClientConn{HTTP: hc, Deadlines: Deadlines{Conn: hc}}
}

// Free implements protocol.ClientConn.
func (c *ClientConn) Free() int { return c.HTTP.Free() }

// Freed implements protocol.ClientConn.
func (c *ClientConn) Freed() <-chan struct{} { return c.HTTP.Freed() }

// Drain implements protocol.ClientConn.
func (c *ClientConn) Drain() { c.HTTP.Drain() }

// Close implements protocol.ClientConn.
func (c *ClientConn) Close(cause error) {
	c.HTTP.Close(cause)
	c.Deadlines.Stop()
}

// Closed implements protocol.ClientConn.
func (c *ClientConn) Closed() <-chan struct{} { return c.HTTP.Closed() }

// Err implements protocol.ClientConn.
func (c *ClientConn) Err() error { return c.HTTP.Err() }

// Done implements protocol.ClientConn.
func (c *ClientConn) Done() <-chan struct{} { return c.HTTP.Done() }

// Vital implements protocol.Living.
func (c *ClientConn) Vital() protocol.Vital {
	if l, ok := c.HTTP.(protocol.Living); ok {
		return l.Vital()
	}
	return nil
}

// Limit implements protocol.Limited.
func (c *ClientConn) Limit() int {
	if l, ok := c.HTTP.(protocol.Limited); ok {
		return l.Limit()
	}
	return math.MaxInt32
}

// TooManyPings implements protocol.Complained.
func (c *ClientConn) TooManyPings() bool {
	k, ok := c.HTTP.(protocol.Complained)
	return ok && k.TooManyPings()
}

// http returns the HTTP connection of a protocol.ClientConn that embeds a ClientConn, for a stream that resumes on it.
func (c *ClientConn) http() protocol.HTTPConn { return c.HTTP }

// carrier is a protocol.ClientConn that embeds a ClientConn.
type carrier interface{ http() protocol.HTTPConn }
