package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/admin"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
)

// allowed is the option of a server that takes any PINGs.
func allowed() server.Option { return preset.ServerHTTP2(web.PingPolicy(0, true)) }

func TestKeepalive(t *testing.T) {
	t.Parallel()
	health := func() server.Option { return server.Service(admin.NewHealth().Service()) }
	tests := []struct {
		name  string
		opts  []server.Option
		idle  bool
		pings int
		wants []want
	}{
		{"a server that allows it", []server.Option{health(), allowed()}, false, 5, []want{
			{OK, "a PING is answered in "}, {OK, "5 PINGs, one every 20ms, with a call under way: all answered"},
		}},
		{"without a call", []server.Option{health(), allowed()}, true, 3, []want{
			{OK, ""}, {OK, "3 PINGs, one every 20ms, without a call: all answered"},
		}},
		{"a server without health", []server.Option{server.Service(runtimeService(t)), allowed()}, false, 2,
			[]want{{OK, ""}, {OK, "2 PINGs, one every 20ms, without a call: all answered"}}},
		{"a server that does not", []server.Option{health()}, false, 8, []want{
			{OK, "calls at once"}, {Fail, `the server sent GOAWAY ENHANCE_YOUR_CALM "too_many_pings"`},
		}},
		{"nor without a call", []server.Option{health()}, true, 8, []want{
			{OK, ""}, {Fail, "one every 20ms, without a call: after "},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			addr := serve(t, tt.opts...)
			x := examine(t, func(o *options) {
				o.address, o.keepalive, o.idle, o.pings = addr, 20*time.Millisecond, tt.idle, tt.pings
			})
			compare(t, results(t, x, "keepalive"), tt.wants...)
		})
	}
}

func TestKeepaliveWithTLS(t *testing.T) {
	t.Parallel()
	root := issue(t, "Root", nil, authority)
	leaf := issue(t, "shop", root, nil)
	client := issue(t, "client", root, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	dir := t.TempDir()
	flags := dial.Flags{
		CA: []string{write(t, dir, "ca.pem", certPEM(root))}, ServerName: "localhost", ConnectTimeout: 5 * time.Second,
	}
	with := flags
	with.Cert = write(t, dir, "client.pem", certPEM(client)+keyPEM(t, client))
	addr := serve(t, server.Service(admin.NewHealth().Service()), server.TLS(&tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key}},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12,
	}))
	x := examine(t, func(o *options) { o.address, o.dial = addr, &with })
	compare(t, results(t, x, "tls"), want{OK, "h2"})
	compare(t, results(t, x, "tls-files"), want{OK, ""}, want{OK, "client.pem"})
	compare(t, results(t, x, "keepalive"), want{OK, "a PING is answered in "})
	x = examine(t, func(o *options) { o.address, o.dial = addr, &flags })
	compare(t, results(t, x, "keepalive"), want{Fail, "certificate required"})
}

func TestNoHTTP2(t *testing.T) {
	t.Parallel()
	at := func(addr string) *examination {
		return examine(t, func(o *options) { o.address, o.dial = addr, &dial.Flags{ConnectTimeout: 300 * time.Millisecond} })
	}
	old := listen(t)
	go func() {
		s := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
		_ = s.Serve(old)
	}()
	compare(t, results(t, at(old.Addr().String()), "keepalive"), want{Fail, "it does not speak HTTP/2 with us"})

	silent := listen(t)
	compare(t, results(t, at(silent.Addr().String()), "keepalive"), want{Fail, "no SETTINGS within 300ms"})

	gone := listen(t)
	_ = gone.Close()
	compare(t, results(t, at(gone.Addr().String()), "keepalive"), want{Fail, "nobody listens there"})
	compare(t, results(t, examine(t, nil), "keepalive"), want{Skipped, "--address"})
}
