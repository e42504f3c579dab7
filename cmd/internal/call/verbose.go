package call

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
)

// commentary is the output of --verbose beside the responses: lines that begin with "*" about the connection, with ">"
// about what was sent and with "<" about what came back. Without --verbose it is nil and says nothing.
type commentary struct {
	w     io.Writer
	paint cli.Painter
	begun time.Time // of the command
}

func (c *commentary) linef(mark, format string, args ...any) {
	fmt.Fprintln(c.w, c.paint.Paint(cli.Faint, mark+" "+fmt.Sprintf(format, args...)))
}

// connected reports how connecting went.
func (c *commentary) connected(s *dial.Server) {
	if c == nil {
		return
	}
	if r, ok := s.Resolution(); ok {
		c.linef("*", "resolved %s to %s in %s", s.Address.Text, strings.Join(r.Addrs, ", "), dial.Round(r.Took))
	}
	for _, a := range s.Attempts() {
		switch {
		case a.Err != nil:
			c.linef("*", "could not connect to %s: %v", a.Addr, a.Err)
		case a.State == nil:
			c.linef("*", "connected to %s in %s, without TLS", a.Addr, dial.Round(a.Connect))
		default:
			c.linef("*", "connected to %s in %s", a.Addr, dial.Round(a.Connect))
			c.secured(a.State, a.Handshake)
		}
	}
}

func (c *commentary) secured(s *tls.ConnectionState, took time.Duration) {
	c.linef("*", "%s with %s, protocol %s, in %s", tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite),
		s.NegotiatedProtocol, dial.Round(took))
	if len(s.PeerCertificates) == 0 {
		return
	}
	leaf := s.PeerCertificates[0]
	names := append([]string(nil), leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	verified := "verified"
	if len(s.VerifiedChains) == 0 {
		verified = "NOT verified"
	}
	c.linef("*", "certificate of %q by %q for %s, until %s, %s", leaf.Subject, leaf.Issuer,
		cli.Clean(strings.Join(names, ", ")),
		leaf.NotAfter.UTC().Format(time.DateOnly), verified)
}

// began reports what is being called.
func (c *commentary) began(m *fairlead.Method, md *fairlead.Metadata) {
	if c == nil {
		return
	}
	c.linef(">", "%s/%s, %s", m.Service, m.Name, m.Kind)
	c.metadata(">", "request headers", md)
}

// headers and trailers say what came with the response.
func (c *commentary) headers(md *fairlead.Metadata) { c.metadata("<", "response headers", md) }

func (c *commentary) trailers(md *fairlead.Metadata) { c.metadata("<", "response trailers", md) }

func (c *commentary) metadata(mark, title string, md *fairlead.Metadata) {
	if c == nil {
		return
	}
	if md.Len() == 0 {
		c.linef(mark, "%s: none", title)
		return
	}
	c.linef(mark, "%s:", title)
	for k, v := range md.All() {
		c.linef(mark, "  %s: %s", k, headerValue(k, v))
	}
}

// headerValue returns a value as it is printed: bytes in base64.
func headerValue(key, value string) string {
	if strings.HasSuffix(key, "-bin") {
		return base64.StdEncoding.EncodeToString([]byte(value))
	}
	return cli.Clean(value)
}

// ended sums up.
func (c *commentary) ended(s *dial.Server, t *tally) {
	if c == nil {
		return
	}
	c.linef("*", "sent %s, received %s", plural(int(t.sent.Load()), "message"), plural(t.received, "message"))
	var parts []string
	if r, ok := s.Resolution(); ok {
		parts = append(parts, "resolve "+dial.Round(r.Took).String())
	}
	for _, a := range s.Attempts() {
		if a.Err != nil {
			continue
		}
		parts = append(parts, "connect "+dial.Round(a.Connect).String())
		if a.Handshake > 0 {
			parts = append(parts, "TLS "+dial.Round(a.Handshake).String())
		}
		break
	}
	if at, ok := s.FirstByte(); ok {
		parts = append(parts, "first byte "+dial.Round(at.Sub(t.begun)).String())
	}
	parts = append(parts, "call "+dial.Round(t.ended.Sub(t.begun)).String(),
		"total "+dial.Round(time.Since(c.begun)).String())
	c.linef("*", "%s", strings.Join(parts, ", "))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
