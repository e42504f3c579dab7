package fairlead

import (
	"context"
	"errors"
	"fmt"
)

// Reach is how far a failed call got, which decides whether it may be repeated. It is known locally and never crosses
// the wire.
type Reach uint8

// The reaches.
const (
	// Unknowable: the peer may have run the call.
	Unknowable Reach = iota
	// NotSent: nothing of the call left this process.
	NotSent
	// Refused: the peer reported that it did not run the call (RFC 9113, section 8.7).
	Refused
)

// String returns the reach in words.
func (r Reach) String() string {
	switch r {
	case NotSent:
		return "not sent"
	case Refused:
		return "refused"
	default:
		return "unknowable"
	}
}

// Detail is one typed payload of an error: the type URL and the encoded message of a google.protobuf.Any.
type Detail struct {
	Type  string
	Value []byte
}

// Error is the one error that crosses the wire. Handlers return it and clients receive it; errors.As finds it in
// wrapped errors. It must not be changed after it was returned.
//
// An error that a contract declares (see Reason) is an Error as well: errors.Is(err, ErrOutOfStock) recognizes it by
// its details, and errors.As fills the type generated for it.
type Error struct {
	Code    Code
	Message string
	Details []Detail
	// Reach is set where the call failed on this side.
	Reach Reach

	fromPeer bool
	cause    error
	reason   *Reason // that it was made of; nil: none, or a peer's
}

// Errorf makes an Error with a formatted message. Operands of the verb %w become its causes, which errors.Is and
// errors.As reach; the causes themselves stay in this process.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	e := &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
	if _, several := err.(interface{ Unwrap() []error }); several {
		e.cause = err
	}
	return e
}

// PeerError returns an error that arrived from the peer. It is for protocols.
func PeerError(code Code, message string, details []Detail) *Error {
	return &Error{Code: code, Message: message, Details: details, fromPeer: true}
}

// WithReach sets how far the call got and returns e. It is for use where the error is made.
func (e *Error) WithReach(r Reach) *Error {
	e.Reach = r
	return e
}

// Error returns the code's name and the message.
func (e *Error) Error() string {
	if e == nil {
		return "nil"
	}
	if e.Message == "" {
		return e.Code.String()
	}
	return e.Code.String() + ": " + e.Message
}

// Unwrap returns the local cause, nil when there is none.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.cause
}

// FromPeer reports whether the error arrived from the peer. If it did not, it arose on this side.
func (e *Error) FromPeer() bool { return e != nil && e.fromPeer }

// HTTPStatus returns the status of HTTP responses that carry the error: that of the Reason it was made from, or else
// that of its code. It is 200 for nil.
func (e *Error) HTTPStatus() int {
	switch {
	case e == nil:
		return OK.HTTPStatus()
	case e.reason != nil && e.reason.HTTPStatus != 0:
		return e.reason.HTTPStatus
	default:
		return e.Code.HTTPStatus()
	}
}

// ErrorOf returns err as an Error: the first Error in its tree, as errors.As finds it; for an error of grpc-go, an
// Error with its status's code, message and details; for a context's error, one with the matching code; for any other
// error, one with the code Unknown. An Error with the code OK becomes Unknown too, since its receiver would take the
// failure for a success. ErrorOf returns nil for nil.
//
// If the Error was wrapped with more text, as by fmt.Errorf("loading: %w", e), the message is the whole text, and the
// rest is e's.
//
// ErrorOf does not panic if methods of err do, as those of a nil pointer in an error often would. The message then
// describes the panic, and the code is Unknown unless it could be read.
func ErrorOf(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Error); ok && e != nil && e.Code != OK { //nolint:errorlint // the usual case
		return e
	}
	e, _ := read(err)
	return e
}

// CodeOf returns the code of ErrorOf(err), and OK for nil.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	if e, ok := err.(*Error); ok && e != nil { //nolint:errorlint // the usual case
		return failure(e.Code)
	}
	return readCode(err)
}

// find returns the first Error in the tree of err. Itself reports whether that is err, or what a method As of err
// stands for, and not an error that err wraps.
func find(err error) (e *Error, itself bool) {
	if e, ok := err.(*Error); ok { //nolint:errorlint // without what errors.As allocates
		return e, true
	}
	if x, ok := err.(interface{ As(target any) bool }); ok {
		var e *Error
		if x.As(&e) {
			return e, true
		}
	}
	e, _ = errors.AsType[*Error](err)
	return e, false
}

// failure returns the code for an error that has the code c: an error with the code OK would look like a success to its
// receiver.
func failure(c Code) Code {
	if c == OK {
		return Unknown
	}
	return c
}

// convert makes an Error of an error that has none in its tree.
func convert(err error, text string) *Error {
	if err != context.Canceled && err != context.DeadlineExceeded { //nolint:errorlint // the usual ones have no status
		if e := fromStatus(err, text); e != nil {
			return e
		}
	}
	e := &Error{Code: Unknown, Message: text, cause: err}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.Code = DeadlineExceeded
	case errors.Is(err, context.Canceled):
		e.Code = Canceled
	}
	return e
}
