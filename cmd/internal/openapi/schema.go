package openapi

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// schemaPrefix begins references to schemas.
const schemaPrefix = "#/components/schemas/"

// schemas are those of the messages and enums that a document refers to, by their full names.
type schemas struct {
	defined map[string]*schema
	todo    []protoreflect.Descriptor
}

func newSchemas() *schemas { return &schemas{defined: make(map[string]*schema)} }

// define adds a schema under a name that no message has.
func (w *schemas) define(name string, s *schema) { w.defined[name] = s }

// refer returns a reference to the schema of a message or an enum.
func (w *schemas) refer(d protoreflect.Descriptor) *schema {
	name := string(d.FullName())
	if _, known := w.defined[name]; !known {
		w.defined[name] = nil
		w.todo = append(w.todo, d)
	}
	return &schema{Ref: schemaPrefix + name}
}

// all returns the schemas in the order of their names.
func (w *schemas) all() object {
	for len(w.todo) > 0 {
		d := w.todo[0]
		w.todo = w.todo[1:]
		switch d := d.(type) {
		case protoreflect.MessageDescriptor:
			w.defined[string(d.FullName())] = w.object(d, nil)
		case protoreflect.EnumDescriptor:
			w.defined[string(d.FullName())] = enumSchema(d)
		}
	}
	var all object
	for name, s := range w.defined {
		all.add(name, s)
	}
	all.sort()
	return all
}

// without returns the schema of a request without the fields that its path sets.
func (w *schemas) without(m protoreflect.MessageDescriptor, bound [][]protoreflect.FieldDescriptor) *schema {
	var gone []protoreflect.FieldDescriptor
	for _, path := range bound {
		if len(path) == 1 {
			gone = append(gone, path[0])
		}
	}
	if len(gone) == 0 {
		return w.message(m)
	}
	return w.object(m, gone)
}

// object returns the schema of a message without some of its fields.
func (w *schemas) object(m protoreflect.MessageDescriptor, gone []protoreflect.FieldDescriptor) *schema {
	s := &schema{Type: typeObject, Description: comment(m), Deprecated: isDeprecated(m)}
	isGone := func(f protoreflect.FieldDescriptor) bool { return slices.Contains(gone, f) }
	fields := m.Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if isGone(f) {
			continue
		}
		s.Properties.add(memberName(f), w.field(f))
		if isRequired(f) {
			s.Required = append(s.Required, memberName(f))
		}
	}
	groups := exclusive(m, isGone)
	if len(groups) == 1 {
		s.OneOf = groups[0].OneOf
	} else {
		s.AllOf = groups
	}
	return s
}

// oneOf returns a schema that allows for one of some members, and for none unless one is required; nil when that says
// nothing.
func oneOf(names []string, required bool) *schema {
	if len(names) == 0 || len(names) == 1 && !required {
		return nil
	}
	s, none := new(schema), new(schema)
	for _, name := range names {
		has := &schema{Required: []string{name}}
		s.OneOf = append(s.OneOf, has)
		none.AnyOf = append(none.AnyOf, has)
	}
	if !required {
		s.OneOf = append(s.OneOf, &schema{Not: none})
	}
	return s
}

// field returns the schema of a field, with what its options say.
func (w *schemas) field(f protoreflect.FieldDescriptor) *schema {
	rules := rulesOf(f)
	var s *schema
	switch {
	case f.IsMap():
		s = &schema{Type: typeObject, AdditionalProperties: w.value(f.MapValue(), rules.GetMap().GetValues())}
		s.PropertyNames = mapKey(f.MapKey(), rules.GetMap().GetKeys())
		s.mapRules(rules)
	case f.IsList():
		s = &schema{Type: typeArray, Items: w.value(f, rules.GetRepeated().GetItems())}
		s.listRules(rules)
	default:
		s = w.value(f, rules)
	}
	s.Description = comment(f)
	s.Deprecated = isDeprecatedField(f)
	for _, behaviour := range behaviours(f) {
		switch behaviour {
		case annotations.FieldBehavior_OUTPUT_ONLY:
			s.ReadOnly = true
		case annotations.FieldBehavior_INPUT_ONLY:
			s.WriteOnly = true
		default:
		}
	}
	return s
}

func isDeprecatedField(f protoreflect.FieldDescriptor) bool {
	options, ok := f.Options().(interface{ GetDeprecated() bool })
	return ok && options.GetDeprecated()
}

// behaviours returns what (google.api.field_behavior) says about a field.
func behaviours(f protoreflect.FieldDescriptor) []annotations.FieldBehavior {
	all, _ := proto.GetExtension(f.Options(), annotations.E_FieldBehavior).([]annotations.FieldBehavior)
	return all
}

// isRequired reports whether a message without the field is wrong.
func isRequired(f protoreflect.FieldDescriptor) bool {
	return f.Cardinality() == protoreflect.Required || rulesOf(f).GetRequired() ||
		slices.Contains(behaviours(f), annotations.FieldBehavior_REQUIRED)
}

