package connect

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
)

// typePrefix is what the type URLs of details begin with, and their names in JSON do not.
const typePrefix = "type.googleapis.com/"

// appendError appends an error in JSON, without details that are not to be passed on.
func appendError(dst []byte, e *fairlead.Error) []byte {
	e = rpcwire.Relayed(e)
	dst = append(dst, `{"code":"`...)
	dst = append(dst, codeNames[named(e.Code)]...)
	dst = append(dst, '"')
	if e.Message != "" {
		dst = append(dst, `,"message":`...)
		dst = appendString(dst, e.Message)
	}
	if len(e.Details) > 0 {
		dst = append(dst, `,"details":[`...)
		for i := range e.Details {
			d := &e.Details[i]
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `{"type":`...)
			dst = appendString(dst, strings.TrimPrefix(d.Type, typePrefix))
			dst = append(dst, `,"value":"`...)
			dst = base64.RawStdEncoding.AppendEncode(dst, d.Value)
			dst = append(dst, `"}`...)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// appendEnd appends the end of a stream in JSON, the content of its last frame: an error, nil for success, and the
// trailer, nil for none.
func appendEnd(dst []byte, e *fairlead.Error, trailer *fairlead.Metadata) []byte {
	dst = append(dst, '{')
	if e != nil {
		dst = append(dst, `"error":`...)
		dst = appendError(dst, e)
	}
	if trailer != nil && trailer.Len() > 0 {
		if e != nil {
			dst = append(dst, ',')
		}
		dst = append(dst, `"metadata":`...)
		dst = appendMetadata(dst, trailer)
	}
	return append(dst, '}')
}

// appendMetadata appends metadata as an object of names and arrays of values, binary ones in base64.
func appendMetadata(dst []byte, md *fairlead.Metadata) []byte {
	dst = append(dst, '{')
	comma := false
	for i := range md.Len() {
		key, _ := md.At(i)
		if before(md, i, key) {
			continue
		}
		if comma {
			dst = append(dst, ',')
		}
		comma = true
		dst = appendString(dst, key)
		dst = append(dst, ':', '[')
		for j := i; j < md.Len(); j++ {
			k, v := md.At(j)
			if k != key {
				continue
			}
			if j > i {
				dst = append(dst, ',')
			}
			if strings.HasSuffix(k, rpcwire.BinSuffix) {
				dst = append(dst, '"')
				dst = base64.RawStdEncoding.AppendEncode(dst, []byte(v))
				dst = append(dst, '"')
			} else {
				dst = appendString(dst, v)
			}
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// before reports whether a key is among the first n pairs.
func before(md *fairlead.Metadata, n int, key string) bool {
	for i := range n {
		if k, _ := md.At(i); k == key {
			return true
		}
	}
	return false
}

const lowerHex = "0123456789abcdef"

// appendString appends a string in JSON (RFC 8259, section 7). Bytes that are not UTF-8 are replaced.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	plain := 0 // from here on nothing is to be escaped, up to i
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[plain:i]...)
		switch {
		case c >= utf8.RuneSelf:
			dst = append(dst, "\uFFFD"...)
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, '\\', 'u', '0', '0', lowerHex[c>>4], lowerHex[c&15])
		}
		i += size
		plain = i
	}
	dst = append(dst, s[plain:]...)
	return append(dst, '"')
}

// wireError is an error in JSON, as it is read. Names that are not known are skipped.
type wireError struct {
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Details []wireDetail `json:"details"`
}

type wireDetail struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// wireEnd is the end of a stream in JSON, as it is read.
type wireEnd struct {
	Error    *wireError          `json:"error"`
	Metadata map[string][]string `json:"metadata"`
}

// parseError reads an error in JSON. An error without a code that is known has the code fallback. It returns false if
// b is no error.
func parseError(b []byte, fallback fairlead.Code) (*fairlead.Error, bool) {
	var w *wireError
	if err := json.Unmarshal(b, &w); err == nil && w != nil {
		return w.error(fallback), true
	}
	return nil, false
}

// error returns the error that a peer has sent. Details whose value is not base64 are left out.
func (w *wireError) error(fallback fairlead.Code) *fairlead.Error {
	code, ok := codeNamed(w.Code)
	if !ok {
		code = fallback
	}
	var details []fairlead.Detail
	for _, d := range w.Details {
		v, ok := rpcwire.DecodeBinary(d.Value)
		if !ok {
			continue
		}
		if !strings.Contains(d.Type, "/") {
			d.Type = typePrefix + d.Type
		}
		details = append(details, fairlead.Detail{Type: d.Type, Value: []byte(v)})
	}
	return fairlead.PeerError(code, w.Message, details)
}

// parseEnd reads the end of a stream. It adds the trailer to md, and returns the stream's error, nil for success. The
// second error is set if b is not the end of a stream.
func parseEnd(b []byte, md *fairlead.Metadata) (status *fairlead.Error, err error) {
	var w *wireEnd
	if err := json.Unmarshal(b, &w); err != nil || w == nil {
		if err == nil {
			return nil, fairlead.Errorf(fairlead.Internal, "the end of the stream is null, and not an object")
		}
		return nil, rpcwire.Internal(err, "cannot read the end of the stream")
	}
	for _, name := range slices.Sorted(maps.Keys(w.Metadata)) {
		key := strings.ToLower(name)
		if isReserved(key) {
			continue
		}
		for _, v := range w.Metadata[name] {
			if !strings.HasSuffix(key, rpcwire.BinSuffix) {
				md.Append(key, v)
				continue
			}
			plain, ok := rpcwire.DecodeBinary(v)
			if !ok {
				return nil, fairlead.Errorf(fairlead.Internal, "malformed binary metadata in trailer %q", key)
			}
			md.Append(key, plain)
		}
	}
	if w.Error != nil {
		status = w.Error.error(fairlead.Unknown)
	}
	return status, nil
}
