package rest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/codec/json"
	"github.com/fairlead-go/fairlead/httprule"
	"github.com/fairlead-go/fairlead/protocol"
)

// binding is an HTTP rule of a method, ready for use. It is read-only.
type binding struct {
	route    *protocol.Route
	rule     *fairlead.HTTPRule
	template *httprule.Template
	vars     []*fairlead.HTTPParam // by variable of the template
	query    map[string]*param     // by all names

	body     codec.Codec        // decodes what the body fills; nil: there is none, or it is raw
	result   codec.Codec        // encodes what is sent of the response; nil: it is raw
	message  func(resp any) any // returns what result encodes; nil: the response
	estimate codec.Estimator    // result's; nil: it has none
	status   int                // of a success

	alone *matched // for paths without values
}

// param is a field that the query sets.
type param struct {
	*fairlead.HTTPParam

	index int
}

func newBinding(r *protocol.Route, rule *fairlead.HTTPRule, c json.Codec) (*binding, error) {
	m := r.Method
	switch {
	case m.NewRequest == nil || m.NewResponse == nil:
		return nil, errors.New("the method does not name its messages")
	case m.OneWay:
		return nil, errors.New("the method is one-way, and REST answers each call")
	}
	t, err := httprule.Parse(rule.Template)
	if err != nil {
		return nil, err
	}
	b := &binding{route: r, rule: rule, template: t, query: make(map[string]*param), status: statusOK}
	if rule.Status != 0 {
		b.status = rule.Status
	}
	b.alone = &matched{binding: b}
	if err := b.params(); err != nil {
		return nil, err
	}
	if err := b.codecs(c.WithForm(m.JSON)); err != nil {
		return nil, err
	}
	return b, nil
}

// codecs finds the codecs of the body and of the result. A message has the codec of its type, another field its own.
func (b *binding) codecs(c json.Codec) (err error) {
	rule, m := b.rule, b.route.Method
	switch {
	case rule.BodyField == "" || rule.RawBody != nil:
	case rule.Body != nil:
		b.body, err = c.ForType(rule.Body(m.NewRequest()))
	default:
		b.body, err = c.Field(m.NewRequest(), rule.BodyField)
	}
	if err != nil {
		return fmt.Errorf("the body: %w", err)
	}
	switch {
	case rule.RawResult != nil:
		return nil
	case rule.Result == nil:
		b.result, err = c.ForType(m.NewResponse())
	default:
		sample := rule.Result(m.NewResponse())
		if t := reflect.TypeOf(sample); t != nil && t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct {
			b.message = rule.Result
			b.result, err = c.ForType(reflect.New(t.Elem()).Interface())
		} else {
			b.result, err = c.Field(m.NewResponse(), rule.ResultField)
		}
	}
	if err != nil {
		return fmt.Errorf("the response: %w", err)
	}
	b.estimate, _ = b.result.(codec.Estimator)
	return nil
}

// params finds the setters of the template's variables and of the query's names.
func (b *binding) params() error {
	inPath := make(map[string]*fairlead.HTTPParam)
	for i := range b.rule.Params {
		p := &b.rule.Params[i]
		if p.InPath {
			inPath[p.Name] = p
			continue
		}
		for _, n := range namesOf(p) {
			b.query[n] = &param{p, i}
		}
	}
	for i := range b.template.Variables {
		p := inPath[b.template.Variables[i].Name]
		if p == nil {
			return fmt.Errorf("no field is set from the variable %s", b.template.Variables[i].Name)
		}
		b.vars = append(b.vars, p)
	}
	return nil
}

// namesOf returns the names by which the query knows a parameter: each part of its path in either form.
func namesOf(p *fairlead.HTTPParam) []string {
	if p.JSON == "" {
		return []string{p.Name}
	}
	plain, json := strings.Split(p.Name, "."), strings.Split(p.JSON, ".")
	names := []string{""}
	for i := range json {
		var more []string
		for _, n := range names {
			if i > 0 {
				n += "."
			}
			more = append(more, n+json[i])
			if i < len(plain) && plain[i] != json[i] {
				more = append(more, n+plain[i])
			}
		}
		names = more
	}
	return names
}

// takes reports whether the binding takes bodies of a content type. Without a content type there may be no body.
func (b *binding) takes(contentType string) bool {
	switch {
	case b.body == nil || contentType == jsonType || isJSON(contentType):
		return true
	case !b.route.Method.Kind.ClientStreams():
		return false
	}
	return isLines(contentType) || isForm(contentType)
}

const jsonType = "application/json"

// isJSON reports whether a content type is JSON or a format made of it (RFC 6839, section 3.1). Text is not among them:
// pages of others may send it without being asked (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
func isJSON(contentType string) bool {
	t, ok := strings.CutPrefix(mediaType(contentType), "application/")
	return ok && (t == "json" || strings.HasSuffix(t, "+json"))
}

// isLines reports whether a content type is one JSON value a line, which has no registered name.
func isLines(contentType string) bool {
	switch mediaType(contentType) {
	case linesType, "application/ndjson", "application/jsonl", "application/x-jsonlines":
		return true
	}
	return false
}

const linesType = "application/x-ndjson"

func isForm(contentType string) bool { return strings.HasPrefix(mediaType(contentType), "multipart/") }

// mediaType returns a content type without its parameters, in lower case.
func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}
