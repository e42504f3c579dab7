// Package mtls makes certificates for the programs of the example, and has each side prove to the other who it is.
package mtls

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/fairlead-go/fairlead"
)

// Config reads from dir what Make wrote for name. It serves both sides: each wants a certificate of the same authority
// from the other.
func Config(dir, name string) (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return nil, err
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: ca.pem has no certificate", dir)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{own},
		RootCAs:      authority,                      // a client's
		ClientCAs:    authority,                      // a server's
		ClientAuth:   tls.RequireAndVerifyClientCert, // as well
	}, nil
}

// Name returns the name in the certificate of the other end of a call, "" if it has shown none.
func Name(p *fairlead.Peer) string {
	state, ok := p.Identity.(*tls.ConnectionState)
	if !ok || len(state.VerifiedChains) == 0 {
		return ""
	}
	return state.VerifiedChains[0][0].Subject.CommonName
}

// Make writes to dir an authority's certificate and, for each name, a certificate by it and its key, valid for a day.
// The authority's own key is not kept.
func Make(dir string, names ...string) error {
	ca := template("store example", 1)
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := write(dir, "ca", ca, ca, caKey, caKey); err != nil {
		return err
	}
	for i, name := range names {
		cert := template(name, int64(i)+2)
		cert.DNSNames = []string{name}
		cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		if err := write(dir, name, cert, ca, key, caKey); err != nil {
			return err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		if err := os.WriteFile(filepath.Join(dir, name+".key"), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func template(name string, serial int64) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Minute), NotAfter: now.Add(24 * time.Hour),
	}
}

// write writes a certificate that the authority signs.
func write(dir, name string, cert, ca *x509.Certificate, key, caKey *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, cert, ca, &key.PublicKey, caKey)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return os.WriteFile(filepath.Join(dir, name+".pem"), text, 0o600)
}
