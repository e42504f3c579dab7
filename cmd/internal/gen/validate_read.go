package gen

import (
	"math"
	"regexp"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/gofeaturespb"
)

// ruleBook has the rules of all messages that a plugin knows.
type ruleBook struct {
	messages map[protoreflect.FullName]*messageRules
}

// messageRules are the rules of one message.
type messageRules struct {
	msg      *protogen.Message
	options  *validate.MessageRules
	required []*protogen.Oneof // of which one member has to be set
	fields   []*fieldRules
	part     *part // what is left to an evaluator; nil: nothing

	reaches  bool // it has rules, or a message that one of its fields holds has some
	surveyed bool // an evaluator is needed for it or for such a message, or may be
}

// part is rules.Part of the run time, as it is generated.
type part struct {
	self   bool
	fields []string
}

// fieldRules are the rules of one field.
type fieldRules struct {
	field  *protogen.Field
	rules  *validate.FieldRules // nil: none that are compiled
	ignore validate.Ignore
	// required means that the field has to be set.
	required bool
	// nested is the message whose rules apply to the value, or to those of the list or map; nil: none.
	nested *protogen.Message
	// passEmpty means that the rules of nested pass over empty messages, in a list or map.
	passEmpty bool
}

// readRules reads the rules of all files, and reports what is wrong with those of files that are to be generated.
func readRules(plugin *protogen.Plugin) (*ruleBook, error) {
	book := &ruleBook{messages: make(map[protoreflect.FullName]*messageRules)}
	var problems Problems
	for _, file := range plugin.Files {
		eachMessage(file.Messages, func(m *protogen.Message) {
			r := reader{messageRules: &messageRules{msg: m}}
			r.read()
			book.messages[m.Desc.FullName()] = r.messageRules
			if file.Generate {
				problems = append(problems, r.problems...)
			}
		})
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	book.spread(func(m *messageRules) *bool { return &m.reaches }, false)
	book.drop()
	book.spread(func(m *messageRules) *bool { return &m.surveyed }, true)
	for _, m := range book.messages {
		if m.reaches {
			m.checkNames(&problems, plugin)
		}
	}
	return book, problems.err()
}

// spread sets a mark of messages for those as well that hold a marked one, and with foreign for those that hold one of
// another Go package at all.
func (r *ruleBook) spread(mark func(*messageRules) *bool, foreign bool) {
	for changed := true; changed; {
		changed = false
		for _, m := range r.messages {
			if *mark(m) {
				continue
			}
			*mark(m) = slices.ContainsFunc(m.fields, func(f *fieldRules) bool {
				if f.nested == nil {
					return false
				}
				held := r.messages[f.nested.Desc.FullName()]
				return held != nil && *mark(held) ||
					foreign && f.nested.GoIdent.GoImportPath != m.msg.GoIdent.GoImportPath
			})
			changed = changed || *mark(m)
		}
	}
}

// drop forgets the messages in fields that have no rules, and the fields that then have none.
func (r *ruleBook) drop() {
	for _, m := range r.messages {
		for _, f := range m.fields {
			if f.nested == nil {
				continue
			}
			if held := r.messages[f.nested.Desc.FullName()]; held == nil || !held.reaches {
				f.nested = nil
			}
		}
		m.fields = slices.DeleteFunc(m.fields, func(f *fieldRules) bool {
			return f.nested == nil && f.rules == nil && !f.required
		})
	}
}

// checkNames reports fields of a message to be generated whose names in Go are those of our methods.
func (m *messageRules) checkNames(problems *Problems, plugin *protogen.Plugin) {
	file := plugin.FilesByPath[m.msg.Desc.ParentFile().Path()]
	if file == nil || !file.Generate {
		return
	}
	if m.msg.APILevel == gofeaturespb.GoFeatures_API_OPAQUE {
		return // what is hidden has another name
	}
	check := func(d protoreflect.Descriptor, kind, name string) {
		if name == "ValidateFields" || name == "SurveyRules" && m.surveyed {
			problems.add(d, nil, "%s %s is %s in Go, which is a method of messages with rules; rename it", kind, d.Name(), name)
		}
	}
	for _, f := range m.msg.Fields {
		if !isMember(f) {
			check(f.Desc, "field", f.GoName)
		}
	}
	for _, o := range m.msg.Oneofs {
		if !o.Desc.IsSynthetic() {
			check(o.Desc, "oneof", o.GoName)
		}
	}
}

// reader reads the rules of one message.
type reader struct {
	*messageRules

	at       protoreflect.FieldDescriptor // the field at hand
	problems Problems
}

func (r *reader) read() {
	options, _ := proto.GetExtension(r.msg.Desc.Options(), validate.E_Message).(*validate.MessageRules)
	r.options = options
	left := part{self: len(r.options.GetCel()) > 0 || len(r.options.GetCelExpression()) > 0 || foreign(r.options)}
	for _, rule := range r.options.GetOneof() {
		r.checkOneof(rule)
	}
	for _, oneof := range r.msg.Oneofs {
		rules, _ := proto.GetExtension(oneof.Desc.Options(), validate.E_Oneof).(*validate.OneofRules)
		if rules.GetRequired() && !oneof.Desc.IsSynthetic() {
			r.required = append(r.required, oneof)
		}
		if foreign(rules) {
			r.problems.add(oneof.Desc, nil, "oneof %s has rules that are unknown here; they may be of a newer schema",
				oneof.Desc.Name())
		}
	}
	for _, f := range r.msg.Fields {
		if r.field(f) {
			left.fields = append(left.fields, string(f.Desc.Name()))
		}
	}
	if left.self || len(left.fields) > 0 {
		r.part = &left
		r.surveyed = true
	}
	r.reaches = r.part != nil || len(r.required) > 0 || len(r.options.GetOneof()) > 0 ||
		slices.ContainsFunc(r.fields, func(f *fieldRules) bool { return f.rules != nil || f.required })
}

func (r *reader) checkOneof(rule *validate.MessageOneofRule) {
	if len(rule.GetFields()) == 0 {
		r.problems.add(r.msg.Desc, nil, "a oneof rule of message %s names no fields", r.msg.Desc.Name())
	}
	seen := make(map[string]bool)
	for _, name := range rule.GetFields() {
		if r.msg.Desc.Fields().ByName(protoreflect.Name(name)) == nil {
			r.problems.add(r.msg.Desc, nil, "a oneof rule of message %s names %s, which is no field of it",
				r.msg.Desc.Name(), name)
		}
		if seen[name] {
			r.problems.add(r.msg.Desc, nil, "a oneof rule of message %s names %s twice", r.msg.Desc.Name(), name)
		}
		seen[name] = true
	}
}

// field reads the rules of f and reports whether they are left to an evaluator.
func (r *reader) field(f *protogen.Field) bool {
	rules, _ := proto.GetExtension(f.Desc.Options(), validate.E_Field).(*validate.FieldRules)
	out := &fieldRules{field: f, rules: rules, ignore: rules.GetIgnore(), required: rules.GetRequired()}
	if rules != nil && !rules.HasIgnore() && r.inOneofRule(f) {
		out.ignore = validate.Ignore_IGNORE_IF_ZERO_VALUE
	}
	if out.ignore == validate.Ignore_IGNORE_ALWAYS {
		return false
	}
	out.nested, out.passEmpty = nestedOf(f, rules)
	r.at = f.Desc
	left := r.check(f.Desc, rules, false)
	if left {
		out.rules, out.required = nil, false
	} else if rules != nil && !effective(f.Desc, rules) {
		out.rules = nil
	}
	if out.rules != nil || out.required || out.nested != nil {
		r.fields = append(r.fields, out)
	}
	return left
}

func (r *reader) inOneofRule(f *protogen.Field) bool {
	return slices.ContainsFunc(r.options.GetOneof(), func(rule *validate.MessageOneofRule) bool {
		return slices.Contains(rule.GetFields(), string(f.Desc.Name()))
	})
}

// nestedOf returns the message that a field holds, in a list or map as well; nil when it holds none, or when the rules
// say that it is passed over. With passEmpty that goes for empty ones.
func nestedOf(f *protogen.Field, rules *validate.FieldRules) (nested *protogen.Message, passEmpty bool) {
	var of *validate.FieldRules
	nested = f.Message
	switch {
	case f.Desc.IsMap():
		of, nested = rules.GetMap().GetValues(), f.Message.Fields[1].Message
	case f.Desc.IsList():
		of = rules.GetRepeated().GetItems()
	}
	if of.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
		return nil, false
	}
	return nested, of.GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE
}

