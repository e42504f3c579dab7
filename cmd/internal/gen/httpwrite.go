package gen

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/gofeaturespb"
)

const (
	httprulePackage = protogen.GoImportPath("github.com/fairlead-go/fairlead/httprule")
	timePackage     = protogen.GoImportPath("time")
)

// httpVariable returns the name of the variable that holds m's HTTP rules.
func (s *stubs) httpVariable(m *protogen.Method) string { return "http_" + s.method(m) }

// httpRules writes the variables that hold the HTTP rules of the service's methods. They are literals without a call
// and with functions that capture nothing, so that the linker lays them out and a program that starts does nothing for
// them.
func (s *stubs) httpRules() {
	w := httpWriter{stubs: s, setters: make(map[setterKey]string)}
	w.shareSetters()
	for _, m := range s.service.Methods {
		bindings := s.bindings[m]
		if len(bindings) == 0 {
			continue
		}
		w.request, w.response = m.Input, m.Output
		s.P()
		s.P("// The HTTP rules of ", m.Desc.FullName(), ". They are read-only.")
		s.P("var ", s.httpVariable(m), " = []", fairleadPackage.Ident("HTTPRule"), "{")
		for i := range bindings {
			w.rule(&bindings[i], s.methods[m].httpStatus)
		}
		s.P("}")
	}
}

// httpWriter writes the HTTP rules of one service.
type httpWriter struct {
	*stubs

	request, response *protogen.Message // of the method under way

	// setters are the names of functions that several rules share.
	setters map[setterKey]string
}

// setterKey is a field of a request.
type setterKey struct {
	request protogen.GoIdent
	field   string
}

func (w *httpWriter) key(fields fieldPath) setterKey {
	return setterKey{w.request.GoIdent, fields.name()}
}

// shareSetters writes functions for the fields that several rules set.
func (w *httpWriter) shareSetters() {
	seen := make(map[setterKey]bool)
	for _, m := range w.service.Methods {
		w.request = m.Input
		for _, b := range w.bindings[m] {
			for _, fields := range b.params() {
				key := w.key(fields)
				if seen[key] && w.setters[key] == "" {
					name := "set_" + w.stem + "_" + strconv.Itoa(len(w.setters))
					w.setters[key] = name
					w.P()
					w.P("func ", name, "(m any, v []string) error { ", w.set(fields), " }")
				}
				seen[key] = true
			}
		}
	}
}

// params returns the fields that path and query set.
func (b *binding) params() []fieldPath { return slices.Concat(b.path, b.query) }

func (w *httpWriter) rule(b *binding, status int) {
	w.P("{")
	w.P("Verb: ", strconv.Quote(b.verb), ",")
	w.P("Template: ", strconv.Quote(b.template), ",")
	if status != 0 {
		w.P("Status: ", status, ",")
	}
	if params := b.params(); len(params) > 0 {
		w.P("Params: []", fairleadPackage.Ident("HTTPParam"), "{")
		for i, fields := range params {
			w.param(fields, i < len(b.path))
		}
		w.P("},")
	}
	w.body(b)
	w.result(b)
	w.P("},")
}

func (w *httpWriter) param(fields fieldPath, inPath bool) {
	line := "{Name: " + strconv.Quote(fields.name()) + ", "
	if json := fields.json(); json != fields.name() {
		line += "JSON: " + strconv.Quote(json) + ", "
	}
	if inPath {
		line += "InPath: true, "
	}
	if shared, ok := w.setters[w.key(fields)]; ok {
		w.P(line, "Set: ", shared, "},")
		return
	}
	w.P(line, "Set: func(m any, v []string) error { ", w.set(fields), " }},")
}

// set returns the statements of a function that sets a field.
func (w *httpWriter) set(fields fieldPath) string {
	f := fields.last()
	function := "Set"
	if f.Desc.IsList() {
		function = "Append"
	}
	taken := w.taken(fields)
	if taken != "" {
		function += "Member"
		taken += ", "
	}
	return "return " + w.httprule(function) + "(" + strconv.Quote(fields.name()) + ", v, " + taken +
		w.parser(f) + ", " + w.assignment(fields) + ")"
}

