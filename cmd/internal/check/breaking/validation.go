package breaking

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// tightening is a kind of change that makes validation refuse what it took.
type tightening string

const (
	newRequired    tightening = "VALIDATION_NO_NEW_REQUIRED"
	narrowerRange  tightening = "VALIDATION_NO_NARROWER_RANGE"
	newPattern     tightening = "VALIDATION_NO_NEW_PATTERN"
	fewerValues    tightening = "VALIDATION_NO_FEWER_VALUES"
	newExpression  tightening = "VALIDATION_NO_NEW_EXPRESSION"
	whyValidation             = "messages that were taken are refused with INVALID_ARGUMENT"
	validateField             = "buf.validate.field"
	validateOneof             = "buf.validate.oneof"
	validateMember            = "buf.validate.message"
)

// validationRules are about protovalidate's annotations. They compare the annotations as they are written: what an
// expression in CEL allows is not known, so that any new one counts.
func validationRules() []Rule {
	rule := func(id tightening, breaks string) Rule {
		return Rule{
			ID: string(id), Levels: all, check: func(c *comparison) { c.tightened(id) }, Breaks: breaks, Why: whyValidation,
		}
	}
	return []Rule{
		rule(newRequired, "a field or a oneof must be set that could be left out (buf.validate)"),
		rule(narrowerRange, "a number's range, a length or a count is narrower (buf.validate)"),
		rule(newPattern, "a text must look like something that it had not to look like (buf.validate)"),
		rule(fewerValues, "fewer values are allowed: in, not_in, const, defined_only, unique, finite (buf.validate)"),
		rule(newExpression, "a CEL expression is new or another (buf.validate)"),
	}
}

// tightened reports changes of one kind.
func (c *comparison) tightened(kind tightening) {
	fieldPairs(func(c *comparison, old, now protoreflect.FieldDescriptor) {
		before, after := messageExtension(old, validateField), messageExtension(now, validateField)
		c.reportTightened(kind, compareFieldRules(before, after), old, now, fieldText(now),
			protoreflect.SourcePath{fieldOptions, validateOption})
	})(c)
	messagePairs(func(c *comparison, old, now protoreflect.MessageDescriptor) {
		before, after := messageExtension(old, validateMember), messageExtension(now, validateMember)
		c.reportTightened(kind, compareMessageRules(before, after), old, now, "message "+string(now.FullName()),
			protoreflect.SourcePath{messageOptions, validateOption})
		for i := range old.Oneofs().Len() {
			oneof := old.Oneofs().Get(i)
			if isSynthetic(oneof) {
				continue // it has no options
			}
			other := c.now.oneof(now, oneof.Name())
			if other == nil {
				continue
			}
			var t tightenings
			t.flag(newRequired, "must be set", messageExtension(oneof, validateOneof), messageExtension(other, validateOneof),
				"required")
			const oneofOptions = 2 // the number of options in OneofDescriptorProto
			c.reportTightened(kind, t, oneof, other, fmt.Sprintf("oneof %s of message %s", other.Name(), now.FullName()),
				protoreflect.SourcePath{oneofOptions, validateOption})
		}
	})(c)
}

func (c *comparison) reportTightened(
	kind tightening, list tightenings, old, now protoreflect.Descriptor, what string, path protoreflect.SourcePath,
) {
	place := func(c *Contract, d protoreflect.Descriptor) spot { return c.option(d, path) }
	for _, t := range list {
		if t.kind == kind {
			c.reportf(place(c.now, now), place(c.old, old), c.subjectOf(old), "%s %s", what, t.change)
		}
	}
}

// tightenings collects changes.
type tightenings []struct {
	kind   tightening
	change string
}

func (t *tightenings) addf(kind tightening, format string, args ...any) {
	*t = append(*t, struct {
		kind   tightening
		change string
	}{kind, fmt.Sprintf(format, args...)})
}

// flag adds a change when a flag was set.
func (t *tightenings) flag(kind tightening, change string, old, now protoreflect.Message, name protoreflect.Name) {
	if !boolMember(old, name) && boolMember(now, name) {
		t.addf(kind, "%s", change)
	}
}

// ignoreAlways is the number of IGNORE_ALWAYS in buf.validate.Ignore.
const ignoreAlways = 3

