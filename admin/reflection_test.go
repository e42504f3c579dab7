package admin

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/adminpb"
)

func listServices() *reflectionRequest {
	return &reflectionRequest{MessageRequest: &adminpb.ServerReflectionRequest_ListServices{}}
}

func byFile(name string) *reflectionRequest {
	return &reflectionRequest{MessageRequest: &adminpb.ServerReflectionRequest_FileByFilename{FileByFilename: name}}
}

func bySymbol(name string) *reflectionRequest {
	return &reflectionRequest{
		MessageRequest: &adminpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: name},
	}
}

func byExtension(typ string, number int32) *reflectionRequest {
	return &reflectionRequest{MessageRequest: &adminpb.ServerReflectionRequest_FileContainingExtension{
		FileContainingExtension: &adminpb.ExtensionRequest{ContainingType: typ, ExtensionNumber: number},
	}}
}

func allExtensions(typ string) *reflectionRequest {
	return &reflectionRequest{
		MessageRequest: &adminpb.ServerReflectionRequest_AllExtensionNumbersOfType{AllExtensionNumbersOfType: typ},
	}
}

func serviceNames(r *reflectionResponse) (names []string) {
	for _, s := range r.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	return names
}

// schema makes the schema of two files, one of which imports the other, a well-known one, and one that nobody has.
func schema(t *testing.T) []byte {
	t.Helper()
	const text = `
		file: {
			name: "shop/cart.proto" package: "shop" syntax: "proto2"
			dependency: "shop/item.proto" dependency: "google/protobuf/descriptor.proto" dependency: "lost.proto"
			service: {name: "Cart" method: {name: "Add" input_type: ".shop.Item" output_type: ".shop.Item"}}
			enum_type: {name: "Size" value: {name: "SMALL" number: 0}}
			extension: {name: "price" number: 50001 extendee: ".shop.Item" type: TYPE_INT32 label: LABEL_OPTIONAL}
		}
		file: {
			name: "shop/item.proto" package: "shop" syntax: "proto2"
			message_type: {
				name: "Item"
				field: {name: "id" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL oneof_index: 0}
				oneof_decl: {name: "key"}
				nested_type: {name: "Part"
					extension: {name: "weight" number: 50000 extendee: ".shop.Item" type: TYPE_INT32 label: LABEL_OPTIONAL}}
				enum_type: {name: "Color" value: {name: "RED" number: 0}}
				extension_range: {start: 50000 end: 60000}
			}
		}`
	var set descriptorpb.FileDescriptorSet
	if err := prototext.Unmarshal([]byte(text), &set); err != nil {
		t.Fatal(err)
	}
	b, err := proto.Marshal(&set)
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	zw.Write(b)
	zw.Close()
	return zipped.Bytes()
}