// effective reports whether anything but required is asked of a field.
func effective(desc protoreflect.FieldDescriptor, rules *validate.FieldRules) bool {
	switch {
	case rules == nil || rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS:
		return false
	case desc.IsMap():
		m := rules.GetMap()
		return m.HasMinPairs() || m.HasMaxPairs() || effective(desc.MapKey(), m.GetKeys()) ||
			effective(desc.MapValue(), m.GetValues())
	case desc.IsList():
		l := rules.GetRepeated()
		return l.HasMinItems() || l.HasMaxItems() || l.GetUnique() || l.HasItems()
	default:
		return typeOf(rules) != nil
	}
}

// typeOf returns the field of FieldRules in which the rules of a type are, nil when there are none.
func typeOf(rules *validate.FieldRules) protoreflect.FieldDescriptor {
	m := rules.ProtoReflect()
	return m.WhichOneof(m.Descriptor().Oneofs().ByName("type"))
}

// check reports rules that cannot be meant, and reports whether generated code leaves those of the field to an
// evaluator. An item is one of a list.
func (r *reader) check(desc protoreflect.FieldDescriptor, rules *validate.FieldRules, item bool) bool {
	if rules == nil || rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
		return false
	}
	switch rules.GetIgnore() {
	case validate.Ignore_IGNORE_UNSPECIFIED, validate.Ignore_IGNORE_IF_ZERO_VALUE, validate.Ignore_IGNORE_ALWAYS:
	default:
		r.problems.add(r.at, nil, "field %s: the number %d for ignore is unknown here; older schemas had others",
			r.at.Name(), rules.GetIgnore())
	}
	left := len(rules.GetCel()) > 0 || len(rules.GetCelExpression()) > 0 || foreign(rules)
	kind := typeOf(rules)
	if kind == nil {
		return left
	}
	want, list := ruleType(desc, item)
	if string(kind.Name()) != want {
		r.problems.add(r.at, nil, "field %s has rules for %s, but it is of type %s", r.at.Name(), kind.Name(),
			describeType(desc, item))
		return left
	}
	typed := rules.ProtoReflect().Get(kind).Message()
	left = left || foreign(typed.Interface()) || r.checkValues(typed)
	switch {
	case desc.IsMap():
		keys := r.check(desc.MapKey(), rules.GetMap().GetKeys(), false)
		values := r.check(desc.MapValue(), rules.GetMap().GetValues(), false)
		left = left || keys || values
	case list:
		items := r.check(desc, rules.GetRepeated().GetItems(), true)
		left = left || items
		if rules.GetRepeated().GetUnique() && desc.Message() != nil {
			r.problems.add(r.at, nil, "field %s: messages cannot be told to be unique", r.at.Name())
		}
	}
	return left
}

