package admin

import (
	"bytes"
	"compress/gzip"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/internal/adminpb"
)

// The contracts of health, reflection and Runtime, for reflection.

func healthSchema() []byte {
	f := protodesc.ToFileDescriptorProto(adminpb.File_fairlead_health_v1_health_proto)
	return gzipped(renamed(f, "grpc.health.v1", "grpc/health/v1/health.proto"))
}

func reflectionSchema(pkg, path string) []byte {
	f := protodesc.ToFileDescriptorProto(adminpb.File_fairlead_reflection_v1_reflection_proto)
	return gzipped(renamed(f, pkg, path))
}

func runtimeSchema() []byte {
	f := protodesc.ToFileDescriptorProto(adminpb.File_fairlead_admin_v1_runtime_proto)
	f.Options = nil // the Go package must not be imported
	return gzipped(f)
}

// gzipped returns the schema of one file.
func gzipped(f *descriptorpb.FileDescriptorProto) []byte {
	set, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{f}})
	if err != nil {
		return nil // of a descriptor without required fields and with valid text: does not happen
	}
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, _ = zw.Write(set) // a bytes.Buffer does not fail
	_ = zw.Close()
	return b.Bytes()
}

// renamed sets another package and path in f, which imports nothing, and returns it.
func renamed(f *descriptorpb.FileDescriptorProto, pkg, path string) *descriptorpb.FileDescriptorProto {
	before, after := "."+f.GetPackage()+".", "."+pkg+"."
	rename := func(name *string) {
		if name == nil {
			return // of a field that is no message and no enum
		}
		if within, ok := strings.CutPrefix(*name, before); ok {
			*name = after + within
		}
	}
	var messages func([]*descriptorpb.DescriptorProto)
	messages = func(list []*descriptorpb.DescriptorProto) {
		for _, m := range list {
			for _, field := range m.GetField() {
				rename(field.TypeName)
			}
			messages(m.GetNestedType())
		}
	}
	messages(f.GetMessageType())
	for _, s := range f.GetService() {
		for _, m := range s.GetMethod() {
			rename(m.InputType)
			rename(m.OutputType)
		}
	}
	f.Name, f.Package, f.Options = &path, &pkg, nil
	return f
}
