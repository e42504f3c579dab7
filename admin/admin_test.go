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
	"google.golang.org/protobuf/types/dynamicpb"

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

// wireMessage is what codec/proto asks of our messages.
type wireMessage interface {
	message
	SizeVT() int
	MarshalToSizedBufferVT(b []byte) (int, error)
	UnmarshalVT(src []byte) error
}

// TestWire has google.golang.org/protobuf decode what our messages encode, by the schemas, and the reverse.
func TestWire(t *testing.T) {
	t.Parallel()
	health := files(t, healthSchema())
	reflect := files(t, reflectionSchema("grpc.reflection.v1", "r.proto"))
	tests := []struct {
		files   *protoregistry.Files
		name    protoreflect.FullName
		message wireMessage
		empty   func() wireMessage
		text    string // of the decoded message
	}{
		{health, "grpc.health.v1.HealthCheckRequest", &healthRequest{"a.B"},
			func() wireMessage { return new(healthRequest) }, `service:"a.B"`},
		{health, "grpc.health.v1.HealthCheckRequest", &healthRequest{},
			func() wireMessage { return new(healthRequest) }, ``},
		{health, "grpc.health.v1.HealthCheckResponse", &healthResponse{Serving},
			func() wireMessage { return new(healthResponse) }, `status:SERVING`},
		{health, "grpc.health.v1.HealthListRequest", &healthListRequest{},
			func() wireMessage { return new(healthListRequest) }, ``},
		{health, "grpc.health.v1.HealthListResponse",
			&healthListResponse{[]healthEntry{{"", healthResponse{Serving}}, {"b", healthResponse{NotServing}}}},
			func() wireMessage { return new(healthListResponse) },
			`statuses:{key:"" value:{status:SERVING}} statuses:{key:"b" value:{status:NOT_SERVING}}`},
		{reflect, "grpc.reflection.v1.ServerReflectionRequest",
			&reflectionRequest{host: "h", ask: askFile, text: "f.proto"},
			func() wireMessage { return new(reflectionRequest) }, `host:"h" file_by_filename:"f.proto"`},
		{reflect, "grpc.reflection.v1.ServerReflectionRequest", &reflectionRequest{ask: askServices},
			func() wireMessage { return new(reflectionRequest) }, `list_services:""`},
		{reflect, "grpc.reflection.v1.ServerReflectionRequest",
			&reflectionRequest{ask: askExtension, ext: extensionRequest{"a.B", -3}},
			func() wireMessage { return new(reflectionRequest) },
			`file_containing_extension:{containing_type:"a.B" extension_number:-3}`},
		{reflect, "grpc.reflection.v1.ServerReflectionResponse",
			&reflectionResponse{host: "h", request: &reflectionRequest{ask: askSymbol, text: "s"},
				files: &fileList{[][]byte{{1}, {}}}},
			func() wireMessage { return new(reflectionResponse) },
			`valid_host:"h" original_request:{file_containing_symbol:"s"} ` +
				`file_descriptor_response:{file_descriptor_proto:"\x01" file_descriptor_proto:""}`},
		{reflect, "grpc.reflection.v1.ServerReflectionResponse",
			&reflectionResponse{extensions: &extensionList{"a.B", []int32{1, 300, -1}}},
			func() wireMessage { return new(reflectionResponse) },
			`all_extension_numbers_response:{base_type_name:"a.B" extension_number:1 extension_number:300 ` +
				`extension_number:-1}`},
		{reflect, "grpc.reflection.v1.ServerReflectionResponse",
			&reflectionResponse{services: &serviceList{[]string{"a", "b"}}},
			func() wireMessage { return new(reflectionResponse) },
			`list_services_response:{service:{name:"a"} service:{name:"b"}}`},
		{reflect, "grpc.reflection.v1.ServerReflectionResponse", &reflectionResponse{failure: &reflectionError{5, "x"}},
			func() wireMessage { return new(reflectionResponse) },
			`error_response:{error_code:5 error_message:"x"}`},
	}
	for _, tt := range tests {
		d, err := tt.files.FindDescriptorByName(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		typ := d.(protoreflect.MessageDescriptor)
		c, err := protocodec.Codec{}.Bind(tt.empty())
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		b, err := c.AppendMarshal([]byte("before"), tt.message)
		if err != nil || !bytes.HasPrefix(b, []byte("before")) {
			t.Fatalf("%s: %q, %v", tt.name, b, err)
		}
		b = b[len("before"):]
		theirs, want := dynamicpb.NewMessage(typ), dynamicpb.NewMessage(typ)
		if err := proto.Unmarshal(b, theirs); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if err := unmarshalText(tt.text, want); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if !proto.Equal(theirs, want) {
			t.Errorf("%s: got %v, want %v", tt.name, theirs, want)
		}
		if len(theirs.GetUnknown()) > 0 {
			t.Errorf("%s: unknown fields %x", tt.name, theirs.GetUnknown())
		}
		// And back, with a field that we do not know.
		theirs.SetUnknown([]byte{0xa0, 0x06, 0x01, 0xad, 0x06, 1, 2, 3, 4})
		b, err = proto.MarshalOptions{Deterministic: true}.Marshal(theirs)
		if err != nil {
			t.Fatal(err)
		}
		ours := tt.empty()
		if err := c.Unmarshal(b, ours); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		again, err := c.AppendMarshal(nil, ours)
		if err != nil {
			t.Fatal(err)
		}
		if first, _ := c.AppendMarshal(nil, tt.message); !bytes.Equal(again, first) {
			t.Errorf("%s: after decoding and encoding got %x, want %x", tt.name, again, first)
		}
		if n, err := tt.message.MarshalToSizedBufferVT(nil); tt.message.SizeVT() > 0 && err == nil {
			t.Errorf("%s: %d bytes in a buffer without room", tt.name, n)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte("\x0a\x03a.B"))
	f.Add([]byte("\x2a\x02\x10\x05\x3a\x00"))
	f.Add([]byte("\x2a\x06\x0a\x01b\x12\x01\x05\x32\x04\x0a\x02\x0a\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range []wireMessage{
			new(healthRequest), new(healthResponse), new(healthListRequest), new(healthListResponse),
			new(reflectionRequest), new(reflectionResponse),
		} {
			if m.UnmarshalVT(b) != nil {
				continue
			}
			out := make([]byte, m.SizeVT())
			if n, err := m.MarshalToSizedBufferVT(out); err != nil || n != len(out) {
				t.Errorf("%T: %d bytes, %v; want %d", m, n, err, len(out))
			}
			m.Reset()
			if err := m.UnmarshalVT(out); err != nil {
				t.Errorf("%T: its own encoding: %v", m, err)
			}
		}
	})
}

// TestOtherLanguages: reflection is about protobuf's contracts; what the schema of another kind is it does not know.
func TestOtherLanguages(t *testing.T) {
	t.Parallel()
	_, err := newIndex([]*fairlead.Service{{Name: "other", IDL: "thrift", Schema: func() []byte { return []byte("?") }}})
	if err != nil {
		t.Errorf("got %v, want a schema that is not protobuf's to be left alone", err)
	}
}
