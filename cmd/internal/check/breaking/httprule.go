package breaking

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// httpRules are about google.api.http.
func httpRules() []Rule {
	return []Rule{
		{
			ID: "HTTP_BINDING_NO_DELETE", Levels: JSON | source, check: bindingsKept,
			Breaks: "a method no longer answers at an HTTP path (google.api.http)",
			Why:    "requests of HTTP clients end with 404 or 405",
		},
		{
			ID: "HTTP_BINDING_SAME_METHOD", Levels: JSON | source, check: bindingsUnmoved,
			Breaks: "another method answers at an HTTP path", Why: "HTTP clients reach a method that they did not mean",
		},
		{
			ID: "HTTP_BINDING_SAME_BODY", Levels: JSON | source, check: bindingPairs(sameBody),
			Breaks: "the body of an HTTP request is another part of the message",
			Why:    "the bodies that HTTP clients send are refused or misread",
		},
		{
			ID: "HTTP_BINDING_SAME_RESPONSE_BODY", Levels: JSON | source, check: bindingPairs(sameResponseBody),
			Breaks: "the body of an HTTP response is another part of the message",
			Why:    "HTTP clients misread the bodies that they get",
		},
		{
			ID: "HTTP_BINDING_SAME_FIELDS", Levels: JSON | source, check: bindingPairs(sameVariables),
			Breaks: "a part of an HTTP path lands in another field", Why: "requests of HTTP clients mean something else",
		},
	}
}

// binding is an HTTP request that a method answers.
type binding struct {
	method       protoreflect.MethodDescriptor
	verb         string
	template     string
	shape        string   // the template without names of variables
	variables    []string // the fields that parts of the path land in
	body         string
	responseBody string
}

func (b binding) String() string { return b.verb + " " + b.template }

// request returns what a request has to be like for the binding to answer it.
func (b binding) request() string { return b.verb + " " + b.shape }

// own returns request with the name of the method behind it.
func (b binding) own() string { return b.request() + " " + string(b.method.FullName()) }

// bindingsOf returns the bindings of a method: the first one and the additional ones.
func bindingsOf(method protoreflect.MethodDescriptor) []binding {
	rule := messageExtension(method, "google.api.http")
	if rule == nil {
		return nil
	}
	rules := []protoreflect.Message{rule}
	more, _ := member(rule, "additional_bindings")
	if list, ok := more.Interface().(protoreflect.List); ok {
		for i := range list.Len() {
			rules = append(rules, list.Get(i).Message())
		}
	}
	var bindings []binding
	for _, rule := range rules {
		b := binding{
			method: method, body: stringMember(rule, "body"), responseBody: stringMember(rule, "response_body"),
		}
		for _, verb := range []protoreflect.Name{"get", "put", "post", "delete", "patch"} {
			if template := stringMember(rule, verb); template != "" {
				b.verb, b.template = strings.ToUpper(string(verb)), template
			}
		}
		if custom := messageMember(rule, "custom"); custom != nil {
			b.verb, b.template = stringMember(custom, "kind"), stringMember(custom, "path")
		}
		if b.template != "" {
			b.shape, b.variables = shapeOf(b.template)
			bindings = append(bindings, b)
		}
	}
	return bindings
}

// variable is a variable of a path template: {name} or {name=segments}; see HttpRule in google/api/http.proto.
var variable = regexp.MustCompile(`\{([^{}=]+)(?:=([^{}]*))?\}`)

// shapeOf returns a template with the variables' segments in place of the variables, and the variables' names.
func shapeOf(template string) (shape string, variables []string) {
	shape = variable.ReplaceAllStringFunc(template, func(text string) string {
		parts := variable.FindStringSubmatch(text)
		variables = append(variables, parts[1])
		if parts[2] == "" {
			return "*"
		}
		return parts[2]
	})
	return shape, variables
}

// methods yields all methods of a contract.
func (c *Contract) methods() func(yield func(protoreflect.MethodDescriptor) bool) {
	return func(yield func(protoreflect.MethodDescriptor) bool) {
		for _, file := range c.files {
			for i := range file.Services().Len() {
				service := file.Services().Get(i)
				for j := range service.Methods().Len() {
					if !yield(service.Methods().Get(j)) {
						return
					}
				}
			}
		}
	}
}

// allBindings returns the bindings of all methods.
func (c *Contract) allBindings() []binding {
	var bindings []binding
	for method := range c.methods() {
		bindings = append(bindings, bindingsOf(method)...)
	}
	return bindings
}

