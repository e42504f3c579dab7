package http1

import (
	"bytes"
	"strings"

	"github.com/fairlead-go/fairlead/protocol"
)

// requestHead parses the heads of requests, and keeps the last one: the requests of a connection mostly have the same
// fields, and often the same request line, and what is equal to the last is not parsed again and costs no allocation.
type requestHead struct {
	parser

	raw  []byte // the head that h was made of
	line int    // the length of its request line
	sec  section
	h    protocol.Head

	old      bool   // HTTP/1.0
	absolute string // the authority of a target in absolute form, or of CONNECT's
}

// maxKept is the length in bytes of the longest head that is kept.
const maxKept = 4 << 10

// forget drops the head that is kept.
func (r *requestHead) forget() { r.raw = r.raw[:0] }

// parse parses a complete head, with the empty line at its end. It leaves the result in h, whose fields must not be
// changed.
func (r *requestHead) parse(b []byte, c *Conn) *fault {
	if n := len(r.raw); n > 0 && len(b) == n && string(b) == string(r.raw) {
		r.again()
		return nil
	}
	// It is not empty, so there is a line in front of the empty one.
	n := bytes.IndexByte(b, '\n') + 1
	if len(b) < n+2 || b[len(b)-2] != '\r' || n < 2 || b[n-2] != '\r' {
		return malformed("a line that does not end in CRLF")
	}
	same := len(r.raw) > 0 && string(b[n:]) == string(r.raw[r.line:])
	if !same {
		r.sec.reset()
	}
	r.raw = r.raw[:0]
	r.text, r.lines = r.text[:0], r.lines[:0]
	r.h = protocol.Head{Version: 1}
	r.old, r.absolute = false, ""
	path, query, f := r.requestLine(b[:n-2], c)
	if f != nil {
		return f
	}
	if !same {
		if f := r.parser.parse(b[n : len(b)-2]); f != nil {
			return f
		}
	}
	text := string(r.text)
	if !same {
		if f := r.collect(&r.sec, text); f != nil {
			return f
		}
	}
	r.fill(text, path, query, c)
	if f := r.judge(); f != nil {
		return f
	}
	if len(b) <= maxKept {
		r.raw, r.line = append(r.raw, b...), n
	}
	return nil
}

// again prepares h for another request with the same head.
func (r *requestHead) again() {
	h := &r.h
	h.Matched, h.Answer, h.Allow = nil, nil, nil
	h.Came = zeroTime
	if h.Timeout != nil {
		h.Timeout = r.sec.timeout[:r.sec.timeoutLen]
	}
}

// fill makes a Head of what was parsed.
func (r *requestHead) fill(text string, path, query span, c *Conn) {
	h, s := &r.h, &r.sec
	h.Scheme = c.scheme
	if h.Route == nil {
		h.Path = text[path.from:path.to]
	}
	h.Query = text[query.from:query.to]
	if h.Authority = r.absolute; r.absolute == "" {
		h.Authority = s.host
	}
	h.ContentType, h.UserAgent = s.contentType, s.userAgent
	if s.timeoutName != "" {
		h.Timeout, h.TimeoutName = s.timeout[:s.timeoutLen], s.timeoutName
	}
	h.Fields = s.fields
	h.NoBody = !s.chunked && s.length <= 0 && r.h.Verb != "CONNECT"
	h.Expect100 = s.expect100 && !r.old && (s.chunked || s.length > 0)
	if s.upgrades && !r.old {
		h.Protocol = s.upgrade
	}
}

// verbs are the methods that need no allocation.
//
//nolint:gochecknoglobals // a constant
var verbs = [...]string{"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"}

func verbOf(b []byte) string {
	for _, v := range verbs {
		if string(b) == v {
			return v
		}
	}
	return string(b)
}

