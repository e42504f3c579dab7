package generate

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/fairlead-go/fairlead/cmd/internal/gen"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/cmd/internal/implement"
	"github.com/fairlead-go/fairlead/cmd/internal/parallel"
)

// outputs are the files that the generators made.
type outputs struct {
	all   []change
	stubs []stub
}

// stub is a file of stubs, in which implementations look for services.
type stub struct {
	path, importPath string
	code             code
}

func newOutputs() *outputs { return new(outputs) }

// changes returns what the files should be, in the order of their paths.
func (o *outputs) changes() []change {
	slices.SortStableFunc(o.all, func(a, b change) int { return strings.Compare(a.path, b.path) })
	return o.all
}

// directory returns where the code of a source goes.
func (r *run) directory(src idl.Source) string {
	if r.out == "" && r.paths == "source_relative" {
		return src.Dir
	}
	return r.out
}

// made is the output of the built-in generators for a unit.
type made struct {
	packages map[string]goPackage
	files    []generated
	warnings gen.Problems
	notes    []idl.Problem
	names    []*goNames // of each part of the unit
	err      error
}

// generated is a file that the built-in generators made.
type generated struct {
	name string // with slashes, below the output directory
	code code
}

// atOnce is for how many parts of a contract code is generated at once, at most. Each takes memory.
const atOnce = 4

// generate runs the built-in generators for all of a unit.
func (r *run) generate(u *unit) (*made, error) {
	m := &made{packages: goPackages(r.settings, u.contract)}
	beside, notes, err := r.besideGRPC(u, m.packages)
	if err != nil {
		return nil, err
	}
	m.notes = notes
	parts := chunks(u.contract, m.packages)
	outs, codes := make([]*gen.Output, len(parts)), make([][]generated, len(parts))
	m.names = make([]*goNames, len(parts))
	var begun atomic.Int64
	var clashed atomic.Bool
	m.err = parallel.Each(len(parts), atOnce, func(i int) error {
		part := parts[i]
		done := int(begun.Add(int64(len(part.names)))) - len(part.names)
		r.progress.Set(fmt.Sprintf("generating code for file %d of %d of %s", done+1, len(u.contract.Names), u.source.Dir))
		files, err := u.contract.Whole(part.files, idl.Declarations)
		if err != nil {
			return err
		}
		names := &goNames{unit: u, claims: make(map[protogen.GoIdent]claim)}
		m.names[i] = names
		outs[i], err = gen.Run(files, part.names, gen.Config{
			Messages:    r.messages,
			VT:          r.vt,
			Stubs:       r.stubs,
			Validate:    r.validate,
			OpenAPI:     r.openAPI,
			JSON:        r.jsonCode,
			StubConfig:  gen.StubConfig{BesideGRPC: r.grpc, BesidePackages: beside},
			ImportPaths: r.paths == "import",
			Module:      r.module,
			Packages:    r.mapped(part.files),
			Decoded:     u.contract.Compact(),
			Inspect: func(files []*protogen.File) bool {
				if !names.add(files) {
					clashed.Store(true)
				}
				return !clashed.Load() // nothing will be written then
			},
		})
		if r.units == 1 {
			names.claims = nil // nothing else can have the same names
		}
		if err != nil {
			return err
		}
		for _, file := range outs[i].Files {
			codes[i] = append(codes[i], generated{file.Name, newCode(file.Content)})
		}
		outs[i].Files = nil
		return nil
	})
	for i, out := range outs {
		if out == nil {
			continue
		}
		m.files = append(m.files, codes[i]...)
		m.warnings = append(m.warnings, out.Warnings...)
		for _, note := range out.Notes {
			m.notes = append(m.notes, idl.Problem{Text: note})
		}
	}
	return m, nil
}

// add adds what the files of one unit should be, and reports what there is to say about them.
func (r *run) add(ctx context.Context, u *unit, m *made, out *outputs) error {
	contract := u.contract
	if m.err != nil {
		return located(contract, m.err)
	}
	for _, p := range onDisk(contract, m.warnings) {
		r.problem("warning", p)
	}
	for _, note := range m.notes {
		r.problem("note", note)
	}
	dir := r.directory(u.source)
	originOf := r.origins(contract, m.packages)
	for _, file := range m.files {
		origin := originOf(file.name)
		full := idl.Short(filepath.Join(dir, filepath.FromSlash(file.name)))
		out.all = append(out.all, change{path: full, code: file.code, origin: contract.Path(origin)})
		stubs := strings.TrimSuffix(path.Base(origin), ".proto") + ".fl.go" // neither rules nor JSON
		if path.Base(file.name) == stubs && !file.code.none() {
			out.stubs = append(out.stubs, stub{full, m.packages[origin].path, file.code})
		}
	}
	r.checkNames(u)
	r.checkPlaces(u, m.packages)
	return r.runPlugins(ctx, u, dir, m.files, out)
}