// findBinding returns the binding of a contract that answers what b answers: one of the same method rather than of
// another.
func (c *Contract) findBinding(b binding) (found binding, ok bool) {
	if c.answers == nil {
		c.answers = make(map[string]binding)
		for _, b := range c.allBindings() {
			c.answers[b.request()] = b
			if _, ok := c.answers[b.own()]; !ok {
				c.answers[b.own()] = b
			}
		}
	}
	if found, ok = c.answers[b.own()]; ok {
		return found, true
	}
	found, ok = c.answers[b.request()]
	return found, ok
}

func (c *Contract) httpPlace(method protoreflect.MethodDescriptor) spot {
	return c.option(method, protoreflect.SourcePath{methodOptions, httpOption})
}

// placeOfMethod returns the place of what was the method old: of its bindings, or of what was around it.
func (c *comparison) placeOfMethod(old protoreflect.MethodDescriptor) spot {
	service, ok := c.now.services[old.Parent().FullName()]
	if !ok {
		return c.placeOfFile(old.ParentFile())
	}
	if method := c.now.method(service, old.Name()); method != nil {
		return c.now.httpPlace(method)
	}
	return c.now.whole(service)
}

func bindingsKept(c *comparison) {
	for _, b := range c.old.allBindings() {
		if _, ok := c.now.findBinding(b); !ok {
			c.reportf(c.placeOfMethod(b.method), c.old.httpPlace(b.method), c.subjectOf(b.method),
				"nothing answers %s any more, which was method %s", b, b.method.FullName())
		}
	}
}

func bindingsUnmoved(c *comparison) {
	for _, b := range c.old.allBindings() {
		// HTTP clients do not see the service's name.
		if now, ok := c.now.findBinding(b); ok && now.method.Name() != b.method.Name() {
			c.reportf(c.now.httpPlace(now.method), c.old.httpPlace(b.method), c.subjectOf(b.method),
				"method %s answers %s now and no longer %s", now.method.FullName(), b, b.method.FullName())
		}
	}
}

// bindingPairs makes a check of one that is called for each binding that a method had and still has.
func bindingPairs(check func(c *comparison, old, now binding) (change string)) func(*comparison) {
	return func(c *comparison) {
		for _, old := range c.old.allBindings() {
			now, ok := c.now.findBinding(old)
			if !ok || now.method.Name() != old.method.Name() {
				continue
			}
			if change := check(c, old, now); change != "" {
				c.reportf(c.now.httpPlace(now.method), c.old.httpPlace(old.method), c.subjectOf(old.method),
					"%s of method %s: %s", old, old.method.FullName(), change)
			}
		}
	}
}

func bodyText(body, otherwise string) string {
	switch body {
	case "":
		return otherwise
	case "*":
		return "the whole message"
	default:
		return "the field " + body
	}
}

func sameBody(c *comparison, old, now binding) string {
	if c.sameField(old.method.Input(), old.body, now.method.Input(), now.body) {
		return ""
	}
	return fmt.Sprintf("the body is %s and no longer %s", bodyText(now.body, "empty"), bodyText(old.body, "empty"))
}

func sameResponseBody(c *comparison, old, now binding) string {
	if c.sameField(old.method.Output(), old.responseBody, now.method.Output(), now.responseBody) {
		return ""
	}
	const whole = "the whole message"
	return fmt.Sprintf("the response is %s and no longer %s", bodyText(now.responseBody, whole),
		bodyText(old.responseBody, whole))
}

func sameVariables(c *comparison, old, now binding) string {
	for i, name := range old.variables {
		if i < len(now.variables) && c.sameField(old.method.Input(), name, now.method.Input(), now.variables[i]) {
			continue
		}
		to := "nowhere"
		if i < len(now.variables) {
			to = "in the field " + now.variables[i]
		}
		return fmt.Sprintf("a part of the path lands %s and no longer in the field %s", to, name)
	}
	return ""
}

// sameField reports whether two paths of names lead to the same field: by numbers, since a field may have been renamed.
func (c *comparison) sameField(
	old protoreflect.MessageDescriptor, oldPath string, now protoreflect.MessageDescriptor, nowPath string,
) bool {
	if oldPath == nowPath {
		return true
	}
	before := c.old.fieldNumbers(old, oldPath)
	return len(before) > 0 && slices.Equal(before, c.now.fieldNumbers(now, nowPath))
}

// fieldNumbers returns the numbers on the way to a field, none when the path leads nowhere.
func (c *Contract) fieldNumbers(m protoreflect.MessageDescriptor, path string) []protoreflect.FieldNumber {
	var numbers []protoreflect.FieldNumber
	for name := range strings.SplitSeq(path, ".") {
		if m == nil {
			return nil
		}
		field := c.fieldNamed(m, protoreflect.Name(name))
		if field == nil {
			return nil
		}
		numbers = append(numbers, field.Number())
		m = field.Message()
	}
	return numbers
}
