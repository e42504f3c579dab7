package jsonwire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The range of google.protobuf.Timestamp and Duration.
const (
	minTimestamp = -62135596800 // 0001-01-01T00:00:00Z
	maxTimestamp = 253402300799 // 9999-12-31T23:59:59Z
	maxDuration  = 315576000000
	maxNanos     = 999999999
)

// AppendTimestamp appends a google.protobuf.Timestamp as in RFC 3339, in UTC, with 0, 3, 6 or 9 digits of a second.
func (e *Encoder) AppendTimestamp(dst []byte, seconds int64, nanos int32) []byte {
	if seconds < minTimestamp || seconds > maxTimestamp {
		return e.Fail(dst, fmt.Errorf("seconds %d are out of the range of a timestamp", seconds))
	}
	if nanos < 0 || nanos > maxNanos {
		return e.Fail(dst, fmt.Errorf("nanos %d are out of the range of a timestamp", nanos))
	}
	const day = 24 * 60 * 60
	since := seconds - minTimestamp // the first of January of the year 1
	year, month, date := civil(since / day)
	clock := int(since % day)
	dst = append(dst, '"')
	dst = append2(append2(dst, year/100), year%100)
	dst = append2(append(dst, '-'), month)
	dst = append2(append(dst, '-'), date)
	dst = append2(append(dst, 'T'), clock/3600)
	dst = append2(append(dst, ':'), clock/60%60)
	dst = append2(append(dst, ':'), clock%60)
	dst = appendNanos(dst, nanos)
	return append(dst, 'Z', '"')
}

// civil returns the date so many days after the first of January of the year 1, in the proleptic Gregorian calendar.
// The years begin in March for it, so that the leap day is the last of a year.
func civil(days int64) (year, month, date int) {
	days += 306 // since the first of March of the year 0
	era := days / 146097
	doe := days % 146097 // day of the era of 400 years
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153 // month, March is 0
	date = int(doy - (153*mp+2)/5 + 1)
	year, month = int(era*400+yoe), int(mp+3)
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, date
}

