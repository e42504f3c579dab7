package jsonwire

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// An Encoder encodes one message: it has the options, and the first error. Its functions append to dst, which has
// what was appended so far, and return it. Only one goroutine may use it at a time.
type Encoder struct {
	*Options // as Reset has set them

	start int // of the message in dst
	at    int // how much was appended when err arose
	err   error
	depth int // of Nest
}

// Reset prepares the encoder for a message that is appended to start bytes. The options must not be changed while it is
// used.
func (e *Encoder) Reset(start int, o *Options) { *e = Encoder{Options: o, start: start} }

// Err returns the first error, an *Error, and nil if there was none. Dst is what was appended.
func (e *Encoder) Err(dst []byte) error {
	if e.err == nil {
		return nil
	}
	return &Error{Path: pathAt("", dst[e.start:e.at]), Offset: -1, Err: e.err}
}

// Fail keeps err, if it is the first, and appends null in place of the value that could not be encoded.
func (e *Encoder) Fail(dst []byte, err error) []byte {
	if e.err == nil {
		e.err, e.at = err, len(dst)
	}
	return append(dst, "null"...)
}

// Nest calls f unless it is being called already by as many calls of Nest as depth says; that is an error. It bounds
// what a message expands that contains encoded messages.
func (e *Encoder) Nest(dst []byte, depth int, f func(dst []byte) []byte) []byte {
	if e.depth >= depth {
		return e.Fail(dst, fmt.Errorf("is nested deeper than %d times", depth))
	}
	e.depth++
	dst = f(dst)
	e.depth--
	return dst
}

// CloseObject replaces the comma behind the last member by a brace, or appends the brace if there is no member.
func CloseObject(dst []byte) []byte { return closeWith(dst, '}') }

// CloseArray replaces the comma behind the last element by a bracket, or appends the bracket if there is no element.
func CloseArray(dst []byte) []byte { return closeWith(dst, ']') }

func closeWith(dst []byte, c byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = c
		return dst
	}
	return append(dst, c)
}

// AppendName appends the name of a field with its colon, in JSON's or the contract's form.
func (e *Encoder) AppendName(dst []byte, json, proto string) []byte {
	if e.ProtoNames {
		json = proto
	}
	return append(dst, json...)
}

// AppendMessage appends a message that may have no generated code, by Options.Messages then.
func (e *Encoder) AppendMessage(dst []byte, msg any) []byte {
	if m, ok := msg.(Appender); ok {
		return m.AppendProtoJSON(dst, e)
	}
	if e.Messages == nil {
		return e.Fail(dst, fmt.Errorf("%T has no generated code for JSON", msg))
	}
	return e.Messages.AppendMessage(dst, e, msg)
}

// AppendExtensions appends the extensions of a message as members, by Options.Messages.
func (e *Encoder) AppendExtensions(dst []byte, msg any) []byte {
	if e.Messages == nil {
		return append(e.Fail(append(dst, `"":`...), errNoMessages), ',')
	}
	return e.Messages.AppendExtensions(dst, e, msg)
}

var errNoMessages = errors.New("extensions need jsonwire.Options.Messages")

var errUTF8 = errors.New("is not valid UTF-8")

// AppendString appends a string. That it is not UTF-8 is an error. Characters of HTML and JavaScript are not escaped.
func (e *Encoder) AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	n := len(dst)
	dst = append(dst, s...)
	end, high := plain(dst[n:])
	if end < len(s) {
		return e.appendEscaped(dst[:n+end], s, end)
	}
	if high && !utf8.ValidString(s) {
		return e.Fail(dst[:n-1], errUTF8)
	}
	return append(dst, '"')
}

// appendEscaped continues a string whose first n bytes are in dst. The next must be escaped.
func (e *Encoder) appendEscaped(dst []byte, s string, n int) []byte {
	if !utf8.ValidString(s) {
		return e.Fail(dst[:len(dst)-n-1], errUTF8)
	}
	for s = s[n:]; len(s) > 0; {
		// In pieces: otherwise all of the rest would be copied for each character that is escaped.
		piece := s[:min(len(s), 64)]
		start := len(dst)
		dst = append(dst, piece...)
		n, _ := plain(dst[start:])
		s = s[n:]
		if n < len(piece) {
			dst = appendEscape(dst[:start+n], s[0])
			s = s[1:]
		}
	}
	return append(dst, '"')
}

// appendEscape appends a control character, a quotation mark or a backslash (RFC 8259, section 7).
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	default:
		const hex = "0123456789abcdef"
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
}

// AppendBytes appends bytes in base64, of the standard alphabet with padding.
func (*Encoder) AppendBytes(dst, v []byte) []byte {
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v)
	return append(dst, '"')
}

// AppendBool appends a boolean.
func (*Encoder) AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

// AppendInt32 appends a number.
func (*Encoder) AppendInt32(dst []byte, v int32) []byte { return strconv.AppendInt(dst, int64(v), 10) }

// AppendUint32 appends a number.
func (*Encoder) AppendUint32(dst []byte, v uint32) []byte {
	return strconv.AppendUint(dst, uint64(v), 10)
}

// AppendInt64 appends a number, as a string unless Int64Numbers is set.
func (e *Encoder) AppendInt64(dst []byte, v int64) []byte {
	if e.Int64Numbers {
		return strconv.AppendInt(dst, v, 10)
	}
	return append(strconv.AppendInt(append(dst, '"'), v, 10), '"')
}

// AppendUint64 appends a number, as a string unless Int64Numbers is set.
func (e *Encoder) AppendUint64(dst []byte, v uint64) []byte {
	if e.Int64Numbers {
		return strconv.AppendUint(dst, v, 10)
	}
	return append(strconv.AppendUint(append(dst, '"'), v, 10), '"')
}

