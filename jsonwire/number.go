package jsonwire

import (
	"math"
	"strconv"
)

// Int32 reads a number, which may be in a string, and may have a fraction of zeros or an exponent if it is whole.
func (d *Decoder) Int32() int32 { return int32(d.signed(math.MaxInt32, "int32")) }

// Int64 reads a number as Int32 does.
func (d *Decoder) Int64() int64 { return d.signed(math.MaxInt64, "int64") }

// Uint32 reads a number as Int32 does.
func (d *Decoder) Uint32() uint32 { return uint32(d.unsigned(math.MaxUint32, "uint32")) }

// Uint64 reads a number as Int32 does.
func (d *Decoder) Uint64() uint64 { return d.unsigned(math.MaxUint64, "uint64") }

func (d *Decoder) signed(limit uint64, kind string) int64 {
	d.peek()
	at := d.pos
	v, neg := d.integer(kind)
	if neg {
		limit++
	}
	if v > limit {
		d.failf(at, "the number is out of the range of %s", kind)
		return 0
	}
	if neg {
		return -int64(v)
	}
	return int64(v)
}

func (d *Decoder) unsigned(limit uint64, kind string) uint64 {
	d.peek()
	at := d.pos
	v, neg := d.integer(kind)
	if v > limit || neg && v > 0 {
		d.failf(at, "the number is out of the range of %s", kind)
		return 0
	}
	return v
}

// integer reads a whole number.
func (d *Decoder) integer(kind string) (v uint64, neg bool) {
	src, i := d.src, d.pos
	quoted := i < len(src) && src[i] == '"'
	if quoted {
		i++
	}
	if i < len(src) && src[i] == '-' {
		neg = true
		i++
	}
	start := i
	for ; i < len(src); i++ {
		c := src[i] - '0'
		if c > 9 {
			break
		}
		v = v*10 + uint64(c)
	}
	// Up to 18 digits fit. What follows belongs to the number if it has a fraction or an exponent; anything else is an
	// error of what reads on.
	n := i - start
	if n == 0 || n > 18 || src[start] == '0' && n > 1 || i < len(src) && (src[i] == '.' || src[i]|0x20 == 'e') {
		return d.integerSlow(kind)
	}
	if quoted {
		if i >= len(src) || src[i] != '"' {
			return d.integerSlow(kind)
		}
		i++
	}
	d.pos = i
	return v, neg
}

// integerSlow is integer for all forms.
func (d *Decoder) integerSlow(kind string) (v uint64, neg bool) {
	at := d.pos
	b, ok := d.number()
	if !ok {
		d.failf(at, "want a whole number, got %s", d.what(at))
		return 0, false
	}
	v, neg, ok = whole(b)
	if !ok {
		d.failf(at, "%.64q is not a whole number in the range of %s", b, kind)
		return 0, false
	}
	return v, neg
}

// number reads a number, which may be in a string.
func (d *Decoder) number() ([]byte, bool) {
	if d.peek() == '"' {
		b := d.text()
		return b, d.err == nil && len(b) > 0 && numberEnd(b, 0) == len(b)
	}
	start := d.pos
	end := numberEnd(d.src, start)
	d.pos = end
	return d.src[start:end], end > start
}