// compareFieldRules compares the rules for one field. Either may be nil.
func compareFieldRules(old, now protoreflect.Message) tightenings {
	var t tightenings
	if now == nil || enumMember(now, "ignore") == ignoreAlways {
		return nil
	}
	if enumMember(old, "ignore") == ignoreAlways {
		old = nil
	}
	t.flag(newRequired, "must be set", old, now, "required")
	t.expressions(old, now)
	before, after := rulesForType(old), rulesForType(now)
	if after != nil {
		t.compareType(before, after, "")
	}
	return t
}

func compareMessageRules(old, now protoreflect.Message) tightenings {
	var t tightenings
	if now == nil || boolMember(now, "disabled") {
		return nil
	}
	if boolMember(old, "disabled") {
		old = nil
	}
	t.expressions(old, now)
	before := setOf(messageTexts(old, "oneof"))
	for _, text := range messageTexts(now, "oneof") {
		if !before[text] {
			t.addf(newRequired, "allows only one of several fields now: %s", text)
		}
	}
	return t
}

// rulesForType returns the rules for the field's type, such as StringRules: the member of the oneof that is set.
func rulesForType(rules protoreflect.Message) protoreflect.Message {
	if rules == nil {
		return nil
	}
	oneof := rules.Descriptor().Oneofs().ByName("type")
	if oneof == nil {
		return nil
	}
	field := rules.WhichOneof(oneof)
	if field == nil || field.Message() == nil {
		return nil
	}
	return rules.Get(field).Message()
}

// expressions compares CEL expressions, which stand in one list with ids and messages and in another one without.
func (t *tightenings) expressions(old, now protoreflect.Message) {
	before := setOf(slices.Concat(celTexts(old), texts(old, "cel_expression")))
	for _, text := range slices.Concat(celTexts(now), texts(now, "cel_expression")) {
		if !before[text] {
			t.addf(newExpression, "must fulfil %q now", text)
		}
	}
}

// celTexts returns the expressions of a list of rules; their ids and messages say nothing about what they refuse.
func celTexts(rules protoreflect.Message) []string {
	var list []string
	for m := range messages(rules, "cel") {
		list = append(list, stringMember(m, "expression"))
	}
	return list
}

// messages yields the members of a list of messages.
func messages(m protoreflect.Message, name protoreflect.Name) func(yield func(protoreflect.Message) bool) {
	return func(yield func(protoreflect.Message) bool) {
		value, set := member(m, name)
		list, ok := value.Interface().(protoreflect.List)
		if !set || !ok {
			return
		}
		for i := range list.Len() {
			inner, ok := list.Get(i).Interface().(protoreflect.Message)
			if !ok || !yield(inner) {
				return
			}
		}
	}
}

// messageTexts returns the members of a list of messages, in the order of their fields.
func messageTexts(m protoreflect.Message, name protoreflect.Name) []string {
	var list []string
	for inner := range messages(m, name) {
		list = append(list, strings.Join(texts(inner, "fields"), ", "))
	}
	return list
}

// texts returns the members of a list of scalars.
func texts(m protoreflect.Message, name protoreflect.Name) []string {
	value, set := member(m, name)
	list, ok := value.Interface().(protoreflect.List)
	if !set || !ok {
		return nil
	}
	field := m.Descriptor().Fields().ByName(name)
	all := make([]string, list.Len())
	for i := range all {
		all[i] = scalarText(field, list.Get(i))
	}
	return all
}

// compareType compares rules for a type, which may have become another type. Path says what of the field they are for:
// nothing, or "each item", "each key", "each value".
func (t *tightenings) compareType(old, now protoreflect.Message, path string) {
	prefix := ""
	if path != "" {
		prefix = "in " + path + " "
	}
	t.lowerBound(old, now, prefix)
	t.upperBound(old, now, prefix)
	fields := now.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if !now.Has(field) {
			continue
		}
		name := field.Name()
		switch name {
		case "items", "keys", "values":
			nested := map[protoreflect.Name]string{"items": "each item", "keys": "each key", "values": "each value"}[name]
			for _, change := range compareFieldRules(messageMember(old, name), messageMember(now, name)) {
				t.addf(change.kind, "%sin %s %s", prefix, nested, change.change)
			}
		case "in":
			t.membersOnly(old, now, prefix)
		case "not_in":
			t.membersNever(old, now, prefix)
		case "const":
			t.changedText(fewerValues, old, now, field, prefix+"must be")
		case "len", "len_bytes":
			t.changedText(narrowerRange, old, now, field, prefix+"must have the length")
		case "pattern", "prefix", "suffix", "contains", "not_contains":
			t.changedText(newPattern, old, now, field,
				prefix+"must fit "+strings.ReplaceAll(string(name), "_", " "))
		case "within":
			t.within(old, now, prefix)
		case "unique", "defined_only", "finite":
			t.flag(fewerValues, prefix+"must be "+flagText(name)+" now", old, now, name)
		case "lt_now", "gt_now":
			t.flag(narrowerRange, prefix+"must lie in the "+flagText(name)+" now", old, now, name)
		case "strict", "example":
		default:
			t.format(old, now, field, prefix)
		}
	}
}

