package generate

import (
	"fmt"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/gen"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
	"github.com/fairlead-go/fairlead/cmd/internal/platform"
)

// goPackage is the Go package to which the code of a file belongs.
type goPackage struct {
	path, name string
	mapped     bool // --map says so, and not the file
}

// goPackages returns the packages of all files of a contract, by the files' names. All have one: see checkPackages.
func goPackages(s *settings, contract *idl.Contract) map[string]goPackage {
	all := make(map[string]goPackage)
	for _, file := range contract.Files {
		text, mapped := s.mappedTo(file.GetName())
		if !mapped {
			text = file.GetOptions().GetGoPackage()
		}
		p, name, named := strings.Cut(text, ";")
		if !named {
			name = goName(path.Base(p))
		}
		all[file.GetName()] = goPackage{path: p, name: name, mapped: mapped}
	}
	return all
}

// goName returns the name that protoc-gen-go gives to a Go package by the last part of its import path.
func goName(base string) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return '_'
	}, base)
	if first, _ := utf8.DecodeRuneInString(name); token.IsKeyword(name) || !unicode.IsLetter(first) {
		return "_" + name
	}
	return name
}

// mappedTo returns the Go package that --map gives to a file, by its name or by that of the nearest directory above it;
// false for none. A directory's package is the one of the files in it, and theirs are below it that are in directories
// below.
func (s *settings) mappedTo(file string) (string, bool) {
	if to, ok := s.packages[file]; ok {
		return to, true
	}
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		to, ok := s.packages[dir]
		if !ok {
			to, ok = s.packages[dir+"/"]
		}
		if ok {
			below := strings.TrimPrefix(path.Dir(file), dir)
			if below == "" || dir == "." && path.Dir(file) == "." {
				return to, true
			}
			p, _, _ := strings.Cut(to, ";")
			return path.Join(p, below), true
		}
		if dir == "." || dir == "/" {
			return "", false
		}
	}
}

// mapped returns the Go packages that --map gives to files, by their names.
func (s *settings) mapped(files []*descriptorpb.FileDescriptorProto) map[string]string {
	all := make(map[string]string)
	if len(s.packages) == 0 {
		return all
	}
	for _, file := range files {
		if to, ok := s.mappedTo(file.GetName()); ok {
			all[file.GetName()] = to
		}
	}
	return all
}

// checkPackages reports the files without a go_package, with the line that would mend it.
func (r *run) checkPackages(u *unit) error {
	contract := u.contract
	missing := gen.MissingPackages(contract.Files, r.mapped(contract.Files))
	if len(missing) == 0 {
		return nil
	}
	own := make(map[string]bool)
	for _, name := range contract.Names {
		own[name] = true
	}
	problems := make([]idl.Problem, 0, len(missing))
	for _, name := range missing {
		p := idl.Problem{File: contract.Path(name)}
		example, known := idl.GoPackage(p.File)
		if own[name] {
			example, known = r.fittingPackage(u, name), true
		}
		if known {
			p.Text = fmt.Sprintf("no Go package is named; add the line\n\toption go_package = %q;\n"+
				"or call fairlead gen with -M %s=%s", example, name, example)
			if dir := path.Dir(name); dir != "." && own[name] {
				p.Text += fmt.Sprintf(", or for all files below %s with -M %s=%s", dir, dir, example)
			}
		} else {
			p.Text = fmt.Sprintf("it is imported and names no Go package; call fairlead gen with -M %s= and the Go package "+
				"that has its code, or generate that too: name the file as an argument", name)
		}
		problems = append(problems, p)
	}
	slices.SortFunc(problems, func(a, b idl.Problem) int { return strings.Compare(a.File, b.File) })
	return &idl.ContractError{Problems: problems}
}

// fittingPackage returns the Go package that a file's code should have, so that it is found where it is written.
func (r *run) fittingPackage(u *unit, name string) string {
	dir := filepath.Join(r.directory(u.source), filepath.FromSlash(path.Dir(name)))
	if r.paths == "import" {
		if r.module != "" {
			return path.Join(r.module, path.Dir(name))
		}
		dir = filepath.Dir(u.contract.Path(name))
	}
	if lands, ok := idl.GoPackage(filepath.Join(dir, "x.go")); ok {
		return lands
	}
	return path.Join("example.com/your/module", path.Dir(name))
}

// atGoPackage returns a problem about a file's go_package.
func atGoPackage(contract *idl.Contract, name, text, help string) idl.Problem {
	source, ok := contract.Text(name)
	if !ok {
		return idl.Problem{File: name, Text: text, Help: help}
	}
	for _, option := range outline.Parse(source).Options {
		if option.Name == "go_package" {
			return contract.At(name, option.At.Start, option.At.End, text, help)
		}
	}
	return idl.Problem{File: contract.Path(name), Text: text, Help: help}
}

// checkNames warns of contracts whose code Go does not compile everywhere, because of the names of its files.
func (r *run) checkNames(u *unit) {
	for _, name := range u.contract.Names {
		code := strings.TrimSuffix(path.Base(name), ".proto") + ".pb.go"
		if platform.Restricts(code) {
			r.problem("warning", idl.Problem{
				File: u.contract.Path(name), Text: "Go compiles " + code + " for one platform alone, because of its name",
				Help: "rename the contract",
			})
		}
	}
}

// checkPlaces warns of code that will be in a directory which Go knows as another package than go_package says: what
// imports it will not find it.
func (r *run) checkPlaces(u *unit, packages map[string]goPackage) {
	if !r.writesGo() {
		return
	}
	for _, name := range u.contract.Names {
		p := packages[name]
		dir := r.goDirectory(u, name, p)
		lands, ok := idl.GoPackage(filepath.Join(dir, "x.go"))
		if !ok || lands == p.path {
			continue
		}
		text := fmt.Sprintf("its Go package is %q, and the code lands in %s, which is %q: "+
			"imports of the former do not find it",
			p.path, idl.Short(dir), lands)
		right := lands
		if path.Base(lands) != p.name {
			right += ";" + p.name
		}
		switch module := strings.TrimSuffix(strings.TrimSuffix(lands, p.path), "/"); {
		case r.paths == "import" && module != lands && strings.HasPrefix(p.path+"/", module+"/"):
			r.problem("warning", atGoPackage(u.contract, name, text, "add: --module "+module))
		case p.mapped:
			r.problem("warning", idl.Problem{File: u.contract.Path(name), Text: text,
				Help: fmt.Sprintf("write: -M %s=%s", name, lands)})
		default:
			r.problem("warning", atGoPackage(u.contract, name, text, fmt.Sprintf("write: option go_package = %q;", right)))
		}
	}
}
