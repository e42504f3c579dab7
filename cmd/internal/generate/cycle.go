package generate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// fileImports is the number of the field in which google.protobuf.FileDescriptorProto has its imports.
const fileImports = 3

// goImport is an import of a contract that becomes one of a Go package.
type goImport struct {
	unit  *unit
	file  string // that imports
	index int    // of the import statement
}

func (i goImport) place() idl.Problem {
	return i.unit.contract.Declared(i.file, []int32{fileImports, int32(i.index)})
}

// goImports finds Go packages that import each other, which Go refuses, although their files do not.
func (c *conflicts) goImports(units []*unit) {
	graph := make(map[string]map[string]goImport)
	own := make(map[string]bool) // packages that are generated
	for _, u := range units {
		packages := goPackages(c.settings, u.contract)
		for _, name := range u.contract.Names {
			own[packages[name].path] = true
		}
		public := publicImports(u.contract.Files)
		for _, file := range u.contract.Files {
			from := packages[file.GetName()].path
			for i, imported := range file.GetDependency() {
				for _, name := range append(public[imported], imported) {
					to := packages[name].path
					if graph[from] == nil {
						graph[from] = make(map[string]goImport)
					}
					if _, known := graph[from][to]; !known && to != from {
						graph[from][to] = goImport{u, file.GetName(), i}
					}
				}
			}
		}
	}
	w := cycleWalk{conflicts: c, graph: graph, own: own, done: make(map[string]bool)}
	for _, from := range slices.Sorted(maps.Keys(graph)) {
		w.visit(from)
	}
}

// publicImports returns the files that each file passes on to those that import it. Files are in the order of
// dependency.
func publicImports(files []*descriptorpb.FileDescriptorProto) map[string][]string {
	public := make(map[string][]string)
	for _, file := range files {
		for _, i := range file.GetPublicDependency() {
			imported := file.GetDependency()[i]
			public[file.GetName()] = append(append(public[file.GetName()], imported), public[imported]...)
		}
	}
	return public
}

// cycleWalk goes through Go packages by their imports, depth first.
type cycleWalk struct {
	*conflicts

	graph map[string]map[string]goImport
	own   map[string]bool
	path  []string // that led to where the walk is
	done  map[string]bool
}

func (w *cycleWalk) visit(pkg string) {
	if at := slices.Index(w.path, pkg); at >= 0 {
		w.report(w.path[at:])
		return
	}
	if w.done[pkg] {
		return
	}
	w.done[pkg] = true
	w.path = append(w.path, pkg)
	for _, to := range slices.Sorted(maps.Keys(w.graph[pkg])) {
		w.visit(to)
	}
	w.path = w.path[:len(w.path)-1]
}

// report reports a cycle that a package which is generated belongs to.
func (w *cycleWalk) report(cycle []string) {
	if !slices.ContainsFunc(cycle, func(pkg string) bool { return w.own[pkg] }) {
		return
	}
	steps := make([]string, len(cycle))
	var last goImport
	for i, from := range cycle {
		to := cycle[(i+1)%len(cycle)]
		last = w.graph[from][to]
		steps[i] = fmt.Sprintf("%q imports %q (%s)", from, to, where(last.place()))
	}
	p := last.place()
	p.Text = "Go packages would import each other, which Go refuses: " + strings.Join(steps, ", ")
	p.Help = "give these files one Go package, or move what both need into a file and a Go package of its own"
	w.problem(p)
}
