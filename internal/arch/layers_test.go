package arch

import (
	"path"
	"slices"
	"strings"
)

// core is the module path of the core; the modules around it have paths below.
const core = "github.com/fairlead-go/fairlead"

// root is what the tables call the root package.
const root = "."

// layers are the core's packages from the bottom up: a package imports only from lower layers, or its own parent. x/*
// stands for the children of x, and not for what is further below them.
var layers = [][]string{
	{
		root, "buffer", "config", "httprule", "jsonwire", "resilience",
		"internal/sockopt", "internal/leakcheck", "internal/assert", "internal/arch", "internal/near",
	},
	{
		"codec", "compress", "transport", "discovery", "observe", "options", "protoerr", "config/*", "internal/adminpb",
		"internal/combine", "middleware/validate/rules",
	},
	{"codec/*", "compress/*", "transport/*", "discovery/*", "balance", "route", "protocol"},
	{
		"internal/http1", "internal/http2", "internal/rpcwire", "internal/rpcwire/*", "balance/*", "resilience/*",
		"middleware/*",
	},
	{"protocol/*"},
	{"server", "client"},
	{"policy", "admin", "app", "dynamic"},
	{"preset", "gateway"},
	{"fairleadtest"},
}

// sealed packages name these packages of the core and no others, whatever their layer: they see interfaces only.
var sealed = map[string][]string{
	"server": {root, "buffer", "codec", "compress", "transport", "protocol", "discovery", "observe"},
	"client": {
		root, "buffer", "codec", "compress", "transport", "protocol", "discovery", "observe", "balance", "route",
	},
}

// stubImports are the packages of the core that generated stubs import: the vocabulary, what sets fields from text,
// what encodes and decodes JSON, and what compiled rules report to.
var stubImports = []string{root, "httprule", "jsonwire", "middleware/validate/rules"}

// bridges are the only packages of the core that may import net/http: everything else is carried by our own wires.
var bridges = []string{"protocol/nethttp", "admin", "gateway"}

// layerOf returns the number of a package's layer, -1 when it has none.
func layerOf(pkg string) int {
	for i, layer := range layers {
		for _, pattern := range layer {
			parent, children := strings.CutSuffix(pattern, "/*")
			if pattern == pkg || children && path.Dir(pkg) == parent {
				return i
			}
		}
	}
	return -1
}

// suite reports whether pkg is a test suite for others, such as transport/transporttest: test code in a package of
// its own, because tests of several packages share it.
func suite(pkg string) bool {
	parent, name := path.Split(pkg)
	return parent != "" && name == path.Base(parent)+"test"
}

// coreRules returns what is wrong with one import of a file of the core.
func coreRules(f file, imported string) []string {
	var faults []string
	if imported == "C" {
		faults = append(faults, "the core does without cgo")
	}
	if f.test || suite(f.pkg) {
		if to, own := inCore(imported); own && around(to) {
			faults = append(faults, "the core knows nothing of the modules around it, not even in tests")
		}
		return faults
	}
	if f.pkg == root && !standard(imported) {
		faults = append(faults, "the root package imports the standard library only")
	}
	if imported == "net/http" && !slices.Contains(bridges, f.pkg) {
		faults = append(faults, "only "+strings.Join(bridges, ", ")+" import net/http")
	}
	to, own := inCore(imported)
	if algorithm(f) && !standard(imported) && to != "resilience" {
		faults = append(faults, "a policy's algorithm imports the standard library and resilience only")
	}
	if own {
		faults = append(faults, arrow(f.pkg, to)...)
	}
	return faults
}

// arrow returns what is wrong with package from of the core importing package to.
func arrow(from, to string) []string {
	if around(to) {
		return []string{"the core knows nothing of the modules around it"}
	}
	var faults []string
	if suite(to) {
		faults = append(faults, "a test suite is for tests")
	}
	if seal, ok := sealed[from]; ok && !slices.Contains(seal, to) {
		faults = append(faults, from+" is sealed: it imports "+strings.Join(seal, ", ")+" and nothing else of ours")
	}
	l, k := layerOf(from), layerOf(to)
	if l >= 0 && k >= l && path.Dir(from) != to {
		faults = append(faults, "the arrow does not point down")
	}
	return faults
}

// aroundRules returns what is wrong with one import of a file of a module around the core.
func aroundRules(f file, imported string) []string {
	to, own := inCore(imported)
	if !own || f.test {
		return nil
	}
	var faults []string
	if strings.HasPrefix(to, "internal/") && (f.in("contrib") || f.in("examples")) {
		faults = append(faults, "what users could not import, contrib and examples do not import either")
	}
	if strings.HasSuffix(f.name, ".fl.go") && !slices.Contains(stubImports, to) && !around(to) {
		faults = append(faults, "generated stubs import "+strings.Join(stubImports, ", ")+" and nothing else of ours")
	}
	return faults
}

// around reports whether a package of the project belongs to a module around the core.
func around(pkg string) bool {
	top, _, _ := strings.Cut(pkg, "/")
	return slices.Contains([]string{"cmd", "conformance", "contrib", "examples", "lab", "tools"}, top)
}

// algorithm reports whether f is the half of a policy that knows nothing of the framework.
func algorithm(f file) bool { return path.Dir(f.pkg) == "resilience" && f.name == "policy.go" }

// inCore returns the path of a package within the project, and whether it belongs to the project at all.
func inCore(imported string) (pkg string, own bool) {
	if imported == core {
		return root, true
	}
	return strings.CutPrefix(imported, core+"/")
}

// standard reports whether a package is the standard library's: those have no dot in the first element.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}
