package generate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// conflicts finds what would not compile as Go, or panic when the program starts, although each contract is right by
// itself: it returns an *idl.ContractError with both places of each conflict.
func (r *run) conflicts(units []*unit) error {
	c := &conflicts{
		run: r, packages: make(map[string]claim), names: make(map[string]claim), idents: make(map[string]claim),
	}
	for _, u := range units {
		if err := r.checkPackages(u.contract); err != nil {
			return err
		}
		packages := goPackages(r.settings, u.contract)
		c.goPackages(u, packages)
		c.fullNames(u)
	}
	if len(c.wrong.Problems) > 0 {
		return &c.wrong
	}
	for _, u := range units {
		if err := c.goNames(u); err != nil {
			return err
		}
	}
	if len(c.wrong.Problems) > 0 {
		return &c.wrong
	}
	return nil
}

// conflicts remembers who was the first to claim something.
type conflicts struct {
	*run

	wrong    idl.ContractError
	packages map[string]claim // names of Go packages by their import paths
	names    map[string]claim // full names of the contracts
	idents   map[string]claim // names in Go, with their import paths
}

// claim is the first one to have a name.
type claim struct {
	unit  *unit
	file  string // its name in imports
	what  string
	place idl.Problem // its place, without a text
}

func (c *conflicts) problem(p idl.Problem) { c.wrong.Problems = append(c.wrong.Problems, p) }

// goPackages finds files of one Go package that call it by different names.
func (c *conflicts) goPackages(u *unit, packages map[string]goPackage) {
	for _, name := range u.contract.Names {
		p := packages[name]
		first, ok := c.packages[p.path]
		if !ok {
			c.packages[p.path] = claim{unit: u, file: name, what: p.name, place: atGoPackage(u.contract, name, "", "")}
			continue
		}
		if first.what == p.name {
			continue
		}
		c.problem(atGoPackage(u.contract, name,
			fmt.Sprintf("the Go package %q is called %s here, and %s in %s", p.path, p.name, first.what, where(first.place)),
			"a Go package has one name: give both the same, or different import paths"))
	}
}

func where(p idl.Problem) string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// fullNames finds names that files of different sources declare. Within one source the compiler finds them.
func (c *conflicts) fullNames(u *unit) {
	own := make(map[string]bool)
	for _, name := range u.contract.Names {
		own[name] = true
	}
	for _, file := range u.contract.Files {
		if !own[file.GetName()] {
			continue
		}
		places := placesOf(file)
		declared(file, func(full string, path []int32) {
			p := places.at(u.contract, path)
			first, ok := c.names[full]
			if !ok {
				c.names[full] = claim{unit: u, file: file.GetName(), place: p}
				return
			}
			if first.unit == u || sameContract(first, u, file.GetName()) {
				return
			}
			p.Text = fmt.Sprintf("%s is declared twice, here and in %s", full, where(first.place))
			p.Help = "a program that links both panics when it starts; rename one, put it into another package, " +
				"or generate for each of them alone"
			c.problem(p)
		})
	}
}

// sameContract says whether a file is the one that the claim is from, or a copy of it.
func sameContract(first claim, u *unit, name string) bool {
	a, okA := first.unit.contract.Text(first.file)
	b, okB := u.contract.Text(name)
	if okA && okB && first.file == name && bytes.Equal(a, b) {
		return true
	}
	infoA, errA := os.Stat(first.unit.contract.Path(first.file))
	infoB, errB := os.Stat(u.contract.Path(name))
	return errors.Join(errA, errB) == nil && os.SameFile(infoA, infoB)
}

// places are the positions of a file's declarations, by their paths.
type places struct {
	name  string
	spans map[string][]int32
}

func placesOf(file *descriptorpb.FileDescriptorProto) places {
	p := places{name: file.GetName(), spans: make(map[string][]int32)}
	for _, l := range file.GetSourceCodeInfo().GetLocation() {
		p.spans[fmt.Sprint(l.GetPath())] = l.GetSpan()
	}
	return p
}

// nameField is the number of the field "name" in all descriptors.
const nameField = 1

func (p places) at(contract *idl.Contract, path []int32) idl.Problem {
	span, ok := p.spans[fmt.Sprint(append(slices.Clip(path), nameField))]
	if !ok || len(span) < 2 {
		return idl.Problem{File: contract.Path(p.name)}
	}
	return contract.Locate(idl.Problem{File: p.name, Line: int(span[0]) + 1, Column: int(span[1]) + 1})
}

