package dial

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// UnreachableError says how a server was tried to be reached, and what came of it.
type UnreachableError struct {
	Address string
	TLS     bool
	Took    time.Duration
	Tried   []Tried // nothing when there was no address to try
	Resolve error   // why there was no address
	Hints   []string

	cause error
}

// Tried is one address that was tried.
type Tried struct {
	Addr string
	Took time.Duration
	Err  error
}

// Error has a line for each address, and one for each hint.
func (e *UnreachableError) Error() string {
	var b strings.Builder
	with := "without TLS"
	if e.TLS {
		with = "with TLS"
	}
	fmt.Fprintf(&b, "cannot connect to %s (%s, tried for %s)", e.Address, with, Round(e.Took))
	switch {
	case e.Resolve != nil:
		fmt.Fprintf(&b, ": %s", reason(e.Resolve))
	case len(e.Tried) == 0:
		fmt.Fprintf(&b, ": %s", reason(e.cause))
	default:
		b.WriteByte(':')
	}
	for _, t := range e.Tried {
		fmt.Fprintf(&b, "\n  %s: %s (after %s)", t.Addr, reason(t.Err), Round(t.Took))
	}
	for _, h := range e.Hints {
		fmt.Fprintf(&b, "\nhint: %s", h)
	}
	return b.String()
}

// Unwrap returns the client's error.
func (e *UnreachableError) Unwrap() error { return e.cause }

// unreachable makes the error of what was seen until now.
func (s *Server) unreachable(cause error, took time.Duration) error {
	e := &UnreachableError{Address: s.Address.Text, TLS: s.TLS, Took: took, cause: cause}
	if r, ok := s.Resolution(); ok && len(r.Addrs) == 0 {
		e.Resolve = r.Err
	}
	// The client knows the reason for each instance, the trace how long it took to find out.
	stats := s.Client.Stats()
	attempts := s.Attempts()
	for i := range stats.Instances {
		e.Tried = append(e.Tried, tried(&stats.Instances[i], attempts, took))
	}
	for i := range e.Tried {
		if t := &e.Tried[i]; isText(s.firstBytes(t.Addr)) {
			t.Err = &protocolError{t.Err}
		}
	}
	for _, t := range e.Tried {
		for _, h := range s.hints(t.Addr, t.Err) {
			if !slices.Contains(e.Hints, h) {
				e.Hints = append(e.Hints, h)
			}
		}
	}
	return e
}

func tried(in *client.InstanceStats, attempts []Attempt, took time.Duration) Tried {
	t := Tried{Addr: in.Addr, Took: took, Err: in.Err}
	for i := range attempts {
		a := &attempts[i]
		if a.Addr != in.Addr {
			continue
		}
		switch {
		case a.Err != nil:
			t.Took, t.Err = a.Took(), a.Err
		case t.Err == nil: // the server took the connection and said nothing
			t.Err = context.DeadlineExceeded
		}
	}
	if t.Err == nil {
		t.Err = context.DeadlineExceeded
	}
	return t
}

// Hints returns what may help about the error of a call.
func (s *Server) Hints(err error) []string {
	if hint := hintOfTLS(err); hint != "" {
		return []string{hint}
	}
	return nil
}

// hints returns what may help about the error of an attempt to connect.
func (s *Server) hints(addr string, err error) []string {
	first := s.firstBytes(addr)
	if hint := hintOfTLS(err); hint != "" {
		return []string{hint}
	}
	switch {
	case bytes.HasPrefix(first, []byte("HTTP/1")):
		return []string{"the server answers in HTTP/1.1: the port is not one of gRPC, or it wants TLS (--tls)"}
	case isText(first):
		return []string{fmt.Sprintf("the server answers with text, %s, and not in HTTP/2: the port is not one of gRPC",
			beginning(first))}
	case !s.TLS && len(first) == 0 && errors.Is(err, context.DeadlineExceeded) && s.accepted(addr):
		return []string{"the server took the connection and said nothing: the port may not be one of gRPC"}
	case !s.TLS && len(first) >= 2 && first[0] == 0x15 && first[1] == 0x03: // an alert (RFC 8446, section 6)
		return []string{"the server speaks TLS; add --tls, with --ca or --insecure if its certificate is private"}
	case !s.TLS && len(first) == 0 && hungUp(err):
		return []string{"the server hung up without a word; if it wants TLS, add --tls"}
	case s.TLS && len(first) == 0 && errors.Is(err, context.DeadlineExceeded) && s.accepted(addr):
		return []string{"the server took the connection and did not answer the TLS handshake; " +
			"if it does not use TLS, add --plaintext"}
	case s.TLS && hungUp(err):
		return []string{"the server hung up during the TLS handshake; if it does not use TLS, add --plaintext"}
	}
	return nil
}

