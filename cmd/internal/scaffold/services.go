package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/implement"
)

// describe sets what the templates are told of the services in generated code.
func describe(v *Variables, code []file) ([]implement.Service, error) {
	var services []implement.Service
	for _, f := range code {
		if !strings.HasSuffix(f.path, ".fl.go") {
			continue
		}
		found, err := implement.Services(v.Module+"/"+path.Dir(f.path), f.content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.path, err)
		}
		services = append(services, found...)
	}
	if len(services) == 0 {
		return nil, errors.New("no service was generated")
	}
	names := newImports(v.Module+"/"+v.Internal+"/service", v.Module+"/"+v.Internal+"/config")
	types := make(map[string]bool)
	v.Services, v.Packages, v.Standard = nil, nil, true
	for _, s := range services {
		pkg := names.name(s.ImportPath, s.Package)
		typ := s.Construct
		for n := 2; types[typ]; n++ {
			typ = fmt.Sprintf("%s%d", s.Construct, n)
		}
		types[typ] = true
		v.Services = append(v.Services, Service{
			Name: s.Name, Package: pkg, Path: s.ImportPath, Construct: s.Construct, Type: typ, Make: "new(service." + typ + ")",
		})
		if !slices.Contains(v.Packages, Package{pkg, s.ImportPath}) {
			v.Packages = append(v.Packages, Package{pkg, s.ImportPath})
		}
		v.ServesHealth = v.ServesHealth || s.Name == "grpc.health.v1.Health"
		v.ServesReflection = v.ServesReflection || strings.HasPrefix(s.Name, "grpc.reflection.")
	}
	v.Standard = !v.ServesHealth && !v.ServesReflection
	v.Requires = requires(code)
	return services, nil
}

// imports gives import paths the names by which a file imports them.
type imports struct{ names map[string]string }

// newImports returns the names that the templates use themselves, and those of more packages.
func newImports(more ...string) *imports {
	m := &imports{names: make(map[string]string)}
	for _, name := range []string{
		"admin", "app", "cfg", "config", "context", "flag", "fmt", "health", "log", "main", "os", "parts", "preset",
		"run", "runtime", "server", "serving", "slog", "srv", "version", "fairlead", "fairleadtest", "impls", "services",
		"reflection", "testing", "calls", "call", "err", "ctx", "string", "error", "bool", "new", "nil", "append",
	} {
		m.names[" "+name] = name
	}
	for _, at := range more {
		m.names[at] = path.Base(at)
	}
	return m
}

// name returns the name for a package, which is its own unless that is taken.
func (m *imports) name(at, own string) string {
	if name, ok := m.names[at]; ok {
		return name
	}
	name := own
	for n := 1; m.taken(name) || token.IsKeyword(name); n++ {
		name = own + "pb"
		if n > 1 {
			name += strconv.Itoa(n)
		}
	}
	m.names[at] = name
	return name
}

func (m *imports) taken(name string) bool {
	for _, other := range m.names {
		if other == name {
			return true
		}
	}
	return false
}

// implementations returns a file for each service, with a type whose methods return UNIMPLEMENTED, and a test of them.
func implementations(
	v *Variables, services []implement.Service, code []file, requires map[string][]bool,
) (files []file, err error) {
	stage, err := os.MkdirTemp("", "fairlead-new-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	if err := cli.WriteFile(filepath.Join(stage, "go.mod"), []byte("module "+v.Module+"\n"), 0o600); err != nil {
		return nil, err
	}
	dir := filepath.Join(stage, filepath.FromSlash(v.Internal), "service")
	targets := make([]implement.Target, 0, len(services))
	for i, s := range services {
		targets = append(targets, implement.Target{Dir: dir, Type: v.Services[i].Type, Service: s.Name})
	}
	names := packageNames(v, code)
	result, err := implement.Plan(targets, services, names)
	if err != nil {
		return nil, err
	}
	for _, change := range result.Changes {
		rel, err := filepath.Rel(stage, change.Path)
		if err != nil {
			return nil, err
		}
		content, err := format.Source(change.Content)
		if err != nil {
			return nil, err
		}
		files = append(files, file{path: filepath.ToSlash(rel), origin: "implementation", content: content})
	}
	const doc = "// Package service implements the contract. Methods that are not written yet return UNIMPLEMENTED.\n" +
		"package service\n"
	test, err := serviceTest(v, services, names, code, requires)
	if err != nil {
		return nil, err
	}
	at := path.Join(v.Internal, "service")
	return append(files,
		file{path: path.Join(at, "doc.go"), origin: "implementation", content: []byte(doc)},
		file{path: path.Join(at, "services_test.go"), origin: "implementation", content: test}), nil
}

