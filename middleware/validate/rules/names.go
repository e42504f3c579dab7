package rules

import "strings"

// IsHostname reports whether s is a host name: labels of 1 to 63 letters, digits and inner hyphens, separated by dots,
// with an optional dot at the end, 253 bytes without that, and a last label that is not only digits.
func IsHostname(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if len(s) > 253 {
		return false
	}
	digits := false
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
		digits = strings.Trim(label, "0123456789") == ""
	}
	return !digits
}

// isLabel reports whether s is a label as in RFC 1123, section 2.1.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

// IsEmail reports whether s is an e-mail address as HTML defines it (the standard's section on input type=email), which
// is narrower than RFC 5322: no quotes, comments or folding.
func IsEmail(s string) bool {
	user, host, ok := strings.Cut(s, "@")
	if !ok || user == "" {
		return false
	}
	for i := range len(user) {
		if !isAlnum(user[i]) && strings.IndexByte(".!#$%&'*+/=?^_`{|}~-", user[i]) < 0 {
			return false
		}
	}
	for label := range strings.SplitSeq(host, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

// IsUUID reports whether s is a UUID in its usual form of five groups of hexadecimal digits (RFC 9562, section 4), of
// any version.
func IsUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (s[i] == '-') || !dash && !isHex(s[i]) {
			return false
		}
	}
	return true
}

// IsTUUID reports whether s is a UUID without dashes.
func IsTUUID(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return len(s) == 32
}

// IsULID reports whether s is a ULID: 26 digits of Crockford's base 32, which has no I, L, O and U; the first is at
// most 7.
func IsULID(s string) bool {
	if len(s) != 26 || s[0] < '0' || s[0] > '7' {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) || strings.IndexByte("ILOUilou", s[i]) >= 0 {
			return false
		}
	}
	return true
}

// IsFullName reports whether s is a full name of protobuf, "shop.v1.Order".
func IsFullName(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || isDigit(part[0]) {
			return false
		}
		for i := range len(part) {
			if !isAlnum(part[i]) && part[i] != '_' {
				return false
			}
		}
	}
	return true
}

// IsDottedFullName reports whether s is a full name with a dot before it, ".shop.v1.Order".
func IsDottedFullName(s string) bool {
	rest, ok := strings.CutPrefix(s, ".")
	return ok && IsFullName(rest)
}

// IsHeaderName reports whether s is the name of an HTTP field (RFC 9110, section 5.1), or of a pseudo-header with its
// colon.
func IsHeaderName(s string) bool {
	s = strings.TrimPrefix(s, ":")
	for i := range len(s) {
		if !isAlnum(s[i]) && strings.IndexByte("!#$%&'*+-.^_|~`", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// IsHeaderValue reports whether s can be the value of an HTTP field: it has no control characters except tabs.
func IsHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7F {
			return false
		}
	}
	return true
}

// IsHeaderSafe reports whether s has none of NUL, CR and LF, which is what is required of header names and values if
// the rule in the contract is not strict.
func IsHeaderSafe(s string) bool { return !strings.ContainsAny(s, "\x00\r\n") }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isAlnum(c byte) bool { return isDigit(c) || isAlpha(c) }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
