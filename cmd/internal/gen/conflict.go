package gen

import (
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Route is one HTTP rule of a method, seen from its path.
type Route struct {
	Verb     string // "GET"; "*": any
	Template string // "/v1/items/{name}"
	// Shape is the template without the names of its variables. Two routes of the same verb and shape match the same
	// requests.
	Shape  string
	Method protoreflect.FullName
	// At is where the template stands. It has no text.
	At Problem
}

// Routes returns the HTTP rules of all services that are to be generated, in the order of file and declaration. Rules
// that are in error are left out.
func Routes(plugin *protogen.Plugin) []Route {
	var ignored Problems
	return routesOf(plugin, readBindings(plugin, &ignored))
}

func routesOf(plugin *protogen.Plugin, bindings map[*protogen.Method][]binding) []Route {
	var routes []Route
	for _, file := range plugin.Files {
		for _, service := range file.Services {
			for _, m := range service.Methods {
				for _, b := range bindings[m] {
					routes = append(routes, Route{
						Verb: b.verb, Template: b.template, Shape: b.parsed.Shape(), Method: m.Desc.FullName(), At: b.at,
					})
				}
			}
		}
	}
	return routes
}

// readBindings returns the HTTP rules of all methods that are to be generated.
func readBindings(plugin *protogen.Plugin, problems *Problems) map[*protogen.Method][]binding {
	bindings := make(map[*protogen.Method][]binding)
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		for _, service := range file.Services {
			for _, m := range service.Methods {
				bindings[m] = readHTTP(m, problems)
			}
		}
	}
	return bindings
}

// checkRoutes reports routes of which a request could not tell which one it means.
func checkRoutes(routes []Route, problems *Problems) {
	type key struct{ verb, shape string }
	first := make(map[key]*Route)
	for i := range routes {
		r := &routes[i]
		k := key{r.Verb, r.Shape}
		other := first[k]
		if other == nil {
			first[k] = r
			continue
		}
		problem := r.At
		problem.Text = r.Verb + " " + r.Template + " of " + string(r.Method) + " matches the same requests as " +
			r.Verb + " " + other.Template + " of " + string(other.Method) + " at " + other.At.place()
		*problems = append(*problems, problem)
	}
}