// assignment returns the function that puts a parsed value into its field.
func (w *httpWriter) assignment(fields fieldPath) string {
	f := fields.last()
	value := w.value(f)
	if len(fields) == 1 && hasSetters(f.Parent) && !f.Desc.IsList() && value == "x" {
		return w.message(w.request) + "." + setterOf(f)
	}
	owner, statements := w.owner(fields)
	var assign string
	switch {
	case f.Desc.IsList() && hasSetters(f.Parent):
		owner, statements = w.named(owner, statements)
		assign = owner + "." + setterOf(f) + "(append(" + owner + "." + getterOf(f) + "(), " + value + "))"
	case hasSetters(f.Parent):
		assign = owner + "." + setterOf(f) + "(" + value + ")"
	case f.Desc.IsList():
		owner, statements = w.named(owner, statements)
		assign = owner + "." + f.GoName + " = append(" + owner + "." + f.GoName + ", " + value + ")"
	case isMember(f):
		assign = owner + "." + f.Oneof.GoName + " = &" + w.QualifiedGoIdent(f.GoIdent) + "{" + f.GoName + ": " + value + "}"
	case isPointer(f):
		assign = owner + "." + f.GoName + " = &" + value
	default:
		assign = owner + "." + f.GoName + " = " + value
	}
	statements = append(statements, assign)
	return "func(x " + w.parsedType(f) + ") { " + strings.Join(statements, "; ") + " }"
}

// owner returns an expression of the message that holds the last of fields, and the statements that come before it. The
// messages on the way are made if they are not there.
func (w *httpWriter) owner(fields fieldPath) (owner string, statements []string) {
	owner = w.message(w.request)
	for _, f := range fields[:len(fields)-1] {
		owner, statements = w.step(owner, statements, f)
	}
	return owner, statements
}

// step goes from owner into the message in its field f.
func (w *httpWriter) step(owner string, statements []string, f *protogen.Field) (string, []string) {
	if !hasSetters(f.Parent) && !isMember(f) {
		return w.httprule("Make") + "(&" + owner + "." + f.GoName + ")", statements
	}
	owner, statements = w.named(owner, statements)
	set := owner + "." + setterOf(f)
	if !hasSetters(f.Parent) {
		set = "func(s *" + w.QualifiedGoIdent(f.Message.GoIdent) + ") { " + owner + "." + f.Oneof.GoName +
			" = &" + w.QualifiedGoIdent(f.GoIdent) + "{" + f.GoName + ": s} }"
	}
	return w.httprule("Sub") + "(" + owner + "." + getterOf(f) + "(), " + set + ")", statements
}

// named gives owner a name, because it is needed twice, unless it is one already or the request itself.
func (w *httpWriter) named(owner string, statements []string) (string, []string) {
	if owner == w.message(w.request) || !strings.Contains(owner, "(") {
		return owner, statements
	}
	name := "o" + strconv.Itoa(len(statements)+1)
	return name, append(statements, name+" := "+owner)
}

// taken returns the condition under which a field cannot be set because a oneof on the way to it has another member
// already, "" if there is none.
func (w *httpWriter) taken(fields fieldPath) string {
	var conditions []string
	owner := w.message(w.request)
	for i, f := range fields {
		if isMember(f) {
			other := owner + ".Get" + f.Oneof.GoName + "() != nil"
			this := owner + "." + getterOf(f) + "() == nil"
			if hasSetters(f.Parent) {
				has, _ := f.MethodName("Has")
				other = owner + "." + f.Oneof.MethodName("Has") + "()"
				this = "!" + owner + "." + has + "()"
			}
			if f.Message != nil {
				other += " && " + this
			}
			conditions = append(conditions, other)
		}
		if i < len(fields)-1 {
			owner += "." + getterOf(f) + "()"
		}
	}
	return strings.Join(conditions, " || ")
}

// parser returns the function that parses f from a text.
func (w *httpWriter) parser(f *protogen.Field) string {
	if f.Enum == nil {
		return w.httprule(textForm(f))
	}
	values := f.Enum.GoIdent
	values.GoName += "_value"
	return w.httprule("Enum") + "[" + w.QualifiedGoIdent(f.Enum.GoIdent) + "](" + w.QualifiedGoIdent(values) + ")"
}

// parsedType returns the type of what f's parser returns.
func (w *httpWriter) parsedType(f *protogen.Field) string {
	switch form := textForm(f); form {
	case "Enum":
		return w.QualifiedGoIdent(f.Enum.GoIdent)
	case "Float":
		return "float32"
	case "Double":
		return "float64"
	case "Bytes":
		return "[]byte"
	case "Paths":
		return "[]string"
	case "Time", "Duration":
		return w.QualifiedGoIdent(timePackage.Ident(form))
	default:
		return strings.ToLower(form)
	}
}

