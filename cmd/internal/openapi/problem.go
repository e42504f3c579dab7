package openapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	problemSchema = "fairlead.Problem"
	problemMedia  = "application/problem+json"
)

// errors adds the responses of declared errors, one of each status, and that of all others.
func (w *writer) errors() {
	ref := &schema{Ref: schemaPrefix + problemSchema}
	byStatus := make(map[int][]*Error)
	for i := range w.set.Errors {
		e := &w.set.Errors[i]
		byStatus[e.Status] = append(byStatus[e.Status], e)
	}
	statuses := make([]int, 0, len(byStatus))
	for status := range byStatus {
		statuses = append(statuses, status)
	}
	slices.Sort(statuses)
	for _, status := range statuses {
		out := response{}
		lines := make([]string, 0, len(byStatus[status]))
		media := mediaType{Schema: ref}
		var wait string
		for _, e := range byStatus[status] {
			media.Examples.add(e.Reason, e.example())
			line := "`" + e.Reason + "`"
			if text := strings.Join(strings.Fields(comment(e.Value)), " "); text != "" {
				line += ": " + text
			}
			if isDeprecated(e.Value) {
				line += " (deprecated)"
			}
			lines = append(lines, "- "+line)
			if e.RetryAfter > 0 {
				wait = "After how many seconds the call may be repeated."
			}
		}
		name := http.StatusText(status)
		if name == "" {
			name = "An error"
		}
		out.Description = name + ". Declared reasons:\n\n" + strings.Join(lines, "\n")
		if wait != "" {
			out.Headers.add("Retry-After", header{Description: wait, Schema: &schema{Type: typeInteger}})
		}
		out.Content.add(problemMedia, media)
		w.statuses = append(w.statuses, strconv.Itoa(status))
		w.doc.Components.Responses.add(strconv.Itoa(status), out)
	}
	other := response{Description: "An error."}
	other.Content.add(problemMedia, mediaType{Schema: ref})
	w.doc.Components.Responses.add("default", other)
	w.schemas.define(problemSchema, problem())
}

// example returns an error as a response has it.
func (e *Error) example() example {
	message := e.Message
	if message == "" {
		message = e.Reason
	}
	var value object
	value.add("type", "urn:fairlead:error:"+url.PathEscape(e.Domain)+":"+url.PathEscape(e.Reason))
	value.add("title", e.Reason)
	value.add("status", e.Status)
	value.add("detail", message)
	value.add("code", e.Code)
	value.add("message", message)
	value.add("details", []any{})
	return example{Value: value}
}

// problem returns the schema of errors, which are problem details (RFC 9457) and a google.rpc.Status at once.
func problem() *schema {
	s := &schema{Type: typeObject, Description: "Problem details (RFC 9457) that are a google.rpc.Status as well."}
	s.Properties.add("type", &schema{
		Type: typeString, Format: "uri-reference",
		Description: "urn:fairlead:error:DOMAIN:REASON for declared errors, about:blank for others.",
	})
	s.Properties.add("title", &schema{
		Type: typeString, Description: "The reason of a declared error, or the status in words.",
	})
	s.Properties.add("status", &schema{Type: typeInteger, Description: "The status of the response."})
	s.Properties.add("detail", &schema{Type: typeString})
	s.Properties.add("code", &schema{Type: typeInteger, Format: "int32", Description: "A google.rpc.Code."})
	s.Properties.add("message", &schema{Type: typeString})
	s.Properties.add("details", &schema{Type: typeArray, Items: anySchema()})
	return s
}
