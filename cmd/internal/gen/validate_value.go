package gen

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// values writes the rules of a value that is neither a list nor a map.
func (c *checks) values(b *block, desc protoreflect.FieldDescriptor, rules *validate.FieldRules, t target) {
	if rules == nil || rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS || desc.IsMap() {
		return
	}
	kind := typeOf(rules)
	if kind == nil {
		return
	}
	typed := typedRules{Message: rules.ProtoReflect().Get(kind).Message(), name: string(kind.Name())}
	if inner := wrapped(desc); inner != nil {
		var body block
		t.x = "x"
		c.values(&body, inner, rules, t)
		if len(body.lines) > 0 {
			b.add("{")
			b.add("x := x.GetValue()")
			b.append(&body)
			b.add("}")
		}
		return
	}
	switch typed.name {
	case "string":
		c.text(b, rules.GetString(), typed, t)
	case "bytes":
		c.bytes(b, rules.GetBytes(), typed, t)
	case "enum":
		c.ordered(b, typed, enumNumbers(desc.Enum()), t)
		c.enum(b, desc.Enum(), rules.GetEnum(), t)
	case "any":
		c.any(b, typed, t)
	case "duration":
		c.duration(b, typed, t)
	case "timestamp":
		c.timestamp(b, rules.GetTimestamp(), typed, t)
	case "field_mask":
		c.mask(b, rules.GetFieldMask(), t)
	default:
		c.ordered(b, typed, numbers(typed.name), t)
		if typed.flag("finite") {
			t.add(b, "!"+c.ours("Finite")+"(float64("+t.x+"))", typed.name+".finite", "must be finite")
		}
	}
}

// typedRules are the rules of one type, such as Int32Rules.
type typedRules struct {
	protoreflect.Message

	name string // "int32"
}

// get returns the value of a rule, false when it is not set.
func (r *typedRules) get(name string) (protoreflect.Value, bool) {
	f := r.Descriptor().Fields().ByName(protoreflect.Name(name))
	if f == nil || !r.Has(f) {
		return protoreflect.Value{}, false
	}
	return r.Get(f), true
}

// flag reports whether a rule is there and true.
func (r *typedRules) flag(name string) bool {
	v, ok := r.get(name)
	return ok && v.Bool()
}

// list returns the values of a rule, each once.
func (r *typedRules) list(name string) []protoreflect.Value {
	v, ok := r.get(name)
	if !ok {
		return nil
	}
	var list []protoreflect.Value
	for i := range v.List().Len() {
		item := v.List().Get(i)
		if !slices.ContainsFunc(list, item.Equal) {
			list = append(list, item)
		}
	}
	return list
}

// order is how values of a type are compared and written.
type order struct {
	// code writes a value in Go, text in a message.
	code, text func(v protoreflect.Value) string
	less       func(a, b protoreflect.Value) bool
	// fails returns the condition that x is not op v, where op is one of == > >= < <=.
	fails func(x, op, v string) string
	// comparable means that values can be cases of a switch.
	comparable bool
	// words stand before a bound in a message, for gt, gte, lt and lte; "" is for those of numbers.
	words [4]string
}

// opposite is what holds when a comparison does not.
func opposite(op string) string {
	switch op {
	case "==":
		return "!="
	case ">":
		return "<="
	case ">=":
		return "<"
	case "<":
		return ">="
	default:
		return ">"
	}
}

func inverted(x, op, v string) string { return x + " " + opposite(op) + " " + v }