func flagText(name protoreflect.Name) string {
	switch name {
	case "lt_now":
		return "past"
	case "gt_now":
		return "future"
	case "defined_only":
		return "one of the enum's values"
	default:
		return string(name)
	}
}

// format compares the flags and the enum that want a text to be an address, a host name and the like.
func (t *tightenings) format(old, now protoreflect.Message, field protoreflect.FieldDescriptor, prefix string) {
	switch {
	case field.Kind() == protoreflect.BoolKind && !field.IsList():
		t.flag(newPattern, prefix+"must be of the form "+string(field.Name())+" now", old, now, field.Name())
	case field.Kind() == protoreflect.EnumKind && !field.IsList():
		if after := now.Get(field).Enum(); after != 0 && enumMember(old, field.Name()) != after {
			t.addf(newPattern, "%smust be of the form %s now", prefix, enumText(field.Enum(), after))
		}
	}
}

// changedText adds a change when a rule with one value is new or has another value.
func (t *tightenings) changedText(
	kind tightening, old, now protoreflect.Message, field protoreflect.FieldDescriptor, what string,
) {
	after := scalarText(field, now.Get(field))
	before, set := member(old, field.Name())
	if !set {
		t.addf(kind, "%s %s now", what, after)
		return
	}
	if text := scalarText(old.Descriptor().Fields().ByName(field.Name()), before); text != after {
		t.addf(kind, "%s %s and no longer %s", what, after, text)
	}
}

func (t *tightenings) membersOnly(old, now protoreflect.Message, prefix string) {
	before, after := texts(old, "in"), texts(now, "in")
	if len(after) == 0 {
		return
	}
	if len(before) == 0 {
		t.addf(fewerValues, "%smust be one of %s now", prefix, strings.Join(after, ", "))
		return
	}
	kept := setOf(after)
	if lost := slices.DeleteFunc(before, func(s string) bool { return kept[s] }); len(lost) > 0 {
		t.addf(fewerValues, "%smay no longer be %s", prefix, strings.Join(lost, ", "))
	}
}

func (t *tightenings) membersNever(old, now protoreflect.Message, prefix string) {
	before, after := setOf(texts(old, "not_in")), texts(now, "not_in")
	if more := slices.DeleteFunc(after, func(s string) bool { return before[s] }); len(more) > 0 {
		t.addf(fewerValues, "%smay no longer be %s", prefix, strings.Join(more, ", "))
	}
}

// scalarText returns a value as a reader writes it: durations and timestamps as seconds.
func scalarText(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	if m, ok := value.Interface().(protoreflect.Message); ok {
		if number := numberOf(value); number != nil {
			return number.Text('g', 20) + "s"
		}
		return string(m.Descriptor().FullName())
	}
	if b, ok := value.Interface().([]byte); ok {
		return strconv.Quote(string(b))
	}
	if s, ok := value.Interface().(string); ok {
		return strconv.Quote(s)
	}
	if n, ok := value.Interface().(protoreflect.EnumNumber); ok && field.Enum() != nil {
		return enumText(field.Enum(), n)
	}
	return fmt.Sprint(value.Interface())
}

// numberOf returns a number, or the seconds of a Duration or Timestamp; nil for what is neither.
func numberOf(value protoreflect.Value) *big.Float {
	switch v := value.Interface().(type) {
	case int32, int64:
		return new(big.Float).SetInt64(value.Int())
	case uint32, uint64:
		return new(big.Float).SetUint64(value.Uint())
	case float32, float64:
		if math.IsNaN(value.Float()) {
			return nil
		}
		return big.NewFloat(value.Float())
	case protoreflect.Message:
		seconds, _ := member(v, "seconds")
		nanos, _ := member(v, "nanos")
		s, ok := seconds.Interface().(int64)
		n, also := nanos.Interface().(int32)
		if !ok || !also {
			return nil
		}
		fraction := new(big.Float).Quo(big.NewFloat(float64(n)), big.NewFloat(1e9))
		return fraction.Add(fraction, new(big.Float).SetInt64(s))
	default:
		return nil
	}
}
