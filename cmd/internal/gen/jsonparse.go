package gen

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// parse writes the method ParseProtoJSON.
func (w *jsonWriter) parse() {
	w.p()
	w.p("// ", parseJSON, " reads ProtoJSON into m, which is empty; package codec/json calls it.")
	w.p("func (m *", w.goName(), ") ", parseJSON, "(d *", w.ours("Decoder"), ") {")
	if n := w.message.bits; n > wordBits {
		w.p("var seen [", strconv.Itoa((n+wordBits-1)/wordBits), "]uint64")
	} else if n > 0 {
		w.p("var seen uint64")
	}
	w.p("for more := d.OpenObject(); more; more = d.NextMember() {")
	if len(w.message.fields) > 0 {
		w.p("switch string(d.Name()) {")
		for i := range w.message.fields {
			w.parseField(&w.message.fields[i])
		}
		w.p("default:")
		w.parseOther()
		w.p("}")
	} else {
		w.p("d.Name()")
		w.parseOther()
	}
	w.p("}")
	w.p("}")
}

// parseOther writes the code for a member that is no field.
func (w *jsonWriter) parseOther() {
	if w.extensible() {
		w.p("d.Extension(m)")
	} else {
		w.p("d.Unknown()")
	}
}

// wordBits is how many bits of what was seen are in a variable.
const wordBits = 64

// seen returns the variable and the constant of a bit of what was seen.
func (w *jsonWriter) seen(bit int) (variable, mask string) {
	variable = "seen"
	if w.message.bits > wordBits {
		variable += "[" + strconv.Itoa(bit/wordBits) + "]"
	}
	return variable, "1<<" + strconv.Itoa(bit%wordBits)
}

// parseField writes the case of a field.
func (w *jsonWriter) parseField(f *jsonField) {
	if len(f.names) == 0 {
		return // others have its names
	}
	names := make([]string, len(f.names))
	for i, name := range f.names {
		names[i] = strconv.Quote(name)
	}
	w.p("case ", strings.Join(names, ", "), ":")
	seen, mask := w.seen(f.bit)
	if f.takesNull() {
		w.p(seen, " = d.Once(", seen, ", ", mask, ")")
		w.parseContent(f)
		return
	}
	w.p("if ", seen, " = d.Once(", seen, ", ", mask, "); !d.Null() {")
	w.parseContent(f)
	w.p("}")
}

// takesNull reports whether null is a value of the field.
func (f *jsonField) takesNull() bool {
	return isNullValue(f.Desc) || f.Message != nil && wellKnown(f.Message) == "Value"
}

// parseContent writes the code for what is behind the name of a field.
func (w *jsonWriter) parseContent(f *jsonField) {
	switch {
	case f.Desc.IsMap():
		w.parseMap(f)
	case f.Desc.IsList():
		list := "m." + f.GoName
		if !w.open() {
			list = "list"
			w.p("var list []", w.elementType(f.Field))
		}
		w.p("for more := d.OpenArray(); more; more = d.NextElement() {")
		if packable(f.Desc.Kind()) { // all at once, as for packed lists of the binary form
			w.p("if ", list, " == nil {")
			w.p(list, " = make([]", w.elementType(f.Field), ", 0, d.Elements())")
			w.p("}")
		}
		w.parseValue(f.Field, func(value string) { w.p(list, " = append(", list, ", ", value, ")") })
		w.p("}")
		if !w.open() {
			setter, _ := f.MethodName("Set")
			w.p("m.", setter, "(list)")
		}
	default:
		if isMember(f.Field) {
			seen, mask := w.seen(len(w.message.fields) + f.Oneof.Desc.Index())
			w.p(seen, " = d.OnceOneof(", seen, ", ", mask, ", ", strconv.Quote(string(f.Oneof.Desc.Name())), ")")
		}
		w.parseValue(f.Field, func(value string) { w.set(f, value) })
	}
}

