package grpcgo

import (
	"bytes"
	"compress/gzip"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// schemaOf returns the Schema function of a service whose description carries metadata: generated code puts the name
// of the .proto file there, and registers the file itself with the protobuf runtime. Nil: the contract is not known.
func schemaOf(metadata any) func() []byte {
	name, ok := metadata.(string)
	if !ok {
		return nil
	}
	file, err := protoregistry.GlobalFiles.FindFileByPath(name)
	if err != nil {
		return nil
	}
	return sync.OnceValue(func() []byte { return encodeSchema(file) })
}

// encodeSchema returns file and all that it imports as a gzipped FileDescriptorSet, nil if that fails, which it does
// not for files that the protobuf runtime itself has loaded.
func encodeSchema(file protoreflect.FileDescriptor) []byte {
	set := new(descriptorpb.FileDescriptorSet)
	collect(set, file, make(map[string]bool))
	data, err := proto.Marshal(set)
	if err != nil {
		return nil
	}
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		return nil
	}
	if err := w.Close(); err != nil {
		return nil
	}
	return buf.Bytes()
}

// collect appends file to set, behind the files that it imports.
func collect(set *descriptorpb.FileDescriptorSet, file protoreflect.FileDescriptor, seen map[string]bool) {
	if seen[file.Path()] || file.IsPlaceholder() {
		return
	}
	seen[file.Path()] = true
	imports := file.Imports()
	for i := range imports.Len() {
		collect(set, imports.Get(i).FileDescriptor, seen)
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
}
