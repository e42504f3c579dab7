// Package figure writes figures for people: with few digits, and the unit that fits.
package figure

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration writes nanoseconds with three or four digits and a unit: "12.3 µs", "1.204 ms".
func Duration(ns int64) string {
	d := float64(ns)
	switch {
	case d < 1e3:
		return fmt.Sprintf("%.0f ns", d)
	case d < 1e6:
		return digits(d/1e3) + " µs"
	case d < 1e9:
		return digits(d/1e6) + " ms"
	default:
		return digits(d/1e9) + " s"
	}
}

// digits writes a number with four digits.
func digits(v float64) string {
	switch {
	case v < 10:
		return strconv.FormatFloat(v, 'f', 3, 64)
	case v < 100:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
}

// Count writes a number with thousands set apart: "483 210".
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, c := range s {
		if left := len(s) - i; i > 0 && left%3 == 0 && s[i-1] != '-' {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// PerSecond writes a rate: whole numbers from 100 on.
func PerSecond(v float64) string {
	if v >= 100 {
		return Count(int64(v + 0.5))
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// Bytes writes bytes: "1.21 MB".
func Bytes(v float64) string {
	for _, u := range []string{"B", "kB", "MB", "GB"} {
		if v < 1000 {
			if u == "B" {
				return fmt.Sprintf("%.0f B", v)
			}
			return digits(v) + " " + u
		}
		v /= 1000
	}
	return digits(v) + " TB"
}

// Plural is "1 worker", "2 workers".
func Plural(n int64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return Count(n) + " " + word + "s"
}

// Span writes a time that people gave.
func Span(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond).String()
}
