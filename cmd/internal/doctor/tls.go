package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead/cmd/internal/dial"
)

// checkTLS shakes hands with --address.
func checkTLS(ctx context.Context, x *examination, f *findings) {
	switch {
	case x.target == nil:
		f.skipf("name a service with --address")
		return
	case !x.target.secure:
		f.skipf("%s is without TLS; --tls asks for it", x.target.text)
		return
	}
	e := x.target
	begun := time.Now()
	conn, roots, err := e.handshake(ctx)
	if err != nil {
		explainHandshake(e, err, f)
		return
	}
	took := time.Since(begun)
	defer func() { _ = conn.Close() }()
	state := conn.ConnectionState()
	if state.NegotiatedProtocol != "h2" {
		f.failf(e.text, "have the server offer h2 (in Go: NextProtos of its tls.Config)",
			"the server chose %s by ALPN, and gRPC needs h2", orElse(state.NegotiatedProtocol, "no protocol"))
	}
	if state.Version < tls.VersionTLS13 {
		f.warnf(e.text, "allow TLS 1.3", "the server speaks %s at most", tls.VersionName(state.Version))
	}
	c := &chain{
		subject: e.text, certs: state.PeerCertificates, roots: roots, name: e.serverName(), now: x.now, expiry: x.expiry,
		usage: x509.ExtKeyUsageServerAuth,
	}
	c.judge(f)
	if !e.flags.Insecure {
		c.judgeTrust(f)
	}
	if f.fine(e.text) {
		f.okf(e.text, "%s, %s, %s, in %s; the certificate is %s", tls.VersionName(state.Version),
			tls.CipherSuiteName(state.CipherSuite), orElse(state.NegotiatedProtocol, "no ALPN"),
			dial.Round(took), c.summary())
	}
}

// explainHandshake reports why there was none.
func explainHandshake(e *endpoint, err error, f *findings) {
	var header tls.RecordHeaderError
	var remote *net.OpError
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		f.failf(e.text, "start the service, or see whether it listens at another address", "nobody listens there")
	case errors.As(err, &header):
		f.failf(e.text, "leave TLS away (--plaintext), or turn it on in the server", "the server does not speak TLS")
	case errors.As(err, &remote) && remote.Op == "remote error":
		alert := strings.TrimPrefix(remote.Err.Error(), "tls: ")
		f.failf(e.text, alertRemedy(alert), "the server ended the handshake: %s", alert)
	case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
		f.failf(e.text, "see whether the server speaks TLS; --plaintext is without", "the server closed the connection "+
			"during the handshake")
	case errors.As(err, &timeout) && timeout.Timeout():
		f.failf(e.text, "see whether a firewall is in between; --connect-timeout gives it more time",
			"no handshake within %s", e.flags.ConnectTimeout)
	default:
		f.failf(e.text, "", "%v", err)
	}
}

// alertRemedy returns what helps against an alert of TLS (RFC 8446, section 6), which crypto/tls has as text only.
func alertRemedy(alert string) string {
	switch alert {
	case "handshake failure", "certificate required", "bad certificate", "unknown certificate",
		"unknown certificate authority":
		return "the server may want a client's certificate that it trusts: --cert and --key"
	case "unrecognized name":
		return "ask for a name that the server knows with --server-name"
	case "no application protocol":
		return "have the server offer h2"
	case "protocol version not supported":
		return "allow TLS 1.2 or newer in the server"
	}
	return ""
}