// packageNames returns the names of generated packages by their import paths.
func packageNames(v *Variables, code []file) map[string]string {
	names := make(map[string]string)
	for _, f := range code {
		if parsed, err := parser.ParseFile(token.NewFileSet(), f.path, f.content, parser.PackageClauseOnly); err == nil {
			names[v.Module+"/"+path.Dir(f.path)] = parsed.Name.Name
		}
	}
	return names
}

// testText is the template of the test of services.
const testText = `package service_test

import (
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/fairleadtest"
{{- if .Rules}}
	"github.com/fairlead-go/fairlead/server"
{{- end}}
{{range .Imports}}
	{{.Name}} "{{.Path}}"
{{- end}}
	"{{.Service}}"
)
{{range .Services}}
// Test{{.Type}} calls the methods of {{.Name}} with empty requests. Once a method is written, give it a test of its
// own and take it out here.
func Test{{.Type}}(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
{{- if $.Rules}}
	// Empty requests may break the contract's rules, which are not what this test is about.
	cfg := fairleadtest.Config{Server: []server.Option{server.Validation(nil)}}
	conn := cfg.Serve(t, {{.Package}}.{{.Construct}}(new(service.{{.Type}})))
{{- else}}
	conn := fairleadtest.Serve(t, {{.Package}}.{{.Construct}}(new(service.{{.Type}})))
{{- end}}
	c := {{.Package}}.New{{.Construct}}Client(conn)
	for name, call := range map[string]func() error{
{{- range .Methods}}
{{- if eq .Kind "unary"}}
		"{{.Name}}": func() error {
			_, err := c.{{.Name}}(ctx, new({{.Request}}))
			return err
		},
{{- else}}
		"{{.Name}}": func() error {
			s, err := c.{{.Name}}(ctx{{if eq .Kind "server"}}, new({{.Request}}){{end}})
			if err != nil {
				return err
			}
			_, err = s.{{if eq .Kind "client"}}CloseAndRecv{{else}}Recv{{end}}()
			return err
		},
{{- end}}
{{- end}}
	} {
		if err := call(); fairlead.CodeOf(err) != fairlead.Unimplemented {
			t.Errorf("%s: got %v, want UNIMPLEMENTED", name, err)
		}
	}
}
{{end}}`

// testService is what testText is told of a service.
type testService struct {
	Service
	Methods []testMethod
}

type testMethod struct{ Name, Kind, Request string }

// serviceTest returns the test of all services.
func serviceTest(
	v *Variables, services []implement.Service, names map[string]string, code []file, requires map[string][]bool,
) ([]byte, error) {
	own := v.Module + "/" + v.Internal + "/service"
	in := newImports(own)
	for _, p := range v.Packages {
		in.name(p.Path, p.Name)
	}
	data := struct {
		Rules    bool
		Imports  []Package
		Service  string
		Services []testService
	}{Service: own}
	data.Rules = slices.ContainsFunc(code, func(f file) bool { return strings.HasSuffix(f.path, "_validate.fl.go") })
	for i, s := range services {
		t := testService{Service: v.Services[i]}
		t.Package = in.name(s.ImportPath, s.Package)
		for j, m := range s.Methods {
			method := testMethod{Name: m.Name, Kind: kindOf(m)}
			if must := requires[s.Name]; j < len(must) && must[j] && (method.Kind == "unary" || method.Kind == "server") {
				continue // an empty request cannot be encoded
			}
			if method.Kind == "unary" || method.Kind == "server" {
				method.Request = in.spell(m.Params[1], names)
			}
			t.Methods = append(t.Methods, method)
		}
		data.Services = append(data.Services, t)
	}
	for at, name := range in.names {
		if !strings.HasPrefix(at, " ") && at != own {
			data.Imports = append(data.Imports, Package{name, at})
		}
	}
	slices.SortFunc(data.Imports, func(a, b Package) int { return strings.Compare(a.Path, b.Path) })
	text, err := template.New("test").Parse(testText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := text.Execute(&b, data); err != nil {
		return nil, err
	}
	return format.Source(b.Bytes())
}

// kindOf tells the kind of a method by the types of its parameters.
func kindOf(m implement.Method) string {
	last := m.Params[len(m.Params)-1]
	stream := func(name string) bool { return strings.Contains(last, implement.FairleadPath+`".`+name+"[") }
	switch {
	case stream("Bidi"):
		return "bidi"
	case stream("Inbound"):
		return "client"
	case stream("Outbound"):
		return "server"
	default:
		return "unary"
	}
}

// spell returns the message that a parameter points to, *"import/path".Message, as the file names it.
func (m *imports) spell(param string, names map[string]string) string {
	parts := strings.Split(strings.TrimPrefix(param, "*"), `"`)
	const quoted = 3
	if len(parts) != quoted {
		return param
	}
	own, ok := names[parts[1]]
	if !ok {
		own = path.Base(parts[1])
	}
	return m.name(parts[1], own) + parts[2]
}
