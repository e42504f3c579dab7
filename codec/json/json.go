// Package json is the codec of ProtoJSON, the JSON form of protobuf messages.
//
// A message with the methods that `fairlead gen` writes (see package jsonwire) is encoded and decoded by them,
// without reflection. Any other message of google.golang.org/protobuf, a dynamic one too, is encoded and decoded by
// reflection, with equal results; so are messages with extensions, and those of google.protobuf that have a form of
// their own, such as Any. A message of one sort may contain messages of the other.
//
// The codec writes and accepts what google.golang.org/protobuf/encoding/protojson writes and accepts, except that
//
//   - what it writes is always the same for the same message: members are in the order of the contract, those of maps
//     in the order of their keys, and there is no space between them;
//   - it drops members that a message does not have, and names that an enum does not have, unless RefuseUnknown is
//     set. Clients may then be newer than a server;
//   - text that is not JSON (RFC 8259) is refused also where protojson accepts it, such as the number 1e;
//   - a member whose name is in brackets, like an extension's, is unknown in messages that have no extensions, also if
//     there is such an extension of another message, which protojson refuses even if it drops other members;
//   - a second "@type" in an Any is refused wherever it stands;
//   - objects and arrays together may be nested MaxDepth deep, and a google.protobuf.Any 16 times in another one:
//     each level reads and encodes all levels below it again.
//
// Errors of what is decoded are *fairlead.Error with the code InvalidArgument. Their message has the path of the
// field in the JSON, such as `items[3].price`, and so has a google.rpc.BadRequest in their details. As their cause,
// errors.As finds a *jsonwire.Error.
package json

import (
	"bytes"
	"fmt"
	"reflect"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/jsonwire"
)

// name is the codec's name in content types.
const name = "json"

// Codec is the JSON codec. Its zero value is ready for use; it is safe for concurrent use, as are the codecs that
// ForType and Field return. Its fields must not be changed once it is used.
type Codec struct {
	// EnumNumbers writes enum values by number, not by name. Both are accepted.
	EnumNumbers bool
	// ZeroValues writes fields without presence that have their zero value, and empty lists and maps.
	ZeroValues bool
	// ProtoNames writes the names of fields as the contract has them ("page_size"), not in lowerCamelCase ("pageSize").
	// Both are accepted.
	ProtoNames bool
	// Int64Numbers writes 64-bit integers as numbers, not as strings. Both are accepted. JavaScript, among others, reads
	// numbers above 2^53 inexactly.
	Int64Numbers bool
	// RefuseUnknown refuses members that a message does not have, and names that an enum does not have, instead of
	// dropping them.
	RefuseUnknown bool
	// MaxDepth limits how deeply objects and arrays may be nested in what is decoded; 0 means 1,000.
	MaxDepth int
	// Resolver finds the types of messages in google.protobuf.Any, and of extensions; nil means protoregistry.GlobalTypes.
	Resolver Resolver
}

// Resolver finds types by name. protoregistry.Types and dynamicpb.Types are Resolvers.
type Resolver interface {
	protoregistry.MessageTypeResolver
	protoregistry.ExtensionTypeResolver
}

var (
	_ codec.Codec   = Codec{}
	_ codec.PerType = Codec{}
)

// Name returns "json".
func (Codec) Name() string { return name }

// ForType returns the codec for messages of the sample's type: a proto.Message, a protoadapt.MessageV1, a
// *fairlead.Raw, or a type with the methods of generated code and Reset that is none of these, such as one written by
// hand. For other types it returns codec.ErrType. The codec implements codec.Estimator. It also carries messages of
// other types.
func (c Codec) ForType(sample any) (codec.Codec, error) {
	if !carries(sample) {
		return nil, typeError(sample)
	}
	b := c.bind()
	if m, ok := sample.(proto.Message); ok {
		b.complete = !mayLack(m.ProtoReflect().Descriptor(), make(map[protoreflect.FullName]bool))
		b.typ = reflect.TypeOf(sample)
	}
	return b, nil
}

// AppendMarshal appends msg as JSON to dst.
func (c Codec) AppendMarshal(dst []byte, msg any) ([]byte, error) {
	return c.bind().AppendMarshal(dst, msg)
}

// Unmarshal replaces the content of msg by what src encodes.
func (c Codec) Unmarshal(src []byte, msg any) error { return c.bind().Unmarshal(src, msg) }

// bind returns a codec that carries messages of all types.
func (c Codec) bind() *bound {
	m := &messages{resolver: c.Resolver}
	if m.resolver == nil {
		m.resolver = protoregistry.GlobalTypes
	}
	return &bound{messages: m, opts: jsonwire.Options{
		EnumNumbers: c.EnumNumbers, ZeroValues: c.ZeroValues, ProtoNames: c.ProtoNames, Int64Numbers: c.Int64Numbers,
		RefuseUnknown: c.RefuseUnknown, MaxDepth: c.MaxDepth, Messages: m,
	}}
}

