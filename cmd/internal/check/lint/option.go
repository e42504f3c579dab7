package lint

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// setting is the value of an option, or of a field in it.
type setting struct {
	number uint64 // of scalars that are varints or of a fixed size, in their wire form
	bytes  []byte // of strings, bytes and messages
	of     *message
}

// option returns an option that an extension declares, such as "google.api.http", and of its value what the names of
// fields lead to. It is false when that is not set, also because nothing the contract imports declares it.
//
// The value is read from its encoding by the numbers that the contract's own descriptors give, so that it does not
// matter which extensions are linked into the program.
func (c *contract) option(options proto.Message, extension string, fields ...string) (setting, bool) {
	x := c.extensions[extension]
	if x == nil || options == nil || !options.ProtoReflect().IsValid() {
		return setting{}, false
	}
	raw, err := proto.MarshalOptions{AllowPartial: true}.Marshal(options)
	if err != nil {
		return setting{}, false
	}
	s, ok := find(raw, x.proto)
	if !ok {
		return s, false
	}
	s.of = c.messages[x.typeName()]
	for _, name := range fields {
		if s, ok = c.get(s, name); !ok {
			return s, false
		}
	}
	return s, true
}

// get returns the field of that name of a message.
func (c *contract) get(s setting, name string) (setting, bool) {
	f := s.of.field(name)
	if f == nil {
		return setting{}, false
	}
	in, ok := find(s.bytes, f.proto)
	in.of = c.messages[f.typeName()]
	return in, ok
}

// all returns the elements of a repeated field of messages.
func (c *contract) all(s setting, name string) []setting {
	f := s.of.field(name)
	if f == nil {
		return nil
	}
	var elements []setting
	walk(s.bytes, f.proto, func(in setting) {
		in.of = c.messages[f.typeName()]
		elements = append(elements, in)
	})
	return elements
}

// field returns the field of that name, nil if there is none.
func (m *message) field(name string) *field {
	if m == nil {
		return nil
	}
	if m.byName == nil { // nobody asks most messages
		m.byName = make(map[string]*field, len(m.fields))
		for _, f := range m.fields {
			m.byName[f.name] = f
		}
	}
	return m.byName[name]
}

// find returns the value of f in a message: the last one, and all together when it is a message itself, which is how
// protobuf merges them.
func find(raw []byte, f *descriptorpb.FieldDescriptorProto) (setting, bool) {
	var last setting
	found := false
	merge := f.GetType() == descriptorpb.FieldDescriptorProto_TYPE_MESSAGE
	walk(raw, f, func(s setting) {
		if merge {
			s.bytes = append(slices.Clip(last.bytes), s.bytes...)
		}
		last, found = s, true
	})
	return last, found
}

// walk calls yield for each value of f in a message. It stops at what is not well-formed.
func walk(raw []byte, f *descriptorpb.FieldDescriptorProto, yield func(setting)) {
	for len(raw) > 0 {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return
		}
		raw = raw[n:]
		size := protowire.ConsumeFieldValue(number, kind, raw)
		if size < 0 {
			return
		}
		if int32(number) == f.GetNumber() {
			yield(decode(raw[:size], kind))
		}
		raw = raw[size:]
	}
}

// decode reads a value that is known to be well-formed.
func decode(raw []byte, kind protowire.Type) setting {
	var s setting
	switch kind {
	case protowire.VarintType:
		s.number, _ = protowire.ConsumeVarint(raw)
	case protowire.Fixed32Type:
		n, _ := protowire.ConsumeFixed32(raw)
		s.number = uint64(n)
	case protowire.Fixed64Type:
		s.number, _ = protowire.ConsumeFixed64(raw)
	case protowire.BytesType:
		s.bytes, _ = protowire.ConsumeBytes(raw)
	case protowire.StartGroupType, protowire.EndGroupType:
	}
	return s
}
