package grpcwire

import (
	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// clientConn is the protocol's view of a connection, a protocol.ClientConn.
type clientConn struct {
	rpcwire.ClientConn

	client *Client
}

// NewConn implements protocol.HTTPClient.
func (cl *Client) NewConn(hc protocol.HTTPConn, _ *protocol.ClientConfig) protocol.ClientConn {
	return &clientConn{ClientConn: rpcwire.NewClientConn(hc), client: cl}
}

// bindingOf returns what Bind made of a method.
func bindingOf(b protocol.Binding, c *fairlead.Call) (*binding, error) {
	bd, ok := b.(*binding)
	if !ok {
		return nil, fairlead.Errorf(fairlead.Internal, "%s was not bound by this protocol but is %T", c.Method().Path, b).
			WithReach(fairlead.NotSent)
	}
	return bd, nil
}
