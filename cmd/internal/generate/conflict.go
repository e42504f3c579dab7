package generate

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// conflicts finds what would not compile as Go, or panic when the program starts, although each contract is right by
// itself: it returns an *idl.ContractError with both places of each conflict.
func (r *run) conflicts(units []*unit) error {
	c := &conflicts{
		run: r, packages: make(map[string]claim), directories: make(map[string]claim), names: make(map[string]claim),
	}
	for _, u := range units {
		if err := r.checkPackages(u); err != nil {
			return err
		}
		packages := goPackages(r.settings, u.contract)
		c.goFiles(u, packages)
		c.goPackages(u, packages)
		c.goDirectories(u, packages)
		if len(units) > 1 { // within one source the compiler finds them
			if err := c.fullNames(u); err != nil {
				return err
			}
		}
	}
	if len(c.wrong.Problems) > 0 {
		return &c.wrong
	}
	c.goImports(units)
	if len(c.wrong.Problems) > 0 {
		return &c.wrong
	}
	return nil
}

// conflicts remembers who was the first to claim something.
type conflicts struct {
	*run

	wrong       idl.ContractError
	packages    map[string]claim // names of Go packages by their import paths
	directories map[string]claim // names of Go packages by the directories of their code
	names       map[string]claim // full names of the contracts
}

// claim is the first one to have a name. Where it is in the text is looked up when it is reported, because nearly no
// claim ever is.
type claim struct {
	unit *unit
	file string // its name in imports
	what string
	path []int32 // in the file's descriptor, as google.protobuf.SourceCodeInfo has paths
}

// place returns the place of the claim's name, without a text.
func (c claim) place() idl.Problem {
	return c.unit.contract.Declared(c.file, append(slices.Clip(c.path), nameField))
}

func (c *conflicts) problem(p idl.Problem) { c.wrong.Problems = append(c.wrong.Problems, p) }

// goPackages finds files of one Go package that call it by different names.
func (c *conflicts) goPackages(u *unit, packages map[string]goPackage) {
	for _, name := range u.contract.Names {
		p := packages[name]
		first, ok := c.packages[p.path]
		if !ok {
			c.packages[p.path] = claim{unit: u, file: name, what: p.name}
			continue
		}
		if first.what == p.name {
			continue
		}
		c.problem(atGoPackage(u.contract, name,
			fmt.Sprintf("the Go package %q is called %s here, and %s in %s", p.path, p.name, first.what,
				where(atGoPackage(first.unit.contract, first.file, "", ""))),
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
func (c *conflicts) fullNames(u *unit) error {
	own := make(map[string]bool)
	for _, name := range u.contract.Names {
		own[name] = true
	}
	for i, file := range u.contract.Files {
		if !own[file.GetName()] {
			continue
		}
		whole, err := u.contract.Whole(u.contract.Files[i:i+1], idl.NoPlaces)
		if err != nil {
			return err
		}
		declared(whole[0], func(full string, path []int32) {
			own := claim{unit: u, file: file.GetName(), path: path}
			first, ok := c.names[full]
			if !ok {
				c.names[full] = own
				return
			}
			if first.unit == u || sameContract(first, u, file.GetName()) {
				return
			}
			p := own.place()
			p.Text = fmt.Sprintf("%s is declared twice, here and in %s", full, where(first.place()))
			p.Help = "a program that links both panics when it starts; rename one, put it into another package, " +
				"or generate for each of them alone"
			c.problem(p)
		})
	}
	return nil
}

// sameContract reports whether a file is the one that the claim is from, or a copy of it.
func sameContract(first claim, u *unit, name string) bool {
	a, okA := first.unit.contract.Text(first.file)
	b, okB := u.contract.Text(name)
	if okA && okB && first.file == name && a == b {
		return true
	}
	infoA, errA := os.Stat(first.unit.contract.Path(first.file))
	infoB, errB := os.Stat(u.contract.Path(name))
	return errors.Join(errA, errB) == nil && os.SameFile(infoA, infoB)
}

// nameField is the number of the field "name" in all descriptors.
const nameField = 1

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
