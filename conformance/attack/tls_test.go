package attack_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/server"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, pool: x509.NewCertPool()}
	der, key := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour),
	})
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, a.key = cert, key
	a.pool.AddCert(cert)
	return a
}

func (a *authority) sign(template *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-2 * time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	return der, key
}

// leaf makes a certificate for the loopback address that ends after d.
func (a *authority) leaf(usage x509.ExtKeyUsage, d time.Duration) tls.Certificate {
	a.t.Helper()
	der, key := a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "leaf"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage}, NotAfter: time.Now().Add(d),
	})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestTLS connects to a server that wants certificates with wrong ones, and with clients that should not trust the
// server: no call goes through, and the right ones' do.
func TestTLS(t *testing.T) { //nolint:paralleltest // memory is the process's
	ours, others := newAuthority(t), newAuthority(t)
	const clientUse, serverUse = x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth
	good := []tls.Certificate{ours.leaf(clientUse, time.Hour)}
	svc := func(cert tls.Certificate) string {
		tg := newTargetWithoutClient(t, server.TLS(&tls.Config{
			Certificates: []tls.Certificate{cert}, ClientCAs: ours.pool,
			ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
		}), server.HandshakeTimeout(2*time.Second))
		return tg.Addr().String()
	}
	proper := svc(ours.leaf(serverUse, time.Hour))
	for _, tt := range []struct {
		name string
		addr string
		cfg  *tls.Config
		ok   bool
	}{
		{"the right ones", proper, &tls.Config{RootCAs: ours.pool, Certificates: good}, true},
		{"TLS 1.2", proper, &tls.Config{RootCAs: ours.pool, Certificates: good, MaxVersion: tls.VersionTLS12}, true},
		{"no client certificate", proper, &tls.Config{RootCAs: ours.pool}, false},
		{"another authority's client certificate", proper, &tls.Config{
			RootCAs: ours.pool, Certificates: []tls.Certificate{others.leaf(clientUse, time.Hour)},
		}, false},
		{"an expired client certificate", proper, &tls.Config{
			RootCAs: ours.pool, Certificates: []tls.Certificate{ours.leaf(clientUse, -time.Hour)},
		}, false},
		{"a server's certificate as a client's", proper, &tls.Config{
			RootCAs: ours.pool, Certificates: []tls.Certificate{ours.leaf(serverUse, time.Hour)},
		}, false},
		{"a server that nobody vouches for", proper, &tls.Config{RootCAs: others.pool, Certificates: good}, false},
		{"a server of another name", proper, &tls.Config{
			RootCAs: ours.pool, Certificates: good, ServerName: "elsewhere.example",
		}, false},
		{
			"an expired server certificate", svc(ours.leaf(serverUse, -time.Hour)),
			&tls.Config{RootCAs: ours.pool, Certificates: good}, false,
		},
		{
			"a client's certificate as a server's", svc(ours.leaf(clientUse, time.Hour)),
			&tls.Config{RootCAs: ours.pool, Certificates: good}, false,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.MinVersion = tls.VersionTLS12
			_, c := newGoodClient(t, tt.addr, client.TLS(tt.cfg))
			ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(patience))
			defer cancel()
			if _, err := c.UnaryCall(ctx, &testpb.SimpleRequest{}); (err == nil) != tt.ok {
				t.Errorf("got %v, want success: %v", err, tt.ok)
			}
		})
	}
}

// TestALPN speaks TLS without ALPN: a server finds out by the first bytes and serves nothing but HTTP/2 all the same, a
// client does not go on.
func TestALPN(t *testing.T) { //nolint:paralleltest // memory is the process's
	ca := newAuthority(t)
	cert := ca.leaf(x509.ExtKeyUsageServerAuth, time.Hour)
	tg := newTargetWithoutClient(t,
		server.TLS(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}),
		server.HandshakeTimeout(300*time.Millisecond))
	dial := func(protos ...string) (*tls.Conn, error) {
		d := &tls.Dialer{Config: &tls.Config{RootCAs: ca.pool, NextProtos: protos, MinVersion: tls.VersionTLS12}}
		nc, err := d.DialContext(t.Context(), "tcp", tg.Addr().String())
		if err != nil {
			return nil, err
		}
		tc, _ := nc.(*tls.Conn)
		t.Cleanup(func() { _ = tc.Close() })
		_ = tc.SetDeadline(time.Now().Add(assert.Patience(patience)))
		return tc, nil
	}
	for name, first := range map[string]string{
		"another protocol":     "GET / HTTP/1.1\r\nhost: victim\r\nconnection: close\r\n\r\n",
		"bytes of no protocol": "\x00\x00\x00\x00",
		"nothing":              "",
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = nc.Write([]byte(first))
			answer, err := io.ReadAll(nc)
			if timedOut(err) || len(answer) > 0 && !bytes.HasPrefix(answer, []byte("HTTP/1.1 4")) {
				t.Errorf("got %q and %v, want that the server hangs up", answer, err)
			}
		})
	}
	t.Run("a protocol that the server does not speak", func(t *testing.T) {
		if _, err := dial("spdy/3"); err == nil {
			t.Error("got a connection, want that the handshake fails")
		}
	})
	t.Run("h2 and no preface", func(t *testing.T) {
		nc, err := dial("h2")
		if err != nil {
			t.Fatal(err)
		}
		for err = nil; err == nil; {
			_, err = nc.Read(make([]byte, 64)) // its SETTINGS
		}
		if timedOut(err) {
			t.Error("got no end of the connection")
		}
	})
	t.Run("client", func(t *testing.T) {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
			Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12,
		})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				nc, err := l.Accept()
				if err != nil {
					return
				}
				b := make([]byte, 1)
				if n, _ := nc.Read(b); n > 0 {
					t.Error("got bytes of a client that should have hung up")
				}
				_ = nc.Close()
			}
		}()
		_, c := newGoodClient(t, l.Addr().String(), client.TLS(&tls.Config{RootCAs: ca.pool, MinVersion: tls.VersionTLS12}))
		ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(patience))
		defer cancel()
		if _, err := c.UnaryCall(ctx, &testpb.SimpleRequest{}); err == nil {
			t.Error("got an answer, want an error")
		}
		_ = l.Close()
		<-done
	})
}

// TestRequestsWithoutAnEndOverTLS: the deadlines of reading, which end requests, leave what TLS has read in order.
func TestRequestsWithoutAnEndOverTLS(t *testing.T) { //nolint:paralleltest // as the others
	ca := newAuthority(t)
	cert := ca.leaf(x509.ExtKeyUsageServerAuth, time.Hour)
	tg := newTargetWithoutClient(t,
		server.TLS(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}))
	d := &tls.Dialer{Config: &tls.Config{RootCAs: ca.pool, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}}
	nc, err := d.DialContext(t.Context(), "tcp", tg.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	a := newAttacker(t, nc).start()
	answered := func(id uint32) {
		t.Helper()
		eventually(t, "an end of the call", func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.ended[id]
		})
	}
	for range 5 {
		id := a.open(a.head(unaryPath, "grpc-timeout", "20m"), false)
		_ = a.WriteData(id, false, make([]byte, 3))
		a.flush()
		answered(id)
		id = a.call(unaryPath)
		a.flush()
		answered(id)
	}
	a.alive()
}