// requestLine parses the request line, without its end (RFC 9112, section 3). Path and query are parts of the text.
func (r *requestHead) requestLine(b []byte, c *Conn) (path, query span, f *fault) {
	i := bytes.IndexByte(b, ' ')
	j := bytes.LastIndexByte(b, ' ')
	if i <= 0 || j <= i+1 || !isToken(b[:i]) {
		return path, query, malformed("a bad request line")
	}
	target, version := b[i+1:j], b[j+1:]
	if c.requests.Load() == 0 && target[0] != '/' && !bytes.HasPrefix(version, []byte("HTTP/")) {
		// Not HTTP/1, and perhaps meant to be HTTP/2's preface, to which no answer of HTTP/1 is one.
		return path, query, &fault{silent, "the first line is no request", protocol.MalformedRequest}
	}
	if f := r.version(version); f != nil {
		return path, query, f
	}
	if !validTarget(target) {
		return path, query, malformed("a bad request target")
	}
	r.h.Verb = verbOf(b[:i])
	switch {
	case r.h.Verb == "CONNECT":
		// A host and a port (RFC 9112, section 3.2.3).
		colon := bytes.LastIndexByte(target, ':')
		if colon < 0 || colon == len(target)-1 || !validAuthority(target) {
			return path, query, malformed("CONNECT to what is not a host and a port")
		}
		r.absolute = string(target)
		return path, query, nil
	case target[0] == '/':
	case len(target) == 1 && target[0] == '*':
		if r.h.Verb != "OPTIONS" {
			return path, query, malformed("the target * of another method than OPTIONS")
		}
	default:
		if target, f = r.absoluteForm(target); f != nil {
			return path, query, f
		}
	}
	bare, q, _ := bytes.Cut(target, []byte("?"))
	if !validEscapes(bare) {
		return path, query, malformed("a bad escape in the path")
	}
	if c.selector != nil {
		if r.h.Route = c.selector.Route(bare); r.h.Route != nil {
			r.h.Path = r.h.Route.Method.Path
		}
	}
	if r.h.Route == nil {
		r.text = append(r.text, bare...)
		path.to = len(r.text)
	}
	query.from = len(r.text)
	r.text = append(r.text, q...)
	query.to = len(r.text)
	return path, query, nil
}

// version parses the version. Minor versions above 1 are answered as 1.1 (RFC 9110, section 6.2).
func (r *requestHead) version(b []byte) *fault {
	if string(b) == "HTTP/1.1" {
		return nil
	}
	if len(b) != len("HTTP/1.1") || string(b[:5]) != "HTTP/" || b[6] != '.' ||
		b[5] < '0' || b[5] > '9' || b[7] < '0' || b[7] > '9' {
		return malformed("a bad version of HTTP")
	}
	if b[5] != '1' {
		return &fault{505, "a version of HTTP that this server does not speak here", protocol.MalformedRequest}
	}
	r.old = b[7] == '0'
	return nil
}

// absoluteForm takes the scheme and the authority of a target in absolute form, and returns the rest (RFC 9112, section
// 3.2.2).
func (r *requestHead) absoluteForm(target []byte) ([]byte, *fault) {
	scheme, rest, ok := bytes.Cut(target, []byte("://"))
	if !ok || !equalFold(string(scheme), "http") && !equalFold(string(scheme), "https") {
		return nil, malformed("a request target that is neither a path nor a URI of HTTP")
	}
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if !validAuthority(rest[:end]) {
		return nil, malformed("a bad host in the request target")
	}
	r.absolute = string(rest[:end])
	rest = rest[end:]
	switch {
	case len(rest) == 0 && r.h.Verb == "OPTIONS":
		return []byte("*"), nil // RFC 9112, section 3.2.4
	case len(rest) == 0:
		return []byte("/"), nil
	case rest[0] == '?':
		return append([]byte("/"), rest...), nil
	}
	return rest, nil
}

// judge checks what the parts of a head say about each other.
func (r *requestHead) judge() *fault {
	s := &r.sec
	switch {
	case s.hosts > 1:
		return malformed("more than one host")
	case s.hosts == 0 && !r.old:
		return malformed("no host") // RFC 9112, section 3.2
	case r.absolute != "" && s.hosts == 1 && !strings.EqualFold(r.absolute, s.host):
		return malformed("a host that is not the one in the request target")
	case s.chunked && r.old:
		return malformed("a transfer-encoding in HTTP/1.0") // RFC 9112, section 6.1
	case s.chunked && s.length >= 0:
		return malformed("both transfer-encoding and content-length")
	case r.h.Verb == "CONNECT" && (s.chunked || s.length > 0):
		return malformed("CONNECT with a body")
	}
	return nil
}

// persists reports whether the client will take another response on the connection (RFC 9112, section 9.3).
func (r *requestHead) persists() bool {
	return !r.sec.closes && (!r.old || r.sec.keepAlive)
}
