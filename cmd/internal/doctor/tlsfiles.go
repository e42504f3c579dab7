package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// checkTLSFiles looks at the files of --cert, --key and --ca.
func checkTLSFiles(ctx context.Context, x *examination, f *findings) {
	if x.dial.Cert == "" && len(x.dial.CA) == 0 {
		f.skipf("name files with --cert, --key or --ca")
		return
	}
	roots := x.checkAuthorities(ctx, f)
	if x.dial.Cert != "" {
		x.checkPair(ctx, roots, f)
	}
}

// checkAuthorities looks at the files of --ca and returns their certificates, nil without any.
func (x *examination) checkAuthorities(ctx context.Context, f *findings) *x509.CertPool {
	var roots *x509.CertPool
	for _, path := range x.dial.CA {
		certs, err := x.readCertificates(ctx, path)
		if err != nil {
			f.failf(path, "", "%v", err)
			continue
		}
		if roots == nil {
			roots = x509.NewCertPool()
		}
		for _, cert := range certs {
			roots.AddCert(cert)
			c := chain{subject: path, certs: []*x509.Certificate{cert}, now: x.now, expiry: x.expiry}
			c.judgeTime(0, cert, f)
			c.judgeStrength(cert, f)
			if !cert.IsCA {
				f.failf(path, "name the file of the authority", "%s is not the certificate of an authority", nameOf(cert))
			}
		}
		if f.fine(path) {
			f.okf(path, "%d %s of authorities", len(certs), plural(len(certs), "certificate"))
		}
	}
	return roots
}

// checkPair looks at a certificate and its key. With --address they are a client's, otherwise a server's.
func (x *examination) checkPair(ctx context.Context, roots *x509.CertPool, f *findings) {
	path := x.dial.Cert
	certs, err := x.readCertificates(ctx, path)
	if err != nil {
		f.failf(path, "", "%v", err)
		return
	}
	c := &chain{
		subject: path, certs: certs, roots: roots, now: x.now, expiry: x.expiry,
		usage: x509.ExtKeyUsageServerAuth, name: x.dial.ServerName,
	}
	if x.target != nil {
		c.usage, c.name = x509.ExtKeyUsageClientAuth, "" // the name is the server's
	}
	c.judge(f)
	if roots != nil {
		c.judgeTrust(f)
	}
	x.checkKey(ctx, path, orElse(x.dial.Key, path), f)
	if f.fine(path) {
		f.okf(path, "%s", c.summary())
	}
}

// checkKey sees that the key belongs to the certificate, and who may read it.
func (x *examination) checkKey(ctx context.Context, certPath, keyPath string, f *findings) {
	info, err := os.Stat(keyPath)
	if err != nil {
		f.failf(keyPath, "", "%v", trimmed(err))
		return
	}
	if perm := info.Mode().Perm(); runtime.GOOS != "windows" && perm&0o004 != 0 {
		f.warnf(keyPath, "chmod o-r", "every user of the machine may read the key (%v)", perm)
	}
	if _, err := x.dial.ReadPair(ctx, certPath, keyPath); err != nil {
		text := strings.TrimPrefix(trimmed(err).Error(), "tls: ")
		remedy := "name the key that the certificate was issued for"
		if strings.Contains(text, "failed to find any PEM data in key input") ||
			strings.Contains(text, "private key") && strings.Contains(text, "found a certificate") {
			remedy = "name the file with the key with --key"
		}
		f.failf(keyPath, remedy, "%s (with %s)", text, certPath)
	}
}

func (x *examination) readCertificates(ctx context.Context, path string) ([]*x509.Certificate, error) {
	text, err := x.dial.ReadPEM(ctx, path)
	if err != nil {
		return nil, trimmed(err)
	}
	return parseCertificates(text)
}

// trimmed returns an error of a file without the path, which stands in front of it already.
func trimmed(err error) error {
	if large, ok := errors.AsType[*cli.TooLargeError](err); ok {
		return fmt.Errorf("it has more than %s, which is the limit", cli.Bytes(large.Limit))
	}
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	return err
}
