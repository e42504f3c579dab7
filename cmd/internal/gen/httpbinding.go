package gen

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead/httprule"
)

// The numbers of the fields of google.api.HttpRule and CustomHttpPattern.
const (
	ruleBody       = 7
	ruleAdditional = 11
	ruleResponse   = 12
	customKind     = 1
	customPath     = 2
)

// wholeMessage is a rule's body when the HTTP body is the whole request.
const wholeMessage = "*"

// maxWrongVariables is how many variables a warning about a path tells of.
const maxWrongVariables = 3

// httpBody is the full name of the message whose content is not encoded.
const httpBody = "google.api.HttpBody"

// binding is one HTTP rule of a method, checked.
type binding struct {
	verb     string
	template string
	parsed   *httprule.Template

	path  []fieldPath // in the order of the template's variables
	query []fieldPath

	whole  bool            // the body is the whole request
	body   *protogen.Field // that the body fills; nil: none, or whole
	result *protogen.Field // that is sent; nil: the whole response

	at Problem // where the template stands; it has no text
}

// readHTTP returns those HTTP rules of m that can be served, and a warning for each of the others.
func readHTTP(m *protogen.Method, warnings *Problems) []binding {
	rule, ok := proto.GetExtension(m.Desc.Options(), annotations.E_Http).(*annotations.HttpRule)
	if !ok || rule == nil {
		return nil
	}
	path := extensionPath(optionsOfMethod, annotations.E_Http)
	r := ruleReader{method: m, warnings: warnings}
	r.read(rule, path)
	for i, more := range rule.GetAdditionalBindings() {
		at := slices.Concat(path, []int32{ruleAdditional, int32(i)})
		r.read(more, at)
		if len(more.GetAdditionalBindings()) > 0 {
			r.failf(slices.Concat(at, []int32{ruleAdditional, 0}),
				"an additional binding cannot have additional bindings of its own")
		}
	}
	return r.found
}

// ruleReader reads the rules of one method.
type ruleReader struct {
	method   *protogen.Method
	warnings *Problems
	found    []binding
}

func (r *ruleReader) failf(path []int32, format string, args ...any) {
	r.warnings.add(r.method.Desc, path, "(google.api.http) of %s: "+format+routeLeftOut,
		append([]any{r.method.Desc.FullName()}, args...)...)
}

// read checks one rule, which stands at path.
func (r *ruleReader) read(rule *annotations.HttpRule, path []int32) {
	before := len(*r.warnings)
	inner := func(numbers ...int32) []int32 { return slices.Concat(path, numbers) }
	b := binding{}
	var pattern []int32
	b.verb, b.template, pattern = patternOf(rule)
	if pattern == nil {
		r.failf(path, "names no path: one of get, put, post, delete, patch and custom is needed")
		return
	}
	b.at = placeOf(r.method.Desc, inner(pattern...)...)
	if !isToken(b.verb) {
		r.failf(inner(pattern[0], customKind), "%q is not an HTTP method", b.verb)
	}
	r.template(&b, inner(pattern...))
	r.body(&b, rule.GetBody(), inner(ruleBody))
	r.result(&b, rule.GetResponseBody(), inner(ruleResponse))
	if len(*r.warnings) > before {
		return
	}
	if !b.whole {
		b.query = queryFields(r.method.Input, &b)
	}
	r.found = append(r.found, b)
}

// patternOf returns a rule's verb and template, and the path from the rule to the template; nil: it has none.
func patternOf(rule *annotations.HttpRule) (verb, template string, path []int32) {
	switch p := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		return "GET", p.Get, []int32{2}
	case *annotations.HttpRule_Put:
		return "PUT", p.Put, []int32{3}
	case *annotations.HttpRule_Post:
		return "POST", p.Post, []int32{4}
	case *annotations.HttpRule_Delete:
		return "DELETE", p.Delete, []int32{5}
	case *annotations.HttpRule_Patch:
		return "PATCH", p.Patch, []int32{6}
	case *annotations.HttpRule_Custom:
		return p.Custom.GetKind(), p.Custom.GetPath(), []int32{8, customPath}
	default:
		return "", "", nil
	}
}

// isToken reports whether s may be the method of an HTTP request (RFC 9110, section 5.6.2). That has "*" among them,
// which stands for any method here.
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}

// template parses the rule's template and finds the fields of its variables.
func (r *ruleReader) template(b *binding, path []int32) {
	var err error
	b.parsed, err = httprule.Parse(b.template)
	var syntax *httprule.SyntaxError
	switch {
	case errors.As(err, &syntax):
		r.failf(path, "path %q, at character %d: %s", b.template, syntax.Offset+1, syntax.Text)
		return
	case err != nil:
		r.failf(path, "path %q: %v", b.template, err)
		return
	}
	var wrong []string
	for _, v := range b.parsed.Variables {
		fields, err := findField(r.method.Input, v.Name)
		if err == nil {
			err = fields.checkVariable()
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("variable %s: %v", v.Name, err))
			continue
		}
		b.path = append(b.path, fields)
	}
	if more := len(wrong) - maxWrongVariables; more > 0 {
		wrong = append(wrong[:maxWrongVariables], fmt.Sprintf("and %d more", more))
	}
	if len(wrong) > 0 {
		r.failf(path, "path %q: %s", b.template, strings.Join(wrong, "; "))
	}
}

// body finds the field that the HTTP body fills.
func (r *ruleReader) body(b *binding, name string, path []int32) {
	switch {
	case name == "":
		return
	case b.verb == "GET" || b.verb == "HEAD":
		// RFC 9110, section 9.3.1: content in a GET request has no defined meaning, and may get it rejected.
		r.failf(path, "a %s request has no body", b.verb)
		return
	case name == wholeMessage:
		b.whole = true
		return
	}
	b.body = fieldByName(r.method.Input, name)
	if b.body == nil {
		r.failf(path, "body %q: %s has no field of that name%s", name, r.method.Input.Desc.FullName(), topLevelOnly(name))
		return
	}
	for _, v := range b.path {
		if len(v) == 1 && v[0] == b.body {
			r.failf(path, "body %q: the field takes its value from the path already", name)
		}
	}
}

// result finds the field of the response that is sent.
func (r *ruleReader) result(b *binding, name string, path []int32) {
	if name == "" {
		return
	}
	b.result = fieldByName(r.method.Output, name)
	if b.result == nil {
		r.failf(path, "response_body %q: %s has no field of that name%s",
			name, r.method.Output.Desc.FullName(), topLevelOnly(name))
	}
}

func topLevelOnly(name string) string {
	if strings.Contains(name, ".") {
		return "; it must be one of the message itself"
	}
	return ""
}
