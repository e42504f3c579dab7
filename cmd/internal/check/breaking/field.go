package breaking

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// fieldRules are about fields and extensions that both sides have, but for their types.
func fieldRules() []Rule {
	const whyNumber = "one side sends a list where the other expects a single value, or requires what the other leaves out"
	return []Rule{
		{
			ID: "FIELD_SAME_NAME", Levels: JSON | source, Shared: true, check: fieldPairs(sameFieldName),
			Breaks: "a field has another name", Why: "JSON and generated code call it by another name",
		},
		{
			ID: "FIELD_SAME_JSON_NAME", Levels: JSON | source, Shared: true, check: fieldPairs(sameJSONName),
			Breaks: "a field has another name in JSON", Why: "JSON from the other side holds it under a name that is not known",
		},
		{
			ID: "FIELD_SAME_ONEOF", Levels: all, Shared: true, check: fieldPairs(sameOneof),
			Breaks: "a field moved into a oneof, out of one, or to another one",
			Why:    "values that could be set together erase each other, or the reverse",
		},
		{
			ID: "FIELD_SAME_DEFAULT", Levels: all, Shared: true, check: fieldPairs(sameDefault),
			Breaks: "a field has another default", Why: "a field that is not set means different things to the two sides",
		},
		{
			ID: "FIELD_SAME_CARDINALITY", Levels: source, Shared: true, check: fieldPairs(sameCardinality(cardinality.identity)),
			Breaks: "a field changed between optional, required, repeated and map, or between having presence and not",
			Why:    "the generated field has another type",
			Worse: []Worse{
				{"FIELD_WIRE_COMPATIBLE_CARDINALITY", whyNumber},
				{"FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY", "in JSON " + whyNumber},
			},
		},
		{
			ID: "FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY", Levels: JSON, Shared: true,
			check:  fieldPairs(sameCardinality(cardinality.onJSON)),
			Breaks: "a field changed between optional, required, repeated and map", Why: whyNumber,
		},
		{
			ID: "FIELD_WIRE_COMPATIBLE_CARDINALITY", Levels: Wire, Shared: true,
			check:  fieldPairs(sameCardinality(cardinality.onWire)),
			Breaks: "a field changed between optional, required and repeated (a map is a repeated message on the wire)",
			Why:    whyNumber,
		},
		{
			ID: "FIELD_SAME_JSTYPE", Levels: source, Shared: true, check: fieldPairs(sameJSType),
			Breaks: "a 64-bit field's option jstype is another", Why: "the field has another type in generated JavaScript",
		},
		{
			ID: "FIELD_SAME_CPP_STRING_TYPE", Levels: source, Shared: true, check: fieldPairs(sameCppStringType),
			Breaks: "a string's or bytes field's type in C++ is another (ctype, or the feature pb.cpp.string_type)",
			Why:    "C++ code that uses the field no longer compiles",
		},
		{
			ID: "FIELD_SAME_JAVA_UTF8_VALIDATION", Levels: source, Shared: true, check: fieldPairs(sameJavaUTF8Validation),
			Breaks: "a string's UTF-8 is checked by Java and was not, or the reverse",
			Why:    "Java refuses what it took, or lets pass what it refused",
		},
		{
			ID: "FIELD_SAME_UTF8_VALIDATION", Levels: source, Shared: true, check: fieldPairs(sameUTF8Validation),
			Breaks: "a string's UTF-8 is checked and was not, or the reverse",
			Why:    "one side refuses what the other sends",
		},
	}
}

// fieldText names a field for messages: extensions by their full names.
func fieldText(field protoreflect.FieldDescriptor) string {
	if field.IsExtension() {
		return fmt.Sprintf("extension %s = %d of message %s", field.FullName(), field.Number(),
			field.ContainingMessage().FullName())
	}
	return fmt.Sprintf("field %s = %d of message %s", field.Name(), field.Number(), field.ContainingMessage().FullName())
}

func sameFieldName(c *comparison, old, now protoreflect.FieldDescriptor) {
	before, after := string(old.Name()), string(now.Name())
	if old.IsExtension() {
		before, after = string(old.FullName()), string(now.FullName())
	}
	if before != after {
		c.reportf(c.now.part(now, protoreflect.SourcePath{fieldName}), c.old.part(old, protoreflect.SourcePath{fieldName}),
			c.subjectOf(old), "field %d of message %s is called %s and no longer %s", old.Number(),
			old.ContainingMessage().FullName(), after, before)
	}
}

func sameJSONName(c *comparison, old, now protoreflect.FieldDescriptor) {
	if old.IsExtension() || old.JSONName() == now.JSONName() {
		return // JSON holds extensions under their full names
	}
	path := protoreflect.SourcePath{fieldJSONName}
	c.reportf(c.now.part(now, path), c.old.part(old, path), c.subjectOf(old),
		"%s is %q in JSON and no longer %q", fieldText(now), now.JSONName(), old.JSONName())
}

