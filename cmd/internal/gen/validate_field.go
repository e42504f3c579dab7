package gen

import (
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/gofeaturespb"
)

// presence is the code by which one sees whether a field of m is set, in the sense of protobuf's reflection: a field
// without presence is set when it does not have its type's zero value.
type presence struct {
	init  string // a statement for if, with its semicolon; "" for none
	set   string // the condition, and its opposite
	unset string
	// value is the field's value. It may use what init declares; it is "x" when init has declared that.
	value string
	// tracked means that the field has presence: unless it is set its rules are not applied.
	tracked bool
}

// open reports whether the message's fields are those of its struct, as the open API has it.
func (c *checks) open() bool { return c.msg.APILevel == gofeaturespb.GoFeatures_API_OPEN }

func (c *checks) presence(f *protogen.Field) presence {
	getter, _ := f.MethodName("Get")
	get := "m." + getter + "()"
	switch {
	case !f.Desc.HasPresence():
		set, unset := c.zero(f.Desc, "x")
		return presence{init: "x := " + get + "; ", set: set, unset: unset, value: "x"}
	case !c.open():
		has, _ := f.MethodName("Has")
		return presence{set: "m." + has + "()", unset: "!m." + has + "()", value: get, tracked: true}
	case f.Oneof != nil && !f.Oneof.Desc.IsSynthetic():
		return presence{
			init: "o, ok := m.Get" + f.Oneof.GoName + "().(*" + f.GoIdent.GoName + "); ",
			set:  "ok && o != nil", unset: "!ok || o == nil", value: "o." + f.GoName, tracked: true,
		}
	case f.Desc.Message() != nil:
		return presence{init: "x := " + get + "; ", set: "x != nil", unset: "x == nil", value: "x", tracked: true}
	default:
		field := "m." + f.GoName
		return presence{set: field + " != nil", unset: field + " == nil", value: get, tracked: true}
	}
}

// zero returns the conditions that x, of the type of desc, has not and has its zero value.
func (c *checks) zero(desc protoreflect.FieldDescriptor, x string) (not, is string) {
	if desc.IsList() || desc.IsMap() {
		return "len(" + x + ") != 0", "len(" + x + ") == 0"
	}
	switch desc.Kind() {
	case protoreflect.BoolKind:
		return x, "!" + x
	case protoreflect.BytesKind:
		return "len(" + x + ") != 0", "len(" + x + ") == 0"
	case protoreflect.StringKind:
		return x + ` != ""`, x + ` == ""`
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		is := c.ours("IsZero") + "(float64(" + x + "))"
		return "!" + is, is
	default:
		return x + " != 0", x + " == 0"
	}
}

// zeroItem is zero for an item of a list or for the key or value of an entry, where negative zero counts as zero and
// the zero value of an enum is its first.
func (c *checks) zeroItem(desc protoreflect.FieldDescriptor, x string) (not string) {
	switch {
	case desc.Message() != nil:
		return c.name("google.golang.org/protobuf/proto", "Size") + "(" + x + ") != 0"
	case desc.Enum() != nil:
		return x + " != " + strconv.Itoa(int(desc.Enum().Values().Get(0).Number()))
	}
	switch desc.Kind() {
	case protoreflect.BytesKind:
		return "len(" + x + ") != 0"
	case protoreflect.BoolKind:
		return x
	case protoreflect.StringKind:
		return x + ` != ""`
	default:
		return x + " != 0"
	}
}

// field writes the rules of one field.
func (c *checks) field(b *block, f *fieldRules) {
	var body block
	name := string(f.field.Desc.Name())
	switch {
	case f.field.Desc.IsMap():
		c.entries(&body, f)
	case f.field.Desc.IsList():
		c.items(&body, f)
	default:
		t := target{x: "x", at: c.at(name)}
		c.values(&body, f.field.Desc, f.rules, t)
		c.nested(&body, f.nested, t)
	}

	p := c.presence(f.field)
	if p.value == "x" { // otherwise the block may declare another x
		body.unwrap()
	}
	if p.value != "x" && len(body.lines) > 0 {
		body.lines = append([]string{"x := " + p.value}, body.lines...)
	}
	switch {
	case f.required:
		b.add("if ", p.init, p.unset, " {")
		b.add("v.Add(", c.at(name), `, "required", "must be set")`)
		if len(body.lines) > 0 {
			b.add("} else {")
			b.append(&body)
		}
	case len(body.lines) == 0:
		return
	case p.tracked || f.ignore == validate.Ignore_IGNORE_IF_ZERO_VALUE:
		b.add("if ", p.init, p.set, " {")
		b.append(&body)
	case body.lines[0] == loop:
		body.lines[0] = strings.Replace(loop, "range x", "range "+getCall(f.field), 1)
		b.append(&body)
		return
	default:
		b.add("{")
		b.add("x := ", getCall(f.field))
		b.append(&body)
	}
	b.add("}")
}

func getCall(f *protogen.Field) string {
	getter, _ := f.MethodName("Get")
	return "m." + getter + "()"
}

// loop begins the code for the items of a list.
const loop = "for i, x := range x {"