// numbers returns the order of a numeric type, bool or enum.
func numbers(kind string) order {
	o := order{fails: inverted, comparable: true}
	switch kind {
	case "float", "double":
		bits := 64
		if kind == "float" {
			bits = 32
		}
		o.text = func(v protoreflect.Value) string { return strconv.FormatFloat(v.Float()+0, 'g', -1, bits) } // no -0
		o.code = o.text
		o.less = func(a, b protoreflect.Value) bool { return a.Float() < b.Float() }
		// NaN is neither less nor greater: what is wanted is negated, not turned around.
		o.fails = func(x, op, v string) string { return "!(" + x + " " + op + " " + v + ")" }
	case "uint32", "uint64", "fixed32", "fixed64":
		o.text = func(v protoreflect.Value) string { return strconv.FormatUint(v.Uint(), 10) }
		o.code = o.text
		o.less = func(a, b protoreflect.Value) bool { return a.Uint() < b.Uint() }
	case "bool":
		o.text = func(v protoreflect.Value) string { return strconv.FormatBool(v.Bool()) }
		o.code = o.text
		o.fails = func(x, _, v string) string {
			if v == "true" {
				return "!" + x
			}
			return x
		}
	default:
		o.text = func(v protoreflect.Value) string { return strconv.FormatInt(v.Int(), 10) }
		o.code = o.text
		o.less = func(a, b protoreflect.Value) bool { return a.Int() < b.Int() }
	}
	return o
}

// enumNumbers has the values of an enum called by their names in messages.
func enumNumbers(enum protoreflect.EnumDescriptor) order {
	o := numbers("enum")
	number := o.text
	o.text = func(v protoreflect.Value) string {
		if value := enum.Values().ByNumber(protoreflect.EnumNumber(v.Int())); value != nil {
			return string(value.Name())
		}
		return number(v)
	}
	return o
}

// floats has infinite values written as calls, which are no constants.
func (c *checks) floats(o order, kind string) order {
	finite := o.code
	o.code = func(v protoreflect.Value) string {
		if !math.IsInf(v.Float(), 0) {
			return finite(v)
		}
		sign := "1"
		if v.Float() < 0 {
			sign = "-1"
		}
		code := c.name("math", "Inf") + "(" + sign + ")"
		if kind == "float" {
			code = "float32(" + code + ")"
		}
		return code
	}
	return o
}

// ordered writes const, lt, lte, gt, gte, in and not_in.
func (c *checks) ordered(b *block, r typedRules, o order, t target) {
	if r.name == "float" || r.name == "double" {
		o = c.floats(o, r.name)
	}
	if v, ok := r.get("const"); ok {
		t.add(b, o.fails(t.x, "==", o.code(v)), r.name+".const", "must be "+o.text(v))
	}
	c.bounds(b, r, o, t)
	c.lists(b, r, o, t)
}

// bound is one end of a range.
type bound struct {
	rule string
	op   string
	text string
	v    protoreflect.Value
}

// ends returns the ends of the range that r asks for; an empty rule stands for none.
func (r *typedRules) ends(o order) (low, high bound) {
	for i, e := range []bound{
		{rule: "gt", op: ">", text: "greater than "}, {rule: "gte", op: ">=", text: "at least "},
		{rule: "lt", op: "<", text: "less than "}, {rule: "lte", op: "<=", text: "at most "},
	} {
		v, ok := r.get(e.rule)
		if !ok {
			continue
		}
		e.v, e.text = v, cmp.Or(o.words[i], e.text)+o.text(v)
		if i < 2 {
			low = e
		} else {
			high = e
		}
	}
	return low, high
}

// bounds writes lt, lte, gt and gte. A lower bound above the upper one means what is outside of both.
func (c *checks) bounds(b *block, r typedRules, o order, t target) {
	low, high := r.ends(o)
	fails := func(e bound) string { return o.fails(t.x, e.op, o.code(e.v)) }
	switch {
	case low.rule == "" && high.rule == "":
	case high.rule == "":
		t.add(b, fails(low), r.name+"."+low.rule, "must be "+low.text)
	case low.rule == "":
		t.add(b, fails(high), r.name+"."+high.rule, "must be "+high.text)
	case o.less(high.v, low.v):
		t.add(b, fails(low)+" && "+fails(high), r.name+"."+low.rule+"_"+high.rule+"_exclusive",
			"must be "+low.text+" or "+high.text)
	default:
		t.add(b, fails(low)+" || "+fails(high), r.name+"."+low.rule+"_"+high.rule,
			"must be "+low.text+" and "+high.text)
	}
}

