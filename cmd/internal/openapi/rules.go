package openapi

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

type fieldRules = validate.FieldRules

// rulesOf returns the rules of a field, nil for none.
func rulesOf(f protoreflect.FieldDescriptor) *fieldRules {
	rules, _ := proto.GetExtension(f.Options(), validate.E_Field).(*fieldRules)
	if rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
		return nil
	}
	return rules
}

// exclusive returns what the oneofs of a message, and its rules about fields that exclude each other, say about its
// members.
func exclusive(m protoreflect.MessageDescriptor, isGone func(protoreflect.FieldDescriptor) bool) []*schema {
	var all []*schema
	add := func(fields []protoreflect.FieldDescriptor, required bool) {
		var names []string
		for _, f := range fields {
			if isGone(f) {
				return // another one may not be there then, and need not
			}
			names = append(names, memberName(f))
		}
		if s := oneOf(names, required); s != nil {
			all = append(all, s)
		}
	}
	for i := range m.Oneofs().Len() {
		o := m.Oneofs().Get(i)
		if o.IsSynthetic() {
			continue
		}
		rules, _ := proto.GetExtension(o.Options(), validate.E_Oneof).(*validate.OneofRules)
		var fields []protoreflect.FieldDescriptor
		for j := range o.Fields().Len() {
			fields = append(fields, o.Fields().Get(j))
		}
		add(fields, rules.GetRequired())
	}
	rules, _ := proto.GetExtension(m.Options(), validate.E_Message).(*validate.MessageRules)
	for _, rule := range rules.GetOneof() {
		var fields []protoreflect.FieldDescriptor
		for _, name := range rule.GetFields() {
			if f := m.Fields().ByName(protoreflect.Name(name)); f != nil {
				fields = append(fields, f)
			}
		}
		add(fields, rule.GetRequired())
	}
	return all
}

// listRules adds the rules of a repeated field.
func (s *schema) listRules(rules *fieldRules) {
	r := rules.GetRepeated()
	if r != nil {
		s.MinItems, s.MaxItems, s.UniqueItems = r.MinItems, r.MaxItems, r.GetUnique()
	}
	if rules.GetRequired() && s.MinItems == nil {
		s.MinItems = new(uint64(1))
	}
}

// mapRules adds the rules of a map.
func (s *schema) mapRules(rules *fieldRules) {
	r := rules.GetMap()
	if r != nil {
		s.MinProperties, s.MaxProperties = r.MinPairs, r.MaxPairs
	}
	if rules.GetRequired() && s.MinProperties == nil {
		s.MinProperties = new(uint64(1))
	}
}

// rules returns the schema of one value of a field with its rules, those that JSON Schema can express. It may be s,
// changed.
func (s *schema) rules(f protoreflect.FieldDescriptor, rules *fieldRules) *schema {
	if rules == nil || rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
		return s
	}
	kind := f.Kind()
	if f.Message() != nil {
		if k, ok := wrapped(f.Message().FullName()); ok {
			kind = k
		}
	}
	plain := *s
	switch r := typeRules(rules).(type) {
	case nil:
	case *validate.StringRules:
		s.text(r)
	case *validate.BytesRules:
		s.bytes(r)
	case *validate.EnumRules:
		if f.Enum() != nil {
			s.enum(f, r)
		}
	case *validate.BoolRules:
		if r.Const != nil {
			s.Const = r.GetConst()
		}
		s.example(r.GetExample())
	default:
		s.number(kind, isLong(kind) && s.Type == typeString, r.ProtoReflect())
	}
	if kind == protoreflect.StringKind && rules.GetRequired() && !f.HasPresence() && s.MinLength == nil {
		s.MinLength = new(uint64(1))
	}
	if rules.GetIgnore() != validate.Ignore_IGNORE_IF_ZERO_VALUE || reflect.DeepEqual(plain, *s) {
		return s
	}
	if zero, ok := zeroOf(f, kind, s); ok {
		return &schema{AnyOf: []*schema{{Const: zero}, s}}
	}
	return s
}

// typeRules returns the rules for a type of values, nil for none.
func typeRules(rules *fieldRules) proto.Message {
	m := rules.ProtoReflect()
	f := m.WhichOneof(m.Descriptor().Oneofs().ByName("type"))
	if f == nil {
		return nil
	}
	return m.Get(f).Message().Interface()
}

