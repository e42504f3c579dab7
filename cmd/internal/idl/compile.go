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

	paths map[string]string
}

// Path returns where on disk the file of that name was read, or the name when it was not read from disk.
func (c *Contract) Path(name string) string {
	if path, ok := c.paths[name]; ok {
		return path
	}
	return name
}

// Compile compiles src. What is wrong with the contract is returned as a *ContractError, as much of it as the compiler
// found.
func Compile(ctx context.Context, src Source) (*Contract, error) {
	files := newResolver(src.Roots)
	var problems, warnings []Problem
	compiler := protocompile.Compiler{
		Resolver:       files,
		SourceInfoMode: protocompile.SourceInfoStandard,
		Reporter: reporter.NewReporter(
			func(err reporter.ErrorWithPos) error {
				problems = append(problems, files.problem(err))
				return nil
			},
			func(err reporter.ErrorWithPos) {
				warnings = append(warnings, files.warning(err))
			},
		),
	}
	linked, err := compiler.Compile(ctx, src.Files...)
	if err != nil {
		// What stops a file at once, such as an import that is not there, does not pass through the reporter.
		var positioned reporter.ErrorWithPos
		switch {
		case errors.As(err, &positioned):
			problems = append(problems, files.problem(positioned))
		case len(problems) == 0:
			return nil, fmt.Errorf("compile: %w", err)
		}
		return nil, &ContractError{Problems: inOrder(problems)}
	}
	c := &Contract{Names: src.Files, Warnings: inOrder(warnings), paths: files.paths()}
	done := make(map[string]bool)
	for _, file := range linked {
		c.add(file, done)
	}
	return c, nil
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

// problem gives err the path of its file on disk.
func (r *resolver) problem(err reporter.ErrorWithPos) Problem {
	at := err.GetPosition()
	return Problem{File: r.path(at.Filename), Line: at.Line, Column: at.Col, Text: err.Unwrap().Error()}
}

// warning is problem for a warning, which it puts in words of ours.
func (r *resolver) warning(err reporter.ErrorWithPos) Problem {
	p := r.problem(err)
	var unused linker.ErrorUnusedImport
	switch {
	case errors.As(err, &unused):
		p.Text = fmt.Sprintf("import %q is not used", unused.UnusedImport())
	case errors.Is(err, parser.ErrNoSyntax):
		p.Text = `no syntax or edition is declared, so it counts as "proto2"`
	}
	return p
}
