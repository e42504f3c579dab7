package proto

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// kind is how the walk treats a field.
type kind uint8

const (
	unknown  kind = iota // not a field of the message
	varint               // a single number
	fixed32              //
	fixed64              //
	varints              // a list of numbers, packed or not
	fixed32s             //
	fixed64s             //
	octets               // bytes, or a string that may hold anything
	text                 // a string that must be UTF-8
	single               // a message
	repeated             // a list of messages
	entry                // a map's entry
	foreign              // what is left to google.golang.org/protobuf
	kinds
)

// wireTypes has a bit for each wire type in which a kind may come.
//
//nolint:gochecknoglobals // a constant table
var wireTypes = [kinds]uint8{
	unknown:  1<<protowire.VarintType | 1<<protowire.Fixed32Type | 1<<protowire.Fixed64Type | 1<<protowire.BytesType,
	varint:   1 << protowire.VarintType,
	fixed32:  1 << protowire.Fixed32Type,
	fixed64:  1 << protowire.Fixed64Type,
	varints:  1<<protowire.VarintType | 1<<protowire.BytesType,
	fixed32s: 1<<protowire.Fixed32Type | 1<<protowire.BytesType,
	fixed64s: 1<<protowire.Fixed64Type | 1<<protowire.BytesType,
	octets:   1 << protowire.BytesType,
	text:     1 << protowire.BytesType,
	single:   1 << protowire.BytesType,
	repeated: 1 << protowire.BytesType,
	entry:    1 << protowire.BytesType,
}

// field is what the walk knows about a field.
type field struct {
	kind  kind
	once  uint64 // a single message's bit in the set of those seen
	table *table // of single, repeated and entry
	name  protoreflect.FullName
}

// table is what the walk knows about a type of message. It is read-only once made.
type table struct {
	dense   []field // by number
	sparse  map[protowire.Number]*field
	entry   bool  // it is a map's entry
	unknown field // for fields that the message does not have
	hasText bool  // it may contain a string that must be UTF-8
}

// maxDense is the largest number of a field found by index.
const maxDense = 255

// newTable makes the table of d and of all types that d can contain.
func newTable(d protoreflect.MessageDescriptor) *table {
	all := make(map[protoreflect.FullName]*table)
	t := tableOf(d, all)
	// A message that contains one with text has text as well. Messages may contain each other.
	for changed := true; changed; {
		changed = false
		for _, u := range all {
			if !u.hasText && u.containsText() {
				u.hasText, changed = true, true
			}
		}
	}
	return t
}

func tableOf(d protoreflect.MessageDescriptor, all map[protoreflect.FullName]*table) *table {
	if t := all[d.FullName()]; t != nil {
		return t
	}
	t := &table{entry: d.IsMapEntry()}
	all[d.FullName()] = t
	if d.ParentFile().Package() == "google.protobuf" {
		// vtprotobuf's code for these, which is not in their own package, does not keep unknown fields.
		t.unknown.kind = foreign
	}
	fields := d.Fields()
	var highest protowire.Number
	for i := range fields.Len() {
		if n := fields.Get(i).Number(); n <= maxDense {
			highest = max(highest, n)
		}
	}
	t.dense = make([]field, highest+1)
	for i := range t.dense {
		t.dense[i] = t.unknown
	}
	t.dense[0].kind = foreign // there is no field 0
	for i := range fields.Len() {
		f := fieldOf(fields.Get(i), all)
		if f.kind == single {
			// Fields above 64 share bits. The message then counts as unusual more often, which does no harm.
			f.once = 1 << (i % 64)
		}
		if n := fields.Get(i).Number(); n <= maxDense {
			t.dense[n] = f
		} else {
			if t.sparse == nil {
				t.sparse = make(map[protowire.Number]*field)
			}
			t.sparse[n] = &f
		}
	}
	return t
}

func fieldOf(d protoreflect.FieldDescriptor, all map[protoreflect.FullName]*table) field {
	f := field{kind: kindOf(d), name: d.FullName()}
	if f.kind == single || f.kind == repeated || f.kind == entry {
		f.table = tableOf(d.Message(), all)
	}
	return f
}

func kindOf(d protoreflect.FieldDescriptor) kind {
	var one, list kind
	switch d.Kind() {
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.Sint32Kind,
		protoreflect.Uint32Kind, protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Uint64Kind:
		one, list = varint, varints
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		one, list = fixed32, fixed32s
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		one, list = fixed64, fixed64s
	case protoreflect.BytesKind:
		one, list = octets, octets
	case protoreflect.StringKind:
		one, list = octets, octets
		if mustBeUTF8(d) {
			one, list = text, text
		}
	case protoreflect.MessageKind:
		one, list = single, repeated
	case protoreflect.GroupKind:
		one, list = foreign, foreign
	default:
		one, list = foreign, foreign
	}
	switch {
	case d.IsMap():
		return entry
	case d.IsList():
		return list
	default:
		return one
	}
}

// mustBeUTF8 reports whether google.golang.org/protobuf requires that string field d is UTF-8: always in proto3, never
// in proto2, and in editions as the feature utf8_validation says.
func mustBeUTF8(d protoreflect.FieldDescriptor) bool {
	if d.ParentFile().Syntax() == protoreflect.Editions {
		if e, ok := d.(interface{ EnforceUTF8() bool }); ok {
			return e.EnforceUTF8()
		}
		return true
	}
	return d.ParentFile().Syntax() == protoreflect.Proto3
}

// containsText reports whether t has a string that must be UTF-8, or a message that is known to contain one.
func (t *table) containsText() bool {
	for i := range t.dense {
		if t.dense[i].hasText() {
			return true
		}
	}
	for _, f := range t.sparse {
		if f.hasText() {
			return true
		}
	}
	return false
}

func (f *field) hasText() bool { return f.kind == text || f.table != nil && f.table.hasText }

// lookup returns the field with that number, which is valid.
func (t *table) lookup(n protowire.Number) *field {
	if int(n) < len(t.dense) {
		return &t.dense[n]
	}
	if f := t.sparse[n]; f != nil {
		return f
	}
	return &t.unknown
}
