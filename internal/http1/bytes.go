package http1

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// lowerToken maps the bytes of a token (RFC 9110, section 5.6.2) to themselves in lower case, and all others to 0.
var lowerToken = func() (t [256]byte) { //nolint:gochecknoglobals // a constant
	for c := byte('0'); c <= '9'; c++ {
		t[c] = c
	}
	for c := byte('a'); c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = c, c
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		t[c] = c
	}
	return t
}()

// isToken reports whether b is a token.
func isToken[T string | []byte](b T) bool {
	for i := range len(b) {
		if lowerToken[b[i]] == 0 {
			return false
		}
	}
	return len(b) > 0
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// validValue reports whether b has no control characters but tabs (RFC 9110, section 5.5). It looks at eight bytes at
// a time: a word without a byte below 0x20 and without 0x7f needs no closer look.
func validValue(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		del := x ^ 0x7f*ones
		if ((x-0x20*ones)&^x|(del-ones)&^del)&highs != 0 && !validBytes(b[:8]) {
			return false
		}
	}
	return validBytes(b)
}

func validBytes(b []byte) bool {
	for _, c := range b {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// validText is validValue for strings, which are sent.
func validText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// trim returns b without spaces and tabs at its ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// list ranges over the members of a comma-separated list (RFC 9110, section 5.6.1), in lower case and without those
// that are empty.
func list(v string, yield func(member string)) {
	for len(v) > 0 {
		var m string
		m, v, _ = strings.Cut(v, ",")
		if m = strings.Trim(m, " \t"); m != "" {
			yield(strings.ToLower(m))
		}
	}
}

// digits returns the number that b is the decimal or, with base 16, the hexadecimal notation of. It takes no sign, no
// white space and nothing above 2^63-1.
func digits(b []byte, base int64) (n int64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		var d int64
		switch {
		case '0' <= c && c <= '9':
			d = int64(c - '0')
		case base == 16 && 'a' <= c && c <= 'f':
			d = int64(c-'a') + 10
		case base == 16 && 'A' <= c && c <= 'F':
			d = int64(c-'A') + 10
		default:
			return 0, false
		}
		if n > (1<<63-1-d)/base {
			return 0, false
		}
		n = n*base + d
	}
	return n, true
}

// validTarget reports whether b can be a request target: visible ASCII without a fragment (RFC 9112, section 3.2).
func validTarget(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	return len(b) > 0
}

// validEscapes reports whether each percent sign of a path is followed by two hexadecimal digits (RFC 3986, section
// 2.1).
func validEscapes(path []byte) bool {
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return true
		}
		if len(path) < i+3 {
			return false
		}
		if _, ok := digits(path[i+1:i+3], 16); !ok {
			return false
		}
		path = path[i+3:]
	}
}

// validAuthority reports whether b is a host with or without a port (RFC 3986, section 3.2), and without user
// information, which would make some intermediary find another host. Percent-encoding is not accepted: no name in use
// needs it.
func validAuthority(b []byte) bool {
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return false
		}
		for _, c := range b[1:end] {
			if _, hex := digits([]byte{c}, 16); !hex && c != ':' && c != '.' {
				return false
			}
		}
		return end > 1 && validPort(b[end+1:])
	}
	host := b
	if i := bytes.IndexByte(b, ':'); i >= 0 {
		if host = b[:i]; !validPort(b[i:]) {
			return false
		}
	}
	for _, c := range host {
		if lowerToken[c] == 0 && strings.IndexByte("(),;=", c) < 0 || strings.IndexByte("#%^`|", c) >= 0 {
			return false
		}
	}
	return len(host) > 0
}

// validPort reports whether b is empty, or a colon and a port. The digits may be missing.
func validPort(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if b[0] != ':' {
		return false
	}
	if len(b) == 1 {
		return true
	}
	n, ok := digits(b[1:], 10)
	return ok && n <= 65535 && len(b) <= 6
}
