package httprule

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// errTaken is the error of a field whose oneof has another member already.
var errTaken = errors.New("another field of the same oneof is set already")

// String returns s.
func String(s string) (string, error) { return s, nil }

// Bool parses a boolean as strconv.ParseBool does.
func Bool(s string) (bool, error) {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return false, errors.New("is not a boolean")
	}
	return v, nil
}

// Int32 parses an integer in base 10.
func Int32(s string) (int32, error) {
	v, err := strconv.ParseInt(s, 10, 32)
	return int32(v), number(err, "an int32")
}

// Int64 parses an integer in base 10.
func Int64(s string) (int64, error) {
	v, err := strconv.ParseInt(s, 10, 64)
	return v, number(err, "an int64")
}

// Uint32 parses an integer in base 10.
func Uint32(s string) (uint32, error) {
	v, err := strconv.ParseUint(s, 10, 32)
	return uint32(v), number(err, "a uint32")
}

// Uint64 parses an integer in base 10.
func Uint64(s string) (uint64, error) {
	v, err := strconv.ParseUint(s, 10, 64)
	return v, number(err, "a uint64")
}

// Float parses a number of single precision.
func Float(s string) (float32, error) {
	v, err := parseFloat(s, 32)
	return float32(v), number(err, "a float")
}

// Double parses a number of double precision.
func Double(s string) (float64, error) {
	v, err := parseFloat(s, 64)
	return v, number(err, "a double")
}

// parseFloat parses a number in base 10, or one of the names that ProtoJSON has.
func parseFloat(s string, bits int) (float64, error) {
	switch {
	case s == "NaN", s == "Infinity", s == "-Infinity":
	case strings.IndexFunc(s, func(r rune) bool { return r != 'e' && r != 'E' && unicode.IsLetter(r) || r == '_' }) >= 0:
		return 0, strconv.ErrSyntax // what only Go has
	}
	return strconv.ParseFloat(s, bits)
}

// number shortens an error of strconv.
func number(err error, what string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, strconv.ErrRange):
		return errors.New("is out of the range of " + what)
	default:
		return errors.New("is not " + what)
	}
}

// Bytes decodes base64 of the standard or the URL alphabet, with padding or without.
func Bytes(s string) ([]byte, error) {
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(s, "-_") {
		encoding = base64.RawURLEncoding
	}
	if len(s)%4 == 0 {
		s = strings.TrimSuffix(strings.TrimSuffix(s, "="), "=")
	}
	b, err := encoding.DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("is not base64")
	}
	return b, nil
}

// Enum returns a function that finds a value of an enum by its name, or by its number if the enum has it; values are
// the numbers by name, as the generated package has them.
func Enum[E ~int32](values map[string]int32) func(string) (E, error) {
	return func(s string) (E, error) {
		if n, ok := values[s]; ok {
			return E(n), nil
		}
		if n, err := strconv.ParseInt(s, 10, 32); err == nil {
			for _, v := range values {
				if int64(v) == n {
					return E(v), nil
				}
			}
		}
		return 0, errors.New("is not a value of the enum")
	}
}

// Time parses a time of RFC 3339, in the years that google.protobuf.Timestamp allows.
func Time(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	switch {
	case err != nil:
		return time.Time{}, errors.New("is not a time such as 2006-01-02T15:04:05Z")
	case t.UTC().Year() < 1 || t.UTC().Year() > 9999:
		return time.Time{}, errors.New("is outside of the years 1 to 9999")
	default:
		return t, nil
	}
}

// Duration parses a duration as Go writes it, which includes JSON's form.
func Duration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, errors.New("is not a duration such as 1.5s")
	}
	return d, nil
}

// Paths parses a google.protobuf.FieldMask: paths in the contract's names, separated by commas. Empty text has none.
func Paths(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	return strings.Split(s, ","), nil
}
