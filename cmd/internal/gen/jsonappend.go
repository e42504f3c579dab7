package gen

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// append writes the method AppendProtoJSON.
func (w *jsonWriter) append() {
	w.p()
	w.p("// ", appendJSON, " appends m to dst as ProtoJSON; package codec/json calls it.")
	w.p("func (m *", w.goName(), ") ", appendJSON, "(dst []byte, e *", w.ours("Encoder"), ") []byte {")
	if len(w.message.fields) == 0 && !w.extensible() {
		w.p(`return append(dst, "{}"...)`)
		w.p("}")
		return
	}
	w.p("if m == nil {")
	w.p("m = new(", w.goName(), ")")
	w.p("}")
	w.p("dst = append(dst, '{')")
	for i := range w.message.fields {
		f := &w.message.fields[i]
		switch {
		case !isMember(f.Field) || !w.open():
			w.appendField(f)
		case f.Field == f.Oneof.Fields[0]:
			w.appendOneof(f.Oneof)
		}
	}
	if w.extensible() {
		w.p("if len(m.extensionFields) > 0 {")
		w.p("dst = e.AppendExtensions(dst, m)")
		w.p("}")
	}
	w.p("return ", w.ours("CloseObject"), "(dst)")
	w.p("}")
}

// appendField writes the code for a field.
func (w *jsonWriter) appendField(f *jsonField) {
	init, set, value := w.isSet(f)
	if !f.Desc.HasPresence() {
		switch zero := f.form.zeroValues; {
		case zero == nil:
			set += " || e.ZeroValues"
		case *zero:
			set = ""
		}
	}
	block := true
	switch {
	case set != "":
		w.p("if ", init, set, " {")
	case init != "" && !isConstant(f.Field):
		w.p("{")
		w.p(strings.TrimSuffix(init, "; "))
	default:
		block = false
	}
	switch {
	case f.Desc.IsMap():
		w.appendMap(f, value)
	case f.Desc.IsList():
		w.appendName(f, "[")
		if isConstant(f.Field) {
			w.p("for range ", value, " {")
		} else {
			w.p("for _, v := range ", value, " {")
		}
		w.appendValue(f, f.Field, "v")
		w.p("}")
		w.p("dst = append(", w.ours("CloseArray"), "(dst), ',')")
	default:
		w.appendName(f, "")
		w.appendValue(f, f.Field, value)
	}
	if block {
		w.p("}")
	}
}

// isSet returns the condition under which a field is set, and its value. Init is a statement before it, with its
// semicolon, or "".
func (w *jsonWriter) isSet(f *jsonField) (init, set, value string) {
	if w.open() {
		value = "m." + f.GoName
		if !f.Desc.HasPresence() {
			return "", w.isNotZero(f, value), value
		}
		if isPointer(f.Field) {
			return "", value + " != nil", "*" + value
		}
		return "", value + " != nil", value
	}
	getter, _ := f.MethodName("Get")
	value = "m." + getter + "()"
	if f.Desc.HasPresence() {
		has, _ := f.MethodName("Has")
		return "", "m." + has + "()", value
	}
	return "v := " + value + "; ", w.isNotZero(f, "v"), "v"
}

// isNotZero returns the condition that x, a field without presence, has not its zero value.
func (w *jsonWriter) isNotZero(f *jsonField, x string) string {
	switch {
	case f.Desc.IsList() || f.Desc.IsMap() || f.Desc.Kind() == protoreflect.BytesKind:
		return "len(" + x + ") > 0"
	case f.Desc.Kind() == protoreflect.BoolKind:
		return x
	case f.Desc.Kind() == protoreflect.StringKind:
		return x + ` != ""`
	case f.Desc.Kind() == protoreflect.FloatKind: // -0 is not the zero value
		return w.name("math", "Float32bits") + "(" + x + ") != 0"
	case f.Desc.Kind() == protoreflect.DoubleKind:
		return w.name("math", "Float64bits") + "(" + x + ") != 0"
	default:
		return x + " != 0"
	}
}

// appendOneof writes the code for the fields of a oneof.
func (w *jsonWriter) appendOneof(oneof *protogen.Oneof) {
	w.p("switch v := m.", oneof.GoName, ".(type) {")
	for i := range w.message.fields {
		f := &w.message.fields[i]
		if f.Oneof != oneof {
			continue
		}
		w.p("case *", f.GoIdent.GoName, ":")
		w.p("if v != nil {")
		w.appendName(f, "")
		w.appendValue(f, f.Field, "v."+f.GoName)
		w.p("}")
	}
	w.p("}")
}

