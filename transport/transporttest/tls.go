package transporttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/transport"
)

// Certificate makes a certificate for localhost, 127.0.0.1 and ::1, and returns the configurations of a server that
// shows it and of a client that trusts it alone. Both speak the protocols, by default ALPN. The client's names
// localhost as the server. The certificate is valid in the bubbles of testing/synctest, too, whose time starts with the
// year 2000.
func Certificate(t testing.TB, protocols ...string) (server, client *tls.Config) {
	t.Helper()
	if len(protocols) == 0 {
		protocols = []string{ALPN}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("cannot make a key: %v", err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: "localhost"},
		NotBefore:             time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Now().Add(30 * 365 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:              []string{"localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatalf("cannot make a certificate: %v", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("cannot read the certificate: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	server = &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}},
		NextProtos:   protocols,
	}
	client = &tls.Config{
		MinVersion: tls.VersionTLS12,
		RootCAs:    roots,
		ServerName: "localhost",
		NextProtos: protocols,
	}
	return server, client
}

// plain connects without TLS to the listener.
func (f *fixture) plain() transport.Conn {
	f.Helper()
	to := f.target()
	to.TLS = nil
	c, err := f.env.Network.Dial(f.Context(), to)
	if err != nil {
		f.Fatalf("cannot dial without TLS: %v", err)
	}
	f.keep(c)
	return c
}

// silentClient has a client connect that says nothing: others are accepted and served all the same.
func silentClient(f *fixture) {
	if f.env.Listen.TLS == nil {
		f.Skip("without TLS there is no handshake")
	}
	f.plain()
	slow := f.accept()
	client, server := f.pair()
	f.write(client, []byte("hello"))
	if got := f.peek(server, 5); string(got) != "hello" {
		f.Errorf("got %q, want %q", got, "hello")
	}
	server.Discard(5)

	if i := slow.Info(); i.TLS != nil || i.ALPN != "" {
		f.Errorf("got TLS %v and ALPN %q before the handshake, want none", i.TLS, i.ALPN)
	}
	h, ok := slow.(transport.Handshaker)
	if !ok {
		f.Fatal("a connection with TLS is no Handshaker")
	}
	ctx, cancel := context.WithTimeout(f.Context(), soon)
	defer cancel()
	if err := h.Handshake(ctx); !errors.Is(err, context.DeadlineExceeded) {
		f.Errorf("got %v from Handshake, want context.DeadlineExceeded", err)
	}
	if _, err := slow.Peek(1); err == nil {
		f.Error("got no error from Peek after the handshake failed")
	}
}

// silentServer has Dial give up in time.
func silentServer(f *fixture) {
	if f.env.Listen.TLS == nil {
		f.Skip("without TLS there is no handshake")
	}
	ctx, cancel := context.WithTimeout(f.Context(), 2*soon)
	defer cancel()
	result := f.dial(ctx, f.target())
	f.accept()
	if d := <-result; !errors.Is(d.err, context.DeadlineExceeded) {
		f.Errorf("got %v, want context.DeadlineExceeded", d.err)
	}
}

func plaintextToTLS(f *fixture) {
	if f.env.Listen.TLS == nil {
		f.Skip("without TLS there is no handshake")
	}
	client := f.plain()
	server := f.accept()
	f.write(client, []byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	var wrong tls.RecordHeaderError
	if _, err := server.Peek(1); !errors.As(err, &wrong) {
		f.Errorf("got %v, want a tls.RecordHeaderError", err)
	}
	if err := server.Write([]byte("x")); err == nil {
		f.Error("got no error from Write after the handshake failed")
	}
}
