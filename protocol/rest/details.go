package rest

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/fairlead-go/fairlead"
)

// detail returns a detail of an error as google.protobuf.Any is in JSON. The usual details are known here, so that
// programs need not contain their generated code; others are found among the program's messages. One that is found
// nowhere, or that is malformed, has the member "value" with its bytes in base64.
func (s *Server) detail(d *fairlead.Detail) json.RawMessage {
	if b := s.registered(d); b != nil {
		return b
	}
	m := map[string]any{}
	if name, ok := strings.CutPrefix(d.Type[strings.LastIndexByte(d.Type, '/')+1:], "google.rpc."); ok {
		m, _ = details[name].decode(d.Value)
	}
	if len(m) == 0 {
		m = map[string]any{"value": d.Value}
	}
	m["@type"] = d.Type
	b, err := json.Marshal(m)
	if err != nil {
		return json.RawMessage("{}") // there is nothing in it that could fail
	}
	return b
}

// registered encodes a detail whose type the program has, nil if it has not.
func (s *Server) registered(d *fairlead.Detail) (out json.RawMessage) {
	defer func() {
		if recover() != nil { // in a message's own code; the bytes say enough
			out = nil
		}
	}()
	b, err := s.opts.codec.AppendMarshal(nil, &anypb.Any{TypeUrl: d.Type, Value: d.Value})
	if err != nil {
		return nil
	}
	return b
}

// shape is what a message looks like: its fields by number.
type shape map[protowire.Number]member

type member struct {
	name     string
	repeated bool
	pairs    bool  // a map from strings to strings
	span     bool  // a google.protobuf.Duration
	of       shape // a message; nil: a string, or what else is said here
}

// details are the messages of google/rpc/error_details.proto, by name. Fields that are missing here are left out.
//
//nolint:gochecknoglobals,mnd // a constant; the numbers are the contract's
var details = map[string]shape{
	"ErrorInfo": {1: {name: "reason"}, 2: {name: "domain"}, 3: {name: "metadata", pairs: true}},
	"RetryInfo": {1: {name: "retryDelay", span: true}},
	"DebugInfo": {1: {name: "stackEntries", repeated: true}, 2: {name: "detail"}},
	"QuotaFailure": {1: {name: "violations", repeated: true, of: shape{
		1: {name: "subject"}, 2: {name: "description"}, 3: {name: "apiService"}, 4: {name: "quotaMetric"},
		5: {name: "quotaId"}, 6: {name: "quotaDimensions", pairs: true},
	}}},
	"PreconditionFailure": {1: {name: "violations", repeated: true, of: shape{
		1: {name: "type"}, 2: {name: "subject"}, 3: {name: "description"},
	}}},
	"BadRequest": {1: {name: "fieldViolations", repeated: true, of: shape{
		1: {name: "field"}, 2: {name: "description"}, 3: {name: "reason"}, 4: {name: "localizedMessage", of: localized},
	}}},
	"RequestInfo": {1: {name: "requestId"}, 2: {name: "servingData"}},
	"ResourceInfo": {
		1: {name: "resourceType"}, 2: {name: "resourceName"}, 3: {name: "owner"}, 4: {name: "description"},
	},
	"Help":             {1: {name: "links", repeated: true, of: shape{1: {name: "description"}, 2: {name: "url"}}}},
	"LocalizedMessage": localized,
}

//nolint:gochecknoglobals // a constant
var localized = shape{1: {name: "locale"}, 2: {name: "message"}}

// decode returns the members of a message, and false if it is malformed.
func (s shape) decode(b []byte) (map[string]any, bool) {
	m := make(map[string]any)
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, false
		}
		b = b[n:]
		f, known := s[num]
		if !known || typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
				return nil, false
			}
			b = b[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 || !f.add(m, value) {
			return nil, false
		}
		b = b[n:]
	}
	return m, true
}

// add adds a value of the field to m, and returns false if it is malformed.
func (f *member) add(m map[string]any, value []byte) bool {
	var v any
	switch {
	case f.pairs:
		entry, ok := shape{1: {name: "key"}, 2: {name: "value"}}.decode(value)
		if !ok {
			return false
		}
		all, _ := m[f.name].(map[string]any)
		if all == nil {
			all = make(map[string]any)
			m[f.name] = all
		}
		key, _ := entry["key"].(string)
		text, _ := entry["value"].(string)
		all[key] = text
		return true
	case f.span:
		d, ok := decodeSpan(value)
		if !ok {
			return false
		}
		v = d
	case f.of != nil:
		inner, ok := f.of.decode(value)
		if !ok {
			return false
		}
		v = inner
	default:
		if !utf8.Valid(value) {
			return false
		}
		v = string(value)
	}
	if f.repeated {
		list, _ := m[f.name].([]any)
		m[f.name] = append(list, v)
		return true
	}
	m[f.name] = v
	return true
}

// decodeSpan returns a google.protobuf.Duration as it is in JSON.
func decodeSpan(b []byte) (string, bool) {
	var seconds, nanos int64
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || typ != protowire.VarintType {
			return "", false
		}
		v, k := protowire.ConsumeVarint(b[n:])
		if k < 0 {
			return "", false
		}
		switch num { //nolint:exhaustive // numbers that others have names for
		case 1:
			seconds = int64(v)
		case 2:
			nanos = int64(int32(v))
		}
		b = b[n+k:]
	}
	const longest = int64(1<<63-1) / int64(time.Second)
	if seconds < 0 || seconds >= longest || nanos < 0 || nanos >= int64(time.Second) {
		return "", false
	}
	d := time.Duration(seconds)*time.Second + time.Duration(nanos)
	return string(appendSeconds(nil, d)), true
}

// appendSeconds appends a duration that is not negative as ProtoJSON has it: with 0, 3, 6 or 9 decimals.
func appendSeconds(dst []byte, d time.Duration) []byte {
	dst = strconv.AppendInt(dst, int64(d/time.Second), 10)
	if rest := d % time.Second; rest != 0 {
		digits := strconv.FormatInt(int64(time.Second+rest), 10)[1:]
		for strings.HasSuffix(digits, "000") {
			digits = strings.TrimSuffix(digits, "000")
		}
		dst = append(append(dst, '.'), digits...)
	}
	return append(dst, 's')
}
