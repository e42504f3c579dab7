package breaking

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// enumRules are about enums that both sides have.
func enumRules() []Rule {
	const (
		whyValue = "the old value may be stored or sent by clients, and means something else if the number is used again"
		whyName  = "JSON that holds the name is refused, or means something else if the name is used again"
	)
	return []Rule{
		{
			ID: "ENUM_SAME_TYPE", Levels: source, Shared: true, check: enumPairs(sameClosedness),
			Breaks: "an enum changed between open and closed",
			Why:    "values that are not known are kept in the field on one side and among the unknown fields on the other",
		},
		{
			ID: "ENUM_SAME_JSON_FORMAT", Levels: JSON | source, Shared: true, check: enumPairs(sameEnumJSONFormat),
			Breaks: "an enum no longer promises JSON", Why: "JSON that worked may be refused",
		},
		{
			ID: "ENUM_VALUE_NO_DELETE", Levels: source, Shared: true, check: enumPairs(valuesKept(keptAlways)),
			Breaks: "a value of an enum is gone", Why: "code that names the generated constant no longer compiles",
			Worse: []Worse{
				{"ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED", whyValue},
				{"ENUM_VALUE_NO_DELETE_UNLESS_NAME_RESERVED", whyName},
			},
		},
		{
			ID: "ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED", Levels: Wire | JSON, Shared: true,
			check:  enumPairs(valuesKept(unlessNumberReserved)),
			Breaks: "a value of an enum is gone and its number is not reserved", Why: whyValue,
		},
		{
			ID: "ENUM_VALUE_NO_DELETE_UNLESS_NAME_RESERVED", Levels: JSON, Shared: true,
			check:  enumPairs(valuesKept(unlessNameReserved)),
			Breaks: "a value of an enum is gone and its name is not reserved",
			Why:    whyName,
		},
		{
			ID: "ENUM_VALUE_SAME_NAME", Levels: JSON | source, Shared: true, check: enumPairs(sameValueNames),
			Breaks: "a value of an enum has another name",
			Why:    "JSON holds names of values, and the generated constant has another name",
		},
		{
			ID: "RESERVED_ENUM_NO_DELETE", Levels: all, Shared: true, check: enumPairs(reservedValuesKept),
			Breaks: "an enum no longer reserves a number or a name", Why: "it can be used again with another meaning",
		},
	}
}

// keeping is which deletions are forgiven.
type keeping int

const (
	keptAlways keeping = iota
	unlessNumberReserved
	unlessNameReserved
)

func sameClosedness(c *comparison, old, now protoreflect.EnumDescriptor) {
	if old.IsClosed() == now.IsClosed() {
		return
	}
	state := map[bool]string{true: "closed", false: "open"}
	path := protoreflect.SourcePath{enumOptions, enumFeatures, featureEnumType}
	c.reportf(c.now.option(now, path), c.old.option(old, path), c.subjectOf(old),
		"enum %s changed from %s to %s", old.FullName(), state[old.IsClosed()], state[now.IsClosed()])
}

func sameEnumJSONFormat(c *comparison, old, now protoreflect.EnumDescriptor) {
	before, after := jsonFormat(old), jsonFormat(now)
	if before != descriptorpb.FeatureSet_ALLOW || after == descriptorpb.FeatureSet_ALLOW {
		return
	}
	path := protoreflect.SourcePath{enumOptions, enumFeatures, featureJSONFormat}
	c.reportf(c.now.option(now, path), c.old.option(old, path), c.subjectOf(old),
		"JSON support of enum %s changed from %s to %s", old.FullName(), before, after)
}

// namesByNumber returns the values of an enum; under an alias a number has several names.
func namesByNumber(enum protoreflect.EnumDescriptor) map[protoreflect.EnumNumber][]protoreflect.EnumValueDescriptor {
	values := make(map[protoreflect.EnumNumber][]protoreflect.EnumValueDescriptor)
	for i := range enum.Values().Len() {
		value := enum.Values().Get(i)
		values[value.Number()] = append(values[value.Number()], value)
	}
	return values
}

