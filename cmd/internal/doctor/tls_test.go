package doctor

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/cmd/internal/dial"
)

// issued is a certificate with its key.
type issued struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issue makes a certificate for localhost, signed by from; nil for itself.
func issue(t *testing.T, name string, from *issued, change func(*x509.Certificate)) *issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return issueFor(t, key, name, from, change)
}

func issueFor(t *testing.T, key crypto.Signer, name string, from *issued, change func(*x509.Certificate)) *issued {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(90 * 24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: []string{"localhost"},
		BasicConstraintsValid: true,
	}
	if change != nil {
		change(template)
	}
	parent, signer := template, key
	if from != nil {
		parent, signer = from.cert, from.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{cert, key}
}

// authority changes a template into that of an authority.
func authority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage, c.ExtKeyUsage, c.DNSNames = true, x509.KeyUsageCertSign, nil, nil
}

func certPEM(list ...*issued) string {
	var b strings.Builder
	for _, c := range list {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
	}
	return b.String()
}

func keyPEM(t *testing.T, c *issued) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestTLSFiles(t *testing.T) {
	t.Parallel()
	root := issue(t, "Root", nil, authority)
	middle := issue(t, "Middle", root, authority)
	leaf := issue(t, "shop", middle, nil)
	other := issue(t, "other", root, nil)
	day := 24 * time.Hour
	expired := issue(t, "shop", root, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-10*day - time.Minute) })
	soon := issue(t, "shop", root, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(10*day + time.Minute) })
	future := issue(t, "shop", root, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(5*time.Hour + time.Minute) })
	nameless := issue(t, "shop", root, func(c *x509.Certificate) { c.DNSNames = nil })
	forClients := issue(t, "shop", root, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	weakKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak := issueFor(t, weakKey, "weak", root, nil)
	stranger := issue(t, "Stranger", nil, authority)
	self := issue(t, "self", nil, nil)

	tests := []struct {
		name      string
		cert, key string // PEM
		ca        string
		server    string
		wants     []want
	}{
		{"in order", certPEM(leaf, middle), keyPEM(t, leaf), certPEM(root), "localhost", []want{
			{OK, "ca.pem: 1 certificate of authorities"},
			{OK, "cert.pem: for localhost, until " + leaf.cert.NotAfter.UTC().Format(time.DateOnly) +
				" (89 days), issued by Middle, with 1 more"},
		}},
		{"both in a file", certPEM(leaf) + keyPEM(t, leaf), "", "", "", []want{{OK, "for localhost"}}},
		{"another's key", certPEM(leaf), keyPEM(t, other), "", "", []want{
			{Fail, "private key does not match public key (with"}, {OK, "cert.pem"},
		}},
		{"no key", certPEM(leaf), "", "", "", []want{{Fail, "name the file with the key with --key"}}},
		{"a bad key", certPEM(leaf), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "", "",
			[]want{{Fail, "key.pem: failed to parse private key"}, {OK, "cert.pem"}}},
		{"no certificate", "text", keyPEM(t, leaf), "", "", []want{{Fail, "cert.pem: it has no certificate in PEM"}}},
		{"a bad certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", keyPEM(t, leaf), "", "",
			[]want{{Fail, "certificate 1: x509: "}}},
		{"the wrong order", certPEM(middle, leaf), keyPEM(t, middle), "", "", []want{
			{Fail, "the first certificate is that of an authority, Middle"},
		}},
		{"a gap", certPEM(leaf, root), keyPEM(t, leaf), "", "", []want{
			{Fail, "certificate 1 (shop) is not signed by the one behind it (Root)"},
		}},
		{"the root as well", certPEM(leaf, middle, root), keyPEM(t, leaf), "", "", []want{
			{Warn, "the chain ends with the root Root"},
		}},
		{"expired", certPEM(expired), keyPEM(t, expired), "", "", []want{{Fail, ", 10 days ago | renew it"}}},
		{"soon", certPEM(soon), keyPEM(t, soon), "", "", []want{{Warn, ", in 10 days | renew it"}}},
		{"in future", certPEM(future), keyPEM(t, future), "", "", []want{
			{Fail, "which is in 5 hours | see whether the clocks agree"},
		}},
		{"no names", certPEM(nameless), keyPEM(t, nameless), "", "", []want{
			{Fail, "the common name (shop) is not looked at"},
		}},
		{"another name", certPEM(leaf), keyPEM(t, leaf), "", "shop.example.com", []want{
			{Fail, "it is not for shop.example.com but for localhost"},
		}},
		{"for clients", certPEM(forClients), keyPEM(t, forClients), "", "", []want{
			{Fail, "its extended key usage does not have server authentication"},
		}},
		{"a weak key", certPEM(weak), keyPEM(t, weak), "", "", []want{{Fail, "the key of weak is RSA of 1024 bits"}}},
		{"nobody's", certPEM(leaf, middle), keyPEM(t, leaf), certPEM(stranger), "", []want{
			{OK, "ca.pem"}, {Fail, `the chain ends at the issuer "CN=Root", which is none of those of --ca`},
		}},
		{"without the middle", certPEM(leaf), keyPEM(t, leaf), certPEM(root), "", []want{
			{OK, "ca.pem"}, {Fail, `its issuer "CN=Middle" is none of those of --ca, and no intermediate certificate came`},
		}},
		{"by itself", certPEM(self), keyPEM(t, self), certPEM(root), "", []want{{OK, ""}, {Fail, "it is signed by itself"}}},
		{"no authority", certPEM(leaf, middle), keyPEM(t, leaf), certPEM(root, other), "", []want{
			{Fail, "ca.pem: other is not the certificate of an authority"}, {OK, "cert.pem"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			flags := &dial.Flags{Cert: write(t, dir, "cert.pem", tt.cert), ServerName: tt.server, ConnectTimeout: time.Second}
			if tt.key != "" {
				flags.Key = write(t, dir, "key.pem", tt.key)
			}
			if tt.ca != "" {
				flags.CA = []string{write(t, dir, "ca.pem", tt.ca)}
			}
			compare(t, results(t, examine(t, func(o *options) { o.dial = flags }), "tls-files"), tt.wants...)
		})
	}
	t.Run("a key for all", func(t *testing.T) {
		t.Parallel()
		path := write(t, t.TempDir(), "both.pem", certPEM(leaf)+keyPEM(t, leaf))
		if err := os.Chmod(path, 0o644); err != nil { //nolint:gosec // that is the fault
			t.Fatal(err)
		}
		x := examine(t, func(o *options) { o.dial = &dial.Flags{Cert: path, ConnectTimeout: time.Second} })
		compare(t, results(t, x, "tls-files"), want{Warn, "every user of the machine may read the key"})
	})
	none := filepath.Join(t.TempDir(), "none")
	x := examine(t, func(o *options) { o.dial = &dial.Flags{Cert: none, CA: []string{none}, ConnectTimeout: time.Second} })
	compare(t, results(t, x, "tls-files"), want{Fail, "none: no such file"}, want{Fail, "none: no such file"})
	compare(t, results(t, examine(t, nil), "tls-files"), want{Skipped, "--cert"})
}

// serveTLS shakes hands with all who come until the test ends, and keeps the connections open until they are closed.
func serveTLS(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.Copy(io.Discard, tls.Server(conn, cfg))
			}()
		}
	}()
	return l.Addr().String()
}

