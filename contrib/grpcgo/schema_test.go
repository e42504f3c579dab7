package grpcgo_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"testing"

	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/reflection"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
)

func TestSchema(t *testing.T) {
	t.Parallel()
	reg := grpcgo.NewRegistrar()
	testpb.RegisterTestServiceServer(reg, &service{})
	reg.RegisterService(&grpc.ServiceDesc{ServiceName: "unknown", HandlerType: (*any)(nil), Metadata: "no.proto"}, 0)
	impls, err := reg.Implementations()
	if err != nil {
		t.Fatal(err)
	}
	if impls[1].Service.Schema != nil {
		t.Error("a service whose file nobody knows has a schema")
	}
	z, err := gzip.NewReader(bytes.NewReader(impls[0].Service.Schema()))
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
	files, err := protodesc.NewFiles(&set) // fails when an import is missing
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.FindDescriptorByName("grpc.testing.TestService"); err != nil {
		t.Error(err)
	}
}

// TestReflection registers grpc-go's own reflection service, which wants to know the others.
func TestReflection(t *testing.T) {
	t.Parallel()
	reg := grpcgo.NewRegistrar()
	reflection.Register(reg)
	testpb.RegisterTestServiceServer(reg, &service{})
	info := reg.GetServiceInfo()
	want := []string{"grpc.testing.TestService", "grpc.reflection.v1.ServerReflection"}
	for _, name := range want {
		if _, ok := info[name]; !ok {
			t.Errorf("%s is missing in %v", name, info)
		}
	}
	s := info["grpc.testing.TestService"]
	i := slices.IndexFunc(s.Methods, func(m grpc.MethodInfo) bool { return m.Name == "StreamingInputCall" })
	if i < 0 || !s.Methods[i].IsClientStream || s.Methods[i].IsServerStream {
		t.Errorf("got %+v", s.Methods)
	}
}
