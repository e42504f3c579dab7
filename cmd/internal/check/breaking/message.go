package breaking

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// messageRules are about messages that both sides have.
func messageRules() []Rule {
	const (
		whyField  = "what is stored or sent under the number is misread when the number is used again"
		whyName   = "JSON that holds the name is misread when the name is used again"
		whyMust   = "a message without the field is refused by the side that requires it"
		whySource = "code that reads or sets it no longer compiles"
	)
	return []Rule{
		{
			ID: "FIELD_NO_DELETE", Levels: source, Shared: true, check: messagePairs(fieldsKept(keptAlways)),
			Breaks: "a field is gone", Why: whySource,
			Worse: []Worse{
				{"FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED", whyField}, {"FIELD_NO_DELETE_UNLESS_NAME_RESERVED", whyName},
			},
		},
		{
			ID: "FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED", Levels: Wire | JSON, Shared: true,
			check:  messagePairs(fieldsKept(unlessNumberReserved)),
			Breaks: "a field is gone and its number is not reserved", Why: whyField,
		},
		{
			ID: "FIELD_NO_DELETE_UNLESS_NAME_RESERVED", Levels: JSON, Shared: true,
			check:  messagePairs(fieldsKept(unlessNameReserved)),
			Breaks: "a field is gone and its name is not reserved",
			Why:    whyName,
		},
		{
			ID: "ONEOF_NO_DELETE", Levels: source, Shared: true, check: messagePairs(oneofsKept),
			Breaks: "a oneof is gone", Why: "code that switches over it no longer compiles",
		},
		{
			ID: "MESSAGE_SAME_REQUIRED_FIELDS", Levels: all, Shared: true, check: messagePairs(sameRequired(false)),
			Breaks: "a required field was added or is gone, or a field became or ceased to be required", Why: whyMust,
		},
		{
			ID: "MESSAGE_SAME_LEGACY_REQUIRED_FIELDS", Levels: all, check: messagePairs(sameRequired(true)),
			Breaks: "editions: a field is or was required by the feature field_presence = LEGACY_REQUIRED, and was or is not",
			Why:    whyMust,
		},
		{
			ID: "MESSAGE_SAME_JSON_FORMAT", Levels: JSON | source, Shared: true, check: messagePairs(sameMessageJSONFormat),
			Breaks: "a message no longer promises JSON", Why: "JSON that worked may be refused",
		},
		{
			ID: "MESSAGE_NO_REMOVE_STANDARD_DESCRIPTOR_ACCESSOR", Levels: source, Shared: true,
			check:  messagePairs(descriptorAccessorKept),
			Breaks: "the option no_standard_descriptor_accessor was set",
			Why:    "C++ code that calls descriptor() no longer compiles",
		},
		{
			ID: "RESERVED_MESSAGE_NO_DELETE", Levels: all, Shared: true, check: messagePairs(reservedFieldsKept),
			Breaks: "a message no longer reserves a number or a name", Why: "it can be used again with another meaning",
		},
		{
			ID: "EXTENSION_MESSAGE_NO_DELETE", Levels: source, Shared: true, check: messagePairs(extensionRangesKept),
			Breaks: "a message no longer leaves numbers to extensions",
			Why:    "contracts that extend the message no longer compile",
		},
	}
}

func fieldsKept(mode keeping) func(c *comparison, old, now protoreflect.MessageDescriptor) {
	return func(c *comparison, old, now protoreflect.MessageDescriptor) {
		numbers, names := reservedFields(now), setOfNames(now.ReservedNames())
		for i := range old.Fields().Len() {
			field := old.Fields().Get(i)
			if c.now.field(now, field.Number()) != nil {
				continue
			}
			missing := ""
			switch mode {
			case keptAlways:
			case unlessNumberReserved:
				if numbers.has(int(field.Number())) {
					continue
				}
				missing = ", and the number is not reserved"
			case unlessNameReserved:
				if names[field.Name()] {
					continue
				}
				missing = ", and the name is not reserved"
			}
			c.reportf(c.now.whole(now), c.old.whole(field), c.subjectOf(field),
				"field %s = %d of message %s was deleted%s", field.Name(), field.Number(), old.FullName(), missing)
		}
	}
}

func oneofsKept(c *comparison, old, now protoreflect.MessageDescriptor) {
	for i := range old.Oneofs().Len() {
		oneof := old.Oneofs().Get(i)
		if isSynthetic(oneof) || c.now.oneof(now, oneof.Name()) != nil {
			continue // the compiler makes one for each optional field of proto3, whose presence other rules compare
		}
		c.reportf(c.now.whole(now), c.old.whole(oneof), c.subjectOf(oneof),
			"oneof %s of message %s was deleted", oneof.Name(), old.FullName())
	}
}

