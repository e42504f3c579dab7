package consumers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// index maps Go declarations to the declarations of contracts that they were generated from.
type index struct {
	packages map[string]*goPackage // by import path
	size     int                   // of the generated code, in bytes
}

// goPackage is a Go package that has generated code.
type goPackage struct {
	proto    []string // the proto packages of its messages and enums
	messages map[string]*goMessage
	enums    map[string]*goEnum
	wrappers map[string]wrapper // types of a oneof's members
	values   map[string]string  // constants: the full names of enums' values
	clients  map[string]*goClient
	// descriptors are the variables and constants that stand for methods, by which calls are made without a stub.
	descriptors map[string]string
}

// goMessage is a message. Its fields are keyed by their names in Go.
type goMessage struct {
	name   string
	fields map[string]string
}

// goEnum is an enum.
type goEnum struct{ name string }

// wrapper is the type of a oneof's member: the full name of the field, and what the type calls it.
type wrapper struct{ field, member string }

// goClient is a type by which the methods of a service are called: a client, or an interface that has its methods. They
// are keyed by their names in Go.
type goClient struct {
	service string
	methods map[string]string
}

func newIndex() *index { return &index{packages: make(map[string]*goPackage)} }

// isGeneratedName reports whether a file of that name may come from a contract.
func isGeneratedName(path string) bool {
	return strings.HasSuffix(path, ".pb.go") || strings.HasSuffix(path, ".fl.go") || strings.HasSuffix(path, ".connect.go")
}

// add reads the generated files of p and of all that it depends on.
func (x *index) add(roots []*packages.Package) {
	packages.Visit(roots, nil, func(p *packages.Package) {
		path := p.PkgPath
		if x.packages[path] != nil {
			return
		}
		var files []*ast.File
		var texts []string
		fset := token.NewFileSet()
		for _, name := range p.GoFiles {
			if !isGeneratedName(name) {
				continue
			}
			content, err := cli.ReadSource(name)
			if err != nil {
				continue
			}
			file, err := parser.ParseFile(fset, name, content, parser.ParseComments|parser.SkipObjectResolution)
			if file == nil || err != nil || !ast.IsGenerated(file) {
				continue
			}
			files, texts = append(files, file), append(texts, string(content))
			x.size += len(content)
		}
		if len(files) > 0 {
			x.packages[path] = readGenerated(files, texts)
		}
	})
}

// goType is an element of the list of types in protoc-gen-go's code, behind which stands its name in the contract:
//
//	(*Item)(nil), // 3: shop.v1.Item
var goType = regexp.MustCompile(`(?m)^\s*\((\*?)(\w+)\)\((?:nil|0)\),\s*// \d+: ([\w.]+)\s*$`)

func readGenerated(files []*ast.File, texts []string) *goPackage {
	g := &goPackage{
		messages: make(map[string]*goMessage), enums: make(map[string]*goEnum), wrappers: make(map[string]wrapper),
		values: make(map[string]string), clients: make(map[string]*goClient), descriptors: make(map[string]string),
	}
	for _, text := range texts {
		for _, m := range goType.FindAllStringSubmatch(text, -1) {
			if m[1] == "*" {
				g.messages[m[2]] = &goMessage{name: m[3], fields: make(map[string]string)}
			} else {
				g.enums[m[2]] = &goEnum{name: m[3]}
			}
		}
	}
	g.readMessages(files)
	g.readEnums(files)
	g.readClients(files)
	g.findProtoPackages()
	return g
}

// findProtoPackages takes the packages from the names of messages and enums that are not nested.
func (g *goPackage) findProtoPackages() {
	for goName, m := range g.messages {
		if !strings.Contains(goName, "_") {
			g.addProtoPackage(m.name)
		}
	}
	for goName, e := range g.enums {
		if !strings.Contains(goName, "_") {
			g.addProtoPackage(e.name)
		}
	}
	slices.Sort(g.proto)
}

func (g *goPackage) addProtoPackage(fullName string) {
	pkg := ""
	if dot := strings.LastIndexByte(fullName, '.'); dot >= 0 {
		pkg = fullName[:dot]
	}
	if !slices.Contains(g.proto, pkg) {
		g.proto = append(g.proto, pkg)
	}
}