// firstBytes returns the first bytes from an address.
func (s *Server) firstBytes(addr string) []byte {
	s.trace.mu.Lock()
	defer s.trace.mu.Unlock()
	return s.trace.first[addr]
}

// protocolError is about a server that answered in another protocol.
type protocolError struct{ cause error }

// Error is shorter than what HTTP/2 makes of the other protocol's words.
func (*protocolError) Error() string { return "it does not speak HTTP/2" }

// Unwrap returns the cause.
func (e *protocolError) Unwrap() error { return e.cause }

// accepted reports whether a connection to an address came about, and all that failed was what followed.
func (s *Server) accepted(addr string) bool {
	return slices.ContainsFunc(s.Attempts(), func(a Attempt) bool {
		return a.Addr == addr && a.Connect > 0 && (a.Err == nil || a.Handshake > 0)
	})
}

// isText reports whether b begins as text does, such as a page or the greeting of a mail server. HTTP/2 begins with a
// SETTINGS frame (RFC 9113, section 3.4), whose length has a byte that is 0.
func isText(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	for _, c := range b[:4] {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// beginning returns the first line of text, quoted.
func beginning(b []byte) string {
	line, rest, _ := bytes.Cut(b, []byte("\n"))
	text := strings.TrimRight(string(line), "\r")
	if len(rest) == 0 && len(b) == len(line) {
		text += "…"
	}
	return strconv.Quote(strings.ToValidUTF8(text, "\ufffd"))
}

// hintOfTLS returns what may help about an error of a TLS handshake.
func hintOfTLS(err error) string {
	var (
		record    tls.RecordHeaderError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &record):
		return "the server does not speak TLS; add --plaintext"
	case errors.As(err, &authority):
		return "the certificate's authority is not trusted; name it with --ca FILE, or do without verification: --insecure"
	case errors.As(err, &host):
		names := append([]string(nil), host.Certificate.DNSNames...)
		for _, ip := range host.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		if len(names) == 0 {
			return "the certificate has no names; do without verification: --insecure"
		}
		return "the certificate is for " + cli.Clean(strings.Join(names, ", ")) + "; name one of them with --server-name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired, or is not valid yet; do without verification: --insecure"
	// An alert (RFC 8446, section 6.2), which has no type of its own.
	case err != nil && (strings.Contains(err.Error(), "tls: certificate required") ||
		strings.Contains(err.Error(), "tls: bad certificate")):
		return "the server wants a certificate of the client; give one with --cert and --key"
	case err != nil && strings.Contains(err.Error(), "did not agree on HTTP/2"):
		return "the server speaks TLS but not HTTP/2 over it, which gRPC needs"
	}
	return ""
}

// hungUp reports whether the peer ended the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || err != nil && (strings.HasSuffix(err.Error(), "EOF") ||
		strings.Contains(err.Error(), "connection reset"))
}

// reason returns an error's root, without what is said around it.
func reason(err error) string {
	var (
		op    *net.OpError
		named *net.DNSError
	)
	switch {
	case err == nil:
		return "no answer"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &named):
		if named.IsNotFound {
			return fmt.Sprintf("the host %q is not known", named.Name)
		}
		return named.Error()
	case errors.As(err, &op) && op.Op == "dial":
		if number, ok := errors.AsType[syscall.Errno](op.Err); ok {
			return number.Error()
		}
		return op.Err.Error()
	}
	text := err.Error()
	if i := strings.LastIndex(text, "tls: "); i >= 0 {
		return "TLS: " + text[i+len("tls: "):]
	}
	if i := strings.LastIndex(text, "x509: "); i >= 0 {
		return "TLS: " + text[i+len("x509: "):]
	}
	return text
}

// Round returns d with three significant digits or so.
func Round(d time.Duration) time.Duration {
	for unit := time.Second; unit > 1; unit /= 10 {
		if d >= unit {
			return d.Round(unit / 100)
		}
	}
	return d
}