// lists writes in and not_in.
func (c *checks) lists(b *block, r typedRules, o order, t target) {
	if in := r.list("in"); len(in) > 0 {
		c.among(b, t, o, in, false, r.name+".in", "must be "+oneOf(in, o.text))
	}
	if out := r.list("not_in"); len(out) > 0 {
		c.among(b, t, o, out, true, r.name+".not_in", "must not be "+oneOf(out, o.text))
	}
}

// among writes that a value has to be among others, or must not be.
func (c *checks) among(
	b *block, t target, o order, values []protoreflect.Value, not bool, rule, message string,
) {
	codes := make([]string, 0, len(values))
	for _, v := range values {
		if code := o.code(v); !slices.Contains(codes, code) { // 0 and -0 are two values, and one case
			codes = append(codes, code)
		}
	}
	if !o.comparable {
		fails := make([]string, len(codes))
		for i, code := range codes {
			fails[i] = o.fails(t.x, "==", code)
		}
		cond := strings.Join(fails, " && ")
		if not {
			cond = "!(" + cond + ")"
		}
		t.add(b, cond, rule, message)
		return
	}
	b.add("switch ", t.x, " {")
	b.add("case ", strings.Join(codes, ", "), ":")
	if !not {
		b.add("default:")
	}
	t.broken(b, rule, message)
	b.add("}")
}

// mostListed is how many values a message lists.
const mostListed = 10

func oneOf(values []protoreflect.Value, text func(protoreflect.Value) string) string {
	if len(values) == 1 {
		return text(values[0])
	}
	if len(values) > mostListed {
		return fmt.Sprintf("one of %d values of the contract", len(values))
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = text(v)
	}
	return "one of " + strings.Join(texts, ", ")
}

// enum writes defined_only.
func (c *checks) enum(b *block, enum protoreflect.EnumDescriptor, rules *validate.EnumRules, t target) {
	if !rules.GetDefinedOnly() {
		return
	}
	var defined []string
	seen := make(map[protoreflect.EnumNumber]bool)
	for i := range enum.Values().Len() {
		if n := enum.Values().Get(i).Number(); !seen[n] {
			seen[n] = true
			defined = append(defined, strconv.Itoa(int(n)))
		}
	}
	b.add("switch ", t.x, " {")
	b.add("case ", strings.Join(defined, ", "), ":")
	b.add("default:")
	t.broken(b, "enum.defined_only", "must be a value that "+string(enum.Name())+" defines")
	b.add("}")
}

// duration writes the rules of google.protobuf.Duration.
func (c *checks) duration(b *block, r typedRules, t target) {
	value := func(v protoreflect.Value) time.Duration {
		d := durationpb.Duration{}
		set(d.ProtoReflect(), v.Message())
		return d.AsDuration()
	}
	o := order{
		code: func(v protoreflect.Value) string { return strconv.FormatInt(int64(value(v)), 10) },
		text: func(v protoreflect.Value) string { return value(v).String() },
		less: func(a, b protoreflect.Value) bool { return value(a) < value(b) }, fails: inverted, comparable: true,
	}
	var body block
	c.ordered(&body, r, o, target{x: "d", at: t.at, key: t.key})
	if len(body.lines) > 0 {
		b.add("{")
		b.add("d := ", t.x, ".AsDuration()")
		b.append(&body)
		b.add("}")
	}
}

// set copies seconds and nanos, whatever type the rules' message has.
func set(dst, src protoreflect.Message) {
	for _, name := range []protoreflect.Name{"seconds", "nanos"} {
		dst.Set(dst.Descriptor().Fields().ByName(name), src.Get(src.Descriptor().Fields().ByName(name)))
	}
}

