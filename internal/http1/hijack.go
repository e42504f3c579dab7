package http1

import (
	"net"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/transport"
)

// hijack is a request for the transport of a connection.
type hijack struct {
	given  chan struct{} // closed when the reading role has let go of it
	closed chan struct{} // closed when its new owner has closed it
	once   sync.Once
}

// Hijack implements protocol.Hijacker. The connection stays one of the server's, which cuts it when the time of a
// Shutdown is over; until its new owner closes it, Serve waits.
func (x exchange) Hijack() (transport.Conn, error) {
	c := x.c
	h := &hijack{given: make(chan struct{}), closed: make(chan struct{})}
	c.w.Lock()
	err := x.mayNotSend()
	switch {
	case err != nil:
	case x.p == nil:
		err = fairlead.Errorf(fairlead.Internal, "the connection of a request that was read as a whole cannot be given away")
	case x.headSent:
		err = fairlead.Errorf(fairlead.Internal, "the response has begun")
	case !x.remoteDone:
		err = fairlead.Errorf(fairlead.Internal, "the body of the request was not read to its end")
	case c.gone:
		err = net.ErrClosed
	}
	if err != nil {
		c.w.Unlock()
		return nil, err
	}
	c.hijacked = h
	_ = c.tc.SetReadDeadline(past)
	c.changed.Broadcast()
	c.w.Unlock()
	<-h.given
	c.w.Lock()
	defer c.w.Unlock()
	if c.err != nil {
		h.free()
		return nil, c.err
	}
	x.localDone = true
	c.cur = nil
	x.over.Store(true)
	x.endRead(errSendAfterEnd)
	x.dropBody(true)
	return &given{c.tc, c, h}, nil
}

// giveAway lets go of the transport, and waits until it is closed.
func (c *Conn) giveAway(h *hijack) error {
	c.w.Lock()
	_ = c.w.Wait(-1) // until an interim response was written
	c.w.DropSpare()
	_ = c.tc.SetReadDeadline(time.Time{})
	_ = c.tc.SetWriteDeadline(time.Time{})
	c.w.Unlock()
	close(h.given)
	<-h.closed
	return errDone
}

// free ends the wait of the reading role.
func (h *hijack) free() { h.once.Do(func() { close(h.closed) }) }

// given is a transport that was given away.
type given struct {
	transport.Conn

	c *Conn
	h *hijack
}

// Close implements transport.Conn.
func (g *given) Close() error {
	err := g.Conn.Close()
	g.h.free()
	return err
}
