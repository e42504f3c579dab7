package breaking

import (
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// optionText returns the value of an option as it would stand in a contract.
func optionText(field protoreflect.FieldDescriptor, value protoreflect.Value) string {
	switch {
	case !value.IsValid():
		return "none"
	case field.Kind() == protoreflect.StringKind && !field.IsList():
		return strconv.Quote(value.String())
	case field.Kind() == protoreflect.EnumKind && !field.IsList():
		return enumText(field.Enum(), value.Enum())
	default:
		return value.String()
	}
}

func enumText(enum protoreflect.EnumDescriptor, number protoreflect.EnumNumber) string {
	if value := enum.Values().ByNumber(number); value != nil {
		return string(value.Name())
	}
	return strconv.Itoa(int(number))
}

// extension returns the value of the extension of that name among d's options, and whether it is set.
func extension(d protoreflect.Descriptor, name protoreflect.FullName) (value protoreflect.Value, set bool) {
	d.Options().ProtoReflect().Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if field.IsExtension() && field.FullName() == name {
			value, set = v, true
			return false
		}
		return true
	})
	return value, set
}

// messageExtension returns an extension that is a message, nil when it is not set.
func messageExtension(d protoreflect.Descriptor, name protoreflect.FullName) protoreflect.Message {
	value, set := extension(d, name)
	if !set {
		return nil
	}
	m, ok := value.Interface().(protoreflect.Message)
	if !ok {
		return nil
	}
	return m
}

// member returns a field of m, and whether it is set. The contract may have been written against another version of the
// file that declares m, so that a field may be missing or of another kind.
func member(m protoreflect.Message, name protoreflect.Name) (value protoreflect.Value, set bool) {
	if m == nil {
		return value, false
	}
	field := m.Descriptor().Fields().ByName(name)
	if field == nil {
		return value, false
	}
	return m.Get(field), m.Has(field)
}

func stringMember(m protoreflect.Message, name protoreflect.Name) string {
	value, _ := member(m, name)
	text, _ := value.Interface().(string)
	return text
}

func boolMember(m protoreflect.Message, name protoreflect.Name) bool {
	value, _ := member(m, name)
	set, _ := value.Interface().(bool)
	return set
}

func enumMember(m protoreflect.Message, name protoreflect.Name) protoreflect.EnumNumber {
	value, _ := member(m, name)
	number, _ := value.Interface().(protoreflect.EnumNumber)
	return number
}

func messageMember(m protoreflect.Message, name protoreflect.Name) protoreflect.Message {
	value, set := member(m, name)
	if !set {
		return nil
	}
	inner, _ := value.Interface().(protoreflect.Message)
	return inner
}

// Numbers of the extensions of options that rules read.
const (
	httpOption           = 72295728 // google.api.http
	fairleadMethodOption = 71460    // fairlead.method
	fairleadErrorOption  = 71462    // fairlead.error
	validateOption       = 1159     // buf.validate.field, .message and .oneof
)
