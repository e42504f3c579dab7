package doctor

import (
	"bytes"
	"crypto/dsa" //nolint:staticcheck // to tell people that they have one
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// chain is the certificates of one side, the leaf first, and what they are judged by.
type chain struct {
	subject string
	certs   []*x509.Certificate
	roots   *x509.CertPool // nil: the system's
	name    string         // that the leaf has to be for; "" for any
	now     time.Time
	expiry  time.Duration // warn within
	usage   x509.ExtKeyUsage
}

// judge adds all that is wrong with the chain.
func (c *chain) judge(f *findings) {
	for i, cert := range c.certs {
		c.judgeTime(i, cert, f)
		c.judgeStrength(cert, f)
	}
	c.judgeOrder(f)
	c.judgeNames(f)
}

// judgeTime looks at a certificate's first and last day.
func (c *chain) judgeTime(i int, cert *x509.Certificate, f *findings) {
	what, remedy := "the certificate", "renew it"
	if i > 0 {
		what, remedy = "the intermediate certificate "+nameOf(cert), "get the present one from the authority"
	}
	left := cert.NotAfter.Sub(c.now)
	switch {
	case c.now.Before(cert.NotBefore):
		f.failf(c.subject, "see whether the clocks agree", "%s is valid from %s on, which is in %s", what,
			day(cert.NotBefore), days(cert.NotBefore.Sub(c.now)))
	case left < 0:
		f.failf(c.subject, remedy, "%s expired on %s, %s ago", what, day(cert.NotAfter), days(-left))
	case left < c.expiry:
		f.warnf(c.subject, remedy, "%s expires on %s, in %s", what, day(cert.NotAfter), days(left))
	}
}

// The strength that browsers and libraries ask for.
const (
	leastRSA   = 2048
	leastCurve = 256
)

func (c *chain) judgeStrength(cert *x509.Certificate, f *findings) {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if n := key.N.BitLen(); n < leastRSA {
			f.failf(c.subject, "take RSA of 2048 bits or more, or ECDSA P-256", "the key of %s is RSA of %d bits",
				nameOf(cert), n)
		}
	case *ecdsa.PublicKey:
		if n := key.Curve.Params().BitSize; n < leastCurve {
			f.failf(c.subject, "take P-256", "the key of %s is on a curve of %d bits", nameOf(cert), n)
		}
	case *dsa.PublicKey:
		f.failf(c.subject, "take ECDSA P-256 or Ed25519", "the key of %s is DSA, which TLS libraries refuse", nameOf(cert))
	}
	self := bytes.Equal(cert.RawIssuer, cert.RawSubject) // nobody looks at the signature of a root
	refused := []x509.SignatureAlgorithm{
		x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1,
	}
	if !self && slices.Contains(refused, cert.SignatureAlgorithm) {
		f.failf(c.subject, "have it signed with SHA-256", "%s is signed with %s, which clients refuse", nameOf(cert),
			cert.SignatureAlgorithm)
	}
}

// judgeOrder sees that each certificate is signed by the one behind it (RFC 8446, section 4.4.2).
func (c *chain) judgeOrder(f *findings) {
	if c.certs[0].IsCA && len(c.certs) > 1 {
		f.failf(c.subject, "put the certificate itself first, then the intermediate ones",
			"the first certificate is that of an authority, %s", nameOf(c.certs[0]))
		return
	}
	for i := 1; i < len(c.certs); i++ {
		if err := c.certs[i-1].CheckSignatureFrom(c.certs[i]); err != nil {
			f.failf(c.subject, "order the file: the certificate, the one that signed it, and so on",
				"certificate %d (%s) is not signed by the one behind it (%s)", i, nameOf(c.certs[i-1]), nameOf(c.certs[i]))
			return
		}
	}
	last := c.certs[len(c.certs)-1]
	if len(c.certs) > 1 && bytes.Equal(last.RawIssuer, last.RawSubject) {
		f.warnf(c.subject, "leave it out", "the chain ends with the root %s, which clients have or do not trust",
			nameOf(last))
	}
}

