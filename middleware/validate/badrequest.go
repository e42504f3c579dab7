package validate

import (
	"encoding/binary"
	"strings"
)

// The wire format of google.rpc.BadRequest (google/rpc/error_details.proto) is written and read by hand here: the
// package does not use protobuf's run time. All fields are strings and messages, which have wire type 2.
const (
	badRequestName = "google.rpc.BadRequest"
	badRequestType = "type.googleapis.com/" + badRequestName

	badRequestViolations = 1

	violationField       = 1
	violationDescription = 2
	violationReason      = 3

	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// longestReason is the limit of google.rpc.BadRequest.FieldViolation.
const longestReason = 63

// reason converts the id of a rule to the form of reasons, UPPER_SNAKE_CASE: "string.min_len" becomes STRING_MIN_LEN.
// An id may be any text, such as an expression. Characters other than letters and digits separate words; an id without
// letters or digits becomes RULE.
func reason(id string) string {
	var b strings.Builder
	b.Grow(min(len(id), longestReason))
	word := false
	for i := 0; i < len(id) && b.Len() < longestReason; i++ {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case 'A' <= c && c <= 'Z':
		case '0' <= c && c <= '9':
			if b.Len() == 0 {
				continue // a letter has to come first
			}
		default:
			if word {
				b.WriteByte('_')
			}
			word = false
			continue
		}
		b.WriteByte(c)
		word = true
	}
	s := strings.TrimRight(b.String(), "_")
	if len(s) < 2 {
		return "RULE"
	}
	return s
}

// mostBytes is the size up to which violations are added to a BadRequest: errors are sent in trailers, for which peers
// allow 8 KiB or less.
const mostBytes = 3 << 10

func encodeBadRequest(violations []Violation) []byte {
	var dst []byte
	var one []byte
	for i := range violations {
		if len(dst) >= mostBytes {
			break
		}
		x := &violations[i]
		one = appendString(one[:0], violationField, x.Field)
		one = appendString(one, violationDescription, x.Message)
		one = appendString(one, violationReason, reason(x.Rule))
		dst = append(dst, badRequestViolations<<3|wireBytes)
		dst = binary.AppendUvarint(dst, uint64(len(one)))
		dst = append(dst, one...)
	}
	return dst
}

func appendString(dst []byte, field byte, s string) []byte {
	if s == "" {
		return dst
	}
	s = strings.ToValidUTF8(s, "\uFFFD") // what was cut from an invalid string, or a custom rule's message
	dst = append(dst, field<<3|wireBytes)
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// parseBadRequest returns the violations of an encoded BadRequest, up to where it is malformed.
func parseBadRequest(b []byte) []Violation {
	var all []Violation
	eachField(b, func(field uint64, value []byte) {
		if field != badRequestViolations {
			return
		}
		var x Violation
		eachField(value, func(field uint64, value []byte) {
			switch field {
			case violationField:
				x.Field = string(value)
			case violationDescription:
				x.Message = string(value)
			case violationReason:
				x.Rule = string(value)
			}
		})
		all = append(all, x)
	})
	return all
}

// eachField calls f with the fields of wire type 2 and skips the others.
func eachField(b []byte, f func(field uint64, value []byte)) {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return
		}
		b = b[n:]
		var skip int
		switch tag & 7 {
		case wireVarint:
			if _, skip = binary.Uvarint(b); skip <= 0 {
				return
			}
		case wireFixed64:
			skip = 8
		case wireFixed32:
			skip = 4
		case wireBytes:
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b[n:])) {
				return
			}
			skip = n + int(size)
			f(tag>>3, b[n:skip])
		default:
			return
		}
		if skip > len(b) {
			return
		}
		b = b[skip:]
	}
}