// checkValues reports patterns that do not compile, and reports whether a bound is NaN, which compares with nothing.
func (r *reader) checkValues(typed protoreflect.Message) (left bool) {
	typed.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Name() == "pattern":
			if _, err := regexp.Compile(v.String()); err != nil {
				r.problems.add(r.at, nil, "field %s: %v", r.at.Name(), err)
			}
		case f.Kind() != protoreflect.FloatKind && f.Kind() != protoreflect.DoubleKind:
		case f.IsList():
			for i := range v.List().Len() {
				left = left || math.IsNaN(v.List().Get(i).Float())
			}
		default:
			left = left || math.IsNaN(v.Float())
		}
		return true
	})
	return left
}

// foreign reports whether a message of rules has some that are not protovalidate's own, or that are newer than what is
// known here: for neither there is code.
func foreign(rules proto.Message) bool {
	m := rules.ProtoReflect()
	if len(m.GetUnknown()) > 0 {
		return true
	}
	found := false
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		found = f.IsExtension() || !compiled(f)
		return !found
	})
	return found
}

// compiled reports whether there is code for a rule, by its name, which is the same for all types that have it. It
// lists what the schema had when this was written, so that what is added to it is not passed over in silence.
func compiled(rule protoreflect.FieldDescriptor) bool {
	switch rule.ContainingMessage().Name() {
	case "MessageRules":
		return slices.Contains([]protoreflect.Name{"cel", "cel_expression", "oneof"}, rule.Name())
	case "OneofRules":
		return rule.Name() == "required"
	case "FieldRules":
		return slices.Contains([]protoreflect.Name{
			"cel", "cel_expression", "required", "ignore",
			"float", "double", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64",
			"sfixed32", "sfixed64", "bool", "string", "bytes", "enum", "repeated", "map",
			"any", "duration", "field_mask", "timestamp",
		}, rule.Name())
	default:
		return slices.Contains([]protoreflect.Name{
			"example", "const", "in", "not_in", "lt", "lte", "gt", "gte", "finite",
			"len", "min_len", "max_len", "len_bytes", "min_bytes", "max_bytes",
			"pattern", "prefix", "suffix", "contains", "not_contains",
			"email", "hostname", "ip", "ipv4", "ipv6", "uri", "uri_ref", "address", "uuid", "tuuid", "ulid",
			"ip_with_prefixlen", "ipv4_with_prefixlen", "ipv6_with_prefixlen", "ip_prefix", "ipv4_prefix",
			"ipv6_prefix", "host_and_port", "protobuf_fqn", "protobuf_dot_fqn", "well_known_regex", "strict",
			"defined_only", "min_items", "max_items", "unique", "items", "min_pairs", "max_pairs", "keys", "values",
			"lt_now", "gt_now", "within",
		}, rule.Name())
	}
}

