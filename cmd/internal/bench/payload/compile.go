package payload

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/fairlead-go/fairlead/internal/near"
)

// errGeneral reports that a template cannot be encoded in parts.
var errGeneral = errors.New("payload: general form")

// compile makes a writer for each message.
func (t *Template) compile(s *slots) ([]writer, error) {
	nodes, err := s.parse()
	if err != nil {
		return nil, err
	}
	c := &compiler{slots: s, template: t}
	writers := make([]writer, 0, len(nodes))
	for _, n := range nodes {
		w, err := c.top(n)
		if err != nil {
			return nil, err
		}
		writers = append(writers, w)
	}
	return writers, nil
}

// compiler makes writers of JSON with slots.
type compiler struct {
	*slots

	template *Template
}

func (c *compiler) top(n *node) (writer, error) {
	if n.slot {
		if special(c.template.desc) {
			return writer{}, errGeneral
		}
		return c.message(n, c.template.desc)
	}
	b, err := c.encode(c.text[n.start:n.end], c.template.desc)
	if err == nil {
		return writer{constant: b}, nil
	}
	if n.kind == '{' && !special(c.template.desc) {
		if err := c.unknown(n, c.template.desc); err != nil {
			return writer{}, err
		}
		if at := c.culprit(n.members, c.template.desc); at >= 0 {
			return writer{}, c.errorAt(at, err)
		}
	}
	return writer{}, c.errorAt(n.start, err)
}

// encode encodes JSON of a message.
func (c *compiler) encode(text []byte, desc protoreflect.MessageDescriptor) ([]byte, error) {
	m := dynamicpb.NewMessage(desc)
	opts := protojson.UnmarshalOptions{Resolver: c.template.resolver, AllowPartial: true}
	if err := opts.Unmarshal(text, m); err != nil {
		return nil, unplaced(err)
	}
	return proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(m)
}

// unplaced drops the position from an error of protojson: it is one in a part of the text.
func unplaced(err error) error {
	err = plain(err)
	text := err.Error()
	for _, prefix := range []string{"syntax error ", ""} {
		rest, ok := strings.CutPrefix(text, prefix+"(line ")
		if !ok {
			continue
		}
		if _, what, ok := strings.Cut(rest, "): "); ok {
			return errors.New(what)
		}
	}
	return err
}

// culprit returns the place of the member that cannot be encoded, -1 if each can alone.
func (c *compiler) culprit(members []member, desc protoreflect.MessageDescriptor) int {
	for _, m := range members {
		if m.value.slot || m.slot {
			continue
		}
		if _, err := c.encode(c.members([]member{m}), desc); err != nil {
			return m.start
		}
	}
	return -1
}

// members is the text of an object with those members.
func (c *compiler) members(list []member) []byte {
	text := []byte{'{'}
	for i, m := range list {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, c.text[m.start:m.value.end]...)
	}
	return append(text, '}')
}

// unknown returns an error for the first name that is none of a field.
func (c *compiler) unknown(n *node, desc protoreflect.MessageDescriptor) error {
	for _, m := range n.members {
		if m.slot || strings.HasPrefix(m.name, "[") || field(desc, m.name) != nil {
			continue
		}
		what := fmt.Sprintf("there is no field %q in %s", m.name, desc.FullName())
		names := fieldNames(desc)
		switch nearest := near.Names(m.name, names); {
		case len(nearest) > 0:
			what += "; did you mean " + near.List(nearest) + "?"
		case len(names) > 0:
			what += "; it has " + strings.Join(names, ", ")
		}
		return c.errorAt(m.start, errors.New(what))
	}
	return nil
}

func field(desc protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	if f := desc.Fields().ByJSONName(name); f != nil {
		return f
	}
	return desc.Fields().ByTextName(name)
}

func fieldNames(desc protoreflect.MessageDescriptor) []string {
	fields := desc.Fields()
	names := make([]string, 0, fields.Len())
	for i := range fields.Len() {
		names = append(names, fields.Get(i).JSONName())
	}
	return names
}

// special reports whether the message has a form of its own in JSON.
func special(desc protoreflect.MessageDescriptor) bool {
	if desc.ParentFile().Package() != "google.protobuf" {
		return false
	}
	switch desc.Name() {
	case "Any", "Timestamp", "Duration", "FieldMask", "Struct", "Value", "ListValue", "NullValue", "Empty",
		"BoolValue", "Int32Value", "Int64Value", "UInt32Value", "UInt64Value", "FloatValue", "DoubleValue", "StringValue",
		"BytesValue":
		return true
	}
	return false
}