// value returns the schema of one value of a field.
func (w *schemas) value(f protoreflect.FieldDescriptor, rules *fieldRules) *schema {
	var s *schema
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		s = w.message(f.Message())
	case protoreflect.EnumKind:
		switch {
		case f.Enum().FullName() == "google.protobuf.NullValue":
			return &schema{Type: "null"}
		case writesNumbers(f):
			s = enumNumbers(f.Enum())
		default:
			s = w.refer(f.Enum())
		}
	default:
		s = scalar(f.Kind())
		if isLong(f.Kind()) && writesLongNumbers(f) {
			s.Type = typeInteger
		}
	}
	return s.rules(f, rules)
}

// message returns the schema of a message: a reference, or that of a well-known type.
func (w *schemas) message(m protoreflect.MessageDescriptor) *schema {
	if kind, ok := wrapped(m.FullName()); ok {
		return scalar(kind)
	}
	switch m.FullName() {
	case "google.protobuf.Timestamp":
		return &schema{Type: typeString, Format: "date-time"}
	case "google.protobuf.Duration":
		return &schema{Type: typeString, Pattern: `^-?[0-9]{1,12}(\.[0-9]{1,9})?s$`}
	case "google.protobuf.FieldMask":
		return &schema{Type: typeString}
	case "google.protobuf.Struct":
		return &schema{Type: typeObject}
	case "google.protobuf.Value":
		return new(schema)
	case "google.protobuf.ListValue":
		return &schema{Type: typeArray, Items: new(schema)}
	case "google.protobuf.Empty":
		return &schema{Type: typeObject}
	case "google.protobuf.Any":
		return anySchema()
	default:
		return w.refer(m)
	}
}

// wrapped returns the kind of value that a well-known type wraps.
func wrapped(name protoreflect.FullName) (protoreflect.Kind, bool) {
	short, ok := strings.CutPrefix(string(name), "google.protobuf.")
	if !ok {
		return 0, false
	}
	kind, ok := map[string]protoreflect.Kind{
		"BoolValue": protoreflect.BoolKind, "StringValue": protoreflect.StringKind, "BytesValue": protoreflect.BytesKind,
		"Int32Value": protoreflect.Int32Kind, "Int64Value": protoreflect.Int64Kind,
		"UInt32Value": protoreflect.Uint32Kind, "UInt64Value": protoreflect.Uint64Kind,
		"FloatValue": protoreflect.FloatKind, "DoubleValue": protoreflect.DoubleKind,
	}[short]
	return kind, ok
}

// scalar returns the schema of a value that is no message and no enum.
func scalar(kind protoreflect.Kind) *schema {
	switch kind {
	case protoreflect.BoolKind:
		return &schema{Type: "boolean"}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return &schema{Type: typeInteger, Format: "int32"}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return &schema{Type: typeInteger, Format: "uint32", Minimum: 0}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return &schema{Type: typeString, Format: "int64"}
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return &schema{Type: typeString, Format: "uint64"}
	case protoreflect.FloatKind:
		return floating("float")
	case protoreflect.DoubleKind:
		return floating("double")
	case protoreflect.BytesKind:
		return &schema{Type: typeString, ContentEncoding: "base64"}
	default:
		return &schema{Type: typeString}
	}
}

// floating returns the schema of a number that may be none.
func floating(format string) *schema {
	return &schema{AnyOf: []*schema{
		{Type: "number", Format: format},
		{Type: typeString, Enum: []any{"NaN", "Infinity", "-Infinity"}},
	}}
}

func anySchema() *schema {
	s := &schema{Type: typeObject, Description: "A message, whose type is the end of the URL in @type."}
	s.Properties.add("@type", &schema{Type: typeString})
	s.Required = []string{"@type"}
	return s
}

// mapKey returns the schema of the keys of a map, which are texts in JSON; nil when any text is a key.
func mapKey(key protoreflect.FieldDescriptor, rules *fieldRules) *schema {
	switch key.Kind() {
	case protoreflect.StringKind:
		if s := (&schema{}).rules(key, rules); rules != nil {
			return s
		}
		return nil
	case protoreflect.BoolKind:
		return &schema{Enum: []any{"false", "true"}}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return &schema{Pattern: "^[0-9]+$"}
	default:
		return &schema{Pattern: "^-?[0-9]+$"}
	}
}

// enumSchema returns the schema of an enum: the names of its values.
func enumSchema(e protoreflect.EnumDescriptor) *schema {
	s := &schema{Type: typeString, Description: comment(e), Deprecated: isDeprecated(e)}
	var lines []string
	for i := range e.Values().Len() {
		v := e.Values().Get(i)
		s.Enum = append(s.Enum, string(v.Name()))
		text := strings.Join(strings.Fields(comment(v)), " ")
		if options, ok := v.Options().(interface{ GetDeprecated() bool }); ok && options.GetDeprecated() {
			text = strings.TrimSpace("Deprecated. " + text)
		}
		if text != "" {
			lines = append(lines, fmt.Sprintf("- `%s`: %s", v.Name(), text))
		}
	}
	if len(lines) > 0 {
		s.Description = strings.TrimSpace(s.Description + "\n\n" + strings.Join(lines, "\n"))
	}
	return s
}
