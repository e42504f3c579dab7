package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/std"
)

// certificate makes one for localhost that signs itself, and a pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// startStd starts an echo server on the real network.
func startStd(t *testing.T, opts ...Option) (*Server, *protocoltest.Echo) {
	t.Helper()
	desc := protocoltest.NewEcho("test.Echo")
	s, err := New(append([]Option{
		Service(desc.Implement(handlers{})), Protocol(protocoltest.NewFrameServer()), Codec(protocoltest.Codec{}),
		Transport(std.Network{}), Logger(quiet()),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return s, desc
}

// echo makes one call to target.
func echo(t *testing.T, desc *protocoltest.Echo, target transport.Target) error {
	t.Helper()
	tc, err := std.Network{}.Dial(t.Context(), target)
	if err != nil {
		return err
	}
	cfg := &protocol.ClientConfig{Codec: protocoltest.Codec{}, RecvMessage: 1 << 20, HeaderList: 1 << 16}
	conn, err := protocoltest.FrameClient{}.NewConn(t.Context(), tc, cfg)
	if err != nil {
		return err
	}
	defer func() {
		conn.Close(errors.New("done"))
		<-conn.Done()
	}()
	c := desc.NewClient(protocoltest.NewDirect(t, protocoltest.FrameClient{}, conn, cfg))
	_, err = c.Unary(t.Context(), &msg{Text: "hi"})
	return err
}

func TestStdListeners(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	s, desc := startStd(t, Listen("127.0.0.1:0"), Listen("unix:"+path))
	addrs := s.Addrs()
	if len(addrs) != 2 || addrs[0].Network() != "tcp" || addrs[1].String() != path {
		t.Fatalf("got addresses %v", addrs)
	}
	for _, target := range []transport.Target{
		{Network: "tcp", Addr: addrs[0].String()}, {Network: "unix", Addr: path},
	} {
		if err := echo(t, desc, target); err != nil {
			t.Errorf("%v: %v", target, err)
		}
	}
}

func TestStdAddressInUse(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := plain(t, Transport(std.Network{}), Listen(l.Addr().String()))
	err = s.Start(t.Context())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), l.Addr().String()) ||
		!strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want the address and that it is in use", err)
	}
}

func TestStdTLS(t *testing.T) {
	t.Parallel()
	cert, pool := certificate(t)
	s, desc := startStd(t, Listen("127.0.0.1:0"), TLS(&tls.Config{Certificates: []tls.Certificate{cert}}))
	addr := s.Addr().String()
	client := func(change func(*tls.Config)) transport.Target {
		cfg := &tls.Config{RootCAs: pool, ServerName: "localhost", NextProtos: []string{"frame"}}
		change(cfg)
		return transport.Target{Network: "tcp", Addr: addr, TLS: cfg}
	}
	tests := []struct {
		name   string
		target transport.Target
		ok     bool
	}{
		{"ALPN", client(func(*tls.Config) {}), true},
		{"without ALPN, by the first bytes", client(func(c *tls.Config) { c.NextProtos = nil }), true},
		{"ALPN of something else", client(func(c *tls.Config) { c.NextProtos = []string{"smtp"} }), false},
		{"TLS 1.1", client(func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}), false},
		{"plaintext", transport.Target{Network: "tcp", Addr: addr}, false},
	}
	for _, tt := range tests {
		if err := echo(t, desc, tt.target); (err == nil) != tt.ok {
			t.Errorf("%s: got %v, want success: %v", tt.name, err, tt.ok)
		}
	}
}
