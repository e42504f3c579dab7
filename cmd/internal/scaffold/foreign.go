package scaffold

import (
	"context"
	"errors"
	"fmt"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// foreign reads existing contracts for a project in dir: the file or the directory at v.Contract, and what these import
// from roots. Contracts in dir stay where they are; others are returned as files of the project, below api. It sets
// what fairlead.yaml says of them.
//
// Contracts belong to Go packages of their authors. Where those are not packages of the project, their code goes to
// packages below gen.
func foreign(ctx context.Context, v *Variables, dir string, roots []string) (*foreignFiles, error) {
	sources, err := idl.Find([]string{v.Contract}, roots)
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("--contract %s: no .proto files there", v.Contract)
	}
	f := &foreignFiles{
		v: v, dir: dir, seen: make(map[string]string), groups: make(map[string]string), requires: make(map[string][]bool),
	}
	v.Map = make(map[string]string)
	for _, src := range sources {
		contract, err := idl.Compile(ctx, src)
		if err != nil {
			return nil, err
		}
		if err := f.add(src, contract); err != nil {
			return nil, err
		}
	}
	if !f.service {
		return nil, fmt.Errorf("--contract %s: declares no service", v.Contract)
	}
	v.Roots, v.Inputs = sorted(f.roots), sorted(f.inputs)
	v.Inputs = slices.DeleteFunc(v.Inputs, func(in string) bool { // what lies below another is found there
		return slices.ContainsFunc(v.Inputs, func(other string) bool { return strings.HasPrefix(in, other+"/") })
	})
	return f, nil
}

func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// foreignFiles gathers the files of contracts.
type foreignFiles struct {
	v       *Variables
	dir     string
	files   []file
	roots   []string
	inputs  []string
	seen    map[string]string // where a file of a name was read
	groups  map[string]string // Go packages of the project, by those of the contracts' authors
	service bool
	// requires says for each method of a service, in their order, whether its request has fields that must be set.
	requires map[string][]bool
}

// add adds what one source compiles.
func (f *foreignFiles) add(src idl.Source, contract *idl.Contract) error {
	inPlace := !slices.ContainsFunc(src.Roots, func(root string) bool { return !f.holds(root) })
	if inPlace {
		for _, root := range src.Roots {
			f.roots = append(f.roots, f.within(root))
		}
	} else {
		f.roots, f.inputs = append(f.roots, "api"), append(f.inputs, "api")
	}
	if err := f.readRequired(contract.Files); err != nil {
		return err
	}
	for _, d := range contract.Files {
		name := d.GetName()
		own := slices.Contains(contract.Names, name)
		text, ok := contract.Text(name)
		if !ok || !own && comesAlong(name) {
			continue
		}
		at := contract.Path(name)
		if before, ok := f.seen[name]; ok {
			if before != at {
				return fmt.Errorf("%s and %s would both be imported as %q; say with --proto-path where imports begin",
					before, at, name)
			}
			continue
		}
		f.seen[name] = at
		f.service = f.service || own && len(d.GetService()) > 0
		to := path.Join("api", name)
		if inPlace {
			to = f.within(at)
			if own {
				f.inputs = append(f.inputs, f.within(f.v.Contract))
			} else {
				f.inputs = append(f.inputs, to)
			}
		}
		f.files = append(f.files, file{path: to, origin: at, content: []byte(text), fixed: true})
		if err := f.mapPackage(d, to); err != nil {
			return err
		}
	}
	return nil
}

// readRequired fills requires.
func (f *foreignFiles) readRequired(files []*descriptorpb.FileDescriptorProto) error {
	linked, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: files})
	if err != nil {
		return err
	}
	linked.RangeFiles(func(d protoreflect.FileDescriptor) bool {
		for i := range d.Services().Len() {
			s := d.Services().Get(i)
			list := make([]bool, s.Methods().Len())
			for j := range list {
				list[j] = s.Methods().Get(j).Input().RequiredNumbers().Len() > 0
			}
			f.requires[string(s.FullName())] = list
		}
		return true
	})
	return nil
}

// comesAlong reports whether fairlead gen has the file itself, so that its code is in a module of its authors.
func comesAlong(name string) bool {
	_, err := protoregistry.GlobalFiles.FindFileByPath(name)
	return err == nil
}

// holds reports whether a path lies in the project.
func (f *foreignFiles) holds(at string) bool {
	return filepath.IsLocal(filepath.FromSlash(f.within(at)))
}

// within returns a path relative to the project, with slashes.
func (f *foreignFiles) within(at string) string {
	dir, err := filepath.Abs(f.dir)
	if err == nil {
		at, err = filepath.Abs(at)
	}
	if err != nil {
		return ".." // there is no working directory
	}
	rel, err := filepath.Rel(dir, at)
	if err != nil {
		return ".."
	}
	return filepath.ToSlash(rel)
}

// mapPackage chooses a Go package of the project for the code of a file, unless it has one.
func (f *foreignFiles) mapPackage(d *descriptorpb.FileDescriptorProto, to string) error {
	given := d.GetOptions().GetGoPackage()
	importPath, name, named := strings.Cut(given, ";")
	if given != "" && (importPath == f.v.Module || strings.HasPrefix(importPath, f.v.Module+"/")) {
		return nil
	}
	group := importPath
	if given == "" {
		group = "proto " + d.GetPackage() + " " + path.Dir(to)
		name = strings.ReplaceAll(d.GetPackage(), ".", "")
	} else if !named {
		name = path.Base(importPath)
	}
	if pkg, ok := f.groups[group]; ok {
		f.v.Map[d.GetName()] = pkg
		return nil
	}
	name = strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9_]`).ReplaceAllString(name, "_"))
	if !token.IsIdentifier(name) || name == "main" || name == "internal" || name == "vendor" || name == "testdata" {
		name = "contract" + strings.TrimLeft(name, "_")
	}
	if !token.IsIdentifier(name) {
		return errors.New(d.GetName() + ": no name for its Go package can be made of " + group)
	}
	dir := name
	for n := 2; f.taken(dir); n++ {
		dir = fmt.Sprintf("%s%d", name, n)
	}
	pkg := f.v.Module + "/gen/" + dir + ";" + name
	f.groups[group] = pkg
	f.v.Map[d.GetName()] = pkg
	return nil
}

// taken reports whether the code of another package goes to a directory below gen.
func (f *foreignFiles) taken(dir string) bool {
	for _, pkg := range f.groups {
		if at, _, _ := strings.Cut(pkg, ";"); at == f.v.Module+"/gen/"+dir {
			return true
		}
	}
	return false
}