func valuesKept(mode keeping) func(c *comparison, old, now protoreflect.EnumDescriptor) {
	return func(c *comparison, old, now protoreflect.EnumDescriptor) {
		before, after := namesByNumber(old), namesByNumber(now)
		numbers, reserved := newSpans(enumSpans(now.ReservedRanges())), setOfNames(now.ReservedNames())
		for _, number := range slices.Sorted(maps.Keys(before)) {
			if len(after[number]) > 0 {
				continue
			}
			missing := ""
			switch mode {
			case keptAlways:
			case unlessNumberReserved:
				if numbers.has(int(number)) {
					continue
				}
				missing = ", and the number is not reserved"
			case unlessNameReserved:
				names := unreserved(reserved, before[number])
				if len(names) == 0 {
					continue
				}
				missing = ", and the name " + strings.Join(names, ", ") + " is not reserved"
			}
			c.reportf(c.now.whole(now), c.old.whole(before[number][0]), c.subjectOf(before[number][0]),
				"value %s = %d of enum %s was deleted%s", before[number][0].Name(), number, old.FullName(), missing)
		}
	}
}

// unreserved returns the names of values that are not among reserved.
func unreserved(reserved map[protoreflect.Name]bool, values []protoreflect.EnumValueDescriptor) []string {
	var names []string
	for _, value := range values {
		if !reserved[value.Name()] {
			names = append(names, string(value.Name()))
		}
	}
	return names
}

// sameValueNames wants each number to keep all its names. More of them may be added as aliases.
func sameValueNames(c *comparison, old, now protoreflect.EnumDescriptor) {
	before, after := namesByNumber(old), namesByNumber(now)
	for _, number := range slices.Sorted(maps.Keys(before)) {
		current := make(map[protoreflect.Name]bool)
		for _, value := range after[number] {
			current[value.Name()] = true
		}
		var lost []string
		for _, value := range before[number] {
			if !current[value.Name()] {
				lost = append(lost, string(value.Name()))
			}
		}
		if len(lost) == 0 {
			continue
		}
		for _, value := range after[number] {
			c.reportf(c.now.part(value, protoreflect.SourcePath{valueNumber}), c.old.whole(before[number][0]),
				c.subjectOf(before[number][0]), "value %d of enum %s is called %s and no longer %s",
				number, old.FullName(), value.Name(), strings.Join(lost, ", "))
		}
	}
}

// enumSpans returns ranges of numbers of an enum's values.
func enumSpans(ranges protoreflect.EnumRanges) []span {
	list := make([]span, ranges.Len())
	for i := range list {
		r := ranges.Get(i)
		list[i] = span{int(r[0]), int(r[1])}
	}
	return list
}

func reservedValuesKept(c *comparison, old, now protoreflect.EnumDescriptor) {
	after, names := newSpans(enumSpans(now.ReservedRanges())), setOfNames(now.ReservedNames())
	for _, r := range enumSpans(old.ReservedRanges()) {
		if gaps := after.lack(r); len(gaps) > 0 {
			c.reportf(c.now.whole(now), c.old.whole(old), c.subjectOf(old), "enum %s no longer reserves %s",
				old.FullName(), spansText(gaps, maxEnumNumber))
		}
	}
	for i := range old.ReservedNames().Len() {
		if name := old.ReservedNames().Get(i); !names[name] {
			c.reportf(c.now.whole(now), c.old.whole(old), c.subjectOf(old),
				"enum %s no longer reserves the name %q", old.FullName(), name)
		}
	}
}

// enumIncludes reports whether every value of part is one of whole, with its name.
func enumIncludes(whole, part protoreflect.EnumDescriptor) bool {
	numbers := make(map[protoreflect.Name]protoreflect.EnumNumber, whole.Values().Len())
	for i := range whole.Values().Len() {
		value := whole.Values().Get(i)
		numbers[value.Name()] = value.Number()
	}
	for i := range part.Values().Len() {
		want := part.Values().Get(i)
		if number, ok := numbers[want.Name()]; !ok || number != want.Number() {
			return false
		}
	}
	return true
}

// rangeText is used where a range has to be shown.
func rangeText(first, last, maximum int) string {
	switch last {
	case first:
		return strconv.Itoa(first)
	case maximum:
		return fmt.Sprintf("%d to max", first)
	default:
		return fmt.Sprintf("%d to %d", first, last)
	}
}