// numberEnd returns the end of the number that begins at i (RFC 8259, section 6), i if there is none.
func numberEnd(b []byte, i int) int {
	start := i
	if i < len(b) && b[i] == '-' {
		i++
	}
	first := i
	if i = digits(b, i); i == first || b[first] == '0' && i > first+1 {
		return start
	}
	if i < len(b) && b[i] == '.' {
		first = i + 1
		if i = digits(b, first); i == first {
			return start
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		first = i + 1
		if first < len(b) && (b[first] == '+' || b[first] == '-') {
			first++
		}
		if i = digits(b, first); i == first {
			return start
		}
	}
	return i
}

// digits returns the end of the digits that begin at i.
func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// whole returns the value of a number without fraction. Its exponent may be positive or negative. Numbers of more
// than 20 digits, exponent included, are out of range.
func whole(b []byte) (v uint64, neg, ok bool) {
	if b[0] == '-' {
		neg, b = true, b[1:]
	}
	end := digits(b, 0)
	ints := b[:end]
	if ints[0] == '0' {
		ints = nil
	}
	var fraction []byte
	if end < len(b) && b[end] == '.' {
		first := end + 1
		end = digits(b, first)
		fraction = b[first:end]
		for len(fraction) > 0 && fraction[len(fraction)-1] == '0' {
			fraction = fraction[:len(fraction)-1]
		}
	}
	if len(ints) == 0 && len(fraction) == 0 {
		return 0, neg, true
	}
	exponent := 0
	if end < len(b) {
		n, err := strconv.ParseInt(string(b[end+1:]), 10, 32)
		if err != nil {
			return 0, false, false
		}
		exponent = int(n)
	}
	if exponent < 0 {
		// Digits behind the point must be zeros.
		point := len(ints) + exponent
		if len(fraction) > 0 || point < 0 {
			return 0, false, false
		}
		for _, c := range ints[point:] {
			if c != '0' {
				return 0, false, false
			}
		}
		v, ok = decimal(0, ints[:point], true)
		return v, neg, ok
	}
	const most = 20 // digits of the largest uint64
	if len(fraction) > exponent || len(ints)+exponent > most {
		return 0, false, false
	}
	v, ok = decimal(0, ints, true)
	v, ok = decimal(v, fraction, ok)
	v, ok = decimal(v, zeros[:exponent-len(fraction)], ok)
	return v, neg, ok
}

const zeros20 = "00000000000000000000"

var zeros = []byte(zeros20) //nolint:gochecknoglobals // a constant

// decimal appends digits to v. It reports false if the result does not fit, or ok is false.
func decimal(v uint64, digits []byte, ok bool) (uint64, bool) {
	for _, c := range digits {
		n := uint64(c - '0')
		if v > (math.MaxUint64-n)/10 {
			return 0, false
		}
		v = v*10 + n
	}
	return v, ok
}

// Float64 reads a number, which may be in a string, or "NaN", "Infinity", "-Infinity".
func (d *Decoder) Float64() float64 {
	d.peek()
	if v, end := simple(d.src, d.pos); end > d.pos {
		d.pos = end
		return v
	}
	return d.float(64)
}

// Float32 reads a number as Float64 does.
func (d *Decoder) Float32() float32 {
	d.peek()
	if v, end := simple(d.src, d.pos); end > d.pos && math.Abs(v) < 1<<24 && v == math.Trunc(v) {
		d.pos = end
		return float32(v)
	}
	return float32(d.float(32))
}

func (d *Decoder) float(bits int) float64 {
	at := d.pos
	if d.peek() == '"' {
		switch {
		case d.literal(`"NaN"`):
			return math.NaN()
		case d.literal(`"Infinity"`):
			return math.Inf(1)
		case d.literal(`"-Infinity"`):
			return math.Inf(-1)
		}
	}
	b, ok := d.number()
	if !ok {
		switch string(b) { // with escapes
		case "NaN":
			return math.NaN()
		case "Infinity":
			return math.Inf(1)
		case "-Infinity":
			return math.Inf(-1)
		}
		d.failf(at, "want a number, got %s", d.what(at))
		return 0
	}
	v, err := strconv.ParseFloat(string(b), bits)
	if err != nil {
		d.failf(at, "the number is out of the range of float%d", bits)
		return 0
	}
	return v
}

// powers of ten that float64 has exactly.
//
//nolint:gochecknoglobals // a constant
var powers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// simple reads a number of at most 15 digits without exponent, and returns its end, i if it is not of this form. The
// digits as a whole number and the power of ten are exact, so that their quotient is rounded once, as it must be.
func simple(b []byte, i int) (v float64, end int) {
	start := i
	neg := i < len(b) && b[i] == '-'
	if neg {
		i++
	}
	first := i
	var n uint64
	for ; i < len(b); i++ {
		c := b[i] - '0'
		if c > 9 {
			break
		}
		n = n*10 + uint64(c)
	}
	length, places := i-first, 0
	if length == 0 || b[first] == '0' && length > 1 {
		return 0, start
	}
	if i < len(b) && b[i] == '.' {
		i++
		point := i
		for ; i < len(b); i++ {
			c := b[i] - '0'
			if c > 9 {
				break
			}
			n = n*10 + uint64(c)
		}
		if places = i - point; places == 0 {
			return 0, start
		}
	}
	if length+places > 15 || i < len(b) && b[i]|0x20 == 'e' {
		return 0, start
	}
	v = float64(n) / powers[places]
	if neg {
		v = -v
	}
	return v, i
}

// keyInt reads a key of a map, as strconv.ParseInt does.
func (d *Decoder) keyInt(limit int64, kind string) int64 {
	v, err := strconv.ParseInt(string(d.Name()), 10, 64)
	if err != nil || v > limit || v < -limit-1 {
		d.failf(d.pos, "the key of the map is not %s", kind)
		return 0
	}
	return v
}

// keyUint reads a key of a map, as strconv.ParseUint does.
func (d *Decoder) keyUint(limit uint64, kind string) uint64 {
	v, err := strconv.ParseUint(string(d.Name()), 10, 64)
	if err != nil || v > limit {
		d.failf(d.pos, "the key of the map is not %s", kind)
		return 0
	}
	return v
}