// zeroOf returns the zero value of a field in JSON, and false when it has none.
func zeroOf(f protoreflect.FieldDescriptor, kind protoreflect.Kind, s *schema) (any, bool) {
	switch {
	case kind == protoreflect.BoolKind:
		return false, true
	case kind == protoreflect.EnumKind:
		return enumValue(f, 0), true
	case isLong(kind) && s.Type == typeString:
		return "0", true
	case kind == protoreflect.StringKind || kind == protoreflect.BytesKind:
		return "", true
	case kind == protoreflect.MessageKind || kind == protoreflect.GroupKind:
		return nil, false
	default:
		return 0, true
	}
}

// text adds the rules of a string.
func (s *schema) text(r *validate.StringRules) {
	s.MinLength, s.MaxLength = r.MinLen, r.MaxLen
	if r.Len != nil {
		s.MinLength, s.MaxLength = r.Len, r.Len
	}
	var patterns []string
	if isPortable(r.GetPattern()) {
		patterns = append(patterns, r.GetPattern())
	}
	if r.Prefix != nil || r.Suffix != nil {
		patterns = append(patterns, wrap("^", r.GetPrefix(), ""), wrap("", r.GetSuffix(), "$"))
	}
	patterns = append(patterns, regexp.QuoteMeta(r.GetContains()), wellKnownPattern(r))
	for _, pattern := range patterns {
		switch {
		case pattern == "":
		case s.Pattern == "":
			s.Pattern = pattern
		default:
			s.AllOf = append(s.AllOf, &schema{Pattern: pattern})
		}
	}
	if r.GetNotContains() != "" {
		s.exclude(&schema{Pattern: regexp.QuoteMeta(r.GetNotContains())})
	}
	if r.Const != nil {
		s.Const = r.GetConst()
	}
	s.Enum = anys(r.GetIn())
	if len(r.GetNotIn()) > 0 {
		s.exclude(&schema{Enum: anys(r.GetNotIn())})
	}
	s.wellKnown(r)
	s.Examples = anys(r.GetExample())
}

// isPortable reports whether a pattern in the syntax of RE2 means the same in that of ECMA-262, which JSON Schema has.
func isPortable(pattern string) bool {
	for _, own := range []string{"(?", `\A`, `\z`, `\Q`, `\C`, `\p`, `\P`, `\a`, `\x{`, "[[:", "[:^"} {
		if strings.Contains(strings.ReplaceAll(pattern, "(?:", "("), own) {
			return false
		}
	}
	return true
}

// wrap returns a pattern for a text with something before or behind it, "" for none.
func wrap(before, text, after string) string {
	if text == "" {
		return ""
	}
	return before + regexp.QuoteMeta(text) + after
}

// wellKnown adds the format of a string.
func (s *schema) wellKnown(r *validate.StringRules) {
	switch {
	case r.GetEmail():
		s.Format = "email"
	case r.GetHostname():
		s.Format = "hostname"
	case r.GetIpv4():
		s.Format = "ipv4"
	case r.GetIpv6():
		s.Format = "ipv6"
	case r.GetIp():
		s.AnyOf = []*schema{{Format: "ipv4"}, {Format: "ipv6"}}
	case r.GetAddress():
		s.AnyOf = []*schema{{Format: "hostname"}, {Format: "ipv4"}, {Format: "ipv6"}}
	case r.GetUri():
		s.Format = "uri"
	case r.GetUriRef():
		s.Format = "uri-reference"
	case r.GetUuid():
		s.Format = "uuid"
	}
}

// wellKnownPattern returns the pattern of a format that has no name in JSON Schema.
func wellKnownPattern(r *validate.StringRules) string {
	switch {
	case r.GetTuuid():
		return "^[0-9a-fA-F]{32}$"
	case r.GetUlid():
		return "^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$"
	default:
		return ""
	}
}

// exclude adds a schema that values must not fit.
func (s *schema) exclude(not *schema) {
	if s.Not == nil {
		s.Not = not
		return
	}
	s.AllOf = append(s.AllOf, &schema{Not: not})
}

// bytes adds the rules of bytes. Those about lengths and parts are not for their form in JSON.
func (s *schema) bytes(r *validate.BytesRules) {
	encode := base64.StdEncoding.EncodeToString
	if r.Const != nil {
		s.Const = encode(r.GetConst())
	}
	for _, v := range r.GetIn() {
		s.Enum = append(s.Enum, encode(v))
	}
	for _, v := range r.GetExample() {
		s.Examples = append(s.Examples, encode(v))
	}
}

