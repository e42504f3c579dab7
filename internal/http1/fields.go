package http1

import (
	"bytes"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// fieldKind sorts names of fields into those that the engine treats in a way of their own and all others.
type fieldKind uint8

const (
	kindOther fieldKind = iota
	kindHost
	kindContentLength
	kindTransferEncoding
	kindConnection
	kindUpgrade
	kindExpect
	kindTrailer
	kindHop // of the connection, and without a meaning for those above: keep-alive, proxy-connection, te
	kindContentType
	kindUserAgent
	kindTimeout
)

// kindOf returns the kind of a name in lower case.
func kindOf[T string | []byte](name T) fieldKind {
	switch string(name) {
	case "host":
		return kindHost
	case "content-length":
		return kindContentLength
	case "transfer-encoding":
		return kindTransferEncoding
	case "connection":
		return kindConnection
	case "upgrade":
		return kindUpgrade
	case "expect":
		return kindExpect
	case "trailer":
		return kindTrailer
	case "keep-alive", "proxy-connection", "te":
		return kindHop
	case "content-type":
		return kindContentType
	case "user-agent":
		return kindUserAgent
	case "grpc-timeout", "connect-timeout-ms":
		return kindTimeout
	}
	return kindOther
}

// engines reports whether only the engine sends fields of this kind: they belong to the connection, or frame a body.
func (k fieldKind) engines() bool {
	switch k { //nolint:exhaustive // the others are free
	case kindTransferEncoding, kindConnection, kindUpgrade, kindHop:
		return true
	}
	return false
}

// notInTrailer reports whether a trailer must not have the field: it frames or routes the message, or says how to read
// what has been read by then (RFC 9110, section 6.5.1).
func notInTrailer(name string) bool {
	switch kindOf(name) { //nolint:exhaustive // the others are in the list below, or allowed
	case kindHost, kindContentLength, kindTransferEncoding, kindConnection, kindUpgrade, kindExpect, kindTrailer, kindHop,
		kindContentType:
		return true
	}
	switch name {
	case "content-encoding", "content-range", "authorization", "proxy-authorization", "cookie", "set-cookie",
		"cache-control", "max-forwards", "range":
		return true
	}
	return false
}

// fault is what is wrong with a message: the status of the answer and the reason.
type fault struct {
	status int
	reason string
	abuse  protocol.Abuse
}

// silent is the status of a fault that gets no answer.
const silent = 0

// Error implements error.
func (f *fault) Error() string { return "http1: " + f.reason }

func malformed(reason string) *fault { return &fault{400, reason, protocol.MalformedRequest} }

// lines finds the end of a section of lines while it arrives: what was looked at is not looked at again.
type lines struct {
	scanned int // bytes without a line's end among those behind begun
	begun   int // where the line begins that is not complete
	n       int // complete lines
}

// end returns the length of the section in b, with the empty line that ends it, or 0 if more bytes are needed. Empty
// lines before the first one are counted by skipped, and are not a part of the section, if skip is true.
func (l *lines) end(b []byte) int {
	for {
		i := bytes.IndexByte(b[l.scanned:], '\n')
		if i < 0 {
			l.scanned = len(b)
			return 0
		}
		end := l.scanned + i + 1
		size := end - l.begun
		l.scanned, l.begun = end, end
		if size == 1 || size == 2 && b[end-2] == '\r' {
			return end
		}
		l.n++
	}
}

// span is a part of the parser's text.
type span struct{ from, to int }

// line is a field in the parser's text.
type line struct {
	kind        fieldKind
	name, value span
}

// section is what the fields of a head come to.
type section struct {
	fields  fairlead.Metadata
	timeout [16]byte

	// What the engine needs.
	length    int64 // content-length; -1: none
	chunked   bool
	closes    bool // connection: close
	keepAlive bool // connection: keep-alive
	upgrades  bool // connection: upgrade
	upgrade   string
	hosts     int
	host      string
	expect100 bool

	contentType, userAgent string
	timeoutName            string
	timeoutLen             int
}

// reset empties s and keeps its memory.
func (s *section) reset() {
	fields := s.fields
	fields.Reset()
	*s = section{fields: fields, length: -1}
}

// parser parses fields. Names and values become one string, of which the fields are parts, so that a head costs one
// allocation.
type parser struct {
	text  []byte
	lines []line
}

// parse appends the fields of b, complete lines without the empty one, to p's text. RFC 9112, section 5, is applied
// without the leniency that it allows: lines end in CRLF, no space before the colon, no folded lines.
func (p *parser) parse(b []byte) *fault {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 1 || b[i-1] != '\r' {
			return malformed("a line that does not end in CRLF")
		}
		f := b[:i-1]
		b = b[i+1:]
		colon := bytes.IndexByte(f, ':')
		if colon <= 0 {
			if len(f) > 0 && (f[0] == ' ' || f[0] == '\t') {
				return malformed("a folded line")
			}
			return malformed("a line without the name of a field")
		}
		from := len(p.text)
		for _, c := range f[:colon] {
			lower := lowerToken[c]
			if lower == 0 {
				if c == ' ' || c == '\t' {
					return malformed("white space in or around the name of a field")
				}
				return malformed("a bad character in the name of a field")
			}
			p.text = append(p.text, lower)
		}
		to := len(p.text)
		value := trim(f[colon+1:])
		if !validValue(value) {
			return malformed("a control character in the value of a field")
		}
		p.text = append(p.text, value...)
		p.lines = append(p.lines, line{kindOf(p.text[from:to]), span{from, to}, span{to, len(p.text)}})
	}
	return nil
}

