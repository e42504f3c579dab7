package proto

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/codec"
)

// textError is the error of a string that is not UTF-8. Like all errors of google.golang.org/protobuf it matches
// proto.Error.
type textError struct{ field protoreflect.FullName }

// Error names the field.
func (e *textError) Error() string {
	return "proto: field " + string(e.field) + ": string field contains invalid UTF-8"
}

// Is matches proto.Error.
func (*textError) Is(target error) bool { return target == proto.Error }

// sizeError is the error of a message whose encoding is not as long as its Size was.
type sizeError struct{ got, want int }

// Error has the likely cause.
func (e *sizeError) Error() string {
	return fmt.Sprintf("proto: the encoding has %d bytes and Size was %d: was the message changed meanwhile?", e.got,
		e.want)
}

func typeError(msg any) error { return fmt.Errorf("proto: %T: %w", msg, codec.ErrType) }