func open(t *testing.T, b fairlead.Binder, m *fairlead.Method) *fairlead.Bidi[reflectionRequest, reflectionResponse] {
	t.Helper()
	c := fairlead.NewCall(m, nil)
	s, err := fairlead.OpenedBidi[reflectionRequest, reflectionResponse](c, b.Bind(m)(t.Context(), c))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReflection(t *testing.T) {
	t.Parallel()
	cart := fairlead.NewService("shop.Cart", "proto", func() []byte { return schema(t) })
	plain := fairlead.NewService("plain.Service", "proto", nil)
	impls, err := Reflection(cart, plain, NewHealth().Service().Service)
	if err != nil {
		t.Fatal(err)
	}
	_, client := connect(t, impls...)
	const descriptor = "google/protobuf/descriptor.proto"
	tests := []struct {
		name  string
		ask   *reflectionRequest
		files []string
		other func(r *reflectionResponse) bool
	}{
		{"services", listServices(), nil, func(r *reflectionResponse) bool {
			return slices.Equal(serviceNames(r), []string{
				"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
				"grpc.reflection.v1alpha.ServerReflection", "plain.Service", "shop.Cart",
			})
		}},
		{"a file with its imports", byFile("shop/cart.proto"),
			[]string{"shop/cart.proto", "shop/item.proto", descriptor}, nil},
		{"again: the imports were sent", byFile("shop/cart.proto"),
			[]string{"shop/cart.proto"}, nil},
		{"a service", bySymbol("shop.Cart"), []string{"shop/cart.proto"}, nil},
		{"a method", bySymbol("shop.Cart.Add"), []string{"shop/cart.proto"}, nil},
		{"a message", bySymbol("shop.Item"), []string{"shop/item.proto"}, nil},
		{"a nested message", bySymbol("shop.Item.Part"), []string{"shop/item.proto"}, nil},
		{"a field", bySymbol("shop.Item.id"), []string{"shop/item.proto"}, nil},
		{"a oneof", bySymbol("shop.Item.key"), []string{"shop/item.proto"}, nil},
		{"an enum", bySymbol("shop.Size"), []string{"shop/cart.proto"}, nil},
		{"an enum's value", bySymbol("shop.SMALL"), []string{"shop/cart.proto"}, nil},
		{"a nested enum's value", bySymbol("shop.Item.RED"),
			[]string{"shop/item.proto"}, nil},
		{"an extension's name", bySymbol("shop.price"), []string{"shop/cart.proto"}, nil},
		{"an extension", byExtension("shop.Item", 50001),
			[]string{"shop/cart.proto"}, nil},
		{"a nested extension", byExtension("shop.Item", 50000),
			[]string{"shop/item.proto"}, nil},
		{"all extensions", allExtensions("shop.Item"), nil,
			func(r *reflectionResponse) bool {
				list := r.GetAllExtensionNumbersResponse()
				return list.GetBaseTypeName() == "shop.Item" &&
					slices.Equal(list.GetExtensionNumber(), []int32{50000, 50001})
			}},
		{"of a type without any", allExtensions("shop.Item.Part"), nil,
			func(r *reflectionResponse) bool {
				list := r.GetAllExtensionNumbersResponse()
				return list != nil && len(list.GetExtensionNumber()) == 0
			}},
		{"itself", bySymbol("grpc.reflection.v1.ServerReflection"),
			[]string{"grpc/reflection/v1/reflection.proto"}, nil},
		{"its older self", bySymbol("grpc.reflection.v1alpha.ServerReflection"),
			[]string{"grpc/reflection/v1alpha/reflection.proto"}, nil},
		{"health", bySymbol("grpc.health.v1.Health.List"),
			[]string{"grpc/health/v1/health.proto"}, nil},
		{"from the registry", bySymbol("google.protobuf.FieldOptions"),
			[]string{descriptor}, nil},
		{"unknown file", byFile("lost.proto"), nil, isNotFound("lost.proto")},
		{"unknown symbol", bySymbol("shop.Nothing"), nil, isNotFound("shop.Nothing")},
		{"bad symbol", bySymbol(".."), nil, isNotFound("..")},
		{"unknown extension", byExtension("shop.Item", 7), nil,
			isNotFound("7")},
		{"extensions of an unknown type", allExtensions("shop.Nothing"), nil,
			isNotFound("shop.Nothing")},
	}
	for _, impl := range impls {
		s := open(t, client, impl.Service.Methods[0])
		for _, tt := range tests {
			tt.ask.Host = "host"
			if err := s.Send(tt.ask); err != nil {
				t.Fatal(err)
			}
			r, err := s.Recv()
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if r.GetValidHost() != "host" || !proto.Equal(r.GetOriginalRequest(), tt.ask) {
				t.Errorf("%s: got host %q, request %v; want them repeated", tt.name, r.GetValidHost(), r.GetOriginalRequest())
			}
			if tt.other != nil {
				if !tt.other(r) {
					t.Errorf("%s: got %v", tt.name, r)
				}
				continue
			}
			if got := fileNames(t, r); !slices.Equal(got, tt.files) {
				t.Errorf("%s: got files %q (%+v), want %q", tt.name, got, r.GetErrorResponse(), tt.files)
			}
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want io.EOF", err)
		}
	}
}

func isNotFound(part string) func(*reflectionResponse) bool {
	return func(r *reflectionResponse) bool {
		e := r.GetErrorResponse()
		return fairlead.Code(e.GetErrorCode()) == fairlead.NotFound && strings.Contains(e.GetErrorMessage(), part)
	}
}

// fileNames decodes the files of a response. Those of descriptor.proto come in the order of the imports.
func fileNames(t *testing.T, r *reflectionResponse) (names []string) {
	t.Helper()
	for _, b := range r.GetFileDescriptorResponse().GetFileDescriptorProto() {
		var f descriptorpb.FileDescriptorProto
		if err := proto.Unmarshal(b, &f); err != nil {
			t.Fatal(err)
		}
		names = append(names, f.GetName())
	}
	return names
}

func TestReflectionFailures(t *testing.T) {
	t.Parallel()
	if _, err := Reflection(nil); err == nil {
		t.Error("a nil service: got no error")
	}
	s := fairlead.NewService("s", "proto", nil)
	if _, err := Reflection(s, s); err == nil {
		t.Error("a service twice: got no error")
	}
	for name, schema := range map[string][]byte{
		"no gzip":     []byte("nonsense"),
		"cut off":     schema(t)[:50],
		"no protobuf": zip(t, "\xff\xff\xff"),
		"no files":    zip(t, "\x0a\x02\xff\xff"),
	} {
		impls, err := Reflection(fairlead.NewService("s", "proto", func() []byte { return schema }))
		if err != nil {
			t.Fatal(err)
		}
		_, client := connect(t, impls...)
		s := open(t, client, impls[0].Service.Methods[0])
		if err := s.Send(bySymbol("a")); err != nil {
			t.Fatal(err)
		}
		r, err := s.Recv()
		e := r.GetErrorResponse()
		if err != nil || fairlead.Code(e.GetErrorCode()) != fairlead.Internal ||
			!strings.Contains(e.GetErrorMessage(), "schema of s") {
			t.Errorf("%s: got %+v, %v; want an answer that says what is wrong", name, r, err)
		}
	}
}

// TestReflectionNoQuestion: a request of a later version of the protocol ends the stream.
func TestReflectionNoQuestion(t *testing.T) {
	t.Parallel()
	impls, err := Reflection()
	if err != nil {
		t.Fatal(err)
	}
	_, client := connect(t, impls...)
	s := open(t, client, impls[0].Service.Methods[0])
	if err := s.Send(&reflectionRequest{Host: "h"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); fairlead.CodeOf(err) != fairlead.InvalidArgument {
		t.Errorf("got %v, want INVALID_ARGUMENT", err)
	}
}

// TestReflectionDrain: an open stream does not hold up a server that shuts down.
func TestReflectionDrain(t *testing.T) {
	t.Parallel()
	impls, err := Reflection()
	if err != nil {
		t.Fatal(err)
	}
	srv, client := connect(t, impls...)
	s := open(t, client, impls[0].Service.Methods[0])
	if err := s.Send(listServices()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Recv(); fairlead.CodeOf(err) != fairlead.Unavailable {
		t.Errorf("got %v, want UNAVAILABLE", err)
	}
}

func zip(t *testing.T, s string) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if _, err := io.WriteString(zw, s); err != nil {
		t.Fatal(err)
	}
	zw.Close()
	return b.Bytes()
}
