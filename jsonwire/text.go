package jsonwire

import (
	"bytes"
	"encoding/base64"
	"unicode/utf16"
	"unicode/utf8"
)

// String reads a string.
func (d *Decoder) String() string {
	if d.peek() != '"' {
		d.mismatch("a string")
		return ""
	}
	return string(d.text())
}

// Bytes reads a string in base64, of the standard or the URL alphabet, with padding or without. The result is not nil.
func (d *Decoder) Bytes() []byte {
	at := d.pos
	if d.peek() != '"' {
		d.mismatch("a string in base64")
		return nil
	}
	text := d.text()
	enc := base64.StdEncoding
	if bytes.ContainsAny(text, "-_") {
		enc = base64.URLEncoding
	}
	if len(text)%4 != 0 {
		enc = enc.WithPadding(base64.NoPadding)
	}
	v := make([]byte, enc.DecodedLen(len(text)))
	n, err := enc.Decode(v, text)
	if err != nil {
		d.failf(at, "is not base64")
		return nil
	}
	return v[:n]
}

// text reads a string, whose quotation mark is the next byte. The bytes are valid until the next call.
func (d *Decoder) text() []byte {
	start := d.pos + 1
	n, high := plain(d.src[start:])
	end := start + n
	if end >= len(d.src) {
		d.failf(d.pos, "the string does not end")
		return nil
	}
	if d.src[end] != '"' {
		return d.escaped(start, end)
	}
	text := d.src[start:end]
	if high && !utf8.Valid(text) {
		d.failf(d.pos, "the string is not valid UTF-8")
		return nil
	}
	d.pos = end + 1
	return text
}

// escaped reads a string that begins at start and has an escape, or a byte that must be escaped, at end.
func (d *Decoder) escaped(start, end int) []byte {
	buf := d.scratch[:0]
	from := start
	for {
		buf = append(buf, d.src[from:end]...)
		switch {
		case end >= len(d.src):
			d.failf(start-1, "the string does not end")
			return nil
		case d.src[end] == '"':
			d.scratch = buf
			// An escape is ASCII, so it does not join what is left and right of it to a character.
			if !utf8.Valid(d.src[start:end]) {
				d.failf(start-1, "the string is not valid UTF-8")
				return nil
			}
			d.pos = end + 1
			return buf
		case d.src[end] != '\\':
			d.failf(start-1, "the string has the control character %U", d.src[end])
			return nil
		}
		out, n := unescape(buf, d.src[end:])
		if n == 0 {
			d.failf(start-1, "the string has the invalid escape %q", d.src[end:min(end+6, len(d.src))])
			return nil
		}
		buf, from = out, end+n
		n, _ = plain(d.src[from:])
		end = from + n
	}
}

// unescape appends the character whose escape begins at b (RFC 8259, section 7), and returns the escape's length, 0
// if it is invalid.
func unescape(dst, b []byte) (out []byte, n int) {
	if len(b) < 2 {
		return dst, 0
	}
	switch c := b[1]; c {
	case '"', '\\', '/':
		return append(dst, c), 2
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	}
	r, n := hex4(b)
	if n == 0 || !utf16.IsSurrogate(r) {
		return utf8.AppendRune(dst, r), n
	}
	low, m := hex4(b[n:])
	r = utf16.DecodeRune(r, low)
	if m == 0 || r == utf8.RuneError {
		return dst, 0 // a surrogate without its other half
	}
	return utf8.AppendRune(dst, r), n + m
}

// hex4 returns the code unit of an escape \uXXXX at the beginning of b, and the length of the escape, 0 if there is
// none.
func hex4(b []byte) (r rune, n int) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, 0
	}
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, 0
		}
		r = r<<4 | rune(c)
	}
	return r, 6
}
