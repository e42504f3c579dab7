package dynamic

import (
	"bytes"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/runtime/protoiface"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// opaqueType is the type of messages of an unknown type. For protojson they are a google.protobuf.BytesValue, which it
// prints as base64; the value is the message's whole encoding.
type opaqueType struct{}

func (opaqueType) New() protoreflect.Message {
	m := &opaque{Message: new(wrapperspb.BytesValue).ProtoReflect()}
	return m
}

func (opaqueType) Zero() protoreflect.Message { return opaqueType{}.New() }

func (opaqueType) Descriptor() protoreflect.MessageDescriptor {
	return (*wrapperspb.BytesValue)(nil).ProtoReflect().Descriptor()
}

// opaque is a message that decodes to its own encoding.
type opaque struct{ protoreflect.Message }

// ProtoReflect implements proto.Message.
func (m *opaque) ProtoReflect() protoreflect.Message { return m }

// Interface implements protoreflect.Message.
func (m *opaque) Interface() protoreflect.ProtoMessage { return m }

// Type implements protoreflect.Message.
func (*opaque) Type() protoreflect.MessageType { return opaqueType{} }

// New implements protoreflect.Message.
func (*opaque) New() protoreflect.Message { return opaqueType{}.New() }

// ProtoMethods implements protoreflect.Message: it makes proto.Unmarshal keep the bytes without decoding them.
func (*opaque) ProtoMethods() *protoiface.Methods {
	return &protoiface.Methods{
		Flags: protoiface.SupportUnmarshalDiscardUnknown,
		Unmarshal: func(in protoiface.UnmarshalInput) (protoiface.UnmarshalOutput, error) {
			m := in.Message
			m.Set(m.Descriptor().Fields().ByNumber(1), protoreflect.ValueOfBytes(bytes.Clone(in.Buf)))
			return protoiface.UnmarshalOutput{Flags: protoiface.UnmarshalInitialized}, nil
		},
	}
}
