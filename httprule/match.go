package httprule

import (
	"fmt"
	"strings"
)

// Match matches the path of a request, escaped as it arrived (url.URL.EscapedPath), and returns the values of the
// variables in order, unescaped. It returns false if the path does not match, and an error if it matches but has an
// invalid escape.
//
// A variable of one segment is unescaped wholly. In a variable of several segments escaped slashes stay as they are
// ("%2F"), since they could not be distinguished from those between the segments (google/api/http.proto, "Path template
// syntax").
func (t *Template) Match(path string) (values []string, ok bool, err error) {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, false, nil
	}
	if t.Verb != "" {
		before, verb := cutVerb(rest)
		if verb != t.Verb {
			return nil, false, nil
		}
		rest = before
	}
	var parts []string
	if rest != "" {
		parts = strings.Split(rest, "/")
	}
	if !t.fits(parts) {
		return nil, false, nil
	}
	values, err = t.appendValues(make([]string, 0, len(t.Variables)), rest)
	return values, true, err
}

// cutVerb cuts what follows the last colon of a path's last segment, unescaped; "": there is no such thing.
func cutVerb(rest string) (before, verb string) {
	colon := strings.LastIndexByte(rest, ':')
	if colon < 0 || strings.IndexByte(rest[colon:], '/') >= 0 {
		return rest, ""
	}
	verb, err := unescape(rest[colon+1:], false)
	if err != nil {
		return rest, ""
	}
	return rest[:colon], verb
}

// appendValues appends the values of the variables in a path that the template matches, without its first slash and its
// custom verb.
func (t *Template) appendValues(values []string, rest string) ([]string, error) {
	at := 0 // where the next segment begins
	segment := 0
	// skip returns where the segment ends, and goes behind the slash after it.
	skip := func() (end int) {
		segment++
		i := strings.IndexByte(rest[at:], '/')
		if i < 0 {
			at = len(rest)
			return at
		}
		end = at + i
		at = end + 1
		return end
	}
	for i := range t.Variables {
		v := &t.Variables[i]
		for segment < v.Begin {
			skip()
		}
		begin, end := at, len(rest) // what "**" has matched is the last variable's
		if v.End < len(t.Segments) {
			for segment < v.End {
				end = skip()
			}
		}
		value, err := unescape(rest[begin:end], v.multiple(t.Segments))
		if err != nil {
			return values, fmt.Errorf("path variable %s: %w", v.Name, err)
		}
		values = append(values, value)
	}
	return values, nil
}

// fits reports whether the segments match parts.
func (t *Template) fits(parts []string) bool {
	for i := range t.Segments {
		s := &t.Segments[i]
		if s.Kind == Rest {
			return true
		}
		if i >= len(parts) || parts[i] == "" {
			return false
		}
		if s.Kind == Literal && !sameLiteral(s.Text, parts[i]) {
			return false
		}
	}
	return len(parts) == len(t.Segments)
}

// sameLiteral reports whether part, unescaped, is text.
func sameLiteral(text, part string) bool {
	if strings.IndexByte(part, '%') < 0 {
		return text == part
	}
	plain, err := unescape(part, false)
	return err == nil && plain == text
}

// unescape replaces the escapes of RFC 3986, section 2.1; with keepSlash it leaves those of slashes.
func unescape(s string, keepSlash bool) (string, error) {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s))
	for ; i >= 0; i = strings.IndexByte(s, '%') {
		c, ok := escaped(s[i:])
		if !ok {
			return "", fmt.Errorf("%q is not an escape", s[i:min(i+3, len(s))])
		}
		if keepSlash && c == '/' {
			b.WriteString(s[:i+3])
		} else {
			b.WriteString(s[:i])
			b.WriteByte(c)
		}
		s = s[i+3:]
	}
	b.WriteString(s)
	return b.String(), nil
}

// escaped returns the byte that the escape at the beginning of s stands for.
func escaped(s string) (byte, bool) {
	if len(s) < len("%00") || s[0] != '%' {
		return 0, false
	}
	high, ok1 := hexDigit(s[1])
	low, ok2 := hexDigit(s[2])
	return high<<4 | low, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case isDigit(c):
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	default:
		return 0, false
	}
}