// timestamp writes the rules of google.protobuf.Timestamp.
func (c *checks) timestamp(b *block, rules *validate.TimestampRules, r typedRules, t target) {
	value := func(v protoreflect.Value) time.Time {
		ts := timestamppb.Timestamp{}
		set(ts.ProtoReflect(), v.Message())
		return ts.AsTime()
	}
	o := order{
		words: [...]string{"after ", "at or after ", "before ", "at or before "},
		code: func(v protoreflect.Value) string {
			return fmt.Sprintf("%s(%d, %d)", c.name("time", "Unix"), value(v).Unix(), value(v).Nanosecond())
		},
		text: func(v protoreflect.Value) string { return value(v).Format(time.RFC3339Nano) },
		less: func(a, b protoreflect.Value) bool { return value(a).Before(value(b)) },
		fails: func(x, op, v string) string {
			switch op {
			case "==":
				return "!" + x + ".Equal(" + v + ")"
			case ">":
				return "!" + x + ".After(" + v + ")"
			case ">=":
				return x + ".Before(" + v + ")"
			case "<":
				return "!" + x + ".Before(" + v + ")"
			default:
				return x + ".After(" + v + ")"
			}
		},
	}
	var body block
	in := target{x: "t", at: t.at, key: t.key}
	c.ordered(&body, r, o, in)
	if rules.GetLtNow() {
		in.add(&body, "t.After(v.Now())", "timestamp.lt_now", "must be in the past")
	}
	if rules.GetGtNow() {
		in.add(&body, "t.Before(v.Now())", "timestamp.gt_now", "must be in the future")
	}
	if rules.HasWithin() {
		within := rules.GetWithin().AsDuration()
		n := strconv.FormatInt(int64(within), 10)
		in.add(&body, "t.Before(v.Now().Add(-"+n+")) || t.After(v.Now().Add("+n+"))",
			"timestamp.within", "must be within "+within.String()+" of now")
	}
	if len(body.lines) > 0 {
		b.add("{")
		b.add("t := ", t.x, ".AsTime()")
		b.append(&body)
		b.add("}")
	}
}

// any writes the rules of google.protobuf.Any.
func (c *checks) any(b *block, r typedRules, t target) {
	t.x += ".GetTypeUrl()"
	c.lists(b, r, texts(), t)
}

// texts is the order of strings.
func texts() order {
	quote := func(v protoreflect.Value) string { return strconv.Quote(v.String()) }
	return order{code: quote, text: quote, fails: inverted, comparable: true}
}

// mask writes the rules of google.protobuf.FieldMask.
func (c *checks) mask(b *block, rules *validate.FieldMaskRules, t target) {
	paths := t.x + ".GetPaths()"
	if rules.HasConst() {
		want := rules.GetConst().GetPaths()
		name := c.variable("maskOf", stringSlice(want))
		t.add(b, "!"+c.name("slices", "Equal")+"("+paths+", "+name+")", "field_mask.const",
			"must have the paths "+strings.Join(want, ", ")+" and no others")
	}
	for _, list := range []struct {
		paths                []string
		check, rule, message string
	}{
		{rules.GetIn(), "MaskWithin", "field_mask.in", "must have no paths but "},
		{rules.GetNotIn(), "MaskWithout", "field_mask.not_in", "must have none of the paths "},
	} {
		if len(list.paths) > 0 {
			name := c.variable("maskOf", stringSlice(list.paths))
			t.add(b, "!"+c.ours(list.check)+"("+paths+", "+name+"...)", list.rule,
				list.message+strings.Join(list.paths, ", "))
		}
	}
}

// byteTexts is the order of byte strings.
func byteTexts() order {
	return order{
		code:  func(v protoreflect.Value) string { return quoteBytes(v.Bytes()) },
		text:  func(v protoreflect.Value) string { return hex(v.Bytes()) },
		fails: inverted, comparable: true,
	}
}

// quoteBytes returns b as a string constant of Go.
func quoteBytes(b []byte) string { return strconv.Quote(string(b)) }

// hex returns b for messages.
func hex(b []byte) string { return fmt.Sprintf("0x%x", b) }