// append2 appends two digits.
func append2(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// appendNanos appends a point and 3, 6 or 9 digits, or nothing.
func appendNanos(dst []byte, nanos int32) []byte {
	if nanos == 0 {
		return dst
	}
	dst = append(dst, '.')
	for unit := int32(1e8); unit > 0 && (nanos > 0 || unit != 1e5 && unit != 1e2); unit /= 10 {
		dst = append(dst, byte('0'+nanos/unit))
		nanos %= unit
	}
	return dst
}

// AppendDuration appends a google.protobuf.Duration in seconds, with 0, 3, 6 or 9 digits behind the point: "1.500s".
func (e *Encoder) AppendDuration(dst []byte, seconds int64, nanos int32) []byte {
	switch {
	case seconds < -maxDuration || seconds > maxDuration:
		return e.Fail(dst, fmt.Errorf("seconds %d are out of the range of a duration", seconds))
	case nanos < -maxNanos || nanos > maxNanos:
		return e.Fail(dst, fmt.Errorf("nanos %d are out of the range of a duration", nanos))
	case seconds > 0 && nanos < 0 || seconds < 0 && nanos > 0:
		return e.Fail(dst, errSigns)
	}
	dst = append(dst, '"')
	if seconds < 0 || nanos < 0 {
		dst = append(dst, '-')
		seconds, nanos = -seconds, -nanos
	}
	dst = appendNanos(strconv.AppendInt(dst, seconds, 10), nanos)
	return append(dst, 's', '"')
}

var errSigns = errors.New("the signs of seconds and nanos of a duration differ")

// AppendFieldMask appends a google.protobuf.FieldMask: paths in lowerCamelCase, separated by commas. That a path
// would not be the same after decoding is an error.
func (e *Encoder) AppendFieldMask(dst []byte, paths []string) []byte {
	start := len(dst)
	dst = append(dst, '"')
	for i, path := range paths {
		if i > 0 {
			dst = append(dst, ',')
		}
		first := len(dst)
		dst = appendCamel(dst, path)
		if !validPath(path) || !isSnakeOf(path, dst[first:]) {
			return e.Fail(dst[:start], fmt.Errorf("the path %.64q of a field mask cannot be written in JSON", path))
		}
	}
	return append(dst, '"')
}

// appendCamel appends a path without underscores; lower-case letters behind them become upper-case.
func appendCamel(dst []byte, path string) []byte {
	for i := range len(path) {
		c := path[i]
		if c == '_' {
			continue
		}
		if i > 0 && path[i-1] == '_' && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// isSnakeOf reports whether path is camel with an underscore and the lower-case letter for each upper-case one.
func isSnakeOf(path string, camel []byte) bool {
	i := 0
	for _, c := range camel {
		if 'A' <= c && c <= 'Z' {
			if i >= len(path) || path[i] != '_' {
				return false
			}
			i++
			c += 'a' - 'A'
		}
		if i >= len(path) || path[i] != c {
			return false
		}
		i++
	}
	return i == len(path)
}

// validPath reports whether a path is identifiers separated by points.
func validPath(path string) bool {
	for part := range strings.SplitSeq(path, ".") {
		if !identifier(part) {
			return false
		}
	}
	return true
}

// Timestamp reads a google.protobuf.Timestamp.
func (d *Decoder) Timestamp() (seconds int64, nanos int32) {
	at := d.pos
	if d.peek() != '"' {
		d.mismatch("a timestamp")
		return 0, 0
	}
	text := d.text()
	if seconds, nanos, ok := parseUTC(text); ok {
		return seconds, nanos
	}
	s := string(text)
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		d.failf(at, "%.64q is not a timestamp as in RFC 3339", s)
		return 0, 0
	}
	point, zone := strings.LastIndexByte(s, '.'), strings.LastIndexAny(s, "Z-+")
	if point >= 0 && zone >= point && zone-point > len(".999999999") {
		d.failf(at, "the timestamp %.64q has more than nine digits of a second", s)
		return 0, 0
	}
	if seconds = t.Unix(); seconds < minTimestamp || seconds > maxTimestamp {
		d.failf(at, "the timestamp %.64q is out of range", s)
		return 0, 0
	}
	return seconds, int32(t.Nanosecond())
}

// parseUTC reads a timestamp in UTC. It leaves to time.Parse what it does not read.
func parseUTC(b []byte) (seconds int64, nanos int32, ok bool) {
	const layout = "0000-00-00T00:00:00"
	if len(b) <= len(layout) || b[len(b)-1] != 'Z' {
		return 0, 0, false
	}
	for i := range len(layout) {
		if c := layout[i]; c == '0' && b[i]-'0' > 9 || c != '0' && b[i] != c {
			return 0, 0, false
		}
	}
	if fraction := b[len(layout) : len(b)-1]; len(fraction) > 0 {
		if nanos, ok = parseNanos(fraction); !ok {
			return 0, 0, false
		}
	}
	year, month, date := parse2(b)*100+parse2(b[2:]), parse2(b[5:]), parse2(b[8:])
	hour, minute, second := parse2(b[11:]), parse2(b[14:]), parse2(b[17:])
	if year == 0 || month == 0 || month > 12 || date == 0 || date > 28 && date > daysIn(year, month) ||
		hour > 23 || minute > 59 || second > 59 {
		return 0, 0, false
	}
	// The inverse of civil.
	if month < 3 {
		year, month = year-1, month+12
	}
	era, yoe := year/400, year%400
	days := era*146097 + 365*yoe + yoe/4 - yoe/100 + (153*(month-3)+2)/5 + date - 1 - 306
	return int64(days*24*60*60+hour*60*60+minute*60+second) + minTimestamp, nanos, true
}

func parse2(b []byte) int { return int(b[0]-'0')*10 + int(b[1]-'0') }

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}

// parseNanos reads a point and up to nine digits.
func parseNanos(b []byte) (nanos int32, ok bool) {
	if len(b) < 2 || len(b) > 10 || b[0] != '.' {
		return 0, false
	}
	unit := int32(1e9)
	for _, c := range b[1:] {
		if c -= '0'; c > 9 {
			return 0, false
		}
		unit /= 10
		nanos += int32(c) * unit
	}
	return nanos, true
}

// Duration reads a google.protobuf.Duration: a number of seconds and "s". The number has a sign, a whole part and up to
// nine digits behind the point, of which one part must be there.
func (d *Decoder) Duration() (seconds int64, nanos int32) {
	at := d.pos
	if d.peek() != '"' {
		d.mismatch("a duration")
		return 0, 0
	}
	text := d.text()
	seconds, nanos, ok := parseDuration(text)
	if !ok {
		d.failf(at, "%.64q is not a duration in seconds", text)
		return 0, 0
	}
	return seconds, nanos
}

func parseDuration(b []byte) (seconds int64, nanos int32, ok bool) {
	if len(b) < 2 || b[len(b)-1] != 's' {
		return 0, 0, false
	}
	b = b[:len(b)-1]
	neg := b[0] == '-'
	if neg || b[0] == '+' {
		b = b[1:]
	}
	end := digits(b, 0)
	if len(b) == 0 || end > 1 && b[0] == '0' {
		return 0, 0, false
	}
	for _, c := range b[:end] {
		if seconds = seconds*10 + int64(c-'0'); seconds > maxDuration {
			return 0, 0, false
		}
	}
	if b = b[end:]; len(b) > 1 {
		if nanos, ok = parseNanos(b); !ok {
			return 0, 0, false
		}
	} else if len(b) == 1 && b[0] != '.' {
		return 0, 0, false
	}
	if neg {
		seconds, nanos = -seconds, -nanos
	}
	return seconds, nanos, true
}

// FieldMask reads the paths of a google.protobuf.FieldMask.
func (d *Decoder) FieldMask() []string {
	at := d.pos
	if d.peek() != '"' {
		d.mismatch("the paths of a field mask")
		return nil
	}
	text := strings.TrimSpace(string(d.text()))
	if text == "" {
		return nil
	}
	var paths []string
	for camel := range strings.SplitSeq(text, ",") {
		path := snake(camel)
		if strings.Contains(camel, "_") || !validPath(path) {
			d.failf(at, "the field mask has the invalid path %.64q", camel)
			return nil
		}
		paths = append(paths, path)
	}
	return paths
}

// snake returns a path with an underscore and the lower-case letter for each upper-case one.
func snake(camel string) string {
	path := make([]byte, 0, len(camel)+8)
	for i := range len(camel) {
		c := camel[i]
		if 'A' <= c && c <= 'Z' {
			path = append(path, '_')
			c += 'a' - 'A'
		}
		path = append(path, c)
	}
	return string(path)
}

// Empty reads a google.protobuf.Empty, an object without members.
func (d *Decoder) Empty() {
	for more := d.OpenObject(); more; more = d.NextMember() {
		d.Name()
		d.Unknown()
	}
}
