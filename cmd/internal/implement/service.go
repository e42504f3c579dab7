package implement

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// FairleadPath is the import path of the framework's root package.
const FairleadPath = "github.com/fairlead-go/fairlead"

// Service is a service as generated stubs describe it.
type Service struct {
	// Name is the full name in the contract.
	Name string
	// ImportPath and Package are those of the Go package that the stubs are in.
	ImportPath, Package string
	// Interface is the name of the interface that servers implement, Construct that of the function that takes it.
	Interface, Construct string
	Methods              []Method
}

// Method is a method of a service.
type Method struct {
	Name string
	// Doc is its comment in the contract, as lines that begin with "//".
	Doc []string
	// Params and Results are types, with import paths in quotes where Go has the names of packages:
	// *"example.com/pb".Request.
	Params, Results []string
}

// Services reads the services from a file of stubs.
func Services(importPath string, stubs []byte) ([]Service, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), "", stubs, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	in := &file{tree: parsed, imports: importsOf(parsed, nil)}
	in.pkg = &pkg{path: importPath, name: parsed.Name.Name, files: []*file{in}}
	in.pkg.index()
	var services []Service
	for _, decl := range parsed.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !makesImplementation(in, f) {
			continue
		}
		param, ok := f.Type.Params.List[0].Type.(*ast.Ident)
		if !ok {
			continue
		}
		s := Service{ImportPath: importPath, Package: parsed.Name.Name, Interface: param.Name, Construct: f.Name.Name}
		if err := s.read(in, f); err != nil {
			return nil, fmt.Errorf("stubs of %s: %w", s.Construct, err)
		}
		services = append(services, s)
	}
	return services, nil
}

// makesImplementation reports whether f is the function that makes a server's value of an implementation.
func makesImplementation(in *file, f *ast.FuncDecl) bool {
	results := f.Type.Results
	return len(f.Type.Params.List) == 1 && results != nil && len(results.List) == 1 &&
		in.canon(results.List[0].Type, nil) == `*"`+FairleadPath+`".Implementation`
}

// read completes s from the interface and the descriptor of the service.
func (s *Service) read(in *file, construct *ast.FuncDecl) error {
	decl := in.pkg.types[s.Interface]
	if decl == nil {
		return fmt.Errorf("there is no type %s", s.Interface)
	}
	iface, ok := decl.spec.Type.(*ast.InterfaceType)
	if !ok {
		return fmt.Errorf("%s is no interface", s.Interface)
	}
	for _, m := range iface.Methods.List {
		signature, ok := m.Type.(*ast.FuncType)
		if !ok || len(m.Names) != 1 {
			return errors.New("the interface has something other than methods")
		}
		method := Method{Name: m.Names[0].Name}
		if m.Doc != nil {
			for _, c := range m.Doc.List {
				method.Doc = append(method.Doc, c.Text)
			}
		}
		method.Params, method.Results = in.signature(signature, nil)
		s.Methods = append(s.Methods, method)
	}
	s.Name = descriptorName(in, construct)
	if s.Name == "" {
		return errors.New("the service's descriptor is not there")
	}
	return nil
}

// descriptorName returns the name of the service, which is the first argument in the declaration of its descriptor.
func descriptorName(in *file, construct *ast.FuncDecl) string {
	descriptor := ""
	ast.Inspect(construct.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && descriptor == "" && len(call.Args) > 0 {
			if id, ok := call.Args[0].(*ast.Ident); ok {
				descriptor = id.Name
			}
		}
		return descriptor == ""
	})
	value, _ := in.pkg.variable(descriptor)
	call, ok := value.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return ""
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return ""
	}
	name, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return name
}

// packages returns the import paths of all packages that the methods' signatures name.
func (s *Service) packages(methods []Method) []string {
	var paths []string
	for _, m := range methods {
		for _, t := range slices.Concat(m.Params, m.Results) {
			for i, part := range strings.Split(t, `"`) {
				if i%2 == 1 {
					paths = append(paths, part)
				}
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}