// located turns what the generators say about places of a contract into problems with the places on disk.
func located(contract *idl.Contract, err error) error {
	problems, rest := gen.ProblemsOf(err)
	if len(problems) == 0 {
		return err
	}
	return join([]error{&idl.ContractError{Problems: onDisk(contract, problems)}, rest})
}

// onDisk returns problems with their places on disk.
func onDisk(contract *idl.Contract, problems gen.Problems) []idl.Problem {
	all := make([]idl.Problem, len(problems))
	for i, p := range problems {
		all[i] = contract.Locate(idl.Problem{
			File: p.File, Line: p.Line, Column: p.Column, Text: placesOnDisk(contract, p.Text),
		})
	}
	return all
}

// placesOnDisk replaces places in a text, such as "at a.proto:3:1", by "in", the path of the file, and the rest.
func placesOnDisk(contract *idl.Contract, text string) string {
	const word, end = " at ", ".proto:"
	for from := 0; ; {
		start := strings.Index(text[from:], word)
		if start < 0 {
			return text
		}
		from += start + len(word)
		length := strings.Index(text[from:], end)
		if length < 0 {
			return text
		}
		name := text[from : from+length+len(end)-1]
		if _, ok := contract.Text(name); ok {
			path := contract.Path(name)
			text = text[:from-len(word)] + " in " + path + text[from+len(name):]
			from += len(path)
		}
	}
}

// origins returns a function from the name of a generated file to that of the contract that it comes from; "" for none.
func (r *run) origins(contract *idl.Contract, packages map[string]goPackage) func(file string) string {
	byStem := make(map[string]string, len(contract.Names)) // by what the names of its files begin with
	for _, name := range contract.Names {
		dir := path.Dir(name)
		if r.paths == "import" {
			dir = path.Clean(strings.TrimPrefix(strings.TrimPrefix(packages[name].path, r.module), "/"))
		}
		byStem[path.Join(dir, strings.TrimSuffix(path.Base(name), ".proto"))] = name
	}
	return func(file string) string {
		base := path.Base(file)
		for end := len(base) - 1; end > 0; end-- { // the longest stem: a_b.pb.go may be of a_b.proto and of a.proto
			if base[end] != '.' && base[end] != '_' {
				continue
			}
			if name, ok := byStem[path.Join(path.Dir(file), base[:end])]; ok {
				return name
			}
		}
		return ""
	}
}

// implementations returns the changes of implementations, and reports what else there is to say about them.
func (r *run) implementations(units []*unit, out *outputs) ([]change, error) {
	if len(r.implement) == 0 {
		return nil, nil
	}
	var services []implement.Service
	for _, s := range out.stubs {
		content, err := s.code.content()
		if err != nil {
			return nil, err
		}
		more, err := implement.Services(s.importPath, content)
		if err != nil {
			return nil, fmt.Errorf("the stubs that were generated cannot be read: %w", err)
		}
		services = append(services, more...)
	}
	if len(services) == 0 && !slices.ContainsFunc(r.implement, func(t implement.Target) bool { return !t.Existing }) {
		return nil, nil
	}
	if len(services) == 0 {
		return nil, errors.New("there is nothing to implement: no service is in the contracts")
	}
	names := make(map[string]string)
	for _, u := range units {
		packages := goPackages(r.settings, u.contract)
		for _, p := range packages {
			names[p.path] = p.name
		}
	}
	result, err := implement.Plan(r.implement, services, names)
	if err != nil {
		return nil, err
	}
	for _, f := range result.Findings {
		text, help, _ := strings.Cut(f.Text, "\n\t")
		r.problem(string(f.Severity), idl.Problem{
			File: idl.Short(f.File), Line: f.Line, Column: f.Column, Text: text, Help: help,
		})
	}
	var changes []change
	for _, c := range result.Changes {
		changes = append(changes, change{path: idl.Short(c.Path), code: newCode(c.Content), methods: c.Methods,
			origin: "an implementation"})
	}
	return changes, nil
}
