package openapi

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/httprule"
)

// pathItem holds the operations of a path. Paths are the same when they differ in nothing but the names of parameters:
// a document must not have two such.
type pathItem struct {
	path       string
	names      []string // of the parameters, in their order
	operations object
}

// pathParameter is a part of a path that takes a value.
type pathParameter struct {
	name        string
	description string
	field       []protoreflect.FieldDescriptor // that it is the value of; nil: it is a part of the value, or of none
}

// item returns the path item of a template, and its parameters.
//
// OpenAPI has no parameters of several segments, such as {name=shelves/*}: each wildcard becomes a parameter.
func (w *writer) item(b *Binding) (*pathItem, []pathParameter) {
	var path, shape strings.Builder
	var parameters []pathParameter
	names := make(map[string]bool)
	for i, segment := range b.Template.Segments {
		if segment.Kind == httprule.Literal {
			path.WriteString("/" + url.PathEscape(segment.Text))
			shape.WriteString("/" + url.PathEscape(segment.Text))
			continue
		}
		p := pathParameter{name: "segment"}
		if i > 0 && b.Template.Segments[i-1].Kind == httprule.Literal {
			p.name = singular(b.Template.Segments[i-1].Text)
		}
		if v := variableAt(b.Template, i); v >= 0 && b.Template.Variables[v].End-b.Template.Variables[v].Begin == 1 {
			p.field = b.Path[v]
			p.name = jsonName(p.field)
		}
		for base, n := p.name, 2; names[p.name]; n++ {
			p.name = base + strconv.Itoa(n)
		}
		names[p.name] = true
		parameters = append(parameters, p)
		path.WriteString("/{" + p.name + "}")
		shape.WriteString("/{}")
	}
	verb := ""
	if b.Template.Verb != "" {
		verb = ":" + url.PathEscape(b.Template.Verb)
	}
	if len(b.Template.Segments) == 0 {
		path.WriteByte('/')
		shape.WriteByte('/')
	}
	path.WriteString(verb)
	shape.WriteString(verb)
	item := w.items[shape.String()]
	if item == nil {
		item = &pathItem{path: path.String()}
		for _, p := range parameters {
			item.names = append(item.names, p.name)
		}
		w.items[shape.String()] = item
		w.order = append(w.order, item)
	}
	for i := range parameters {
		parameters[i].name = item.names[i]
	}
	describeParts(b, parameters)
	return item, parameters
}

// describeParts says of parameters what they are parts of, and what OpenAPI does not say of them.
func describeParts(b *Binding, parameters []pathParameter) {
	at := make(map[int]int) // parameters by segments
	for i, segment := range b.Template.Segments {
		if segment.Kind != httprule.Literal {
			at[i] = len(at)
		}
	}
	for i, segment := range b.Template.Segments {
		if segment.Kind == httprule.Literal {
			continue
		}
		p := &parameters[at[i]]
		var said []string
		if v := variableAt(b.Template, i); v >= 0 && p.field == nil {
			variable := b.Template.Variables[v]
			var parts []string
			for j := variable.Begin; j < variable.End; j++ {
				part := b.Template.Segments[j].Text
				if n, ok := at[j]; ok {
					part = "{" + parameters[n].name + "}"
				}
				parts = append(parts, part)
			}
			said = append(said, fmt.Sprintf("Part of `%s`, which is `%s`.", jsonName(b.Path[v]), strings.Join(parts, "/")))
		}
		if segment.Kind == httprule.Rest {
			said = append(said, "It may have slashes in it, which are not escaped.")
		}
		p.description = strings.Join(said, " ")
	}
}

// variableAt returns the number of the variable that has a segment, -1 for none.
func variableAt(t *httprule.Template, segment int) int {
	for i, v := range t.Variables {
		if v.Begin <= segment && segment < v.End {
			return i
		}
	}
	return -1
}

// singular returns a name for one of the things that the segment of a path is called after: project for projects.
func singular(segment string) string {
	name := strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return -1
	}, segment)
	switch {
	case name == "":
		return "segment"
	case strings.HasSuffix(name, "elves"):
		return name[:len(name)-len("ves")] + "f"
	case strings.HasSuffix(name, "ies"):
		return name[:len(name)-len("ies")] + "y"
	case strings.HasSuffix(name, "sses"), strings.HasSuffix(name, "xes"), strings.HasSuffix(name, "ches"):
		return name[:len(name)-len("es")]
	case strings.HasSuffix(name, "s") && !strings.HasSuffix(name, "ss"):
		return name[:len(name)-len("s")]
	default:
		return name
	}
}

// jsonName returns the path to a field in JSON names.
func jsonName(path []protoreflect.FieldDescriptor) string {
	names := make([]string, len(path))
	for i, f := range path {
		names[i] = f.JSONName()
	}
	return strings.Join(names, ".")
}
