package gen

import (
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// routeLeftOut ends the text of a warning about a rule that is not generated.
const routeLeftOut = "; the route is left out"

// readBindings returns the HTTP rules of all methods that are to be generated. Rules that cannot be served are left
// out, each with a warning: messages and stubs do not depend on them, and other generators take them.
func readBindings(plugin *protogen.Plugin, warnings *Problems) map[*protogen.Method][]binding {
	bindings := make(map[*protogen.Method][]binding)
	inPackage := make(map[protoreflect.FullName]routes)
	for _, file := range byPath(plugin) {
		if !file.Generate {
			continue
		}
		pkg := file.Desc.Package()
		if inPackage[pkg] == nil {
			inPackage[pkg] = make(routes)
		}
		for _, service := range file.Services {
			inService := make(routes)
			for _, m := range service.Methods {
				bindings[m] = slices.DeleteFunc(readHTTP(m, warnings), func(b binding) bool {
					if first, taken := inService.claim(m, b); taken {
						*warnings = append(*warnings, b.sameAs(m, first, routeLeftOut))
						return true
					}
					if first, taken := inPackage[pkg].claim(m, b); taken {
						*warnings = append(*warnings, b.sameAs(m, first, "; one server cannot have both"))
					}
					return false
				})
			}
		}
	}
	return bindings
}

// routes are the first rules that match their requests. Services that share no package are not compared: they rarely
// share a server.
type routes map[routeKey]route

// routeKey is the verb of a rule, and its template without the names of the variables.
type routeKey struct{ verb, shape string }

// route is a rule and its method.
type route struct {
	binding

	method *protogen.Method
}

// claim returns the rule that matches the same requests as b, and true; without one it records b.
func (r routes) claim(m *protogen.Method, b binding) (route, bool) {
	key := routeKey{b.verb, b.parsed.Shape()}
	if first, taken := r[key]; taken {
		return first, true
	}
	r[key] = route{b, m}
	return route{}, false
}

// sameAs returns a warning about b, a rule of m, which matches the same requests as first.
func (b *binding) sameAs(m *protogen.Method, first route, consequence string) Problem {
	warning := b.at
	warning.Text = b.verb + " " + b.template + " of " + string(m.Desc.FullName()) + " matches the same requests as " +
		first.verb + " " + first.template + " of " + string(first.method.Desc.FullName()) + " at " + first.at.place() +
		consequence
	return warning
}
