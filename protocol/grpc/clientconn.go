package grpc

import (
	"math"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// clientConn is gRPC's view of a connection, a protocol.ClientConn. What is not a call's is the connection's own.
type clientConn struct {
	hc     protocol.HTTPConn
	client *Client
	late   rpcwire.Deadlines
}

// NewConn implements protocol.HTTPClient.
func (cl *Client) NewConn(hc protocol.HTTPConn, _ *protocol.ClientConfig) protocol.ClientConn {
	return &clientConn{hc: hc, client: cl, late: rpcwire.Deadlines{Conn: hc}}
}

// Free implements protocol.ClientConn.
func (cc *clientConn) Free() int { return cc.hc.Free() }

// Freed implements protocol.ClientConn.
func (cc *clientConn) Freed() <-chan struct{} { return cc.hc.Freed() }

// Drain implements protocol.ClientConn.
func (cc *clientConn) Drain() { cc.hc.Drain() }

// Close implements protocol.ClientConn.
func (cc *clientConn) Close(cause error) {
	cc.hc.Close(cause)
	cc.late.Stop()
}

// Closed implements protocol.ClientConn.
func (cc *clientConn) Closed() <-chan struct{} { return cc.hc.Closed() }

// Err implements protocol.ClientConn.
func (cc *clientConn) Err() error { return cc.hc.Err() }

// Done implements protocol.ClientConn.
func (cc *clientConn) Done() <-chan struct{} { return cc.hc.Done() }

// Vital implements protocol.Living.
func (cc *clientConn) Vital() protocol.Vital {
	if l, ok := cc.hc.(protocol.Living); ok {
		return l.Vital()
	}
	return nil
}

// Limit implements protocol.Limited.
func (cc *clientConn) Limit() int {
	if l, ok := cc.hc.(protocol.Limited); ok {
		return l.Limit()
	}
	return math.MaxInt32
}

// TooManyPings implements protocol.Complained.
func (cc *clientConn) TooManyPings() bool {
	k, ok := cc.hc.(protocol.Complained)
	return ok && k.TooManyPings()
}

// bindingOf returns what Bind made of a method.
func bindingOf(b protocol.Binding, c *fairlead.Call) (*binding, error) {
	bd, ok := b.(*binding)
	if !ok {
		return nil, fairlead.Errorf(fairlead.Internal, "%s was not bound by gRPC but is %T", c.Method().Path, b).
			WithReach(fairlead.NotSent)
	}
	return bd, nil
}