// appendName writes the code for a field's name and what follows it.
func (w *jsonWriter) appendName(f *jsonField, behind string) {
	json, original := jsonLiteral(f.json)+":"+behind, jsonLiteral(f.proto)+":"+behind
	switch choice := f.form.originalNames; {
	case json == original || choice != nil && !*choice:
		w.p("dst = append(dst, ", goLiteral(json), "...)")
	case choice != nil:
		w.p("dst = append(dst, ", goLiteral(original), "...)")
	default:
		w.p("dst = e.AppendName(dst, ", goLiteral(json), ", ", goLiteral(original), ")")
	}
}

// appendMap writes the code for a map, in the order of its keys.
func (w *jsonWriter) appendMap(f *jsonField, value string) {
	w.appendName(f, "{")
	key, element := f.Message.Fields[0], f.Message.Fields[1]
	if key.Desc.Kind() == protoreflect.BoolKind {
		w.p("for _, k := range [...]bool{false, true} {")
		v := "v"
		if isConstant(element) {
			v = "_"
		}
		w.p(v, ", ok := ", value, "[k]")
		w.p("if !ok {")
		w.p("continue")
		w.p("}")
	} else {
		const onStack = "32"
		w.p("for _, k := range ", w.ours("SortedKeys"), "(make([]", jsonGoType(key.Desc.Kind()), ", 0, ", onStack, "), ",
			value, ") {")
		if !isConstant(element) {
			w.p("v := ", value, "[k]")
		}
	}
	switch kind := key.Desc.Kind(); jsonKind(kind) {
	case "Int32":
		w.p("dst = e.AppendKeyInt(dst, int64(k))")
	case "Int64":
		w.p("dst = e.AppendKeyInt(dst, k)")
	case "Uint32":
		w.p("dst = e.AppendKeyUint(dst, uint64(k))")
	case "Uint64":
		w.p("dst = e.AppendKeyUint(dst, k)")
	default:
		w.p("dst = e.AppendKey", jsonKind(kind), "(dst, k)")
	}
	w.appendValue(f, element, "v")
	w.p("}")
	w.p("dst = append(", w.ours("CloseObject"), "(dst), ',')")
}

// isConstant reports whether all values of a field's type look alike.
func isConstant(f *protogen.Field) bool {
	if f.Message != nil {
		form, _ := plainForm(f.Message)
		return form == "Empty"
	}
	return isNullValue(f.Desc)
}

// appendValue writes the code for a value of a field, one of its list, or of the entries of its map, and the comma.
func (w *jsonWriter) appendValue(f *jsonField, value *protogen.Field, x string) {
	w.p("dst = append(", w.appended(f, value, x), ", ',')")
}

// appended returns the expression for dst with a value.
func (w *jsonWriter) appended(f *jsonField, value *protogen.Field, x string) string {
	if value.Message != nil {
		return w.appendedMessage(f, value.Message, x)
	}
	if value.Enum == nil {
		return w.appendedScalar(f, value.Desc.Kind(), x)
	}
	names := value.Enum.GoIdent
	names.GoName += "_name"
	switch numbers := f.form.enumNumbers; {
	case isNullValue(value.Desc):
		return `append(dst, "null"...)`
	case numbers == nil:
		return "e.AppendEnum(dst, int32(" + x + "), " + w.out.QualifiedGoIdent(names) + ")"
	case *numbers:
		return "e.AppendInt32(dst, int32(" + x + "))"
	default:
		return w.ours("AppendEnumName") + "(dst, int32(" + x + "), " + w.out.QualifiedGoIdent(names) + ")"
	}
}

func (w *jsonWriter) appendedScalar(f *jsonField, kind protoreflect.Kind, x string) string {
	name := jsonKind(kind)
	if numbers := f.form.int64Numbers; numbers != nil && (name == "Int64" || name == "Uint64") {
		number := w.name("strconv", "Append"+name[:len(name)-len("64")])
		if *numbers {
			return number + "(dst, " + x + ", 10)"
		}
		return "append(" + number + `(append(dst, '"'), ` + x + `, 10), '"')`
	}
	return "e.Append" + name + "(dst, " + x + ")"
}

func (w *jsonWriter) appendedMessage(f *jsonField, m *protogen.Message, x string) string {
	switch name, wraps := plainForm(m); name {
	case "Timestamp", "Duration":
		return "e.Append" + name + "(dst, " + x + ".GetSeconds(), " + x + ".GetNanos())"
	case "FieldMask":
		return "e.AppendFieldMask(dst, " + x + ".GetPaths())"
	case "Empty":
		return `append(dst, "{}"...)`
	case "wrapper":
		return w.appendedScalar(f, wraps, x+".GetValue()")
	}
	if w.calls(m) {
		return x + "." + appendJSON + "(dst, e)"
	}
	return "e.AppendMessage(dst, " + x + ")"
}

// jsonGoType returns the type in Go of a kind of scalars.
func jsonGoType(kind protoreflect.Kind) string {
	switch name := jsonKind(kind); name {
	case "Bytes":
		return "[]byte"
	default:
		return strings.ToLower(name)
	}
}
