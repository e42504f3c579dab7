package breaking

import (
	"google.golang.org/protobuf/reflect/protoreflect"
)

// manyMembers is from how many members on a declaration has an index of them: the compiler's descriptors search one by
// one.
const manyMembers = 32

// list is a list of descriptors, such as protoreflect.FieldDescriptors.
type list[D any] interface {
	Len() int
	Get(i int) D
}

// members finds members of declarations by a key, such as the fields of a message by their numbers. It is made on first
// use.
type members[K comparable, D any] map[protoreflect.FullName]map[K]D

// find returns the first of all, the members of owner, that has the key; the zero D for none.
func (m *members[K, D]) find(owner protoreflect.Descriptor, all list[D], key K, keyOf func(D) K) (found D) {
	if all.Len() < manyMembers {
		for i := range all.Len() {
			if d := all.Get(i); keyOf(d) == key {
				return d
			}
		}
		return found
	}
	index := (*m)[owner.FullName()]
	if index == nil {
		index = make(map[K]D, all.Len())
		for i := all.Len() - 1; i >= 0; i-- {
			index[keyOf(all.Get(i))] = all.Get(i)
		}
		if *m == nil {
			*m = make(members[K, D])
		}
		(*m)[owner.FullName()] = index
	}
	return index[key]
}

// field returns the field of m with that number, nil for none.
func (c *Contract) field(
	m protoreflect.MessageDescriptor, number protoreflect.FieldNumber,
) protoreflect.FieldDescriptor {
	return c.fields.find(m, m.Fields(), number, protoreflect.FieldDescriptor.Number)
}

// fieldNamed returns the field of m with that name, nil for none.
func (c *Contract) fieldNamed(m protoreflect.MessageDescriptor, name protoreflect.Name) protoreflect.FieldDescriptor {
	return c.fieldNames.find(m, m.Fields(), name, protoreflect.FieldDescriptor.Name)
}

// oneof returns the oneof of m with that name, nil for none.
func (c *Contract) oneof(m protoreflect.MessageDescriptor, name protoreflect.Name) protoreflect.OneofDescriptor {
	return c.oneofs.find(m, m.Oneofs(), name, protoreflect.OneofDescriptor.Name)
}

// value returns the first value of e with that number, nil for none.
func (c *Contract) value(
	e protoreflect.EnumDescriptor, number protoreflect.EnumNumber,
) protoreflect.EnumValueDescriptor {
	return c.values.find(e, e.Values(), number, protoreflect.EnumValueDescriptor.Number)
}

// method returns the method of s with that name, nil for none.
func (c *Contract) method(s protoreflect.ServiceDescriptor, name protoreflect.Name) protoreflect.MethodDescriptor {
	return c.methodNames.find(s, s.Methods(), name, protoreflect.MethodDescriptor.Name)
}

// mapField returns the map field whose entries are of the type entry, which the compiler made up for it; nil for none.
func (c *Contract) mapField(entry protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	parent, ok := entry.Parent().(protoreflect.MessageDescriptor)
	if !ok {
		return nil
	}
	return c.mapFields.find(parent, parent.Fields(), entry.FullName(),
		func(field protoreflect.FieldDescriptor) protoreflect.FullName {
			if !field.IsMap() {
				return ""
			}
			return field.Message().FullName()
		})
}