// readMessages reads the struct tags, in which protoc-gen-go writes the names of fields.
func (g *goPackage) readMessages(files []*ast.File) {
	members := make(map[string]map[string]string) // of types that are no messages: oneofs' members, by their Go names
	oneofs := make(map[string]string)             // interfaces of oneofs: the Go name of their message
	for name, t := range typeSpecs(files) {
		fields, ok := t.Type.(*ast.StructType)
		if !ok {
			continue
		}
		message := g.messages[name]
		for _, field := range fields.Fields.List {
			if field.Tag == nil || len(field.Names) != 1 {
				continue
			}
			tag := structTag(field.Tag)
			goName := strings.TrimPrefix(field.Names[0].Name, "xxx_hidden_") // in messages of the opaque API
			if oneof := tag.Get("protobuf_oneof"); oneof != "" && message != nil {
				message.fields[goName] = message.name + "." + oneof
				if ident, ok := field.Type.(*ast.Ident); ok {
					oneofs[ident.Name] = name
				}
				continue
			}
			protoName := tagName(tag.Get("protobuf"))
			switch {
			case protoName == "":
			case message != nil:
				message.fields[goName] = message.name + "." + protoName
			default:
				if members[name] == nil {
					members[name] = make(map[string]string)
				}
				members[name][goName] = protoName
			}
		}
	}
	// A oneof's member has one method, by which it fits the oneof: func (*Item_Percent) isItem_Discount() {}
	for _, f := range funcDecls(files) {
		receiver := receiverName(f)
		message := g.messages[oneofs[f.Name.Name]]
		if message == nil {
			continue
		}
		for goName, protoName := range members[receiver] {
			full := message.name + "." + protoName
			message.fields[goName] = full
			g.wrappers[receiver] = wrapper{field: full, member: goName}
		}
	}
}

func structTag(lit *ast.BasicLit) reflect.StructTag {
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return reflect.StructTag(text)
}

// tagName returns the name in a tag such as "bytes,1,opt,name=title,proto3". That of a group is the name of its
// message, of which the field's name is the lower case.
func tagName(tag string) string {
	for part := range strings.SplitSeq(tag, ",") {
		if name, ok := strings.CutPrefix(part, "name="); ok {
			if strings.HasPrefix(tag, "group,") && ast.IsExported(name) {
				return strings.ToLower(name)
			}
			return name
		}
	}
	return ""
}

// readEnums reads the maps that protoc-gen-go writes beside enums, as Color_value, and the constants that belong to
// them.
func (g *goPackage) readEnums(files []*ast.File) {
	names := make(map[string][]string)
	for _, spec := range valueSpecs(files) {
		if len(spec.Names) != 1 || len(spec.Values) != 1 {
			continue
		}
		enum, ok := strings.CutSuffix(spec.Names[0].Name, "_value")
		lit, isLit := spec.Values[0].(*ast.CompositeLit)
		if !ok || !isLit || g.enums[enum] == nil {
			continue
		}
		for _, element := range lit.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				if text, ok := stringLit(pair.Key); ok {
					names[enum] = append(names[enum], text)
				}
			}
		}
	}
	for _, spec := range valueSpecs(files) {
		enum, ok := spec.Type.(*ast.Ident)
		if !ok || g.enums[enum.Name] == nil {
			continue
		}
		for _, constant := range spec.Names {
			for _, value := range names[enum.Name] {
				if strings.HasSuffix(constant.Name, "_"+value) {
					g.values[constant.Name] = g.enums[enum.Name].name + "." + value
				}
			}
		}
	}
}

// readClients reads clients: those of Fairlead, whose methods name a descriptor that was made with the names of the
// service and the method; those of grpc-go, whose methods hold the path of the method; and those of connect-go, whose
// methods use a field that the constructor made with the path.
func (g *goPackage) readClients(files []*ast.File) {
	called := make(map[string][2]string) // variables and constants that stand for methods: service and method
	for _, spec := range valueSpecs(files) {
		for i, name := range spec.Names {
			if i >= len(spec.Values) {
				break
			}
			if service, method, ok := namedMethod(spec.Values[i]); ok {
				called[name.Name] = [2]string{service, method}
				g.descriptors[name.Name] = service + "." + method
			}
		}
	}
	implementations := make(map[string]string) // types behind the interfaces that constructors return
	fields := make(map[string][2]string)       // fields of clients, as "type.field"
	for _, f := range funcDecls(files) {
		name, ok := strings.CutPrefix(f.Name.Name, "New")
		if ok && receiverName(f) == "" && strings.HasSuffix(name, "Client") {
			implementation := strings.ToLower(name[:1]) + name[1:]
			implementations[implementation] = name
			readClientFields(f, implementation, called, fields)
		}
	}
	for _, f := range funcDecls(files) {
		receiver := receiverName(f)
		if !strings.HasSuffix(receiver, "Client") || f.Body == nil || !f.Name.IsExported() {
			continue
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			method, ok := [2]string{}, false
			switch n := n.(type) {
			case *ast.Ident:
				method, ok = called[n.Name]
			case *ast.BasicLit:
				method[0], method[1], ok = methodPath(n)
			case *ast.SelectorExpr:
				method, ok = fields[receiver+"."+n.Sel.Name]
			}
			if ok {
				g.addClientMethod(receiver, f.Name.Name, method)
			}
			return !ok
		})
	}
	for implementation, name := range implementations {
		if client := g.clients[implementation]; client != nil && g.clients[name] == nil {
			g.clients[name] = client
		}
	}
	g.readInterfaces(files)
}

