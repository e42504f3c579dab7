// Package openapi writes OpenAPI 3.1 documents of services that have HTTP rules.
//
// Schemas are those of ProtoJSON: the names are the JSON names, 64-bit integers are strings, and well-known types have
// their own forms. The rules of protovalidate are part of them as far as JSON Schema can express them.
package openapi

import (
	"encoding/json"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/httprule"
)

// Set is what one document describes: the services of a package.
type Set struct {
	// Package is the name of the package; it is the title of the document.
	Package string
	// Bindings are the HTTP rules of the services' methods.
	Bindings []Binding
	// Errors are those that the package declares. Any of its methods may return them.
	Errors []Error
}

// Binding is an HTTP rule of a method.
type Binding struct {
	Method   protoreflect.MethodDescriptor
	Verb     string
	Template *httprule.Template

	// Path holds the fields of the template's variables, in their order, and Query those that the query sets. Each leads
	// from the request to a field of it, or of a message in it.
	Path, Query [][]protoreflect.FieldDescriptor

	Whole  bool                         // the body is the whole request
	Body   protoreflect.FieldDescriptor // that the body fills; nil: none, or Whole
	Result protoreflect.FieldDescriptor // that is sent; nil: the whole response
	Status int                          // of a success
}

// Error is a declared error.
type Error struct {
	Value      protoreflect.EnumValueDescriptor
	Domain     string
	Reason     string
	Code       int32  // of google.rpc.Code
	Status     int    // of HTTP
	Message    string // "" for none
	RetryAfter time.Duration
}

// Document returns the document in JSON, which depends on nothing but the set. The notes say what of it OpenAPI cannot
// express, and so is not there.
func Document(set Set) (document []byte, notes []string, err error) {
	w := writer{set: &set, items: make(map[string]*pathItem), operations: make(map[string]int), schemas: newSchemas()}
	version := packageVersion(set.Package)
	w.doc = doc{
		OpenAPI: "3.1.0", Generator: generator,
		Info: info{Title: set.Package, Version: version},
	}
	w.doc.Servers, w.doc.Tags = w.servers(), w.tags()
	w.errors()
	for i := range set.Bindings {
		w.binding(&set.Bindings[i])
	}
	for _, item := range w.order {
		w.doc.Paths.add(item.path, item.operations)
	}
	w.doc.Components.Schemas = w.schemas.all()
	document, err = encode(&w.doc)
	return document, w.notes, err
}

// generator is the value of the member x-generator, by which the documents are known that this package wrote.
const generator = "fairlead gen"

// IsGenerated reports whether a file is a document that this package wrote.
func IsGenerated(content []byte) bool {
	var d struct {
		Generator string `json:"x-generator"` //nolint:tagliatelle // as in documents
	}
	return json.Unmarshal(content, &d) == nil && d.Generator == generator
}

// packageVersion returns the version in the name of a package, such as v1 in shop.v1, or "0".
func packageVersion(name string) string {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if len(last) > 1 && last[0] == 'v' && '0' <= last[1] && last[1] <= '9' {
		return last
	}
	return "0"
}

// writer writes a document.
type writer struct {
	set        *Set
	doc        doc
	notes      []string
	items      map[string]*pathItem // by shape
	order      []*pathItem
	operations map[string]int // how often an operation's name is there
	statuses   []string       // of declared errors
	schemas    *schemas
}

// services returns the services of the bindings, each once.
func (w *writer) services() []protoreflect.ServiceDescriptor {
	var all []protoreflect.ServiceDescriptor
	seen := make(map[protoreflect.FullName]bool)
	for _, b := range w.set.Bindings {
		if s, ok := b.Method.Parent().(protoreflect.ServiceDescriptor); ok && !seen[s.FullName()] {
			seen[s.FullName()] = true
			all = append(all, s)
		}
	}
	return all
}

func (w *writer) tags() []tag {
	services := w.services()
	all := make([]tag, 0, len(services))
	for _, s := range services {
		all = append(all, tag{Name: string(s.Name()), Description: comment(s)})
	}
	return all
}

// servers returns the hosts that (google.api.default_host) names, or else the one that the document comes from.
func (w *writer) servers() []server {
	var all []server
	seen := make(map[string]bool)
	for _, s := range w.services() {
		if host := defaultHost(s); host != "" && !seen[host] {
			seen[host] = true
			all = append(all, server{URL: "https://" + host})
		}
	}
	if len(all) == 0 {
		return []server{{URL: "/"}}
	}
	return all
}

// comment returns the contract's comment before a declaration, or else the one behind it.
func comment(d protoreflect.Descriptor) string {
	at := d.ParentFile().SourceLocations().ByDescriptor(d)
	text := at.LeadingComments
	if strings.TrimSpace(text) == "" {
		text = at.TrailingComments
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(strings.TrimPrefix(line, " "), " \t\r")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// maxSummary is how long a summary may be, in bytes.
const maxSummary = 120

// summaryOf returns the first sentence of a text, "" when it is too long for a summary.
func summaryOf(text string) string {
	paragraph, _, _ := strings.Cut(text, "\n\n")
	paragraph = strings.Join(strings.Fields(paragraph), " ")
	sentence, _, _ := strings.Cut(paragraph, ". ")
	if sentence = strings.TrimSuffix(sentence, "."); len(sentence) > maxSummary {
		return ""
	}
	return sentence
}

// isDeprecated reports whether a declaration, or what it is in, is deprecated.
func isDeprecated(d protoreflect.Descriptor) bool {
	for ; d != nil; d = d.Parent() {
		if options, ok := d.Options().(interface{ GetDeprecated() bool }); ok && options.GetDeprecated() {
			return true
		}
	}
	return false
}
