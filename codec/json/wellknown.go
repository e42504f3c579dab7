package json

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead/jsonwire"
)

// hasOwnForm reports whether messages of type d are not written as objects of their fields.
func hasOwnForm(d protoreflect.MessageDescriptor) bool { return newWellKnown(d) != nil }

// newWellKnown returns an empty message of a type of google.protobuf that has a form of its own in JSON, nil for other
// types.
func newWellKnown(d protoreflect.MessageDescriptor) proto.Message {
	if d.FullName().Parent() != "google.protobuf" {
		return nil
	}
	switch d.Name() {
	case "Any":
		return new(anypb.Any)
	case "Struct":
		return new(structpb.Struct)
	case "Value":
		return new(structpb.Value)
	case "ListValue":
		return new(structpb.ListValue)
	case "Timestamp":
		return new(timestamppb.Timestamp)
	case "Duration":
		return new(durationpb.Duration)
	case "FieldMask":
		return new(fieldmaskpb.FieldMask)
	case "BoolValue":
		return new(wrapperspb.BoolValue)
	case "Int32Value":
		return new(wrapperspb.Int32Value)
	case "Int64Value":
		return new(wrapperspb.Int64Value)
	case "UInt32Value":
		return new(wrapperspb.UInt32Value)
	case "UInt64Value":
		return new(wrapperspb.UInt64Value)
	case "FloatValue":
		return new(wrapperspb.FloatValue)
	case "DoubleValue":
		return new(wrapperspb.DoubleValue)
	case "StringValue":
		return new(wrapperspb.StringValue)
	case "BytesValue":
		return new(wrapperspb.BytesValue)
	default:
		return nil
	}
}

// appendWellKnown appends a message of a type that newWellKnown knows. It may be a dynamic one.
func (c *messages) appendWellKnown(dst []byte, e *jsonwire.Encoder, m protoreflect.Message) []byte {
	switch v := m.Interface().(type) {
	case *anypb.Any:
		return c.appendAny(dst, e, v.GetTypeUrl(), v.GetValue())
	case *structpb.Struct:
		return appendStruct(dst, e, v)
	case *structpb.Value:
		return appendValue(dst, e, v)
	case *structpb.ListValue:
		return appendList(dst, e, v)
	case *timestamppb.Timestamp:
		return e.AppendTimestamp(dst, v.GetSeconds(), v.GetNanos())
	case *durationpb.Duration:
		return e.AppendDuration(dst, v.GetSeconds(), v.GetNanos())
	case *fieldmaskpb.FieldMask:
		return e.AppendFieldMask(dst, v.GetPaths())
	case *wrapperspb.BoolValue:
		return e.AppendBool(dst, v.GetValue())
	case *wrapperspb.Int32Value:
		return e.AppendInt32(dst, v.GetValue())
	case *wrapperspb.Int64Value:
		return e.AppendInt64(dst, v.GetValue())
	case *wrapperspb.UInt32Value:
		return e.AppendUint32(dst, v.GetValue())
	case *wrapperspb.UInt64Value:
		return e.AppendUint64(dst, v.GetValue())
	case *wrapperspb.FloatValue:
		return e.AppendFloat32(dst, v.GetValue())
	case *wrapperspb.DoubleValue:
		return e.AppendFloat64(dst, v.GetValue())
	case *wrapperspb.StringValue:
		return e.AppendString(dst, v.GetValue())
	case *wrapperspb.BytesValue:
		return e.AppendBytes(dst, v.GetValue())
	}
	typed := newWellKnown(m.Descriptor())
	if err := convert(typed, m.Interface()); err != nil {
		return e.Fail(dst, err)
	}
	return c.appendWellKnown(dst, e, typed.ProtoReflect())
}

// parseWellKnown reads a message of a type that newWellKnown knows. It may be a dynamic one.
func (c *messages) parseWellKnown(d *jsonwire.Decoder, m protoreflect.Message) {
	switch v := m.Interface().(type) {
	case *anypb.Any:
		c.parseAny(d, v)
	case *structpb.Struct:
		parseStruct(d, v)
	case *structpb.Value:
		parseValue(d, v)
	case *structpb.ListValue:
		parseList(d, v)
	case *timestamppb.Timestamp:
		v.Seconds, v.Nanos = d.Timestamp()
	case *durationpb.Duration:
		v.Seconds, v.Nanos = d.Duration()
	case *fieldmaskpb.FieldMask:
		v.Paths = d.FieldMask()
	case *wrapperspb.BoolValue:
		v.Value = d.Bool()
	case *wrapperspb.Int32Value:
		v.Value = d.Int32()
	case *wrapperspb.Int64Value:
		v.Value = d.Int64()
	case *wrapperspb.UInt32Value:
		v.Value = d.Uint32()
	case *wrapperspb.UInt64Value:
		v.Value = d.Uint64()
	case *wrapperspb.FloatValue:
		v.Value = d.Float32()
	case *wrapperspb.DoubleValue:
		v.Value = d.Float64()
	case *wrapperspb.StringValue:
		v.Value = d.String()
	case *wrapperspb.BytesValue:
		v.Value = d.Bytes()
	default:
		typed := newWellKnown(m.Descriptor())
		c.parseWellKnown(d, typed.ProtoReflect())
		if err := convert(m.Interface(), typed); err != nil && d.Err() == nil {
			d.Fail(err)
		}
	}
}

// convert sets dst to src, a message of the same type in the contract but of another one in Go.
func convert(dst, src proto.Message) error {
	b, err := proto.MarshalOptions{AllowPartial: true}.Marshal(src)
	if err != nil {
		return err
	}
	return proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(b, dst)
}