// readInterfaces reads the interfaces that have the methods of clients: what clients are said to implement,
//
//	var _ ShopCaller = (*ShopClient)(nil)
//
// and what servers implement, through which code in the server's process makes calls: ShopServer beside ShopClient,
// ShopHandler in connect-go's code.
func (g *goPackage) readInterfaces(files []*ast.File) {
	for _, spec := range valueSpecs(files) {
		iface, ok := spec.Type.(*ast.Ident)
		if !ok || len(spec.Names) != 1 || spec.Names[0].Name != "_" || len(spec.Values) != 1 {
			continue
		}
		if client := g.clients[nilPointer(spec.Values[0])]; client != nil && g.clients[iface.Name] == nil {
			g.clients[iface.Name] = client
		}
	}
	for name, spec := range typeSpecs(files) {
		if _, ok := spec.Type.(*ast.InterfaceType); !ok {
			continue
		}
		for _, suffix := range []string{"Server", "Handler"} {
			stem, ok := strings.CutSuffix(name, suffix)
			if client := g.clients[stem+"Client"]; ok && client != nil && g.clients[name] == nil {
				g.clients[name] = client
			}
		}
	}
}

// nilPointer returns the type's name in (*Type)(nil), "" for other expressions.
func nilPointer(e ast.Expr) string {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return ""
	}
	pointer, ok := ast.Unparen(call.Fun).(*ast.StarExpr)
	if !ok {
		return ""
	}
	if ident, ok := pointer.X.(*ast.Ident); ok {
		return ident.Name
	}
	return ""
}

// readClientFields reads the fields that a constructor sets to something made with the path of a method:
//
//	return &shopClient{getItem: connect.NewClient[…](httpClient, baseURL+ShopGetItemProcedure, …)}
func readClientFields(f *ast.FuncDecl, client string, called, fields map[string][2]string) {
	ast.Inspect(f, func(n ast.Node) bool {
		pair, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		key, ok := pair.Key.(*ast.Ident)
		if !ok {
			return true
		}
		ast.Inspect(pair.Value, func(n ast.Node) bool {
			if ident, ok := n.(*ast.Ident); ok {
				if method, ok := called[ident.Name]; ok {
					fields[client+"."+key.Name] = method
				}
			}
			return true
		})
		return true
	})
}

func (g *goPackage) addClientMethod(client, goName string, method [2]string) {
	if g.clients[client] == nil {
		g.clients[client] = &goClient{service: method[0], methods: make(map[string]string)}
	}
	g.clients[client].methods[goName] = method[0] + "." + method[1]
}

// namedMethod returns the service and the method that a value stands for: fairlead.NewMethod[…](kind, "service",
// "method", …), or the path of a method.
func namedMethod(value ast.Expr) (service, method string, ok bool) {
	if lit, isLit := value.(*ast.BasicLit); isLit {
		return methodPath(lit)
	}
	call, isCall := value.(*ast.CallExpr)
	if !isCall || len(call.Args) < 3 {
		return "", "", false
	}
	fun := call.Fun
	switch generic := fun.(type) {
	case *ast.IndexExpr:
		fun = generic.X
	case *ast.IndexListExpr:
		fun = generic.X
	}
	if selector, isSelector := fun.(*ast.SelectorExpr); !isSelector || selector.Sel.Name != "NewMethod" {
		return "", "", false
	}
	service, ok = stringLit(call.Args[1])
	if !ok {
		return "", "", false
	}
	method, ok = stringLit(call.Args[2])
	return service, method, ok
}

// methodPath parts a path such as "/shop.v1.Shop/GetItem".
func methodPath(lit *ast.BasicLit) (service, method string, ok bool) {
	text, ok := stringLit(lit)
	if !ok || !strings.HasPrefix(text, "/") {
		return "", "", false
	}
	service, method, ok = strings.Cut(text[1:], "/")
	return service, method, ok && service != "" && method != "" && !strings.Contains(method, "/")
}
