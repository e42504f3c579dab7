package breaking

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// typeRules are about the types of fields.
func typeRules() []Rule {
	return []Rule{
		{
			ID: "FIELD_SAME_TYPE", Levels: source, Shared: true, check: fieldPairs(sameType),
			Breaks: "a field has another type", Why: "code that uses the generated field no longer compiles",
			Worse: []Worse{
				{"FIELD_WIRE_COMPATIBLE_TYPE", "one side misreads or drops what the other sends"},
				{"FIELD_WIRE_JSON_COMPATIBLE_TYPE", "one side misreads, refuses or drops what the other sends in JSON"},
			},
		},
		{
			ID: "FIELD_WIRE_JSON_COMPATIBLE_TYPE", Levels: JSON, Shared: true, check: fieldPairs(compatibleOnJSON),
			Breaks: "a field has a type that is read differently, in binary or in JSON",
			Why:    "one side misreads, refuses or drops what the other sends",
		},
		{
			ID: "FIELD_WIRE_COMPATIBLE_TYPE", Levels: Wire, Shared: true, check: fieldPairs(compatibleOnWire),
			Breaks: "a field has a type that is read differently in binary",
			Why:    "one side misreads or drops what the other sends",
		},
	}
}

// wireClass returns the same number for types that read each other's binary encoding, as the language guide's section
// "Updating a message type" has it. A string may become bytes besides. What is compatible only for some values, such as
// an enum and an int32, is not.
func wireClass(kind protoreflect.Kind) protoreflect.Kind {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind,
		protoreflect.BoolKind:
		return protoreflect.Int64Kind
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return protoreflect.Sint64Kind
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.Fixed32Kind
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.Fixed64Kind
	default:
		return kind
	}
}

// jsonClass does so for types that read each other's binary encoding and each other's JSON, in which 64-bit numbers are
// strings and bool is not a number.
func jsonClass(kind protoreflect.Kind) protoreflect.Kind {
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Uint32Kind:
		return protoreflect.Int32Kind
	case protoreflect.Int64Kind, protoreflect.Uint64Kind:
		return protoreflect.Int64Kind
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.Fixed32Kind
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.Fixed64Kind
	default:
		return kind
	}
}

func sameType(c *comparison, old, now protoreflect.FieldDescriptor) {
	if old.Kind() != now.Kind() || typeName(old) != typeName(now) {
		c.typeChanged(old, now, "")
	}
}

func compatibleOnWire(c *comparison, old, now protoreflect.FieldDescriptor) {
	if wireClass(old.Kind()) != wireClass(now.Kind()) {
		if old.Kind() == protoreflect.BytesKind && now.Kind() == protoreflect.StringKind {
			c.typeChanged(old, now, ", which refuses bytes that are not UTF-8")
		} else if old.Kind() != protoreflect.StringKind || now.Kind() != protoreflect.BytesKind {
			c.typeChanged(old, now, "")
		}
		return
	}
	if typeName(old) != typeName(now) && !c.grownEnum(old, now) {
		c.typeChanged(old, now, "")
	}
}

func compatibleOnJSON(c *comparison, old, now protoreflect.FieldDescriptor) {
	if jsonClass(old.Kind()) != jsonClass(now.Kind()) || typeName(old) != typeName(now) && !c.grownEnum(old, now) {
		c.typeChanged(old, now, "")
	}
}

// grownEnum reports whether both are enums that are called alike but for where they stand, and that of now has all
// values of the old one.
func (c *comparison) grownEnum(old, now protoreflect.FieldDescriptor) bool {
	before, after := old.Enum(), now.Enum()
	if before == nil || after == nil || before.Name() != after.Name() {
		return false
	}
	key := [2]protoreflect.FullName{before.FullName(), after.FullName()}
	included, known := c.includes[key]
	if !known {
		included = enumIncludes(after, before)
		if c.includes == nil {
			c.includes = make(map[[2]protoreflect.FullName]bool)
		}
		c.includes[key] = included
	}
	return included
}

// typeName returns the name of a field's message or enum, "" for other types.
func typeName(field protoreflect.FieldDescriptor) protoreflect.FullName {
	switch {
	case field.Message() != nil:
		return field.Message().FullName()
	case field.Enum() != nil:
		return field.Enum().FullName()
	default:
		return ""
	}
}

// typeText names a field's type. Under editions a group is a message with another encoding.
func typeText(field protoreflect.FieldDescriptor) string {
	name := string(typeName(field))
	switch {
	case field.Kind() == protoreflect.GroupKind && field.Syntax() != protoreflect.Proto2:
		return name + " (delimited)"
	case field.Kind() == protoreflect.GroupKind:
		return "group " + name
	case name != "":
		return name
	default:
		return field.Kind().String()
	}
}

func (c *comparison) typeChanged(old, now protoreflect.FieldDescriptor, note string) {
	c.reportf(c.now.typePlace(now), c.old.typePlace(old), c.subjectOf(old),
		"%s changed type from %s to %s%s", fieldText(now), typeText(old), typeText(now), note)
}

func (c *Contract) typePlace(field protoreflect.FieldDescriptor) spot {
	if typeName(field) != "" {
		return c.part(field, protoreflect.SourcePath{fieldTypeName})
	}
	return c.part(field, protoreflect.SourcePath{fieldType})
}
