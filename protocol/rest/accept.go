package rest

import (
	"iter"
	"strings"

	"github.com/fairlead-go/fairlead/compress"
)

// weighted ranges over the elements of a list and their weights in thousandths (RFC 9110, section 12.4.2). An element
// is in lower case, without parameters.
func weighted(list string) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for list != "" {
			var one string
			one, list, _ = strings.Cut(list, ",")
			element, params, _ := strings.Cut(one, ";")
			if element = strings.ToLower(strings.TrimSpace(element)); element == "" {
				continue
			}
			if !yield(element, weight(params)) {
				return
			}
		}
	}
}

// weight returns the weight among the parameters of an element, 1000 if there is none or it is malformed.
func weight(params string) int {
	for params != "" {
		var one string
		one, params, _ = strings.Cut(params, ";")
		name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		value = strings.TrimSpace(value)
		whole, part, _ := strings.Cut(value, ".")
		if whole != "0" || len(part) > 3 {
			return 1000
		}
		n := 0
		for i := range 3 {
			digit := byte('0')
			if i < len(part) {
				digit = part[i]
			}
			if digit < '0' || digit > '9' {
				return 1000
			}
			n = n*10 + int(digit-'0')
		}
		return n
	}
	return 1000
}

// chooseEncoding returns the compressor that a client likes best (accept-encoding, RFC 9110, section 12.5.3), the first
// of several; nil: it accepts none, or likes no encoding at all better.
func chooseEncoding(list string, from []compress.Compressor) compress.Compressor {
	if list == "" {
		return nil
	}
	var best compress.Compressor
	bestWeight := 0
	for _, c := range from {
		own, other := -1, -1
		for element, q := range weighted(list) {
			switch element {
			case c.Name():
				own = q
			case "*":
				other = q
			}
		}
		if own < 0 {
			own = other
		}
		if own > bestWeight {
			best, bestWeight = c, own
		}
	}
	for element, q := range weighted(list) {
		if element == "identity" && q > bestWeight {
			return nil
		}
	}
	return best
}

// format is the form of a stream of responses.
type format uint8

const (
	lines  format = iota // one message a line
	array                // elements of a JSON array
	events               // server-sent events
)

// chooseFormat returns the form of a stream that a client likes best (accept, RFC 9110, section 12.5.1): lines unless
// it names another one with a greater weight. A range such as */* stands for lines.
func chooseFormat(list string) format {
	best, bestWeight := lines, 0
	for element, q := range weighted(list) {
		f := lines
		switch element {
		case jsonType:
			f = array
		case "text/event-stream":
			f = events
		case "*/*", "application/*", linesType, "application/ndjson", "application/jsonl", "application/x-jsonlines":
		default:
			continue
		}
		if q > bestWeight {
			best, bestWeight = f, q
		}
	}
	return best
}

// matchesTag reports whether a list of entity tags has tag, by weak comparison (RFC 9110, section 8.8.3.2).
func matchesTag(list, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for list = strings.TrimSpace(list); list != ""; list = strings.TrimLeft(list, ", \t") {
		if list[0] == '*' {
			return true
		}
		list = strings.TrimPrefix(list, "W/")
		if list == "" || list[0] != '"' {
			return false
		}
		end := strings.IndexByte(list[1:], '"')
		if end < 0 {
			return false
		}
		if list[:end+2] == tag {
			return true
		}
		list = list[end+2:]
	}
	return false
}
