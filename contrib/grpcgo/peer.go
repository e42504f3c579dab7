package grpcgo

import (
	"crypto/tls"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"github.com/fairlead-go/fairlead"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// toPeer converts a peer. Nil gives an empty one.
func toPeer(p *fairlead.Peer) *peer.Peer {
	if p == nil {
		return &peer.Peer{}
	}
	out := &peer.Peer{Addr: toAddr(p.Addr)}
	if state, ok := p.Identity.(*tls.ConnectionState); ok && state != nil {
		out.AuthInfo = credentials.TLSInfo{
			State:          *state,
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
			SPIFFEID:       spiffeID(state),
		}
	}
	return out
}

// toAddr gives an address the type that net.Conn's would have: handlers assert it to *net.TCPAddr.
func toAddr(s string) net.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return net.TCPAddrFromAddrPort(ap)
	}
	if s == "" || strings.HasPrefix(s, "/") || strings.HasPrefix(s, "@") {
		return &net.UnixAddr{Name: s, Net: "unix"}
	}
	return namedAddr(s)
}

// namedAddr is an address that is neither TCP's nor that of a Unix socket, such as one of an in-process transport.
type namedAddr string

// Network implements net.Addr.
func (namedAddr) Network() string { return "named" }

// String implements net.Addr.
func (a namedAddr) String() string { return string(a) }

// spiffeID returns the SPIFFE ID of a verified client, nil when its certificate has none or is not as the SPIFFE
// X.509-SVID specification, section 2, wants it: exactly one URI, with a trust domain and a path.
func spiffeID(state *tls.ConnectionState) *url.URL {
	if len(state.PeerCertificates) == 0 || len(state.PeerCertificates[0].URIs) != 1 {
		return nil
	}
	id := state.PeerCertificates[0].URIs[0]
	if id.Scheme != "spiffe" || id.Opaque != "" || id.User != nil || id.Host == "" || id.Path == "" {
		return nil
	}
	if len(id.Host) > 255 || len(id.String()) > 2048 {
		return nil
	}
	return id
}