// set writes the assignment of a value to a field.
func (w *jsonWriter) set(f *jsonField, value string) {
	switch {
	case !w.open():
		setter, _ := f.MethodName("Set")
		w.p("m.", setter, "(", value, ")")
	case isMember(f.Field):
		w.p("m.", f.Oneof.GoName, " = &", f.GoIdent.GoName, "{", f.GoName, ": ", value, "}")
	case isPointer(f.Field):
		if value != "v" {
			w.p("v := ", value)
		}
		w.p("m.", f.GoName, " = &v")
	default:
		w.p("m.", f.GoName, " = ", value)
	}
}

// parseMap writes the code for a map.
func (w *jsonWriter) parseMap(f *jsonField) {
	key, element := f.Message.Fields[0], f.Message.Fields[1]
	typ := "map[" + jsonGoType(key.Desc.Kind()) + "]" + w.elementType(element)
	entries := "m." + f.GoName
	size := ""
	if element.Message == nil {
		size = ", d.Members()"
	}
	if w.open() {
		w.p("if ", entries, " == nil {")
		w.p(entries, " = make(", typ, size, ")")
		w.p("}")
	} else {
		entries = "list"
		w.p("list := make(", typ, size, ")")
	}
	w.p("for more := d.OpenObject(); more; more = d.NextMember() {")
	w.p("k := d.Key", jsonKind(key.Desc.Kind()), "()")
	if element.Enum != nil { // a value that is dropped is a duplicate too
		w.p("if _, ok := ", entries, "[k]; ok {")
		w.p("d.DuplicateKey()")
		w.p("}")
		w.parseValue(element, func(value string) { w.p(entries, "[k] = ", value) })
	} else {
		w.p("size := len(", entries, ")")
		w.parseValue(element, func(value string) { w.p(entries, "[k] = ", value) })
		w.p("if len(", entries, ") == size {")
		w.p("d.DuplicateKey()")
		w.p("}")
	}
	w.p("}")
	if !w.open() {
		setter, _ := f.MethodName("Set")
		w.p("m.", setter, "(list)")
	}
}

// packable reports whether lists of a kind are packed in the binary form: those of numbers, booleans and enums.
func packable(kind protoreflect.Kind) bool {
	switch kind {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind, protoreflect.GroupKind:
		return false
	default:
		return true
	}
}

// elementType returns the type of a field's value, or of those of its list.
func (w *jsonWriter) elementType(f *protogen.Field) string {
	switch {
	case f.Message != nil:
		return "*" + w.out.QualifiedGoIdent(f.Message.GoIdent)
	case f.Enum != nil:
		return w.out.QualifiedGoIdent(f.Enum.GoIdent)
	default:
		return jsonGoType(f.Desc.Kind())
	}
}

// parseValue writes the code for a value, and calls keep with the expression for it.
func (w *jsonWriter) parseValue(f *protogen.Field, keep func(value string)) {
	switch {
	case f.Enum != nil:
		typ := w.out.QualifiedGoIdent(f.Enum.GoIdent)
		call := "d.NullValue()"
		if !isNullValue(f.Desc) {
			values := f.Enum.GoIdent
			values.GoName += "_value"
			call = "d.Enum(" + w.out.QualifiedGoIdent(values) + ")"
		}
		w.p("if v, ok := ", call, "; ok {")
		keep(typ + "(v)")
		w.p("}")
	case f.Message != nil:
		w.parseMessage(f.Message, keep)
	default:
		keep("d." + jsonKind(f.Desc.Kind()) + "()")
	}
}

func (w *jsonWriter) parseMessage(m *protogen.Message, keep func(value string)) {
	w.p("v := new(", w.out.QualifiedGoIdent(m.GoIdent), ")")
	switch name, wraps := plainForm(m); {
	case name == "Timestamp" || name == "Duration":
		w.p("v.Seconds, v.Nanos = d.", name, "()")
	case name == "FieldMask":
		w.p("v.Paths = d.FieldMask()")
	case name == "Empty":
		w.p("d.Empty()")
	case name == "wrapper":
		w.p("v.Value = d.", jsonKind(wraps), "()")
	case w.calls(m):
		w.p("v.", parseJSON, "(d)")
	default:
		w.p("d.Message(v)")
	}
	keep("v")
}
