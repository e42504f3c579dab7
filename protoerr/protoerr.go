// Package protoerr adds protobuf messages to the details of errors and reads them. On the wire they are the details of
// google.rpc.Status, which gRPC's libraries read and write in all languages.
//
// It is a separate package because package fairlead imports only the standard library. Errors that contracts declare do
// not need it: see fairlead.Reason.
package protoerr

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead"
)

// typePrefix is the beginning of a detail's type, before the message's name.
const typePrefix = "type.googleapis.com/"

// WithDetails adds the messages to the details of e and returns e. It is for use where the error is made. It encodes
// the messages and keeps no reference to them; nil ones are left out.
//
// A message that cannot be encoded, such as one with a string that is not UTF-8, is left out as well, and e's message
// says so: the receiver needs the code and the text of an error more than another error in its place.
func WithDetails(e *fairlead.Error, msgs ...proto.Message) *fairlead.Error {
	for _, m := range msgs {
		if m == nil {
			continue
		}
		name := string(m.ProtoReflect().Descriptor().FullName())
		value, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
		if err != nil {
			e.Message = strings.TrimSpace(fmt.Sprintf("%s (the detail %s is missing: %v)", e.Message, name, err))
			continue
		}
		e = e.WithDetail(typePrefix+name, value)
	}
	return e
}

// DetailOf returns the first detail of err that is a T, such as *errdetails.BadRequest, and reports whether there is
// one that can be decoded. It reads the error that fairlead.ErrorOf finds, also in wrapped errors, whether it arrived
// from a peer or was made here. T is the pointer to a generated message; the result belongs to the caller. Fields that
// T does not have are kept as unknown fields.
func DetailOf[T proto.Message](err error) (detail T, ok bool) {
	var none T
	if err == nil || any(none) == nil {
		return none, false
	}
	typ := none.ProtoReflect().Type()
	name := string(typ.Descriptor().FullName())
	for _, d := range fairlead.ErrorOf(err).Details {
		slash := strings.LastIndexByte(d.Type, '/')
		if slash < 0 || d.Type[slash+1:] != name {
			continue
		}
		m, isT := typ.New().Interface().(T)
		if isT && (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(d.Value, m) == nil {
			return m, true
		}
	}
	return none, false
}
