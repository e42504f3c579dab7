package connect

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/fairlead-go/fairlead"
)

// The parameters of a unary call with GET, in the order in which they are sent, so that equal calls have equal URLs.
const (
	paramVersion     = "connect"
	paramBase64      = "base64"
	paramCompression = "compression"
	paramEncoding    = "encoding"
	paramMessage     = "message"
)

// queryVersion is the value of the parameter connect.
const queryVersion = "v" + version

// query is the query of a unary call with GET.
type query struct {
	version     string
	compression string
	encoding    string
	message     string // as it came
	base64      bool
	hasMessage  bool
}

// parseQuery reads a query. Of a parameter that is given twice the first counts; others are skipped.
func parseQuery(raw string) (q query, err error) {
	var seen uint8 // a bit for each parameter
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		key, value, _ := strings.Cut(pair, "=")
		bit := paramBit(key)
		if bit == 0 || seen&bit != 0 {
			continue
		}
		seen |= bit
		if key == paramMessage {
			q.message, q.hasMessage = value, true
			continue
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return q, fairlead.Errorf(fairlead.InvalidArgument, "malformed query parameter %s: %w", key, err)
		}
		switch key {
		case paramVersion:
			q.version = value
		case paramBase64:
			q.base64 = value == "1"
		case paramCompression:
			q.compression = value
		case paramEncoding:
			q.encoding = value
		}
	}
	return q, nil
}

// paramBit returns a bit for a parameter, 0 for one that is none of Connect's.
func paramBit(key string) uint8 {
	for i, name := range [...]string{paramVersion, paramBase64, paramCompression, paramEncoding, paramMessage} {
		if key == name {
			return 1 << i
		}
	}
	return 0
}

// encodingIn returns the name of the codec in a query, "" if there is none.
func encodingIn(raw string) string {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if v, ok := strings.CutPrefix(pair, paramEncoding+"="); ok {
			if strings.ContainsAny(v, "%+") {
				v, _ = url.QueryUnescape(v)
			}
			return v
		}
	}
	return ""
}

// plain returns the message, as its codec or compressor has made it.
func (q *query) plain() ([]byte, error) {
	if !q.hasMessage {
		return nil, fairlead.Errorf(fairlead.InvalidArgument, "the query has no parameter %s", paramMessage)
	}
	text, err := url.QueryUnescape(q.message)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.InvalidArgument, "malformed query parameter %s: %w", paramMessage, err)
	}
	if !q.base64 {
		return []byte(text), nil
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, fairlead.Errorf(fairlead.InvalidArgument, "query parameter %s: %w", paramMessage, err)
	}
	return b, nil
}

// appendQuery appends the query of a call. The compression is "" for none. Messages that are not text are sent in
// base64.
func appendQuery(dst []byte, codecName, compression string, text bool, message []byte) []byte {
	dst = append(dst, paramVersion+"="+queryVersion...)
	if text = text && compression == ""; !text {
		dst = append(dst, "&"+paramBase64+"=1"...)
	}
	if compression != "" {
		dst = append(dst, "&"+paramCompression+"="...)
		dst = append(dst, url.QueryEscape(compression)...)
	}
	dst = append(dst, "&"+paramEncoding+"="...)
	dst = append(dst, url.QueryEscape(codecName)...)
	dst = append(dst, "&"+paramMessage+"="...)
	if text {
		return append(dst, url.QueryEscape(string(message))...)
	}
	return base64.RawURLEncoding.AppendEncode(dst, message)
}
