package rules

import "strings"

// IsHostname says whether s is a host's name: labels of 1 to 63 letters, digits and inner hyphens, with dots between
// and maybe one at the end, 253 bytes without that, the last label not of digits alone.
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

// isLabel says whether s is a label as RFC 1123, section 2.1 has it.
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

// IsEmail says whether s is an e-mail address as HTML has it (the standard's section on input type=email), which is
// narrower than RFC 5322: no quotes, comments or folding.
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

// IsUUID says whether s is a UUID in its usual form of five groups of hexadecimal digits (RFC 9562, section 4), of any
// version.
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

// IsTUUID says whether s is a UUID without dashes.
func IsTUUID(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return len(s) == 32
}

// IsULID says whether s is a ULID: 26 digits of Crockford's base 32, which has no I, L, O and U; the first is at most
// 7.
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

// IsFullName says whether s is the full name of something in protobuf, "shop.v1.Order".
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

// IsDottedFullName says whether s is a full name with a dot before it, ".shop.v1.Order".
func IsDottedFullName(s string) bool {
	rest, ok := strings.CutPrefix(s, ".")
	return ok && IsFullName(rest)
}

// IsHeaderName says whether s is the name of an HTTP field (RFC 9110, section 5.1), or of a pseudo-header with its
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

// IsHeaderValue says whether s can be the value of an HTTP field: it has no control characters but tabs.
func IsHeaderValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7F {
			return false
		}
	}
	return true
}

// IsHeaderSafe says whether s has none of NUL, CR and LF, which is what header names and values are held to when the
// contract says that the rule is not strict.
func IsHeaderSafe(s string) bool { return !strings.ContainsAny(s, "\x00\r\n") }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isAlnum(c byte) bool { return isDigit(c) || isAlpha(c) }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