// The numbers of the fields in which google.protobuf.FileDescriptorProto and DescriptorProto have declarations.
const (
	fileMessages, fileEnums, fileServices, fileExtensions = 4, 5, 6, 7
	messageNested, messageEnums, messageExtensions        = 3, 4, 6
	enumValues                                            = 2
)

// declared calls visit with the full names that a file declares and their paths in the descriptor, but for those of
// fields and methods.
func declared(file *descriptorpb.FileDescriptorProto, visit func(full string, path []int32)) {
	scope := ""
	if file.GetPackage() != "" {
		scope = file.GetPackage() + "."
	}
	enums := func(scope string, path []int32, number int32, enums []*descriptorpb.EnumDescriptorProto) {
		for i, e := range enums {
			at := append(slices.Clip(path), number, int32(i))
			visit(scope+e.GetName(), at)
			for j, v := range e.GetValue() {
				visit(scope+v.GetName(), append(slices.Clip(at), enumValues, int32(j)))
			}
		}
	}
	var messages func(scope string, path []int32, number int32, all []*descriptorpb.DescriptorProto)
	messages = func(scope string, path []int32, number int32, all []*descriptorpb.DescriptorProto) {
		for i, m := range all {
			if m.GetOptions().GetMapEntry() {
				continue
			}
			at := append(slices.Clip(path), number, int32(i))
			visit(scope+m.GetName(), at)
			below := scope + m.GetName() + "."
			messages(below, at, messageNested, m.GetNestedType())
			enums(below, at, messageEnums, m.GetEnumType())
			for j, x := range m.GetExtension() {
				visit(below+x.GetName(), append(slices.Clip(at), messageExtensions, int32(j)))
			}
		}
	}
	messages(scope, nil, fileMessages, file.GetMessageType())
	enums(scope, nil, fileEnums, file.GetEnumType())
	for i, s := range file.GetService() {
		visit(scope+s.GetName(), []int32{fileServices, int32(i)})
	}
	for i, x := range file.GetExtension() {
		visit(scope+x.GetName(), []int32{fileExtensions, int32(i)})
	}
}

// goNames finds declarations that are told apart in the contracts and not in Go.
func (c *conflicts) goNames(u *unit) error {
	plugin, err := c.plugin(u.contract)
	if err != nil {
		return err
	}
	for _, file := range plugin.Files {
		if !file.Generate {
			continue
		}
		c.goTypes(u, file.Messages, file.Enums)
	}
	return nil
}

// plugin returns what the generators for Go make of a contract's names.
func (c *conflicts) plugin(contract *idl.Contract) (*protogen.Plugin, error) {
	params := make([]string, 0, 1+len(c.run.packages))
	params = append(params, "paths=source_relative")
	for name, path := range c.run.packages {
		params = append(params, "M"+name+"="+path)
	}
	slices.Sort(params)
	parameter := strings.Join(params, ",")
	// As bytes and back, so that options are of the types that the generators know.
	encoded, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: contract.Names, Parameter: &parameter, ProtoFile: contract.Files,
	})
	if err != nil {
		return nil, err
	}
	request := new(pluginpb.CodeGeneratorRequest)
	if err := proto.Unmarshal(encoded, request); err != nil {
		return nil, err
	}
	return protogen.Options{}.New(request)
}

func (c *conflicts) goTypes(u *unit, messages []*protogen.Message, enums []*protogen.Enum) {
	for _, m := range messages {
		if m.Desc.IsMapEntry() {
			continue
		}
		c.goName(u, m.GoIdent, m.Desc)
		c.goTypes(u, m.Messages, m.Enums)
	}
	for _, e := range enums {
		c.goName(u, e.GoIdent, e.Desc)
		for _, v := range e.Values {
			c.goName(u, v.GoIdent, v.Desc)
		}
	}
}

func (c *conflicts) goName(u *unit, ident protogen.GoIdent, d protoreflect.Descriptor) {
	file := d.ParentFile()
	at := file.SourceLocations().ByDescriptor(d)
	p := idl.Problem{File: u.contract.Path(file.Path())}
	if at.Path != nil {
		p = u.contract.Locate(idl.Problem{File: file.Path(), Line: at.StartLine + 1, Column: at.StartColumn + 1})
	}
	first, ok := c.idents[ident.String()]
	if !ok {
		c.idents[ident.String()] = claim{unit: u, file: file.Path(), what: string(d.FullName()), place: p}
		return
	}
	if first.unit != u && sameContract(first, u, file.Path()) {
		return
	}
	p.Text = fmt.Sprintf("%s and %s (%s) are both %s in the Go package %s", d.FullName(), first.what, where(first.place),
		ident.GoName, ident.GoImportPath)
	p.Help = "rename one, or give their files different Go packages"
	c.problem(p)
}