// judgeNames looks at the names that a leaf is for.
func (c *chain) judgeNames(f *findings) {
	leaf := c.certs[0]
	if leaf.IsCA {
		return
	}
	names := namesOf(leaf)
	switch {
	case c.usage == x509.ExtKeyUsageServerAuth && len(names) == 0:
		f.failf(c.subject, "have subject alternative names put in", "it has no subject alternative names, and the common "+
			"name (%s) is not looked at any more", orElse(leaf.Subject.CommonName, "none"))
	case c.name != "" && leaf.VerifyHostname(c.name) != nil:
		f.failf(c.subject, "have it issued for the name, or ask for one that it has with --server-name",
			"it is not for %s but for %s", c.name, shorten(names))
	}
	if usages := leaf.ExtKeyUsage; len(usages) > 0 && !slices.Contains(usages, c.usage) &&
		!slices.Contains(usages, x509.ExtKeyUsageAny) {
		f.failf(c.subject, "have it issued for that usage", "its extended key usage does not have %s", usageName(c.usage))
	}
}

// judgeTrust verifies the chain up to a root, and explains what is missing.
func (c *chain) judgeTrust(f *findings) {
	others := x509.NewCertPool()
	for _, cert := range c.certs[1:] {
		others.AddCert(cert)
	}
	leaf := c.certs[0]
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: c.roots, Intermediates: others, CurrentTime: validTime(leaf, c.now),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err == nil {
		return
	}
	whose := "the system's authorities"
	if c.roots != nil {
		whose = "those of --ca"
	}
	var unknown x509.UnknownAuthorityError
	last := c.certs[len(c.certs)-1]
	switch {
	case !errors.As(err, &unknown):
		f.failf(c.subject, "", "the chain cannot be verified: %v", err)
	case bytes.Equal(leaf.RawIssuer, leaf.RawSubject):
		f.failf(c.subject, "trust it with --ca, or have it issued by an authority", "it is signed by itself")
	case len(c.certs) == 1 && !leaf.IsCA:
		f.failf(c.subject, "have the server send the intermediate certificates as well, or name the authority with --ca",
			"its issuer %q is none of %s, and no intermediate certificate came with it", leaf.Issuer, whose)
	default:
		f.failf(c.subject, "name the authority with --ca, or send what is missing",
			"the chain ends at the issuer %q, which is none of %s", last.Issuer, whose)
	}
}

// validTime returns a time at which the certificate is valid: that it expired is told elsewhere.
func validTime(cert *x509.Certificate, now time.Time) time.Time {
	switch {
	case now.After(cert.NotAfter):
		return cert.NotAfter
	case now.Before(cert.NotBefore):
		return cert.NotBefore
	}
	return now
}

// summary returns what a chain in order is like.
func (c *chain) summary() string {
	leaf := c.certs[0]
	text := fmt.Sprintf("for %s, until %s (%s), issued by %s", orElse(shorten(namesOf(leaf)), nameOf(leaf)),
		day(leaf.NotAfter), days(leaf.NotAfter.Sub(c.now)), orElse(leaf.Issuer.CommonName, leaf.Issuer.String()))
	if n := len(c.certs) - 1; n > 0 {
		text += fmt.Sprintf(", with %d more behind it", n)
	}
	return text
}

// namesOf returns the subject alternative names.
func namesOf(cert *x509.Certificate) []string {
	list := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			list = append(list, a.Unmap().String())
		}
	}
	for _, u := range cert.URIs {
		list = append(list, u.String())
	}
	return list
}

// nameOf is how messages call a certificate.
func nameOf(cert *x509.Certificate) string {
	return orElse(cert.Subject.CommonName, strings.Join(namesOf(cert), ", "), cert.Subject.String(), "one without a name")
}

func usageName(u x509.ExtKeyUsage) string {
	if u == x509.ExtKeyUsageClientAuth {
		return "client authentication"
	}
	return "server authentication"
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// days returns a duration in days, or hours when it is short.
func days(d time.Duration) string {
	if h := int(d.Hours()); h < 48 {
		return fmt.Sprintf("%d %s", h, plural(h, "hour"))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// parseCertificates returns the certificates in PEM blocks.
func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(list)+1, err)
		}
		list = append(list, cert)
	}
	if len(list) == 0 {
		return nil, errors.New("it has no certificate in PEM (a block that begins with -----BEGIN CERTIFICATE-----)")
	}
	return list, nil
}
