package admin

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead"
	protocodec "github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// connect serves implementations and returns the server and what calls it.
func connect(t *testing.T, impls ...*fairlead.Implementation) (*server.Server, *protocoltest.Direct) {
	t.Helper()
	network := inproc.New()
	s, err := server.New(server.Service(impls...), server.Protocol(protocoltest.NewFrameServer()),
		server.Codec(protocodec.Codec{}), server.Transport(network), server.Listen("admin:1"),
		server.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	tc, err := network.Dial(t.Context(), transport.Target{Addr: "admin:1"})
	if err != nil {
		t.Fatal(err)
	}
	cfg := &protocol.ClientConfig{
		Codec: protocodec.Codec{}, RecvMessage: 1 << 20, SendMessage: 1 << 20, HeaderList: 1 << 16,
	}
	conn, err := protocoltest.FrameClient{}.NewConn(t.Context(), tc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close(errors.New("test over"))
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return s, protocoltest.NewDirect(t, protocoltest.FrameClient{}, conn, cfg)
}

// method finds one by its name.
func method(t *testing.T, impl *fairlead.Implementation, name string) *fairlead.Method {
	t.Helper()
	for _, m := range impl.Service.Methods {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no method %s", name)
	return nil
}

// unary calls a method as a generated stub does.
func unary[Resp any](t *testing.T, b fairlead.Binder, m *fairlead.Method, req any) (*Resp, error) {
	t.Helper()
	c := fairlead.NewCall(m, req)
	return fairlead.Result[Resp](c, b.Bind(m)(t.Context(), c))
}

// files decodes a schema without registering anything.
func files(t *testing.T, schema []byte) *protoregistry.Files {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(b, &set); err != nil {
		t.Fatal(err)
	}
	f, err := protodesc.NewFiles(&set) // which checks them, too
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestSchemas: the contracts that reflection tells are complete, under the names by which clients ask for them.
func TestSchemas(t *testing.T) {
	t.Parallel()
	const v1, v1alpha = "grpc.reflection.v1", "grpc.reflection.v1alpha"
	for name, schema := range map[protoreflect.FullName][]byte{
		"grpc.health.v1.Health.Watch":                      healthSchema(),
		v1 + ".ServerReflection.ServerReflectionInfo":      reflectionSchema(v1, "a.proto"),
		v1alpha + ".ServerReflection.ServerReflectionInfo": reflectionSchema(v1alpha, "b.proto"),
		"fairlead.admin.v1.Runtime.Read":                   runtimeSchema(),
	} {
		d, err := files(t, schema).FindDescriptorByName(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, ok := d.(protoreflect.MethodDescriptor)
		if pkg := d.ParentFile().Package(); !ok || m.Input().ParentFile().Package() != pkg || m.Output().IsPlaceholder() {
			t.Errorf("%s: got %v, with messages of the same file", name, d)
		}
	}
}

// TestOtherLanguages: reflection is about protobuf's contracts; what the schema of another kind is it does not know.
func TestOtherLanguages(t *testing.T) {
	t.Parallel()
	_, err := newIndex([]*fairlead.Service{{Name: "other", IDL: "thrift", Schema: func() []byte { return []byte("?") }}})
	if err != nil {
		t.Errorf("got %v, want a schema that is not protobuf's to be left alone", err)
	}
}