// value returns the parsed value as what f holds.
func (w *httpWriter) value(f *protogen.Field) string {
	if f.Message == nil {
		return "x"
	}
	pkg := f.Message.GoIdent.GoImportPath
	switch form := textForm(f); form {
	case "Time", "Duration":
		return w.QualifiedGoIdent(pkg.Ident("New")) + "(x)"
	case "Paths":
		return "&" + w.QualifiedGoIdent(f.Message.GoIdent) + "{Paths: x}"
	default:
		// The constructors of package wrapperspb are called as the messages, less the ending: UInt32Value, UInt32.
		return w.QualifiedGoIdent(pkg.Ident(strings.TrimSuffix(f.Message.GoIdent.GoName, "Value"))) + "(x)"
	}
}

// body writes what the HTTP body fills.
func (w *httpWriter) body(b *binding) {
	request := w.message(w.request)
	switch {
	case b.whole:
		w.P("BodyField: ", strconv.Quote(wholeMessage), ",")
		if w.request.Desc.FullName() == httpBody {
			w.rawBody(w.request, request, nil)
			return
		}
		w.P("Body: func(m any) any { return m },")
	case b.body != nil:
		w.P("BodyField: ", strconv.Quote(b.body.Desc.JSONName()), ",")
		if b.body.Message == nil || b.body.Desc.IsList() || b.body.Desc.IsMap() {
			return
		}
		field, statements := w.step(request, nil, b.body)
		if b.body.Message.Desc.FullName() == httpBody {
			w.rawBody(b.body.Message, field, statements)
			return
		}
		w.P("Body: func(m any) any { ", strings.Join(append(statements, "return "+field), "; "), " },")
	}
}

// rawBody writes a function that gives target, an expression of the google.api.HttpBody m, its content.
func (w *httpWriter) rawBody(m *protogen.Message, target string, statements []string) {
	statements = append(statements, "o := "+target)
	if hasSetters(m) {
		statements = append(statements, "o.SetContentType(t)", "o.SetData(d)")
	} else {
		statements = append(statements, "o.ContentType, o.Data = t, d")
	}
	w.P("RawBody: func(m any, t string, d []byte) { ", strings.Join(statements, "; "), " },")
}

// result writes what of the response is sent.
func (w *httpWriter) result(b *binding) {
	message, value := w.response, w.message(w.response)
	if b.result != nil {
		w.P("ResultField: ", strconv.Quote(b.result.Desc.JSONName()), ",")
		message, value = b.result.Message, value+"."+getterOf(b.result)+"()"
		if b.result.Desc.IsList() || b.result.Desc.IsMap() {
			message = nil
		}
	}
	switch {
	case message != nil && message.Desc.FullName() == httpBody:
		w.P("RawResult: func(m any) (string, []byte) { o := ", value, "; return ",
			"o.GetContentType(), o.GetData() },")
	case b.result != nil:
		w.P("Result: func(m any) any { return ", value, " },")
	}
}

// message returns the parameter as a message of that type.
func (w *httpWriter) message(m *protogen.Message) string {
	return "m.(*" + w.QualifiedGoIdent(m.GoIdent) + ")"
}

func (w *httpWriter) httprule(name string) string {
	return w.QualifiedGoIdent(httprulePackage.Ident(name))
}

// hasSetters reports whether the fields of m are hidden, or need not be known, because it has methods that set them.
func hasSetters(m *protogen.Message) bool { return m.APILevel != gofeaturespb.GoFeatures_API_OPEN }

func setterOf(f *protogen.Field) string {
	name, _ := f.MethodName("Set")
	return name
}

func getterOf(f *protogen.Field) string {
	name, _ := f.MethodName("Get")
	return name
}

// isMember reports whether f belongs to a oneof that the contract has, unlike those that stand for optional fields.
func isMember(f *protogen.Field) bool { return f.Oneof != nil && !f.Oneof.Desc.IsSynthetic() }

// isPointer reports whether the open API holds f, which is no message, behind a pointer to tell its absence.
func isPointer(f *protogen.Field) bool {
	return f.Desc.HasPresence() && f.Message == nil && textForm(f) != "Bytes"
}
