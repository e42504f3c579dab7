package rules

import (
	"strings"
	"unicode/utf8"
)

// IsURI reports whether s is a URI (RFC 3986, section 3; zones in IPv6 addresses as in RFC 6874).
func IsURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	return ok && isScheme(scheme) && isHierarchy(rest, true)
}

// IsURIRef reports whether s is a URI or a relative reference (RFC 3986, section 4.1).
func IsURIRef(s string) bool { return IsURI(s) || isHierarchy(s, false) }

// isScheme: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ).
func isScheme(s string) bool {
	if s == "" || !isAlpha(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '+' && s[i] != '-' && s[i] != '.' {
			return false
		}
	}
	return true
}

// isHierarchy checks what follows a scheme, or all of a relative reference: an authority and a path or only a path, a
// query, a fragment. The first segment of a relative reference has no colon, since it would look like a scheme.
func isHierarchy(s string, colons bool) bool {
	s, fragment, _ := strings.Cut(s, "#")
	s, query, _ := strings.Cut(s, "?")
	if !consistsOf(fragment, pathChars|queryChars) || !consistsOf(query, pathChars|queryChars) {
		return false
	}
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		end := strings.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		return isAuthority(rest[:end]) && consistsOf(rest[end:], pathChars)
	}
	if !colons {
		first, _, _ := strings.Cut(s, "/")
		if strings.IndexByte(first, ':') >= 0 {
			return false
		}
	}
	return consistsOf(s, pathChars)
}

// isAuthority: [ userinfo "@" ] host [ ":" port ].
func isAuthority(s string) bool {
	if user, rest, ok := strings.Cut(s, "@"); ok {
		if !consistsOf(user, userChars) {
			return false
		}
		s = rest
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		literal, port, ok := strings.Cut(inner, "]")
		return ok && isLiteral(literal) && (port == "" || port[0] == ':' && isDigits(port[1:]))
	}
	host, port, _ := strings.Cut(s, ":")
	return consistsOf(host, hostChars) && isDecoded(host) && isDigits(port)
}

// isLiteral checks what is in the brackets of a host: IPv6address / IPv6addrz / IPvFuture.
func isLiteral(s string) bool {
	if future, ok := strings.CutPrefix(s, "v"); ok {
		version, rest, ok := strings.Cut(future, ".")
		return ok && version != "" && strings.Trim(version, "0123456789abcdefABCDEF") == "" &&
			rest != "" && strings.IndexByte(rest, '%') < 0 && consistsOf(rest, userChars)
	}
	address, zone, ok := strings.Cut(s, "%25")
	if ok && (zone == "" || !consistsOf(zone, zoneChars) || !isDecoded(zone)) {
		return false
	}
	return strings.IndexByte(address, '%') < 0 && IsIPv6(address)
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// isDecoded reports whether the bytes encoded with percent signs are UTF-8 (RFC 3986, section 3.2.2); all percent signs
// in s encode a byte.
func isDecoded(s string) bool {
	if strings.IndexByte(s, '%') < 0 {
		return true
	}
	decoded := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			c = hexValue(s[i+1])<<4 | hexValue(s[i+2])
			i += 2
		}
		decoded = append(decoded, c)
	}
	return utf8.Valid(decoded)
}

func hexValue(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// charSet is the set of characters allowed in a part of a URI besides unreserved characters and percent-encoded bytes.
type charSet uint8

const (
	subDelims charSet = 1 << iota
	colon
	at
	slash
	question

	zoneChars  charSet = 0
	hostChars          = subDelims
	userChars          = subDelims | colon
	pathChars          = subDelims | colon | at | slash
	queryChars         = question
)

// consistsOf reports whether s has only characters of the set, unreserved ones, and percent signs with two digits.
func consistsOf(s string, set charSet) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isAlnum(c):
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
			i += 2
		default:
			if !set.has(c) {
				return false
			}
		}
	}
	return true
}

func (set charSet) has(c byte) bool {
	switch c {
	case '-', '.', '_', '~':
		return true
	case '!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=':
		return set&subDelims != 0
	case ':':
		return set&colon != 0
	case '@':
		return set&at != 0
	case '/':
		return set&slash != 0
	case '?':
		return set&question != 0
	default:
		return false
	}
}
