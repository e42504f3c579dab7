package dynamic

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	// Linked in for their files, which contracts import and servers leave out.
	_ "google.golang.org/protobuf/types/descriptorpb"
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/durationpb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"
)

// wellKnown is the package whose messages have their own form in JSON. Packages protojson and prototext recognize them
// by name and rely on their fields. Their presence is checked here, since files may come from anywhere.
const wellKnown = "google.protobuf"

// sound returns nil if messages of a file's types can be used, and otherwise the reason why not.
func sound(f protoreflect.FileDescriptor) error {
	if err := soundFields(f.Extensions()); err != nil {
		return err
	}
	return soundMessages(f.Messages())
}

func soundMessages(list protoreflect.MessageDescriptors) error {
	for i := range list.Len() {
		m := list.Get(i)
		if err := soundFields(m.Fields()); err != nil {
			return err
		}
		if err := soundFields(m.Extensions()); err != nil {
			return err
		}
		if err := soundMessages(m.Messages()); err != nil {
			return err
		}
		if m.FullName().Parent() == wellKnown && !alike(m) {
			return fmt.Errorf("the message %s is not the one that everybody knows", m.FullName())
		}
	}
	return nil
}

// soundFields checks the fields of a message, or extensions.
func soundFields(list interface {
	Len() int
	Get(i int) protoreflect.FieldDescriptor
},
) error {
	for i := range list.Len() {
		f := list.Get(i)
		if !f.Kind().IsValid() {
			return fmt.Errorf("the type of %s cannot be told", f.FullName())
		}
		if m := f.Message(); m != nil && m.IsPlaceholder() && m.FullName().Parent() == wellKnown {
			return fmt.Errorf("%s is a %s, whose file is not there", f.FullName(), m.FullName())
		}
	}
	return nil
}

// alike reports whether a message of package google.protobuf has the fields of the same message in the program; a
// message that the program does not have may have any.
func alike(m protoreflect.MessageDescriptor) bool {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(m.FullName())
	if err != nil || d.ParentFile().Path() == "google/protobuf/descriptor.proto" {
		return true // later versions of protobuf describe more
	}
	known, ok := d.(protoreflect.MessageDescriptor)
	if !ok || !strings.HasPrefix(d.ParentFile().Path(), "google/protobuf/") {
		return true
	}
	for i := range known.Fields().Len() {
		want := known.Fields().Get(i)
		have := m.Fields().ByNumber(want.Number())
		if have == nil || have.Name() != want.Name() || have.Kind() != want.Kind() ||
			have.IsList() != want.IsList() || have.IsMap() != want.IsMap() ||
			have.Message() != nil && have.Message().FullName() != want.Message().FullName() ||
			have.Enum() != nil && have.Enum().FullName() != want.Enum().FullName() ||
			(have.ContainingOneof() == nil) != (want.ContainingOneof() == nil) {
			return false
		}
	}
	return true
}