// message makes a writer of an object with slots. The order of fields in an encoding is free, so what does not change
// comes first.
func (c *compiler) message(n *node, desc protoreflect.MessageDescriptor) (writer, error) {
	if n.kind != '{' {
		if n.kind == '"' && n.slot {
			return writer{}, errGeneral // a function that prints an object
		}
		return writer{}, c.errorAt(n.start, fmt.Errorf("want an object for message %s", desc.FullName()))
	}
	if err := c.unknown(n, desc); err != nil {
		return writer{}, err
	}
	var still []member
	var parts []writer
	for _, m := range n.members {
		if !m.slot && !m.value.slot {
			still = append(still, m)
			continue
		}
		if m.slot || strings.HasPrefix(m.name, "[") {
			return writer{}, errGeneral
		}
		w, err := c.field(m, field(desc, m.name))
		if err != nil {
			return writer{}, err
		}
		parts = append(parts, w...)
	}
	fixed, err := c.encode(c.members(still), desc)
	if err != nil {
		at := n.start
		if place := c.culprit(still, desc); place >= 0 {
			at = place
		}
		return writer{}, c.errorAt(at, err)
	}
	return sequence(append([]writer{{constant: fixed}}, parts...)), nil
}

// sequence puts writers one behind the other.
func sequence(parts []writer) writer {
	parts = slices.DeleteFunc(parts, func(w writer) bool { return w.write == nil && len(w.constant) == 0 })
	if len(parts) == 1 {
		return parts[0]
	}
	return writer{write: func(dst []byte, s *State) ([]byte, error) {
		var err error
		for i := range parts {
			if parts[i].write == nil {
				dst = append(dst, parts[i].constant...)
				continue
			}
			if dst, err = parts[i].write(dst, s); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}}
}

// field makes writers of a member with slots.
func (c *compiler) field(m member, f protoreflect.FieldDescriptor) ([]writer, error) {
	if f.IsList() && m.value.kind == '[' && !f.IsMap() {
		parts := make([]writer, 0, len(m.value.items))
		for _, item := range m.value.items {
			// Elements of a packed field may stand alone: parsers must accept both.
			w, err := c.element(item, f)
			if errors.Is(err, errWhole) {
				w, err = c.whole(m, f)
				return []writer{w}, err
			}
			if err != nil {
				return nil, err
			}
			parts = append(parts, w)
		}
		return parts, nil
	}
	if !f.IsList() && !f.IsMap() {
		w, err := c.element(m.value, f)
		if !errors.Is(err, errWhole) {
			return []writer{w}, err
		}
	}
	w, err := c.whole(m, f)
	return []writer{w}, err
}

// errWhole reports that a field's value must be made as JSON.
var errWhole = errors.New("payload: no direct form")

// element makes a writer of a field's value or of one of its elements.
func (c *compiler) element(n *node, f protoreflect.FieldDescriptor) (writer, error) {
	number := f.Number()
	switch f.Kind() {
	case protoreflect.MessageKind:
		if special(f.Message()) || n.kind != '{' {
			return writer{}, errWhole
		}
		w, err := c.message(n, f.Message())
		if err != nil {
			return writer{}, err
		}
		return nested(number, w), nil
	case protoreflect.StringKind:
		if n.kind != '"' {
			return writer{}, errWhole
		}
		return c.stringField(n, number)
	default:
		if n.kind != '"' {
			return writer{}, errWhole
		}
		return c.integerField(n, f)
	}
}

// nested puts a message into a field.
func nested(number protowire.Number, w writer) writer {
	tag := protowire.AppendTag(nil, number, protowire.BytesType)
	if w.write == nil {
		return writer{constant: protowire.AppendBytes(tag, w.constant)}
	}
	return writer{write: func(dst []byte, s *State) ([]byte, error) {
		dst = append(dst, tag...)
		return sized(dst, func(dst []byte) ([]byte, error) { return w.write(dst, s) })
	}}
}

// sized appends what f appends, with its length in front.
func sized(dst []byte, f func(dst []byte) ([]byte, error)) ([]byte, error) {
	start := len(dst)
	dst, err := f(append(dst, 0)) // most lengths take a byte
	if err != nil {
		return dst, err
	}
	n := uint64(len(dst) - start - 1)
	extra := protowire.SizeVarint(n) - 1
	if extra > 0 {
		dst = append(dst, make([]byte, extra)...)
		copy(dst[start+1+extra:], dst[start+1:len(dst)-extra])
	}
	protowire.AppendVarint(dst[:start], n)
	return dst, nil
}

func (c *compiler) stringField(n *node, number protowire.Number) (writer, error) {
	tag := protowire.AppendTag(nil, number, protowire.BytesType)
	parts := c.fragments(n.text)
	for _, p := range parts {
		// A whole value that is a number is none of a string's, and a text stands without quotes.
		if p.whole {
			return writer{}, errWhole
		}
	}
	return writer{write: func(dst []byte, s *State) ([]byte, error) {
		dst = append(dst, tag...)
		return sized(dst, func(dst []byte) ([]byte, error) {
			for i := range parts {
				if parts[i].value == nil {
					dst = append(dst, parts[i].text...)
				} else {
					dst = parts[i].value.appendTo(dst, s)
				}
			}
			return dst, nil
		})
	}}, nil
}

// integerField makes a writer for fields that hold integers, if the value is a function that gives one, with or without
// quotes.
func (c *compiler) integerField(n *node, f protoreflect.FieldDescriptor) (writer, error) {
	parts := c.fragments(n.text)
	if len(parts) != 1 || parts[0].value == nil || parts[0].value.integer == nil {
		return writer{}, errWhole
	}
	get := parts[0].value.integer
	var low, high int64 = math.MinInt64, math.MaxInt64
	var encode func(dst []byte, v int64) []byte
	kind := protowire.VarintType
	switch f.Kind() {
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		encode = func(dst []byte, v int64) []byte { return protowire.AppendVarint(dst, uint64(v)) }
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		low = 0
		encode = func(dst []byte, v int64) []byte { return protowire.AppendVarint(dst, uint64(v)) }
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		encode = func(dst []byte, v int64) []byte { return protowire.AppendVarint(dst, protowire.EncodeZigZag(v)) }
	case protoreflect.Sfixed32Kind, protoreflect.Fixed32Kind:
		kind = protowire.Fixed32Type
		encode = func(dst []byte, v int64) []byte { return protowire.AppendFixed32(dst, uint32(v)) }
	case protoreflect.Sfixed64Kind, protoreflect.Fixed64Kind:
		kind = protowire.Fixed64Type
		encode = func(dst []byte, v int64) []byte { return protowire.AppendFixed64(dst, uint64(v)) }
	default:
		return writer{}, errWhole
	}
	switch f.Kind() {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		low, high = math.MinInt32, math.MaxInt32
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		low, high = 0, math.MaxUint32
	case protoreflect.Fixed64Kind:
		low = 0
	default: // 64 bits
	}
	tag := protowire.AppendTag(nil, f.Number(), kind)
	at := n.start
	return writer{write: func(dst []byte, s *State) ([]byte, error) {
		v := get(s)
		if v < low || v > high {
			return dst, c.errorAt(at, fmt.Errorf("%d does not fit into field %s (%s)", v, f.FullName(), f.Kind()))
		}
		return encode(append(dst, tag...), v), nil
	}}, nil
}

// whole makes a writer of a field by way of JSON, for all kinds of values.
func (c *compiler) whole(m member, f protoreflect.FieldDescriptor) (writer, error) {
	desc := f.ContainingMessage()
	name, err := json.Marshal(f.JSONName())
	if err != nil {
		return writer{}, err
	}
	parts := c.fragments(c.unquoted(m.value))
	return writer{write: func(dst []byte, s *State) ([]byte, error) {
		b := append(append(append(s.scratch[:0], '{'), name...), ':')
		for i := range parts {
			switch p := &parts[i]; {
			case p.value == nil:
				b = append(b, p.text...)
			case p.whole:
				b = p.value.appendTo(b, s)
			default:
				b = appendEscaped(b, p.value.appendTo(nil, s))
			}
		}
		b = append(b, '}')
		s.scratch = b
		encoded, err := c.encode(b, desc)
		if err != nil {
			return dst, c.errorAt(m.start, fmt.Errorf("%s: %w", abridged(b[1:len(b)-1]), err))
		}
		return append(dst, encoded...), nil
	}}, nil
}

// unquoted is the text of a value, in which slots for whole values have no quotes.
func (c *compiler) unquoted(n *node) string {
	text := string(c.text[n.start:n.end])
	text = strings.ReplaceAll(text, "\"\ue001", "\ue001")
	for from := 0; ; {
		i := strings.Index(text[from:], "\ue001")
		if i < 0 {
			return text
		}
		i += from
		end := i + strings.Index(text[i:], "\ue002") + len("\ue002")
		text = text[:end] + text[end+1:] // the quote
		from = end
	}
}
