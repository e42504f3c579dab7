package conformance_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/admin"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	alphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// TestSchemas: a program links grpc-go's messages of health and reflection beside those of package admin, as this one
// does, and reflection describes the same contracts as grpc-go, but for the Go package of its code.
func TestSchemas(t *testing.T) {
	t.Parallel()
	reflect, err := admin.Reflection()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]*fairlead.Service)
	for _, im := range append(reflect, admin.NewHealth().Service()) {
		got[im.Service.Name] = im.Service
	}
	for name, theirs := range map[string]protoreflect.FileDescriptor{
		"grpc.health.v1.Health":                    healthpb.File_grpc_health_v1_health_proto,
		"grpc.reflection.v1.ServerReflection":      reflectionpb.File_grpc_reflection_v1_reflection_proto,
		"grpc.reflection.v1alpha.ServerReflection": alphapb.File_grpc_reflection_v1alpha_reflection_proto,
	} {
		if got[name] == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		want := protodesc.ToFileDescriptorProto(theirs)
		want.Options = nil
		z, err := gzip.NewReader(bytes.NewReader(got[name].Schema()))
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		var set descriptorpb.FileDescriptorSet
		if err := proto.Unmarshal(data, &set); err != nil {
			t.Fatal(err)
		}
		if len(set.File) != 1 || !proto.Equal(set.File[0], want) {
			t.Errorf("%s:\ngot %v\nwant %v", name, set.File, want)
		}
	}
}
