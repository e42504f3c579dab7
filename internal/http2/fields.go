package http2

import "strings"

// fieldKind sorts field names into those that the engine treats in a way of their own and all others.
type fieldKind uint8

const (
	kindOther fieldKind = iota
	kindMethod
	kindScheme
	kindPath
	kindAuthority
	kindProtocol
	kindStatus
	kindContentType
	kindUserAgent
	kindTimeout
	kindExpect
	kindContentLength
	kindTE
	kindHost
	kindForbidden     // connection-specific (RFC 9113, section 8.2.2)
	kindUnknownPseudo // RFC 9113, section 8.3: malformed
)

func (k fieldKind) pseudo() bool { return k >= kindMethod && k <= kindStatus || k == kindUnknownPseudo }

func kindOf(name string) fieldKind {
	switch name {
	case ":method":
		return kindMethod
	case ":scheme":
		return kindScheme
	case ":path":
		return kindPath
	case ":authority":
		return kindAuthority
	case ":protocol":
		return kindProtocol
	case ":status":
		return kindStatus
	case "content-type":
		return kindContentType
	case "user-agent":
		return kindUserAgent
	case "grpc-timeout", "connect-timeout-ms":
		return kindTimeout
	case "expect":
		return kindExpect
	case "content-length":
		return kindContentLength
	case "te":
		return kindTE
	case "host":
		return kindHost
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return kindForbidden
	}
	if name != "" && name[0] == ':' {
		return kindUnknownPseudo
	}
	return kindOther
}

// validName reports whether name is a token in lower case, or a pseudo-field (RFC 9113, section 8.2.1).
func validName(name string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !tokenByte[c] && (i > 0 || c != ':') {
			return false
		}
	}
	return len(name) > 1 || name[0] != ':'
}

// validValue reports whether value has no NUL, CR or LF, which some intermediary might take for something else (RFC
// 9113, section 8.2.1). White space at its ends, which the section forbids as well, is let through: gRPC's
// percent-encoding leaves spaces as they are, so that peers send a grpc-message that ends in one.
func validValue(value string) bool {
	for i := range len(value) {
		if c := value[i]; c == 0 || c == '\r' || c == '\n' {
			return false
		}
	}
	return true
}

// validValue is validValue for the value of e; what pseudo-fields may hold is less. It is asked once for each literal
// and not for each call.
func (e *entry) validValue() bool {
	switch {
	case !validValue(e.value):
		return false
	case e.kind == kindAuthority:
		// A host and a port. An intermediary that takes user information, or a path behind it, for a part of the host
		// finds another server than this one (RFC 9113, section 8.3.1; RFC 3986, section 3.2).
		return validHost(e.value)
	case e.kind == kindPath:
		return e.route != nil && len(e.value) == len(e.route.Method.Path) || !hasAny(e.value, "#")
	case e.kind == kindHost:
		return validHost(e.value)
	}
	return true
}

func validHost(v string) bool { return !hasAny(v, "@/?#\\") }

// hasAny reports whether v has one of some bytes, or white space or a control character.
func hasAny(v, some string) bool {
	for i := range len(v) {
		if c := v[i]; c <= ' ' || c == 0x7f || strings.IndexByte(some, c) >= 0 {
			return true
		}
	}
	return false
}

// tokenByte holds the bytes of a token (RFC 9110, section 5.6.2) without the capital letters.
var tokenByte = func() (t [256]bool) { //nolint:gochecknoglobals // a constant
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c] = true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()