// requiredFields returns the required fields of m: those with the label, or those that editions make required.
func requiredFields(m protoreflect.MessageDescriptor, editions bool) []protoreflect.FieldDescriptor {
	if (m.ParentFile().Syntax() == protoreflect.Editions) != editions {
		return nil
	}
	var required []protoreflect.FieldDescriptor
	for i := range m.Fields().Len() {
		if field := m.Fields().Get(i); field.Cardinality() == protoreflect.Required {
			required = append(required, field)
		}
	}
	return required
}

func sameRequired(editions bool) func(c *comparison, old, now protoreflect.MessageDescriptor) {
	numbers := func(fields []protoreflect.FieldDescriptor) map[protoreflect.FieldNumber]bool {
		set := make(map[protoreflect.FieldNumber]bool, len(fields))
		for _, field := range fields {
			set[field.Number()] = true
		}
		return set
	}
	return func(c *comparison, old, now protoreflect.MessageDescriptor) {
		before, after := requiredFields(old, editions), requiredFields(now, editions)
		was, is := numbers(before), numbers(after)
		for _, field := range before {
			if !is[field.Number()] {
				c.reportf(c.now.whole(now), c.old.whole(field), c.subjectOf(field),
					"field %s = %d of message %s was required and no longer is", field.Name(), field.Number(), old.FullName())
			}
		}
		for _, field := range after {
			if !was[field.Number()] {
				c.reportf(c.now.whole(field), c.old.whole(old), c.subjectOf(old),
					"message %s requires field %s = %d now", old.FullName(), field.Name(), field.Number())
			}
		}
	}
}

func sameMessageJSONFormat(c *comparison, old, now protoreflect.MessageDescriptor) {
	before, after := jsonFormat(old), jsonFormat(now)
	if before != descriptorpb.FeatureSet_ALLOW || after == descriptorpb.FeatureSet_ALLOW {
		return
	}
	path := protoreflect.SourcePath{messageOptions, messageFeatures, featureJSONFormat}
	c.reportf(c.now.option(now, path), c.old.option(old, path), c.subjectOf(old),
		"JSON support of message %s changed from %s to %s", old.FullName(), before, after)
}

func descriptorAccessorKept(c *comparison, old, now protoreflect.MessageDescriptor) {
	before, _ := old.Options().(*descriptorpb.MessageOptions)
	after, _ := now.Options().(*descriptorpb.MessageOptions)
	if before.GetNoStandardDescriptorAccessor() || !after.GetNoStandardDescriptorAccessor() {
		return
	}
	const noStandardDescriptorAccessor = 2 // its number in MessageOptions
	c.reportf(c.now.part(now, protoreflect.SourcePath{messageOptions, noStandardDescriptorAccessor}), c.old.whole(old),
		c.subjectOf(old), "message %s has the option no_standard_descriptor_accessor now", old.FullName())
}

// fieldSpans returns ranges of field numbers with both ends included.
func fieldSpans(ranges protoreflect.FieldRanges) []span {
	spans := make([]span, ranges.Len())
	for i := range spans {
		r := ranges.Get(i)
		spans[i] = span{int(r[0]), int(r[1]) - 1}
	}
	return spans
}

// reservedFields returns the numbers that m reserves.
func reservedFields(m protoreflect.MessageDescriptor) spans {
	return newSpans(fieldSpans(m.ReservedRanges()))
}

// setOfNames returns names as a set.
func setOfNames(names protoreflect.Names) map[protoreflect.Name]bool {
	set := make(map[protoreflect.Name]bool, names.Len())
	for i := range names.Len() {
		set[names.Get(i)] = true
	}
	return set
}

func reservedFieldsKept(c *comparison, old, now protoreflect.MessageDescriptor) {
	after, names := reservedFields(now), setOfNames(now.ReservedNames())
	for _, r := range fieldSpans(old.ReservedRanges()) {
		if gaps := after.lack(r); len(gaps) > 0 {
			c.reportf(c.now.whole(now), c.old.whole(old), c.subjectOf(old), "message %s no longer reserves %s",
				old.FullName(), spansText(gaps, maxFieldNumber))
		}
	}
	for i := range old.ReservedNames().Len() {
		if name := old.ReservedNames().Get(i); !names[name] {
			c.reportf(c.now.whole(now), c.old.whole(old), c.subjectOf(old),
				"message %s no longer reserves the name %q", old.FullName(), name)
		}
	}
}

func extensionRangesKept(c *comparison, old, now protoreflect.MessageDescriptor) {
	after := newSpans(fieldSpans(now.ExtensionRanges()))
	for _, r := range fieldSpans(old.ExtensionRanges()) {
		if gaps := after.lack(r); len(gaps) > 0 {
			c.reportf(c.now.whole(now), c.old.whole(old), c.subjectOf(old), "message %s no longer leaves %s to extensions",
				old.FullName(), spansText(gaps, maxFieldNumber))
		}
	}
}
