package admin

import (
	"bytes"
	"compress/gzip"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// The contracts of health and reflection, as reflection tells them. They are descriptors made by hand and not
// registered anywhere.

// gzipped is a schema of one file.
func gzipped(f *descriptorpb.FileDescriptorProto) []byte {
	f.Syntax = new("proto3")
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

func msgType(name string, fields ...*descriptorpb.FieldDescriptorProto) *descriptorpb.DescriptorProto {
	return &descriptorpb.DescriptorProto{Name: &name, Field: fields}
}

type fieldOption func(*descriptorpb.FieldDescriptorProto)

func scalar(
	name string, num int32, t descriptorpb.FieldDescriptorProto_Type, opts ...fieldOption,
) *descriptorpb.FieldDescriptorProto {
	label := descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL
	f := &descriptorpb.FieldDescriptorProto{Name: &name, Number: &num, Type: &t, Label: &label}
	for _, o := range opts {
		o(f)
	}
	return f
}

func text(name string, num int32, opts ...fieldOption) *descriptorpb.FieldDescriptorProto {
	return scalar(name, num, descriptorpb.FieldDescriptorProto_TYPE_STRING, opts...)
}

func number(name string, num int32, opts ...fieldOption) *descriptorpb.FieldDescriptorProto {
	return scalar(name, num, descriptorpb.FieldDescriptorProto_TYPE_INT32, opts...)
}

func nested(name string, num int32, typ string, opts ...fieldOption) *descriptorpb.FieldDescriptorProto {
	f := scalar(name, num, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, opts...)
	f.TypeName = &typ
	return f
}

func repeated(f *descriptorpb.FieldDescriptorProto) {
	f.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
}

// inOneof puts a field into its message's only oneof.
func inOneof(f *descriptorpb.FieldDescriptorProto) { f.OneofIndex = new(int32(0)) }

func rpc(name, in, out string, clientStreams, serverStreams bool) *descriptorpb.MethodDescriptorProto {
	m := &descriptorpb.MethodDescriptorProto{Name: &name, InputType: &in, OutputType: &out}
	if clientStreams {
		m.ClientStreaming = &clientStreams
	}
	if serverStreams {
		m.ServerStreaming = &serverStreams
	}
	return m
}

// healthSchema is grpc/health/v1/health.proto.
func healthSchema() []byte {
	const pkg = ".grpc.health.v1."
	status := scalar("status", 1, descriptorpb.FieldDescriptorProto_TYPE_ENUM)
	status.TypeName = new(pkg + "HealthCheckResponse.ServingStatus")
	response := msgType("HealthCheckResponse", status)
	values := &descriptorpb.EnumDescriptorProto{Name: new("ServingStatus")}
	for s := StatusUnknown; s <= ServiceUnknown; s++ {
		values.Value = append(values.Value, &descriptorpb.EnumValueDescriptorProto{
			Name: new(s.String()), Number: new(int32(s)),
		})
	}
	response.EnumType = append(response.EnumType, values)
	list := msgType("HealthListResponse", nested("statuses", 1, pkg+"HealthListResponse.StatusesEntry", repeated))
	entry := msgType("StatusesEntry", text("key", 1), nested("value", 2, pkg+"HealthCheckResponse"))
	entry.Options = &descriptorpb.MessageOptions{MapEntry: new(true)}
	list.NestedType = append(list.NestedType, entry)
	return gzipped(&descriptorpb.FileDescriptorProto{
		Name:    new("grpc/health/v1/health.proto"),
		Package: new("grpc.health.v1"),
		MessageType: []*descriptorpb.DescriptorProto{
			msgType("HealthCheckRequest", text("service", 1)), response, msgType("HealthListRequest"), list,
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: new("Health"),
			Method: []*descriptorpb.MethodDescriptorProto{
				rpc("Check", pkg+"HealthCheckRequest", pkg+"HealthCheckResponse", false, false),
				rpc("List", pkg+"HealthListRequest", pkg+"HealthListResponse", false, false),
				rpc("Watch", pkg+"HealthCheckRequest", pkg+"HealthCheckResponse", false, true),
			},
		}},
	})
}

// reflectionSchema is reflection.proto of either version.
func reflectionSchema(pkg, file string) []byte {
	in := "." + pkg + "."
	request := msgType("ServerReflectionRequest",
		text("host", 1),
		text("file_by_filename", 3, inOneof),
		text("file_containing_symbol", 4, inOneof),
		nested("file_containing_extension", 5, in+"ExtensionRequest", inOneof),
		text("all_extension_numbers_of_type", 6, inOneof),
		text("list_services", 7, inOneof),
	)
	request.OneofDecl = []*descriptorpb.OneofDescriptorProto{{Name: new("message_request")}}
	response := msgType("ServerReflectionResponse",
		text("valid_host", 1),
		nested("original_request", 2, in+"ServerReflectionRequest"),
		nested("file_descriptor_response", 4, in+"FileDescriptorResponse", inOneof),
		nested("all_extension_numbers_response", 5, in+"ExtensionNumberResponse", inOneof),
		nested("list_services_response", 6, in+"ListServiceResponse", inOneof),
		nested("error_response", 7, in+"ErrorResponse", inOneof),
	)
	response.OneofDecl = []*descriptorpb.OneofDescriptorProto{{Name: new("message_response")}}
	return gzipped(&descriptorpb.FileDescriptorProto{
		Name:    &file,
		Package: &pkg,
		MessageType: []*descriptorpb.DescriptorProto{
			request,
			msgType("ExtensionRequest", text("containing_type", 1), number("extension_number", 2)),
			response,
			msgType("FileDescriptorResponse",
				scalar("file_descriptor_proto", 1, descriptorpb.FieldDescriptorProto_TYPE_BYTES, repeated)),
			msgType("ExtensionNumberResponse", text("base_type_name", 1), number("extension_number", 2, repeated)),
			msgType("ListServiceResponse", nested("service", 1, in+"ServiceResponse", repeated)),
			msgType("ServiceResponse", text("name", 1)),
			msgType("ErrorResponse", number("error_code", 1), text("error_message", 2)),
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: new("ServerReflection"),
			Method: []*descriptorpb.MethodDescriptorProto{
				rpc("ServerReflectionInfo", in+"ServerReflectionRequest", in+"ServerReflectionResponse", true, true),
			},
		}},
	})
}
