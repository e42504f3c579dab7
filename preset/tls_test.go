package preset_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

// certificate makes one for 127.0.0.1 that signs itself.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLS(t *testing.T) {
	t.Parallel()
	cert, pool := certificate(t)
	s := start(t, "127.0.0.1:0", echoes(nil), server.TLS(&tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13,
	}))
	conf := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}
	var info fairlead.CallInfo
	c := connect(t, s.Addr().String(), client.TLS(conf))
	if got, err := call(t.Context(), c, "x", fairlead.WithInfo(&info)); err != nil || got != "x" {
		t.Errorf("got %q, %v", got, err)
	}
	if state, ok := info.Peer.Identity.(*tls.ConnectionState); !ok || state.NegotiatedProtocol != "h2" {
		t.Errorf("got identity %T, want the TLS state with h2", info.Peer.Identity)
	}

	stranger := connect(t, s.Addr().String(), client.TLS(&tls.Config{MinVersion: tls.VersionTLS13}))
	_, err := call(t.Context(), stranger, "x")
	if e := fairlead.ErrorOf(err); e.Code != fairlead.Unavailable || e.Reach != fairlead.NotSent {
		t.Errorf("got %v, want the unknown certificate refused before anything was sent", err)
	}
}

// Servers are replaced one after another while clients call: nobody notices.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	servers := make([]*server.Server, 3)
	target := "static:///"
	addr := "127.0.0.1:0"
	if runtime.GOOS == "linux" {
		addr = "127.9.8.7:0" // where nobody takes the port of a server that is away, not even for a connection of his own
	}
	for i := range servers {
		servers[i] = start(t, addr, echoes(nil))
		if i > 0 {
			target += ","
		}
		target += servers[i].Addr().String()
	}
	c := connect(t, target, client.Backoff(10*time.Millisecond, 20*time.Millisecond))
	// Before the next one is stopped, each server has answered a call: one that is stopped while it does not know yet
	// what a connection brings hangs up.
	ready := func() {
		for answered := map[string]bool{}; len(answered) < len(servers); {
			var info fairlead.CallInfo
			if _, err := call(t.Context(), c, "x", fairlead.WithInfo(&info)); err != nil {
				t.Fatal(err)
			}
			answered[info.Peer.Addr] = true
		}
	}
	ready()
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := call(t.Context(), c, "x"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for _, s := range servers {
		addr := s.Addr().String()
		ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(10*time.Second))
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		cancel()
		start(t, addr, echoes(nil))
		ready()
	}
	close(stop)
	callers.Wait()
}

func BenchmarkCall(b *testing.B) {
	s, err := preset.NewServer("127.0.0.1:0", echoes(nil))
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer s.Shutdown(context.Background())
	c, err := preset.NewClient(s.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.ReportAllocs()
	b.SetParallelism(50)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := call(b.Context(), c, "hello"); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
