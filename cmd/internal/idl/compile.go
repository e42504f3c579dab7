package idl

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/reporter"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
)

// Contract is a Source that compiled.
type Contract struct {
	// Files holds the Source's files and all that they import; what is imported comes before what imports it. Those
	// that were compiled from text have their comments and positions, unless CompileCompact or CompileLinked says
	// otherwise.
	Files []*descriptorpb.FileDescriptorProto
	// Names are the names of the Source's own files.
	Names []string
	// Warnings say what is legal and probably not meant, such as imports without use.
	Warnings []Problem

	sources map[string]source
	kept    map[string]*kept              // what Files are without, by name
	spans   map[string]map[string][]int32 // of places, by file and path; see Declared
	linked  []protoreflect.FileDescriptor // see CompileLinked
	located map[string]bool               // those of linked, by name, that have their places; see Locations
}

// Path returns where on disk the file of that name was read, or the name when it was not read from disk.
func (c *Contract) Path(name string) string {
	if src, ok := c.sources[name]; ok {
		return src.path
	}
	return name
}

// Text returns the text of the file of that name, and false when it was not read from disk.
func (c *Contract) Text(name string) (string, bool) {
	src, ok := c.sources[name]
	return src.text, ok
}

// At returns a Problem about what the file of that name has at start, up to end; both are offsets in bytes.
func (c *Contract) At(name string, start, end int, text, help string) Problem {
	src, ok := c.sources[name]
	if !ok {
		return Problem{File: name, Text: text, Help: help}
	}
	return src.at(outline.Span{Start: start, End: end}, text, help)
}

// Compile compiles src. What is wrong with the contract is returned as a *ContractError, as much of it as the compiler
// found.
func Compile(ctx context.Context, src Source) (*Contract, error) {
	c, err := CompileUnplaced(ctx, src)
	if err != nil {
		return nil, err
	}
	for _, file := range c.Files {
		if file.SourceCodeInfo, err = c.placesIn(file, AllPlaces); err != nil {
			return nil, err
		}
	}
	c.kept = nil
	return c, nil
}

// CompileUnplaced is Compile for those who ask for the places of one file after the other: the descriptors in Files are
// without places and comments, which are the larger part of them. These stay in the Contract, encoded; PlacesIn returns
// them.
func CompileUnplaced(ctx context.Context, src Source) (*Contract, error) {
	return compile(ctx, src, keepsDescriptors, nil)
}

// CompileCompact is Compile for large contracts: the descriptors in Files have their name, package, imports and Go
// package alone. All of them, their places and their comments stay in the Contract, encoded, in a tenth of the memory;
// Whole returns them.
func CompileCompact(ctx context.Context, src Source) (*Contract, error) {
	return compile(ctx, src, keepsEncoded, nil)
}

// CompileLinked is Compile for those who ask what names refer to: Linked returns what the compiler made of the files,
// so that nobody has to link them once more. The descriptors in Files are without places and comments, which stay in
// the Contract, encoded.
//
// What base, another one that it returned, has with the same names, texts and imports is not compiled again: the two
// share it. There are no warnings about these files then. Base may be nil.
func CompileLinked(ctx context.Context, src Source, base *Contract) (*Contract, error) {
	return compile(ctx, src, keepsLinked, base)
}

func compile(ctx context.Context, src Source, keeps keeps, base *Contract) (*Contract, error) {
	files := newResolver(src.Roots, keeps)
	var said diagnostics
	var shared []linker.File
	if base != nil {
		shared = files.share(base, src.Files)
	}
	if err := compileInBatches(ctx, files, src.Files, shared, &said); err != nil {
		return nil, explain(ctx, src, err)
	}
	c := &Contract{
		Names: src.Files, sources: files.sources(), kept: files.kept, located: make(map[string]bool),
	}
	for _, w := range said.warnings {
		c.Warnings = append(c.Warnings, files.warning(w))
	}
	c.Warnings = inOrder(c.Warnings)
	done := make(map[string]bool)
	for _, name := range src.Files {
		c.add(name, done)
	}
	return c, nil
}

// explain returns what is wrong with a Source that does not compile in batches because of cause. It compiles it once
// more, all at once, because what the compiler finds in one batch depends on what it found in those before. It does so
// with a resolver of its own: the compiler may still use that of a compilation that has failed.
func explain(ctx context.Context, src Source, cause error) error {
	files := newResolver(src.Roots, keepsDescriptors)
	var said diagnostics
	if err := compileAtOnce(ctx, files, src.Files, &said); err != nil {
		cause = err
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case len(said.errors) == 0:
		return fmt.Errorf("compile: %w", cause)
	default:
		return &ContractError{Problems: newExplainer(files, src.Files).explain(ctx, said.errors)}
	}
}