// AppendFloat32 appends the shortest number that is read as v, or "NaN", "Infinity", "-Infinity".
func (*Encoder) AppendFloat32(dst []byte, v float32) []byte { return appendFloat(dst, float64(v), 32) }

// AppendFloat64 appends the shortest number that is read as v, or "NaN", "Infinity", "-Infinity".
func (*Encoder) AppendFloat64(dst []byte, v float64) []byte { return appendFloat(dst, v, 64) }

func appendFloat(dst []byte, v float64, bits int) []byte {
	abs := math.Abs(v)
	whole := float64(1 << 31)
	if bits == 32 {
		whole = 1 << 24 // above it not all digits of a float32 are needed
	}
	if abs < whole && v == float64(int32(v)) && (v != 0 || !math.Signbit(v)) {
		return strconv.AppendInt(dst, int64(v), 10)
	}
	if out, ok := appendDecimal(dst, v, abs, bits); ok {
		return out
	}
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case abs > math.MaxFloat64 && v > 0:
		return append(dst, `"Infinity"`...)
	case abs > math.MaxFloat64:
		return append(dst, `"-Infinity"`...)
	case abs == 0 || abs < 1e21 && (abs >= 1e-6 && bits == 64 || float32(abs) >= 1e-6 && bits == 32):
		return strconv.AppendFloat(dst, v, 'f', -1, bits)
	}
	dst = strconv.AppendFloat(dst, v, 'e', -1, bits)
	// e-09 becomes e-9, as ECMAScript and encoding/json write it.
	if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// appendDecimal appends v if that is a decimal fraction of few digits, as amounts, measures and coordinates are:
// faster than by the search for the shortest one. The digits and the power of ten are exact, so that their quotient
// is v if and only if they are read as v. Of so few digits no two decimals are read as the same number, so none is
// shorter, once zeros at the end are dropped.
func appendDecimal(dst []byte, v, abs float64, bits int) (out []byte, ok bool) {
	places := 6
	if bits == 32 { // six digits
		switch {
		case abs >= 1000:
			return dst, false
		case abs >= 100:
			places = 3
		case abs >= 10:
			places = 4
		case abs >= 1:
			places = 5
		}
	} else if !(abs < 1e9) { // fifteen digits
		return dst, false
	}
	unit := powers[places]
	n := uint64(abs*unit + 0.5)
	back := float64(n) / unit
	if bits == 32 {
		back = float64(float32(back))
	}
	if back != abs || n == 0 {
		return dst, false
	}
	// V is not whole, so that there are at most five zeros.
	if n%1000 == 0 {
		n, places = n/1000, places-3
	}
	if n%100 == 0 {
		n, places = n/100, places-2
	}
	if n%10 == 0 {
		n, places = n/10, places-1
	}
	if v < 0 {
		dst = append(dst, '-')
	}
	whole := n / tens[places]
	dst = strconv.AppendUint(dst, whole, 10)
	point := len(dst)
	dst = strconv.AppendUint(dst, n-whole*tens[places]+tens[places], 10) // with its zeros, behind a 1
	dst[point] = '.'
	return dst, true
}

// tens are powers of ten.
var tens = [...]uint64{1, 10, 100, 1000, 1e4, 1e5, 1e6} //nolint:gochecknoglobals // a constant

// AppendEnum appends a value's name of names, or its number if it has none or EnumNumbers is set. Names are those that
// protoc-gen-go generates (Color_name).
func (e *Encoder) AppendEnum(dst []byte, v int32, names map[int32]string) []byte {
	if e.EnumNumbers {
		return strconv.AppendInt(dst, int64(v), 10)
	}
	return AppendEnumName(dst, v, names)
}

// AppendEnumName is Encoder.AppendEnum for fields whose contract chooses names, whatever EnumNumbers is.
func AppendEnumName(dst []byte, v int32, names map[int32]string) []byte {
	name, ok := names[v]
	if !ok {
		return strconv.AppendInt(dst, int64(v), 10)
	}
	dst = append(append(dst, '"'), name...)
	return append(dst, '"')
}

// AppendKeyString appends a key of a map with its colon.
func (e *Encoder) AppendKeyString(dst []byte, key string) []byte {
	return append(e.AppendString(dst, key), ':')
}

// AppendKeyBool appends a key of a map with its colon. False is before true.
func (*Encoder) AppendKeyBool(dst []byte, key bool) []byte {
	if key {
		return append(dst, `"true":`...)
	}
	return append(dst, `"false":`...)
}

// AppendKeyInt appends a key of a map with its colon.
func (*Encoder) AppendKeyInt(dst []byte, key int64) []byte {
	return append(strconv.AppendInt(append(dst, '"'), key, 10), `":`...)
}

// AppendKeyUint appends a key of a map with its colon.
func (*Encoder) AppendKeyUint(dst []byte, key uint64) []byte {
	return append(strconv.AppendUint(append(dst, '"'), key, 10), `":`...)
}

// SortedKeys appends m's keys to buf and sorts them. Members of maps are written in this order, so that the same
// message has the same encoding. A buf with room on the caller's stack saves the allocation for small maps.
func SortedKeys[K cmp.Ordered, V any](buf []K, m map[K]V) []K {
	if n := len(m); n > cap(buf) {
		buf = make([]K, 0, n)
	}
	for k := range m {
		buf = append(buf, k)
	}
	if len(buf) > 1 {
		slices.Sort(buf)
	}
	return buf
}

// Make returns the message that a field points to, and makes it if there is none.
func Make[M any](field **M) *M {
	if *field == nil {
		*field = new(M)
	}
	return *field
}