// bound is a Codec, prepared for messages of one type.
type bound struct {
	messages *messages
	opts     jsonwire.Options
	typ      reflect.Type
	complete bool // messages of typ lack no required fields
	size     estimate
}

var _ codec.Estimator = (*bound)(nil)

// Name returns "json".
func (*bound) Name() string { return name }

// Estimate returns the length of the largest of the recent encodings.
func (b *bound) Estimate(msg any) int {
	if raw, ok := msg.(*fairlead.Raw); ok {
		return len(raw.Data)
	}
	return b.size.get()
}

// AppendMarshal appends msg as JSON to dst.
func (b *bound) AppendMarshal(dst []byte, msg any) ([]byte, error) {
	if raw, ok := msg.(*fairlead.Raw); ok {
		return appendRaw(dst, raw)
	}
	msg, err := b.carried(msg)
	if err != nil {
		return dst, err
	}
	e := getEncoder()
	e.Reset(len(dst), &b.opts)
	out := e.AppendMessage(dst, msg)
	err = e.Err(out)
	putEncoder(e)
	if err != nil {
		return dst, fmt.Errorf("json: %w", err)
	}
	if err := b.checkRequired(msg); err != nil {
		return dst, err
	}
	b.size.add(len(out) - len(dst))
	return out, nil
}

// Unmarshal replaces the content of msg by what src encodes.
func (b *bound) Unmarshal(src []byte, msg any) error {
	if raw, ok := msg.(*fairlead.Raw); ok {
		raw.Data, raw.Codec = bytes.Clone(src), name
		return nil
	}
	msg, err := b.carried(msg)
	if err != nil {
		return err
	}
	reset(msg)
	d := getDecoder()
	d.Reset(src, &b.opts)
	d.Message(msg)
	err = d.End()
	putDecoder(d)
	if err != nil {
		return invalid(err)
	}
	if err := b.checkRequired(msg); err != nil {
		return invalid(err)
	}
	return nil
}

// carried returns msg, or what stands for it if it is of the old API. It fails for types that the codec cannot carry.
func (b *bound) carried(msg any) (any, error) {
	if b.typ != nil && reflect.TypeOf(msg) == b.typ {
		return msg, nil
	}
	if v1, ok := msg.(protoadapt.MessageV1); ok {
		msg = modern(v1)
	}
	if !carries(msg) {
		return nil, typeError(msg)
	}
	return msg, nil
}

// checkRequired returns an error for a message that lacks a required field.
func (b *bound) checkRequired(msg any) error {
	if b.complete && reflect.TypeOf(msg) == b.typ {
		return nil
	}
	if m, ok := msg.(proto.Message); ok {
		return proto.CheckInitialized(m)
	}
	return nil
}

// carries reports whether a codec carries messages of msg's type.
func carries(msg any) bool {
	switch m := msg.(type) {
	case proto.Message, *fairlead.Raw:
		return true
	case interface {
		jsonwire.Appender
		jsonwire.Parser
		Reset()
	}:
		return true
	case protoadapt.MessageV1:
		return modern(m) != nil
	default:
		return false
	}
}

// message returns v as a proto.Message, nil if it is not one.
func message(v any) proto.Message {
	switch m := v.(type) {
	case proto.Message:
		return m
	case protoadapt.MessageV1:
		m2, _ := modern(m).(proto.Message)
		return m2
	}
	return nil
}

// modern returns a message of the old API as one of the new, if it is not one already and has no code for JSON.
func modern(m protoadapt.MessageV1) any {
	switch any(m).(type) {
	case proto.Message, jsonwire.Appender:
		return m
	}
	return protoadapt.MessageV2Of(m)
}

// reset empties a message.
func reset(msg any) {
	if m, ok := msg.(interface{ Reset() }); ok {
		m.Reset()
	} else if m, ok := msg.(proto.Message); ok {
		proto.Reset(m)
	}
}

func appendRaw(dst []byte, raw *fairlead.Raw) ([]byte, error) {
	if raw.Codec != "" && raw.Codec != name {
		return dst, fmt.Errorf("json: the raw message is encoded with codec %q", raw.Codec)
	}
	return append(dst, raw.Data...), nil
}

// mayLack reports whether messages of type d, or messages in them, can lack a required field.
func mayLack(d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[d.FullName()] {
		return false
	}
	seen[d.FullName()] = true
	if d.RequiredNumbers().Len() > 0 || d.ExtensionRanges().Len() > 0 {
		return true // messages in extensions are not known here
	}
	fields := d.Fields()
	for i := range fields.Len() {
		if within := fields.Get(i).Message(); within != nil && mayLack(within, seen) {
			return true
		}
	}
	return false
}