// collect makes a section of the parsed lines, which are parts of text.
func (p *parser) collect(s *section, text string) *fault {
	s.fields.Grow(len(p.lines))
	for i := range p.lines {
		l := &p.lines[i]
		name, value := text[l.name.from:l.name.to], text[l.value.from:l.value.to]
		if l.kind == kindOther {
			s.fields.Append(name, value)
			continue
		}
		if f := s.special(l.kind, name, value); f != nil {
			return f
		}
	}
	return nil
}

// special takes a field that the engine needs, or that has a place of its own in a Head.
func (s *section) special(kind fieldKind, name, value string) *fault {
	switch kind { //nolint:exhaustive // kindOther is not special
	case kindHost:
		s.hosts++
		s.host = value
		if value != "" && !validAuthority([]byte(value)) {
			return malformed("a bad host")
		}
	case kindContentLength:
		n, ok := digits([]byte(value), 10)
		if !ok || s.length >= 0 {
			return malformed("a bad content-length")
		}
		s.length = n
		s.fields.Append(name, value)
	case kindTransferEncoding:
		return s.coding(value)
	case kindConnection:
		list(value, func(m string) {
			switch m {
			case "close":
				s.closes = true
			case "keep-alive":
				s.keepAlive = true
			case "upgrade":
				s.upgrades = true
			}
		})
	case kindUpgrade:
		list(value, func(m string) {
			if s.upgrade == "" && m != "h2c" { // which RFC 9113, section 3.1, has given up
				s.upgrade = m
			}
		})
	case kindExpect:
		if len(value) == len("100-continue") && equalFold(value, "100-continue") {
			s.expect100 = true
			return nil
		}
		s.fields.Append(name, value)
	case kindTrailer:
		bad := false
		list(value, func(m string) { bad = bad || notInTrailer(m) })
		if bad {
			return malformed("a trailer is announced that must not be one")
		}
		s.fields.Append(name, value)
	case kindHop:
	case kindContentType:
		if s.contentType != "" {
			return malformed("more than one content-type")
		}
		s.contentType = value
	case kindUserAgent:
		s.userAgent = value
	case kindTimeout:
		if s.timeoutName != "" && s.timeoutName != name {
			s.fields.Append(name, value) // of two protocols; one of them will take the request
			return nil
		}
		// A value too long to be one is cut and stays malformed.
		s.timeoutName, s.timeoutLen = name, copy(s.timeout[:], value)
	}
	return nil
}

// coding takes a transfer-encoding: chunked, once, and nothing else (RFC 9112, section 6.1).
func (s *section) coding(value string) *fault {
	if s.chunked {
		return malformed("more than one transfer-encoding")
	}
	if equalFold(value, "chunked") {
		s.chunked = true
		return nil
	}
	n, chunked, bad := 0, 0, false
	list(value, func(m string) {
		n++
		if m == "chunked" {
			chunked++
		}
		bad = bad || !isToken(m)
	})
	if bad || n == 0 || chunked > 1 || chunked == 1 && n == 1 {
		return malformed("a bad transfer-encoding")
	}
	return &fault{501, "a transfer-encoding that this server does not know", protocol.MalformedRequest}
}

// equalFold reports whether s is t, which is in lower case, in any case of ASCII letters.
func equalFold(s, t string) bool {
	if len(s) != len(t) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; lowerToken[c] != t[i] {
			return false
		}
	}
	return true
}

// trailer makes a Head of a trailer section of n bytes in b, with the empty line; nil if it has no fields.
func (p *parser) trailer(b []byte) (*protocol.Head, *fault) {
	if len(b) == 2 && b[0] == '\r' {
		return nil, nil
	}
	if len(b) < 2 || b[len(b)-2] != '\r' {
		return nil, malformed("a line that does not end in CRLF")
	}
	p.text, p.lines = p.text[:0], p.lines[:0]
	if f := p.parse(b[:len(b)-2]); f != nil {
		return nil, f
	}
	h := new(protocol.Head)
	text := string(p.text)
	for i := range p.lines {
		l := &p.lines[i]
		name, value := text[l.name.from:l.name.to], text[l.value.from:l.value.to]
		if notInTrailer(name) {
			return nil, malformed("a trailer that must not be one: " + name)
		}
		h.Fields.Append(name, value)
	}
	return h, nil
}
