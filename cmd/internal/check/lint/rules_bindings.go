package lint

import (
	"slices"
	"strings"
)

// bindings returns the rules about google.api.http.
func bindings() []Rule {
	return []Rule{
		{
			Rule: fails("HTTP_GET_BODY", Methods,
				"proxies and clients drop the body of GET and DELETE, and caches do not look at it"),
			Bad:  `option (google.api.http) = { get: "/v1/carts" body: "*" };`,
			Good: `option (google.api.http) = { get: "/v1/carts" };`,
			run:  httpGetBody,
		},
		{
			Rule: warns("HTTP_GET_SIDE_EFFECTS", Methods,
				"whatever follows links, such as a crawler or a preview, would call it"),
			Bad:  `rpc DeleteCart(…) … { option (google.api.http) = { get: "/v1/delete-cart" }; }`,
			Good: `rpc DeleteCart(…) … { option (google.api.http) = { delete: "/v1/carts/{id}" }; }`,
			Note: "It is about methods whose names begin as those of RPC_SIDE_EFFECTS do.",
			run:  httpGetSideEffects,
		},
		{
			Rule: warns("HTTP_PATH_VERSION", Methods,
				"an incompatible version needs a path beside the old one's, while both are in use"),
			Bad:  `option (google.api.http) = { get: "/carts/{id}" };`,
			Good: `option (google.api.http) = { get: "/v1/carts/{id}" };`,
			Note: "It is about versioned packages; any part of the path may be the version.",
			run:  httpPathVersion,
		},
	}
}

const httpOption = "google.api.http"

// binding is one rule of google.api.http.
type binding struct {
	verb, path, body string
}

// bindings returns the method's bindings, with the additional ones.
func (p *pass) bindings(m *method) []binding {
	rule, ok := p.option(m.proto.GetOptions(), httpOption)
	if !ok {
		return nil
	}
	found := []binding{p.binding(rule)}
	for _, more := range p.all(rule, "additional_bindings") {
		found = append(found, p.binding(more))
	}
	return found
}

func (p *pass) binding(rule setting) binding {
	var b binding
	for _, verb := range []string{"get", "put", "post", "delete", "patch"} {
		if s, ok := p.get(rule, verb); ok {
			b.verb, b.path = verb, string(s.bytes)
		}
	}
	if custom, ok := p.get(rule, "custom"); ok {
		kind, _ := p.get(custom, "kind")
		path, _ := p.get(custom, "path")
		b.verb, b.path = strings.ToLower(string(kind.bytes)), string(path.bytes)
	}
	body, _ := p.get(rule, "body")
	b.body = string(body.bytes)
	return b
}

// reportHTTPf is reportf for the option google.api.http.
func (p *pass) reportHTTPf(m *method, format string, args ...any) {
	var at [][]int32
	if x := p.extensions[httpOption]; x != nil {
		at = under(methodOptions, x.proto.GetNumber())
	}
	p.reportf(&m.node, at, format, args...)
}

func httpGetBody(p *pass) {
	for m := range p.methods() {
		for _, b := range p.bindings(m) {
			if b.body != "" && slices.Contains([]string{"get", "head", "delete"}, b.verb) {
				p.reportHTTPf(m, "method %q is bound to %s %s with a body", m.name, strings.ToUpper(b.verb), b.path)
			}
		}
	}
}

func httpGetSideEffects(p *pass) {
	for m := range p.methods() {
		for _, b := range p.bindings(m) {
			if m.writes() && (b.verb == "get" || b.verb == "head") {
				p.reportHTTPf(m, "method %q is bound to %s %s", m.name, strings.ToUpper(b.verb), b.path)
			}
		}
	}
}

func httpPathVersion(p *pass) {
	for m := range p.methods() {
		if version(m.file.pkg()) == "" {
			continue
		}
		for _, b := range p.bindings(m) {
			versioned := slices.ContainsFunc(strings.Split(b.path, "/"), func(part string) bool {
				return version("."+part) != ""
			})
			if b.path != "" && !versioned {
				p.reportHTTPf(m, "method %q is bound to the path %s, which has no version", m.name, b.path)
			}
		}
	}
}