// isSynthetic reports whether the compiler made a oneof for the keyword optional of proto3. Unlike the compiler's own
// IsSynthetic, it does not go through all fields of the message.
func isSynthetic(oneof protoreflect.OneofDescriptor) bool {
	return oneof.Fields().Len() == 1 && oneof.Fields().Get(0).HasOptionalKeyword()
}

// oneofOf returns the oneof that the source puts a field in, nil when there is none.
func oneofOf(field protoreflect.FieldDescriptor) protoreflect.OneofDescriptor {
	oneof := field.ContainingOneof()
	if oneof == nil || isSynthetic(oneof) {
		return nil
	}
	return oneof
}

func sameOneof(c *comparison, old, now protoreflect.FieldDescriptor) {
	if old.IsExtension() {
		return
	}
	before, after := oneofOf(old), oneofOf(now)
	var change string
	switch {
	case before == nil && after == nil:
		return
	case before == nil:
		change = fmt.Sprintf("into oneof %s", after.Name())
	case after == nil:
		change = fmt.Sprintf("out of oneof %s", before.Name())
	case before.Name() != after.Name():
		change = fmt.Sprintf("from oneof %s to oneof %s", before.Name(), after.Name())
	default:
		return
	}
	c.reportf(c.now.whole(now), c.old.whole(old), c.subjectOf(old), "%s moved %s", fieldText(now), change)
}

// cardinality is how many values a field holds, and whether it tells none from the zero value.
type cardinality string

const (
	explicit cardinality = "optional with presence"
	implicit cardinality = "optional without presence"
	required cardinality = "required"
	repeated cardinality = "repeated"
	mapping  cardinality = "map"
)

func cardinalityOf(field protoreflect.FieldDescriptor) cardinality {
	switch {
	case field.IsList():
		return repeated
	case field.IsMap():
		return mapping
	case field.Cardinality() == protoreflect.Required:
		return required
	case field.HasPresence():
		return explicit
	default:
		return implicit
	}
}

func (k cardinality) identity() cardinality { return k }

// onJSON returns the same for those that may follow each other where JSON is used.
func (k cardinality) onJSON() cardinality {
	if k == implicit {
		return explicit
	}
	return k
}

// onWire returns the same for those that may follow each other where only the binary encoding is used.
func (k cardinality) onWire() cardinality {
	if k == mapping {
		return repeated
	}
	return k.onJSON()
}

func sameCardinality(
	class func(cardinality) cardinality,
) func(c *comparison, old, now protoreflect.FieldDescriptor) {
	return func(c *comparison, old, now protoreflect.FieldDescriptor) {
		if old.ContainingMessage().IsMapEntry() && now.ContainingMessage().IsMapEntry() {
			return // keys and values of a map have neither
		}
		before, after := cardinalityOf(old), cardinalityOf(now)
		if class(before) != class(after) {
			c.reportf(c.now.whole(now), c.old.whole(old), c.subjectOf(old),
				"%s changed from %s to %s", fieldText(now), before, after)
		}
	}
}

func fieldOptionsOf(field protoreflect.FieldDescriptor) *descriptorpb.FieldOptions {
	options, _ := field.Options().(*descriptorpb.FieldOptions)
	return options
}

func is64Bit(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.Int64Kind, protoreflect.Uint64Kind, protoreflect.Sint64Kind, protoreflect.Fixed64Kind,
		protoreflect.Sfixed64Kind:
		return true
	default:
		return false
	}
}

func sameJSType(c *comparison, old, now protoreflect.FieldDescriptor) {
	before, after := fieldOptionsOf(old).GetJstype(), fieldOptionsOf(now).GetJstype()
	if before == after || !is64Bit(old.Kind()) || !is64Bit(now.Kind()) {
		return
	}
	path := protoreflect.SourcePath{fieldOptions, optionJSType}
	c.reportf(c.now.part(now, path), c.old.part(old, path), c.subjectOf(old),
		"option jstype of %s changed from %s to %s", fieldText(now), before, after)
}

// Numbers of fields in FieldOptions and FileOptions; see descriptor.proto.
const (
	optionCType               = 1
	optionJSType              = 6
	optionJavaStringCheckUTF8 = 27
)

func sameUTF8Validation(c *comparison, old, now protoreflect.FieldDescriptor) {
	if old.Kind() != protoreflect.StringKind || now.Kind() != protoreflect.StringKind {
		return
	}
	before, after := utf8Validation(old), utf8Validation(now)
	if before == after {
		return
	}
	path := protoreflect.SourcePath{fieldOptions, fieldFeatures, featureUTF8Validation}
	c.reportf(c.now.option(now, path), c.old.option(old, path), c.subjectOf(old),
		"UTF-8 validation of %s changed from %s to %s", fieldText(now), before, after)
}
