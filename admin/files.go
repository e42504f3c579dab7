package admin

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead"
)

// maxSchema limits a schema after decompression. Schemas are the program's own, so it stops only a broken one.
const maxSchema = 256 << 20

// index finds the files of services' schemas by what they declare. It is read-only once built. What it does not have is
// looked up in the process's registry, in which generated code of google.golang.org/protobuf registers its files:
// services generated for grpc-go have no schema of their own.
type index struct {
	files      map[string]*schemaFile
	symbols    map[string]*schemaFile
	extensions map[string]map[int32]*schemaFile // by extended type and number
}

// schemaFile is a file as it is sent.
type schemaFile struct {
	name    string
	encoded []byte
	imports []string
}

func newIndex(services []*fairlead.Service) (*index, error) {
	x := &index{
		files:      make(map[string]*schemaFile),
		symbols:    make(map[string]*schemaFile),
		extensions: make(map[string]map[int32]*schemaFile),
	}
	for _, s := range services {
		if s.Schema == nil || s.IDL != "proto" {
			continue
		}
		if err := x.addSchema(s.Schema()); err != nil {
			return nil, fmt.Errorf("the schema of %s: %w", s.Name, err)
		}
	}
	return x, nil
}

// addSchema adds a gzipped FileDescriptorSet. It cuts out the files instead of decoding and encoding them, so that they
// are sent as the compiler wrote them.
func (x *index) addSchema(zipped []byte) error {
	zr, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return err
	}
	set, err := io.ReadAll(io.LimitReader(zr, maxSchema))
	if err != nil {
		return err
	}
	for len(set) > 0 {
		num, typ, n := protowire.ConsumeTag(set)
		if n < 0 {
			return protowire.ParseError(n)
		}
		value := set[n:]
		size := protowire.ConsumeFieldValue(num, typ, value)
		if size < 0 {
			return protowire.ParseError(size)
		}
		set = value[size:]
		if num != 1 || typ != protowire.BytesType {
			continue
		}
		file, _ := protowire.ConsumeBytes(value[:size])
		if err := x.addFile(file); err != nil {
			return err
		}
	}
	return nil
}

func (x *index) addFile(encoded []byte) error {
	var d descriptorpb.FileDescriptorProto
	if err := proto.Unmarshal(encoded, &d); err != nil {
		return err
	}
	if x.files[d.GetName()] != nil {
		return nil // another service's schema has it, too
	}
	f := &schemaFile{name: d.GetName(), encoded: encoded, imports: d.GetDependency()}
	x.files[f.name] = f
	scope := d.GetPackage()
	x.addMessages(f, scope, d.GetMessageType())
	x.addEnums(f, scope, d.GetEnumType())
	x.addExtensions(f, scope, d.GetExtension())
	for _, s := range d.GetService() {
		service := x.symbol(f, scope, s.GetName())
		for _, m := range s.GetMethod() {
			x.symbol(f, service, m.GetName())
		}
	}
	return nil
}

// symbol adds a name and returns it in full.
func (x *index) symbol(f *schemaFile, scope, name string) string {
	full := name
	if scope != "" {
		full = scope + "." + name
	}
	x.symbols[full] = f
	return full
}

func (x *index) addMessages(f *schemaFile, scope string, list []*descriptorpb.DescriptorProto) {
	for _, m := range list {
		name := x.symbol(f, scope, m.GetName())
		for _, field := range m.GetField() {
			x.symbol(f, name, field.GetName())
		}
		for _, o := range m.GetOneofDecl() {
			x.symbol(f, name, o.GetName())
		}
		x.addMessages(f, name, m.GetNestedType())
		x.addEnums(f, name, m.GetEnumType())
		x.addExtensions(f, name, m.GetExtension())
	}
}

// addEnums adds enums. Their values are siblings of the enum.
func (x *index) addEnums(f *schemaFile, scope string, list []*descriptorpb.EnumDescriptorProto) {
	for _, e := range list {
		x.symbol(f, scope, e.GetName())
		for _, v := range e.GetValue() {
			x.symbol(f, scope, v.GetName())
		}
	}
}

func (x *index) addExtensions(f *schemaFile, scope string, list []*descriptorpb.FieldDescriptorProto) {
	for _, e := range list {
		x.symbol(f, scope, e.GetName())
		typ := strings.TrimPrefix(e.GetExtendee(), ".")
		if x.extensions[typ] == nil {
			x.extensions[typ] = make(map[int32]*schemaFile)
		}
		x.extensions[typ][e.GetNumber()] = f
	}
}

// file returns the file with that name, nil if there is none.
func (x *index) file(name string) *schemaFile {
	if f := x.files[name]; f != nil {
		return f
	}
	d, err := protoregistry.GlobalFiles.FindFileByPath(name)
	if err != nil {
		return nil
	}
	return registered(d)
}

// fileOfSymbol returns the file that declares a name, nil if there is none.
func (x *index) fileOfSymbol(name string) *schemaFile {
	if f := x.symbols[name]; f != nil {
		return f
	}
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return nil
	}
	return registered(d.ParentFile())
}

// fileOfExtension returns the file that declares an extension, nil if there is none.
func (x *index) fileOfExtension(typ string, number int32) *schemaFile {
	if f := x.extensions[typ][number]; f != nil {
		return f
	}
	t, err := protoregistry.GlobalTypes.FindExtensionByNumber(protoreflect.FullName(typ), protowire.Number(number))
	if err != nil {
		return nil
	}
	return registered(t.TypeDescriptor().ParentFile())
}

// extensionsOf returns the numbers of a type's extensions, sorted. It returns false if the type is unknown.
func (x *index) extensionsOf(typ string) (numbers []int32, known bool) {
	if x.fileOfSymbol(typ) == nil {
		return nil, false
	}
	set := make(map[int32]struct{})
	for n := range x.extensions[typ] {
		set[n] = struct{}{}
	}
	protoregistry.GlobalTypes.RangeExtensionsByMessage(protoreflect.FullName(typ),
		func(t protoreflect.ExtensionType) bool {
			set[int32(t.TypeDescriptor().Number())] = struct{}{}
			return true
		})
	return slices.Sorted(maps.Keys(set)), true
}

// registered encodes a file of the process's registry.
func registered(d protoreflect.FileDescriptor) *schemaFile {
	p := protodesc.ToFileDescriptorProto(d)
	encoded, err := proto.Marshal(p)
	if err != nil {
		return nil // it was decoded at start, so this does not happen
	}
	return &schemaFile{name: p.GetName(), encoded: encoded, imports: p.GetDependency()}
}

// withImports appends the encodings of f and of all files that it imports, except those in sent, and adds them to sent.
// It leaves out imports that it cannot find: the receiver reports them as missing.
func (x *index) withImports(f *schemaFile, sent map[string]bool) [][]byte {
	var list [][]byte
	queue := []*schemaFile{f}
	sent[f.name] = true
	for len(queue) > 0 {
		f, queue = queue[0], queue[1:]
		list = append(list, f.encoded)
		for _, name := range f.imports {
			if sent[name] {
				continue
			}
			sent[name] = true
			if imported := x.file(name); imported != nil {
				queue = append(queue, imported)
			}
		}
	}
	return list
}
