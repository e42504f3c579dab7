package idl

import (
	"fmt"
	"math"

	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/parallel"
)

// keeps says what stays of the files that were compiled.
type keeps int

const (
	keepsDescriptors keeps = iota
	keepsEncoded           // descriptors, encoded
	keepsLinked            // descriptors, and what the compiler made of them
)

// kept is the part of a compiled file that stays in memory.
type kept struct {
	imports    []string
	linked     linker.File                       // with keepsLinked
	descriptor *descriptorpb.FileDescriptorProto // without places; with keepsEncoded the head alone
	encoded    []byte                            // the descriptor, with keepsEncoded
	placed     *descriptorpb.SourceCodeInfo      // until they are encoded as places
	places     encodedPlaces
}

// keep keeps what is asked for of files that were compiled, and of all that they import, and lets go of the rest. It
// first calls visit with each. What has to be encoded is so when encode has been called with what keep returns, which
// may be while other files are compiled.
func (r *resolver) keep(files []linker.File, visit func(linker.Result)) []*kept {
	var fresh []linker.File
	for _, file := range files {
		fresh = r.collect(fresh, file, visit)
	}
	all := make([]*kept, len(fresh))
	for i, file := range fresh {
		all[i] = r.kept[file.Path()]
		all[i].take(file, r.keeps)
	}
	r.drop()
	return all
}

// encode encodes what is kept encoded of files.
func (r *resolver) encode(files []*kept) error {
	return parallel.Each(len(files), math.MaxInt, func(i int) error { return files[i].encode(r.keeps) })
}

// collect appends a file, and all that it imports, to fresh, if they are not kept already.
func (r *resolver) collect(fresh []linker.File, file linker.File, visit func(linker.Result)) []linker.File {
	name := file.Path()
	if r.kept[name] != nil {
		return fresh
	}
	k := new(kept)
	r.kept[name], r.linked[name] = k, file
	for i := range file.Imports().Len() {
		imported := file.Imports().Get(i).Path()
		k.imports = append(k.imports, imported)
		fresh = r.collect(fresh, file.FindImportByPath(imported), visit)
	}
	if result, ok := file.(linker.Result); ok {
		visit(result)
	}
	r.importers.compiled(name)
	return append(fresh, file)
}

// drop lets go of the linked files that nothing imports which is still to be compiled.
func (r *resolver) drop() {
	if r.keeps == keepsLinked {
		return
	}
	for name := range r.linked {
		if r.importers.none(name) {
			delete(r.linked, name)
		}
	}
}

// take takes what stays of a file.
func (k *kept) take(file linker.File, keeps keeps) {
	if keeps == keepsLinked {
		k.linked = file
	}
	result, fromText := file.(linker.Result)
	if !fromText { // it is part of the program
		k.descriptor = protoutil.ProtoFromFileDescriptor(file)
		return
	}
	result.RemoveAST()
	k.descriptor = result.FileDescriptorProto()
	if k.placed = k.descriptor.SourceCodeInfo; k.placed != nil {
		k.descriptor.SourceCodeInfo = nil
		result.PopulateSourceCodeInfo() // and so without its index of the places
	}
}

// encode encodes the places, and with keepsEncoded the descriptor, whose head alone stays beside that.
func (k *kept) encode(keeps keeps) error {
	whole := k.descriptor
	if k.placed != nil {
		var err error
		if k.places, err = encodePlaces(k.placed, keeps); err != nil {
			return fmt.Errorf("%s: %w", whole.GetName(), err)
		}
		k.placed = nil
	}
	if keeps != keepsEncoded {
		return nil
	}
	k.descriptor = head(whole)
	var err error
	if k.encoded, err = (proto.MarshalOptions{Deterministic: true}).Marshal(whole); err != nil {
		return fmt.Errorf("%s: %w", whole.GetName(), err)
	}
	return nil
}

// head returns a copy of the beginning of a file: its name, package, imports and Go package.
func head(file *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	h := &descriptorpb.FileDescriptorProto{
		Name: file.Name, Package: file.Package, Syntax: file.Syntax, Edition: file.Edition,
		Dependency: file.GetDependency(), PublicDependency: file.GetPublicDependency(),
		WeakDependency: file.GetWeakDependency(),
	}
	if file.GetOptions() != nil {
		h.Options = &descriptorpb.FileOptions{GoPackage: file.GetOptions().GoPackage}
	}
	return h
}
