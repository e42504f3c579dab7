package std

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/fairlead-go/fairlead/transport"
)

// Dial connects to t. If the TLS configuration has no server name and does not turn verification off, the certificate
// must be for the address's host. The context limits the handshake as well; if it ends, errors.Is finds its error.
func (n Network) Dial(ctx context.Context, t transport.Target) (transport.Conn, error) {
	name, err := network(t)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{KeepAlive: n.KeepAlive, Control: n.Control}
	nc, err := d.DialContext(ctx, name, t.Addr)
	if err != nil {
		return nil, failed("dial", name, t.Addr, err)
	}
	if t.TLS == nil {
		return newPlain(nc), nil
	}
	c := newSecure(tls.Client(nc, clientConfig(t, name)))
	if err := c.Handshake(ctx); err != nil {
		_ = c.Close() // the handshake's error is the one that matters
		return nil, failed("dial", name, t.Addr, err)
	}
	return c, nil
}

// clientConfig returns the TLS configuration for dialling t.
func clientConfig(t transport.Target, name string) *tls.Config {
	if name == "unix" || t.TLS.ServerName != "" || t.TLS.InsecureSkipVerify {
		return t.TLS
	}
	host, _, err := net.SplitHostPort(t.Addr)
	if err != nil {
		return t.TLS // it was dialled, so this does not happen; the handshake fails without a name
	}
	config := t.TLS.Clone()
	config.ServerName = host
	return config
}