// enum adds the rules of an enum.
func (s *schema) enum(f protoreflect.FieldDescriptor, r *validate.EnumRules) {
	names := func(numbers []int32) []any {
		if len(numbers) == 0 {
			return nil
		}
		all := make([]any, 0, len(numbers))
		for _, n := range numbers {
			all = append(all, enumValue(f, n))
		}
		return all
	}
	if r.Const != nil {
		s.Const = enumValue(f, r.GetConst())
	}
	s.Enum = names(r.GetIn())
	if len(r.GetNotIn()) > 0 {
		s.exclude(&schema{Enum: names(r.GetNotIn())})
	}
	s.Examples = names(r.GetExample())
}

// enumValue returns the value of an enum in JSON.
func enumValue(f protoreflect.FieldDescriptor, number int32) any {
	v := f.Enum().Values().ByNumber(protoreflect.EnumNumber(number))
	if v == nil || writesNumbers(f) {
		return number
	}
	return string(v.Name())
}

// number adds the rules of a number, which are the same for all kinds of them. The limits of those that are strings in
// JSON are beyond JSON Schema.
func (s *schema) number(kind protoreflect.Kind, quoted bool, r protoreflect.Message) {
	values := make(map[protoreflect.Name][]any)
	r.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Message() != nil: // a duration, say
		case f.IsList():
			for i := range v.List().Len() {
				values[f.Name()] = append(values[f.Name()], numberOf(quoted, v.List().Get(i)))
			}
		default:
			values[f.Name()] = []any{numberOf(quoted, v)}
		}
		return true
	})
	if kind == protoreflect.MessageKind {
		return
	}
	first := func(name protoreflect.Name) any {
		if len(values[name]) == 0 {
			return nil
		}
		return values[name][0]
	}
	s.Const, s.Enum, s.Examples = first("const"), values["in"], values["example"]
	if len(values["not_in"]) > 0 {
		s.exclude(&schema{Enum: values["not_in"]})
	}
	above, below := bound(r, "gt", "gte"), bound(r, "lt", "lte")
	if quoted || above != nil && below != nil && *above >= *below {
		return // for the latter, a value is right outside of the range
	}
	limited := s
	if len(s.AnyOf) > 0 {
		limited = s.AnyOf[0]
	}
	if v := first("gte"); v != nil {
		limited.Minimum = v
	}
	if v := first("gt"); v != nil {
		limited.Minimum, limited.ExclusiveMinimum = nil, v
	}
	limited.Maximum, limited.ExclusiveMaximum = first("lte"), first("lt")
	if limited != s {
		s.infinities(above != nil, below != nil, values["finite"] != nil && first("finite") == true)
	}
}

// infinities removes from the schema of a floating-point number what is no number and not within its limits.
func (s *schema) infinities(above, below, finite bool) {
	switch {
	case finite || above && below:
		number := s.AnyOf[0]
		s.AnyOf = nil
		s.Type, s.Format = number.Type, number.Format
		s.Minimum, s.Maximum = number.Minimum, number.Maximum
		s.ExclusiveMinimum, s.ExclusiveMaximum = number.ExclusiveMinimum, number.ExclusiveMaximum
	case above:
		s.AnyOf[1] = &schema{Type: typeString, Enum: []any{"Infinity"}}
	case below:
		s.AnyOf[1] = &schema{Type: typeString, Enum: []any{"-Infinity"}}
	}
}

// bound returns one of two limits of a number, nil for none.
func bound(r protoreflect.Message, names ...protoreflect.Name) *float64 {
	for _, name := range names {
		f := r.Descriptor().Fields().ByName(name)
		if f == nil || !r.Has(f) {
			continue
		}
		switch v := r.Get(f).Interface().(type) {
		case int32:
			return new(float64(v))
		case int64:
			return new(float64(v))
		case uint32:
			return new(float64(v))
		case uint64:
			return new(float64(v))
		case float32:
			return new(float64(v))
		case float64:
			return &v
		}
	}
	return nil
}

// numberOf returns a number in JSON, which may be a string.
func numberOf(quoted bool, v protoreflect.Value) any {
	bits := 64
	switch n := v.Interface().(type) {
	case float32:
		bits = 32
	case float64:
	default:
		if quoted {
			return v.String()
		}
		return n
	}
	switch f := v.Float(); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	default:
		return json.Number(strconv.FormatFloat(f, 'g', -1, bits))
	}
}

// isLong reports whether a number of that kind is a string in JSON.
func isLong(kind protoreflect.Kind) bool {
	s := scalar(kind)
	return s.Type == typeString && s.Format != ""
}

// example adds examples.
func (s *schema) example(values []bool) {
	for _, v := range values {
		s.Examples = append(s.Examples, v)
	}
}

func anys(texts []string) []any {
	if len(texts) == 0 {
		return nil
	}
	all := make([]any, 0, len(texts))
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}
