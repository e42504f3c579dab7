package fairlead

import "reflect"

// Errors of grpc-go, and of packages that follow its convention, have a method GRPCStatus that returns a
// *status.Status. No interface of this package can have that method, since its result is a type of grpc-go, which the
// core does not import. So reflection finds it by name, and only in errors that have no Error in their tree, when their
// call is over.

// fromStatus makes an Error from the first error in the tree of err that has a status of grpc-go, and returns nil if
// there is none. As with an Error, the message is the status's if the status is err's own, and otherwise text, which is
// err's.
func fromStatus(err error, text string) *Error {
	st, own := findStatus(err)
	if st == nil {
		return nil
	}
	e := &Error{Code: failure(Code(st.GetCode())), Message: text, cause: err}
	if own && st.GetCode() != 0 {
		e.Message = st.GetMessage()
	}
	e.Details = statusDetails(st)
	return e
}

// status is a *google.rpc.Status, as generated code has it.
type status interface {
	GetCode() int32
	GetMessage() string
}

// anyValue is a *google.protobuf.Any, as generated code has it.
type anyValue interface {
	GetTypeUrl() string
	GetValue() []byte
}

// findStatus returns the first status in the tree of err, nil if there is none. Own reports whether it is the status of
// err itself.
func findStatus(err error) (st status, own bool) {
	if st = statusOf(err); st != nil {
		return st, true
	}
	switch x := err.(type) { //nolint:errorlint // this walks the tree
	case interface{ Unwrap() error }:
		if inner := x.Unwrap(); inner != nil {
			st, _ = findStatus(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range x.Unwrap() {
			if inner == nil {
				continue
			}
			if st, _ = findStatus(inner); st != nil {
				break
			}
		}
	}
	return st, false
}

// statusOf returns err.GRPCStatus().Proto(), nil if err has no such method.
func statusOf(err error) status {
	v := reflect.ValueOf(err)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	// The names are literals where they are looked up, so that the linker still drops methods that are not used.
	v = result(v.MethodByName("GRPCStatus"))
	if !v.IsValid() || v.Kind() == reflect.Interface && v.IsNil() {
		return nil
	}
	v = result(v.MethodByName("Proto"))
	if !v.IsValid() {
		return nil
	}
	st, _ := reflect.TypeAssert[status](v)
	return st
}

// result calls a method without parameters and with one result. For any other method, and for an invalid one, it
// returns the zero Value.
func result(method reflect.Value) reflect.Value {
	if !method.IsValid() {
		return method
	}
	if t := method.Type(); t.NumIn() != 0 || t.NumOut() != 1 {
		return reflect.Value{}
	}
	return method.Call(nil)[0]
}

// statusDetails returns the details of a status.
func statusDetails(st status) []Detail {
	list := result(reflect.ValueOf(st).MethodByName("GetDetails"))
	if !list.IsValid() || list.Kind() != reflect.Slice {
		return nil
	}
	var details []Detail
	for i := range list.Len() {
		if d, ok := reflect.TypeAssert[anyValue](list.Index(i)); ok {
			details = append(details, Detail{Type: d.GetTypeUrl(), Value: d.GetValue()})
		}
	}
	return details
}