func TestTLS(t *testing.T) {
	t.Parallel()
	root := issue(t, "Root", nil, authority)
	middle := issue(t, "Middle", root, authority)
	leaf := issue(t, "shop", middle, nil)
	old := issue(t, "old", root, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	cas := []string{write(t, t.TempDir(), "ca.pem", certPEM(root))}
	config := func(certs ...*issued) *tls.Config {
		c := tls.Certificate{PrivateKey: certs[0].key}
		for _, cert := range certs {
			c.Certificate = append(c.Certificate, cert.cert.Raw)
		}
		return &tls.Config{Certificates: []tls.Certificate{c}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12}
	}
	changed := func(c *tls.Config, change func(*tls.Config)) *tls.Config {
		change(c)
		return c
	}
	tests := []struct {
		name  string
		cfg   *tls.Config
		flags dial.Flags
		wants []want
	}{
		{name: "in order", cfg: config(leaf, middle), flags: dial.Flags{CA: cas, ServerName: "localhost"}, wants: []want{
			{OK, "TLS 1.3, TLS_AES_128_GCM_SHA256, h2, in "},
		}},
		{name: "no h2", cfg: changed(config(leaf, middle), func(c *tls.Config) { c.NextProtos = nil }),
			flags: dial.Flags{CA: cas, ServerName: "localhost"},
			wants: []want{{Fail, "the server chose no protocol by ALPN, and gRPC needs h2"}}},
		{name: "another protocol",
			cfg:   changed(config(leaf, middle), func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }),
			flags: dial.Flags{CA: cas, ServerName: "localhost"}, wants: []want{{Fail, "the server chose http/1.1"}}},
		{name: "none in common", cfg: changed(config(leaf, middle), func(c *tls.Config) { c.NextProtos = []string{"x"} }),
			flags: dial.Flags{CA: cas, ServerName: "localhost"},
			wants: []want{{Fail, "no application protocol | have the server offer h2"}}},
		{name: "TLS 1.2", cfg: changed(config(leaf, middle), func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }),
			flags: dial.Flags{CA: cas, ServerName: "localhost"}, wants: []want{{Warn, "the server speaks TLS 1.2 at most"}}},
		{name: "another name", cfg: config(leaf, middle), flags: dial.Flags{CA: cas}, wants: []want{
			{Fail, "it is not for 127.0.0.1 but for localhost"},
		}},
		{name: "no middle", cfg: config(leaf), flags: dial.Flags{CA: cas, ServerName: "localhost"}, wants: []want{
			{Fail, "have the server send the intermediate certificates"},
		}},
		{name: "not trusted", cfg: config(leaf, middle), flags: dial.Flags{TLS: true, ServerName: "localhost"}, wants: []want{
			{Fail, `the chain ends at the issuer "CN=Root", which is none of the system's authorities`},
		}},
		{name: "not to be verified", cfg: config(leaf, middle), flags: dial.Flags{Insecure: true, ServerName: "localhost"},
			wants: []want{{OK, "TLS 1.3"}}},
		{name: "expired", cfg: config(old), flags: dial.Flags{CA: cas, ServerName: "localhost"}, wants: []want{
			{Fail, "the certificate expired on "},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.flags.ConnectTimeout = 10 * time.Second
			x := examine(t, func(o *options) { o.address, o.dial = serveTLS(t, tt.cfg), &tt.flags })
			compare(t, results(t, x, "tls"), tt.wants...)
		})
	}
}

