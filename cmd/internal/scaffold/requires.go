package scaffold

import (
	"fmt"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// dependency is a module that generated code imports, with its version and its sums.
type dependency struct{ path, version, zip, mod string }

const genprotoVersion = "v0.0.0-20260825221802-da73d73af1c5"

// dependencies are the modules that generated code imports beside the framework's and protobuf's. They are those that
// the command itself is built with.
func dependencies() []dependency {
	return []dependency{
		{
			"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go", "v1.36.12-20260825204119-511051f7f437.1",
			"h1:Slv0uGxx219srASyiaI5C9cDlyG8kNDcXpTSYcuAeE4=", "h1:TCt1lluMFnctISJXvkIQ4x3ABrPuUKCWKyjKdkJNBpw=",
		},
		{
			"google.golang.org/genproto", genprotoVersion,
			"h1:jPP56YzdY899KJ5W7efXHt/CkjlVfAaoFOwdi/IEAFA=", "h1:gutZdP0DwAHp4vu5WaXgEK7tjsJ77ZEqzlOFWGZGziE=",
		},
		{
			"google.golang.org/genproto/googleapis/api", genprotoVersion,
			"h1:izFU9hz7aeLI/Mi1J0991ae+xcwRLr7hTqWnB/9aIIU=", "h1:3LhxRw4YYkf+ylAfgaY9JlVLFKhokkCV8duhLLe7+t0=",
		},
		{
			"google.golang.org/genproto/googleapis/rpc", genprotoVersion,
			"h1:1VUiZAXyC+zmiFYi+WLtBzr68Cj8wOofHjjrA/kkizc=", "h1:DjtHYE8FKJLivXcBEjGwndXfIC23G0VpXiXKqG179uA=",
		},
	}
}

// requires returns the modules that generated code needs, as lines of go.mod.
func requires(code []file) []string {
	var lines []string
	for _, f := range code {
		parsed, err := parser.ParseFile(token.NewFileSet(), f.path, f.content, parser.ImportsOnly)
		if err != nil {
			continue // the compiler will say more
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if d, ok := dependencyOf(path); ok && err == nil {
				lines = append(lines, d.path+" "+d.version)
			}
		}
	}
	return sorted(lines)
}

// dependencyOf returns the module that a package belongs to: of several, the one with the longest path.
func dependencyOf(path string) (found dependency, ok bool) {
	for _, d := range dependencies() {
		if path == d.path || strings.HasPrefix(path, d.path+"/") && len(d.path) > len(found.path) {
			found, ok = d, true
		}
	}
	return found, ok
}

// addSums adds the sums of the modules that are required to go.sum.
func addSums(files []file, required []string) {
	i := slices.IndexFunc(files, func(f file) bool { return f.path == "go.sum" })
	if i < 0 {
		return
	}
	var lines strings.Builder
	for _, d := range dependencies() {
		if slices.Contains(required, d.path+" "+d.version) {
			fmt.Fprintf(&lines, "%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n", d.path, d.version, d.zip, d.mod)
		}
	}
	files[i].content = mergeSum(files[i].content, []byte(lines.String()))
}