// batchSize is how much text is compiled at once, in bytes. The compiler holds the syntax trees of all that it has
// begun, which take some twenty times the memory of their text, and it begins all that it is given.
const batchSize = 2 << 20

// compileInBatches compiles the files called names, some at a time, and leaves what they become in files.kept. Those
// that are shared with another contract are there already.
func compileInBatches(
	ctx context.Context, files *resolver, names []string, shared []linker.File, said *diagnostics,
) (err error) {
	compiler := protocompile.Compiler{
		Resolver: files,
		// With the places inside of options, which what is wrong with an option is reported at.
		SourceInfoMode: protocompile.SourceInfoStandard | protocompile.SourceInfoExtraOptionLocations,
		Reporter:       said.reporter(),
		RetainASTs:     true, // until keep
	}
	files.importers = countImporters(files, names)
	all := newSymbols()
	for _, file := range shared {
		if err := all.add(file); err != nil {
			return err
		}
	}
	own := make(map[string]bool, len(names))
	for _, name := range names {
		own[name] = true
	}
	// What comes behind the compiler is done while it has the next batch: much of what it does it does on one processor.
	behind := make(chan error, 1)
	behind <- nil
	defer func() { err = errors.Join(err, <-behind) }()
	for len(names) > 0 {
		n := files.batch(names)
		todo := slices.DeleteFunc(slices.Clone(names[:n]), func(name string) bool { return files.kept[name] != nil })
		linked, err := compiler.Compile(ctx, todo...)
		if err != nil {
			return err
		}
		for _, name := range names[:n] {
			delete(own, name)
		}
		fresh := files.keep(linked, func(imported linker.Result) {
			if own[imported.Path()] { // the compiler looks at those alone that it was called for
				imported.CheckForUnusedImports(reporter.NewHandler(said.reporter()))
			}
		})
		if err := <-behind; err != nil {
			behind <- nil
			return err
		}
		go func() {
			for _, file := range linked {
				if err := all.add(file); err != nil {
					behind <- err
					return
				}
			}
			behind <- files.encode(fresh)
		}()
		names = names[n:]
	}
	return nil
}

// compileAtOnce compiles the files called names for what the compiler says about them.
func compileAtOnce(ctx context.Context, files *resolver, names []string, said *diagnostics) error {
	compiler := protocompile.Compiler{Resolver: files, Reporter: said.reporter()}
	_, err := compiler.Compile(ctx, names...)
	// What stops a file at once, such as an import that is not there, does not pass through the reporter.
	if positioned, ok := errors.AsType[reporter.ErrorWithPos](err); ok {
		said.errors = append(said.errors, positioned)
	}
	return err
}

// diagnostics are the compiler's messages.
type diagnostics struct {
	errors, warnings []reporter.ErrorWithPos
}

// reporter returns a reporter that adds to d.
func (d *diagnostics) reporter() reporter.Reporter {
	return reporter.NewReporter(
		func(err reporter.ErrorWithPos) error {
			d.errors = append(d.errors, err)
			return nil
		},
		func(err reporter.ErrorWithPos) { d.warnings = append(d.warnings, err) },
	)
}

// add appends a file after all that it imports.
func (c *Contract) add(name string, done map[string]bool) {
	if done[name] {
		return
	}
	done[name] = true
	file := c.kept[name]
	for _, imported := range file.imports {
		c.add(imported, done)
	}
	c.Files = append(c.Files, file.descriptor)
	if file.linked != nil {
		c.linked = append(c.linked, file.linked)
		file.linked = nil
	}
}

// problem gives err its place on disk, and the words in which the compiler put it.
func (r *resolver) problem(err reporter.ErrorWithPos) Problem {
	start, end := err.Start(), err.End()
	text := err.Unwrap().Error()
	src, ok := r.source(start.Filename)
	if !ok {
		return Problem{File: start.Filename, Line: start.Line, Column: start.Col, Text: text}
	}
	if start.Line == 0 {
		return Problem{File: src.path, Text: text}
	}
	// The compiler's ends are the offsets of the last character.
	return src.at(outline.Span{Start: start.Offset, End: end.Offset + 1}, text, "")
}

// warning is problem for a warning, which it puts in words of ours.
func (r *resolver) warning(err reporter.ErrorWithPos) Problem {
	p := r.problem(err)
	var unused linker.ErrorUnusedImport
	switch {
	case errors.As(err, &unused):
		p.Text = fmt.Sprintf("import %q is not used", unused.UnusedImport())
		p.Help = "remove it"
		p.Kind, p.Import = UnusedImport, unused.UnusedImport()
	case errors.Is(err, parser.ErrNoSyntax):
		p.Text = `no syntax or edition is declared, so it counts as "proto2"`
		p.Kind = NoSyntax
		p.Help = "add as its first line: syntax = \"proto3\";"
		p.Source = "" // there is no line to show: one is missing
	}
	return p
}
