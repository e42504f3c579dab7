package rpcwire

import (
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// EncodeMessage percent-encodes a message for the field grpc-message: bytes outside printable ASCII, the percent sign,
// and a space at either end, which HTTP/2 forbids (RFC 9113, section 8.2.1). Bytes that are not UTF-8 are replaced
// first, because the field is text.
func EncodeMessage(msg string) string {
	if isPlain(msg) {
		return msg
	}
	msg = strings.ToValidUTF8(msg, "\uFFFD")
	var b strings.Builder
	b.Grow(len(msg) + 16)
	for i := range len(msg) {
		c := msg[i]
		if c < ' ' || c > '~' || c == '%' || c == ' ' && (i == 0 || i == len(msg)-1) {
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// encodedLen returns the length of EncodeMessage(msg), or a little more.
func encodedLen(msg string) int {
	if isPlain(msg) {
		return len(msg)
	}
	n := 4 // for the spaces at the ends
	for _, r := range msg {
		switch {
		case r < ' ' || r > '~' || r == '%':
			n += 3 * utf8.RuneLen(r)
		default:
			n++
		}
	}
	return n
}

// isPlain reports whether msg is its own encoding.
func isPlain(msg string) bool {
	for i := range len(msg) {
		if c := msg[i]; c < ' ' || c > '~' || c == '%' {
			return false
		}
	}
	return msg == "" || msg[0] != ' ' && msg[len(msg)-1] != ' '
}

// DecodeMessage is the reverse of EncodeMessage. A percent sign that begins no valid escape stays as it is: the
// specification wants the text to be shown rather than lost.
func DecodeMessage(v string) string {
	first := strings.IndexByte(v, '%')
	if first < 0 {
		return v
	}
	var b strings.Builder
	b.Grow(len(v))
	b.WriteString(v[:first])
	for i := first; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) {
			hi, ok1 := unhex(v[i+1])
			lo, ok2 := unhex(v[i+2])
			if ok1 && ok2 {
				b.WriteByte(hi<<4 | lo)
				i += 2
				continue
			}
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// unhex returns the value of a hexadecimal digit.
func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}