// ruleType returns the name of the rules that a field can have, "" for none, and whether it is a list as a whole.
func ruleType(desc protoreflect.FieldDescriptor, item bool) (name string, list bool) {
	switch {
	case desc.IsMap():
		return "map", false
	case desc.IsList() && !item:
		return "repeated", true
	case desc.Message() == nil:
		return desc.Kind().String(), false
	}
	switch desc.Message().FullName() {
	case "google.protobuf.Any":
		return "any", false
	case "google.protobuf.Duration":
		return "duration", false
	case "google.protobuf.FieldMask":
		return "field_mask", false
	case "google.protobuf.Timestamp":
		return "timestamp", false
	}
	if inner := wrapped(desc); inner != nil {
		return inner.Kind().String(), false
	}
	return "", false
}

// wrapped returns the field of a wrapper (google/protobuf/wrappers.proto) when desc holds one.
func wrapped(desc protoreflect.FieldDescriptor) protoreflect.FieldDescriptor {
	if desc.Message() == nil || desc.Message().ParentFile().Path() != "google/protobuf/wrappers.proto" {
		return nil
	}
	return desc.Message().Fields().ByName("value")
}

func describeType(desc protoreflect.FieldDescriptor, item bool) string {
	text := desc.Kind().String()
	switch {
	case desc.IsMap():
		return "map"
	case desc.Message() != nil:
		text = string(desc.Message().FullName())
	case desc.Enum() != nil:
		text = "enum"
	}
	if desc.IsList() && !item {
		return "repeated " + text
	}
	return text
}
