package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// binding adds the operation of an HTTP rule.
func (w *writer) binding(b *Binding) {
	verb := strings.ToLower(b.Verb)
	if !slices.Contains([]string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}, verb) ||
		b.Verb != strings.ToUpper(b.Verb) {
		w.leave(b, "OpenAPI 3.1 has no operations of that method")
		return
	}
	item, parameters := w.item(b)
	if slices.ContainsFunc(item.operations, func(m member) bool { return m.name == verb }) {
		w.leave(b, "to OpenAPI its path is that of another operation, "+item.path)
		return
	}
	service := b.Method.Parent()
	text := comment(b.Method)
	op := &operation{
		Tags: []string{string(service.Name())}, Summary: summaryOf(text), Description: text,
		OperationID: w.operationID(b.Method), Deprecated: isDeprecated(b.Method),
	}
	if op.Summary == "" {
		op.Summary = string(b.Method.Name())
	}
	if op.Description == op.Summary || op.Description == op.Summary+"." {
		op.Description = ""
	}
	if host := defaultHost(service); len(w.doc.Servers) > 1 && host != "" {
		op.Servers = []server{{URL: "https://" + host}}
	}
	for _, p := range parameters {
		op.Parameters = append(op.Parameters, w.pathParameter(p))
	}
	for _, path := range b.Query {
		op.Parameters = append(op.Parameters, w.queryParameter(path))
	}
	op.Body = w.body(b)
	op.Responses.add(strconv.Itoa(b.Status), w.success(b))
	for _, status := range w.statuses {
		op.Responses.add(status, reference{"#/components/responses/" + status})
	}
	op.Responses.add("default", reference{"#/components/responses/default"})
	item.operations.add(verb, op)
}

// leave notes that the document is without a rule.
func (w *writer) leave(b *Binding, why string) {
	w.notes = append(w.notes, fmt.Sprintf("%s: %s %s is not in the OpenAPI document: %s", b.Method.FullName(), b.Verb,
		b.Template.Shape(), why))
}

// operationID returns the name of an operation of a method: those behind the first have a number.
func (w *writer) operationID(m protoreflect.MethodDescriptor) string {
	name := string(m.Parent().Name()) + "_" + string(m.Name())
	w.operations[name]++
	if n := w.operations[name]; n > 1 {
		return name + "_" + strconv.Itoa(n)
	}
	return name
}

func (w *writer) pathParameter(p pathParameter) parameter {
	out := parameter{Name: p.name, In: "path", Description: p.description, Required: true}
	if p.field == nil {
		out.Schema = &schema{Type: typeString}
		return out
	}
	out.take(w.schemas.field(p.field[len(p.field)-1]))
	if name := jsonName(p.field); name != p.name {
		out.Description = strings.TrimSpace("It is `" + name + "`. " + out.Description)
	}
	return out
}

func (w *writer) queryParameter(path []protoreflect.FieldDescriptor) parameter {
	f := path[len(path)-1]
	out := parameter{Name: jsonName(path), In: "query", Required: len(path) == 1 && isRequired(f)}
	out.take(w.schemas.field(f))
	return out
}

// take takes a field's schema, and from that what a parameter says itself.
func (p *parameter) take(s *schema) {
	p.Description = strings.TrimSpace(s.Description + "\n\n" + p.Description)
	p.Deprecated = s.Deprecated
	s.Description, s.Deprecated, s.ReadOnly, s.WriteOnly = "", false, false, false
	p.Schema = s
}

// body returns the body of a request, nil for none.
func (w *writer) body(b *Binding) *requestBody {
	var s *schema
	media := "application/json"
	message := b.Method.Input()
	switch {
	case b.Whole && message.FullName() == httpBody:
		s, media = new(schema), anyMedia
	case b.Whole:
		s = w.schemas.without(message, b.Path)
	case b.Body == nil:
		return nil
	case isHTTPBody(b.Body):
		s, media = &schema{Description: comment(b.Body)}, anyMedia
	default:
		s = w.schemas.field(b.Body)
	}
	body := &requestBody{Description: s.Description, Required: true}
	s.Description, s.Deprecated, s.ReadOnly, s.WriteOnly = "", false, false, false
	if b.Method.IsStreamingClient() && media != anyMedia {
		body.Description = strings.TrimSpace(body.Description +
			"\n\nThe messages of a stream: one on a line, in an array, or in a part of a form.")
		body.Content.add(streamMedia, mediaType{Schema: s})
		body.Content.add(media, mediaType{Schema: &schema{Type: typeArray, Items: s}})
		body.Content.add("multipart/form-data", mediaType{Schema: new(schema)})
		return body
	}
	body.Content.add(media, mediaType{Schema: s})
	return body
}

// The media types of what is not one message in JSON.
const (
	anyMedia    = "*/*"
	streamMedia = "application/x-ndjson"
)

// success returns the response of a call that succeeds.
func (w *writer) success(b *Binding) response {
	out := response{Description: "Success."}
	if b.Status == http.StatusNoContent {
		return out
	}
	var s *schema
	media := "application/json"
	switch {
	case b.Result == nil && b.Method.Output().FullName() == httpBody || b.Result != nil && isHTTPBody(b.Result):
		s, media = new(schema), anyMedia
	case b.Result == nil:
		s = w.schemas.message(b.Method.Output())
	default:
		s = w.schemas.field(b.Result)
		if s.Description != "" {
			out.Description, s.Description = s.Description, ""
		}
		s.Deprecated, s.ReadOnly, s.WriteOnly = false, false, false
	}
	if b.Method.IsStreamingServer() && media != anyMedia {
		out.Content.add(streamMedia, mediaType{Schema: s})
		out.Content.add("application/json", mediaType{Schema: &schema{Type: typeArray, Items: s}})
		out.Content.add("text/event-stream", mediaType{Schema: s})
		out.Description += " The messages of a stream, as the request accepts them: one on a line, in an array, or as events."
		return out
	}
	out.Content.add(media, mediaType{Schema: s})
	return out
}

// httpBody is the full name of the message whose content is not encoded.
const httpBody = "google.api.HttpBody"

// isHTTPBody reports whether a field is a message whose content is not encoded.
func isHTTPBody(f protoreflect.FieldDescriptor) bool {
	return f.Message() != nil && !f.IsList() && f.Message().FullName() == httpBody
}

// defaultHost returns the host that a service says it is at, "" for none.
func defaultHost(service protoreflect.Descriptor) string {
	host, _ := proto.GetExtension(service.Options(), annotations.E_DefaultHost).(string)
	return host
}