// TestNoTLS: what listens there does not speak TLS, or does not at all.
func TestNoTLS(t *testing.T) {
	t.Parallel()
	secure := func(addr string) *examination {
		return examine(t, func(o *options) {
			o.address, o.dial = addr, &dial.Flags{TLS: true, ConnectTimeout: 300 * time.Millisecond}
		})
	}
	plain := listen(t)
	go func() { _ = http.Serve(plain, http.NotFoundHandler()) }()
	compare(t, results(t, secure(plain.Addr().String()), "tls"), want{Fail, "the server does not speak TLS"})

	silent := listen(t)
	compare(t, results(t, secure(silent.Addr().String()), "tls"), want{Fail, "no handshake within 300ms"})

	closing := listen(t)
	go func() {
		for {
			conn, err := closing.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	compare(t, results(t, secure(closing.Addr().String()), "tls"), want{Fail, "the server closed the connection"})

	gone := listen(t)
	_ = gone.Close()
	compare(t, results(t, secure(gone.Addr().String()), "tls"), want{Fail, "nobody listens there"})

	x := examine(t, func(o *options) { o.address = "127.0.0.1:1" })
	compare(t, results(t, x, "tls"), want{Skipped, "--tls asks for it"})
	compare(t, results(t, examine(t, nil), "tls"), want{Skipped, "--address"})
}