// items writes the rules of a list, which is x.
func (c *checks) items(b *block, f *fieldRules) {
	name := string(f.field.Desc.Name())
	rules := f.rules.GetRepeated()
	t := target{x: "x", at: c.at(name)}
	if rules.HasMinItems() {
		t.add(b, below("len(x)", rules.GetMinItems()), "repeated.min_items",
			"must have at least "+count(rules.GetMinItems(), "item"))
	}
	if rules.HasMaxItems() {
		t.add(b, above("len(x)", rules.GetMaxItems()), "repeated.max_items",
			"must have at most "+count(rules.GetMaxItems(), "item"))
	}
	if rules.GetUnique() {
		unique := c.ours("Unique")
		switch f.field.Desc.Kind() {
		case protoreflect.BytesKind:
			unique = c.ours("UniqueBytes")
		case protoreflect.BoolKind:
			unique = c.ours("UniqueBools")
		default:
		}
		t.add(b, "!"+unique+"(x)", "repeated.unique", "must not have the same item twice")
	}

	var body block
	item := target{x: "x", at: c.ours("Index") + "(" + strconv.Quote(name) + ", i)"}
	c.value(&body, f, f.field.Desc, rules.GetItems(), item)
	if len(body.lines) == 0 {
		return
	}
	b.add(loop)
	b.add("if v.Full() {")
	b.add("return")
	b.add("}")
	b.append(&body)
	b.add("}")
}

// entries writes the rules of a map, which is x.
func (c *checks) entries(b *block, f *fieldRules) {
	desc := f.field.Desc
	name := string(desc.Name())
	rules := f.rules.GetMap()
	t := target{x: "x", at: c.at(name)}
	if rules.HasMinPairs() {
		t.add(b, below("len(x)", rules.GetMinPairs()), "map.min_pairs",
			"must have at least "+count(rules.GetMinPairs(), "entry"))
	}
	if rules.HasMaxPairs() {
		t.add(b, above("len(x)", rules.GetMaxPairs()), "map.max_pairs",
			"must have at most "+count(rules.GetMaxPairs(), "entry"))
	}

	at := c.entry(desc.MapKey(), name)
	var keys, values block
	c.values(&keys, desc.MapKey(), rules.GetKeys(), target{x: "k", at: at, key: true})
	if rules.GetKeys().GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE && len(keys.lines) > 0 {
		keys.lines = append([]string{"if " + c.zeroItem(desc.MapKey(), "k") + " {"}, append(keys.lines, "}")...)
	}
	c.value(&values, f, desc.MapValue(), rules.GetValues(), target{x: "x", at: at})
	if len(keys.lines) == 0 && len(values.lines) == 0 {
		return
	}
	b.add("mark := v.Mark()")
	if len(values.lines) == 0 {
		b.add("for k := range x {")
	} else {
		b.add("for k, x := range x {")
	}
	b.add("if v.Full() {")
	b.add("break")
	b.add("}")
	b.append(&keys)
	b.append(&values)
	b.add("}")
	b.add("v.Sort(mark)")
}

// value writes the rules of an item of a list, or of the value of a map's entry.
func (c *checks) value(
	b *block, f *fieldRules, desc protoreflect.FieldDescriptor, rules *validate.FieldRules, t target,
) {
	var body block
	c.values(&body, desc, rules, t)
	c.nested(&body, f.nested, t)
	pass := f.passEmpty || rules.GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE
	if !pass || len(body.lines) == 0 {
		b.append(&body)
		return
	}
	b.add("if ", c.zeroItem(desc, t.x), " {")
	b.append(&body)
	b.add("}")
}

// entry returns the element of a path for the entry of a map whose key is k.
func (c *checks) entry(key protoreflect.FieldDescriptor, name string) string {
	k, maker := "k", "StringKey"
	switch key.Kind() {
	case protoreflect.BoolKind:
		maker = "BoolKey"
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		maker = "IntKey"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		maker, k = "IntKey", "int64(k)"
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		maker = "UintKey"
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		maker, k = "UintKey", "uint64(k)"
	default:
	}
	return c.ours(maker) + "(" + strconv.Quote(name) + ", " + k + ")"
}

// nested writes the rules of the message that t is.
func (c *checks) nested(b *block, m *protogen.Message, t target) {
	switch {
	case m == nil:
	case m.GoIdent.GoImportPath == c.msg.GoIdent.GoImportPath:
		b.add("v.Enter(", t.at, ")")
		b.add(t.x, ".ValidateFields(v)")
		b.add("v.Leave()")
	default:
		b.add("v.Nested(", t.at, ", ", t.x, ")")
	}
}

// target is a value that rules are applied to.
type target struct {
	x   string // the variable that it is in
	at  string // the element of the path to it
	key bool   // it is the key of a map's entry
}

// add writes that cond breaks the rule.
func (t *target) add(b *block, cond, rule, message string) {
	b.add("if ", cond, " {")
	t.broken(b, rule, message)
	b.add("}")
}

func (t *target) broken(b *block, rule, message string) {
	add := "v.Add("
	if t.key {
		add = "v.AddKey("
	}
	b.add(add, t.at, ", ", strconv.Quote(rule), ", ", strconv.Quote(message), ")")
}

// maxInt is the largest length that the code compares as an int, which has 32 bits on some machines.
const maxInt = 1<<31 - 1

// below returns the condition that n, an int, is less than limit.
func below(n string, limit uint64) string { return lengthCond(n, "<", limit) }

// above returns the condition that n, an int, is more than limit.
func above(n string, limit uint64) string { return lengthCond(n, ">", limit) }

func lengthCond(n, operator string, limit uint64) string {
	if limit > maxInt {
		n = "uint64(" + n + ")"
	}
	return n + " " + operator + " " + strconv.FormatUint(limit, 10)
}

// count returns "1 item", "2 items", "2 entries".
func count(n uint64, what string) string {
	text := strconv.FormatUint(n, 10) + " "
	switch {
	case n == 1:
		return text + what
	case what == "entry":
		return text + "entries"
	default:
		return text + what + "s"
	}
}
