package json

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/jsonwire"
)

// Field returns the codec for the value of one field of messages of the sample's type, a proto.Message. The field may
// be of any type, a list or a map too; name is its name in JSON or in the contract. AppendMarshal appends the field's
// value: if the field is not set null for a message, and the zero value for others. Unmarshal replaces the value, and
// leaves the other fields as they are; null empties the field. Required fields are not checked. The codec implements
// codec.Estimator.
//
// Bindings of REST use it whose HTTP body is a field of the request or the response (google.api.HttpRule, body and
// response_body).
func (c Codec) Field(sample any, name string) (codec.Codec, error) {
	m := message(sample)
	if m == nil {
		return nil, typeError(sample)
	}
	desc := m.ProtoReflect().Descriptor()
	f := desc.Fields().ByJSONName(name)
	if f == nil {
		f = desc.Fields().ByTextName(name)
	}
	if f == nil || hasOwnForm(desc) {
		return nil, fmt.Errorf("json: %s has no field %q", desc.FullName(), name)
	}
	return &field{bound: c.bind(), desc: f, of: desc.FullName()}, nil
}

// field is the codec of a field.
type field struct {
	*bound

	desc protoreflect.FieldDescriptor
	of   protoreflect.FullName
}

var _ codec.Estimator = (*field)(nil)

// Estimate returns the length of the largest of the recent encodings.
func (c *field) Estimate(any) int { return c.size.get() }

// AppendMarshal appends the field of msg.
func (c *field) AppendMarshal(dst []byte, msg any) ([]byte, error) {
	m := message(msg)
	if m == nil || m.ProtoReflect().Descriptor().FullName() != c.of {
		return dst, typeError(msg)
	}
	f := c.descIn(m.ProtoReflect())
	if f.Message() != nil && !f.IsList() && !f.IsMap() && !m.ProtoReflect().Has(f) {
		return append(dst, "null"...), nil
	}
	e := getEncoder()
	e.Reset(len(dst), &c.opts)
	out := c.messages.appendField(dst, e, f, m.ProtoReflect().Get(f))
	err := e.Err(out)
	putEncoder(e)
	if err != nil {
		return dst, fmt.Errorf("json: field %s: %w", f.JSONName(), err)
	}
	c.size.add(len(out) - len(dst))
	return out, nil
}

// Unmarshal sets the field of msg.
func (c *field) Unmarshal(src []byte, msg any) error {
	m := message(msg)
	if m == nil || m.ProtoReflect().Descriptor().FullName() != c.of {
		return typeError(msg)
	}
	m.ProtoReflect().Clear(c.descIn(m.ProtoReflect()))
	d := getDecoder()
	d.ResetPart(src, c.desc.JSONName(), &c.opts)
	d.Message(m)
	err := d.End()
	putDecoder(d)
	if err != nil {
		return invalid(err)
	}
	return nil
}

// descIn returns the field's descriptor in m's own: the type of a dynamic message may have been made again.
func (c *field) descIn(m protoreflect.Message) protoreflect.FieldDescriptor {
	if m.Descriptor() == c.desc.ContainingMessage() {
		return c.desc
	}
	return m.Descriptor().Fields().ByNumber(c.desc.Number())
}

var _ jsonwire.Messages = (*messages)(nil)
