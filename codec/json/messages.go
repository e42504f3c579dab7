package json

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/fairlead-go/fairlead/jsonwire"
)

// messages encodes and decodes messages without generated code. It implements jsonwire.Messages.
type messages struct{ resolver Resolver }

// AppendMessage appends msg as a JSON value.
func (c *messages) AppendMessage(dst []byte, e *jsonwire.Encoder, msg any) []byte {
	switch m := msg.(type) {
	case *anypb.Any:
		return c.appendAny(dst, e, m.GetTypeUrl(), m.GetValue())
	case *structpb.Struct:
		return appendStruct(dst, e, m)
	case *structpb.Value:
		return appendValue(dst, e, m)
	case *structpb.ListValue:
		return appendList(dst, e, m)
	case proto.Message:
		return c.append(dst, e, m.ProtoReflect())
	default:
		return e.Fail(dst, fmt.Errorf("%T is no message", msg))
	}
}

// AppendExtensions appends the extensions of msg as members.
func (c *messages) AppendExtensions(dst []byte, e *jsonwire.Encoder, msg any) []byte {
	m, ok := msg.(proto.Message)
	if !ok {
		return append(e.Fail(append(dst, `"":`...), fmt.Errorf("%T is no message", msg)), ',')
	}
	return c.appendExtensions(dst, e, m.ProtoReflect())
}

// ParseExtension reads the value of an extension of msg.
func (c *messages) ParseExtension(d *jsonwire.Decoder, name string, msg any) {
	m, ok := msg.(proto.Message)
	if !ok {
		d.Fail(fmt.Errorf("%T is no message", msg))
		return
	}
	f, err := c.findExtension(m.ProtoReflect().Descriptor(), name)
	switch {
	case err != nil:
		d.Fail(err)
	case f == nil:
		d.Unknown()
	default:
		d.OnceExtension(msg, int32(f.Number()))
		if isValue(f.Message()) || isNullValue(f.Enum()) || !d.Null() {
			c.parseField(d, m.ProtoReflect(), f)
		}
	}
}

// ParseMessage reads a JSON value into msg, which is empty.
func (c *messages) ParseMessage(d *jsonwire.Decoder, msg any) {
	switch m := msg.(type) {
	case *anypb.Any:
		c.parseAny(d, m)
	case *structpb.Struct:
		parseStruct(d, m)
	case *structpb.Value:
		parseValue(d, m)
	case *structpb.ListValue:
		parseList(d, m)
	case proto.Message:
		c.parse(d, m.ProtoReflect())
	default:
		d.Fail(fmt.Errorf("%T is no message", msg))
	}
}
