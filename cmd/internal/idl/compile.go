package idl

import (
	"context"
	"errors"
	"fmt"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/parser"
	"github.com/bufbuild/protocompile/protoutil"
	"github.com/bufbuild/protocompile/reporter"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/idl/outline"
)

// Contract is a Source that compiled.
type Contract struct {
	// Files holds the Source's files and all that they import; what is imported comes before what imports it. Those
	// that were compiled from text have their comments and positions.
	Files []*descriptorpb.FileDescriptorProto
	// Names are the names of the Source's own files.
	Names []string
	// Warnings say what is legal and probably not meant, such as imports without use.
	Warnings []Problem

	sources map[string]source
	spans   map[string]map[string][]int32 // of places, by file and path; see Declared
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
	files := newResolver(src.Roots)
	result, err := compile(ctx, files, src.Files)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && len(result.errors) == 0:
		return nil, fmt.Errorf("compile: %w", err)
	case err != nil:
		return nil, &ContractError{Problems: newExplainer(files, src.Files).explain(ctx, result.errors)}
	}
	c := &Contract{Names: src.Files, sources: files.sources()}
	for _, w := range result.warnings {
		c.Warnings = append(c.Warnings, files.warning(w))
	}
	c.Warnings = inOrder(c.Warnings)
	done := make(map[string]bool)
	for _, file := range result.files {
		c.add(file, done)
	}
	return c, nil
}

// compiled is what the compiler made of files.
type compiled struct {
	files            linker.Files
	errors, warnings []reporter.ErrorWithPos
}

func compile(ctx context.Context, files *resolver, names []string) (result compiled, err error) {
	compiler := protocompile.Compiler{
		Resolver: files,
		// With the places inside of options, which what is wrong with an option is reported at.
		SourceInfoMode: protocompile.SourceInfoStandard | protocompile.SourceInfoExtraOptionLocations,
		Reporter: reporter.NewReporter(
			func(err reporter.ErrorWithPos) error {
				result.errors = append(result.errors, err)
				return nil
			},
			func(err reporter.ErrorWithPos) { result.warnings = append(result.warnings, err) },
		),
	}
	result.files, err = compiler.Compile(ctx, names...)
	// What stops a file at once, such as an import that is not there, does not pass through the reporter.
	if positioned, ok := errors.AsType[reporter.ErrorWithPos](err); ok {
		result.errors = append(result.errors, positioned)
	}
	return result, err
}

// add appends file after all that it imports.
func (c *Contract) add(file protoreflect.FileDescriptor, done map[string]bool) {
	if done[file.Path()] {
		return
	}
	done[file.Path()] = true
	imports := file.Imports()
	for i := range imports.Len() {
		c.add(imports.Get(i).FileDescriptor, done)
	}
	c.Files = append(c.Files, protoutil.ProtoFromFileDescriptor(file))
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
