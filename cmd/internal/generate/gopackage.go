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
		text, mapped := s.packages[file.GetName()]
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

// checkPackages reports the files without a go_package, with the line that would mend it.
func (r *run) checkPackages(contract *idl.Contract) error {
	missing := gen.MissingPackages(contract.Files, r.packages)
	if len(missing) == 0 {
		return nil
	}
	problems := make([]idl.Problem, 0, len(missing))
	for _, name := range missing {
		file := contract.Path(name)
		example, ok := idl.GoPackage(file)
		if !ok {
			example = path.Join("example.com/your/module", path.Dir(name))
		}
		problems = append(problems, idl.Problem{File: file, Text: fmt.Sprintf(
			"no Go package is named; add the line\n\toption go_package = %q;\nor call fairlead gen with -M %s=%s",
			example, name, example)})
	}
	slices.SortFunc(problems, func(a, b idl.Problem) int { return strings.Compare(a.File, b.File) })
	return &idl.ContractError{Problems: problems}
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
	if !r.messages && !r.stubs && !r.validate && !r.vt {
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
