package dynamic_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/fairlead-go/fairlead/admin"
	"github.com/fairlead-go/fairlead/dynamic"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

// A server is asked for its contract, and one of its methods is called with a request in JSON.
func Example() {
	ctx := context.Background()
	addr, stop := startServer(ctx)
	defer stop()

	client, err := preset.NewClient(addr)
	if err != nil {
		log.Fatal(err) //nolint:gocritic // the server ends with the process
	}
	defer client.Close()
	contract, err := dynamic.FromServer(client)
	if err != nil {
		log.Fatal(err)
	}
	check, err := contract.Method(ctx, "Health/Check")
	if err != nil {
		log.Fatal(err)
	}
	request := dynamic.NewRequest(check)
	if err := protojson.Unmarshal([]byte(`{"service": ""}`), request); err != nil {
		log.Fatal(err)
	}
	response, err := dynamic.Unary(ctx, client, check, request)
	if err != nil {
		log.Fatal(err)
	}
	status := response.Descriptor().Fields().ByName("status")
	value := status.Enum().Values().ByNumber(response.Get(status).Enum())
	fmt.Println(check.Path, value.Name())
	// Output: /grpc.health.v1.Health/Check SERVING
}

// startServer starts a server with health and reflection.
func startServer(ctx context.Context) (addr string, stop func()) {
	health := admin.NewHealth()
	health.SetReady(true)
	reflection, err := admin.Reflection(health.Service().Service)
	if err != nil {
		log.Fatal(err)
	}
	srv, err := preset.NewServer("127.0.0.1:0", server.Service(health.Service()), server.Service(reflection...))
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Start(ctx); err != nil {
		log.Fatal(err)
	}
	return srv.Addr().String(), func() { _ = srv.Shutdown(ctx) }
}

// Contracts can also come from files, such as those of generated code.
func ExampleFromFiles() {
	files := []protoreflect.FileDescriptor{anypb.File_google_protobuf_any_proto}
	contract, err := dynamic.FromFiles(files)
	if err != nil {
		log.Fatal(err)
	}
	d, err := contract.Find(context.Background(), "google.protobuf.Any")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.FullName(), "in", d.ParentFile().Path())
	// Output: google.protobuf.Any in google/protobuf/any.proto
}
