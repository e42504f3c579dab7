package fairlead

import (
	"context"
	"errors"
	"fmt"
)

// Reach says how far a failed call had come, which decides whether it may run again. It is local knowledge and never
// crosses the wire.
type Reach uint8

// The reaches.
const (
	// Unknowable: the peer may have run the call.
	Unknowable Reach = iota
	// NotSent: nothing of the call left this process.
	NotSent
	// Refused: the peer said that it did not run the call (RFC 9113, section 8.7).
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

// Detail is one typed payload of an error: the type URL and the encoding of a google.protobuf.Any.
type Detail struct {
	Type  string
	Value []byte
}

// Error is the one error that crosses the wire. Handlers return it, clients receive it; errors.As finds it behind
// wrapping. It must not be changed once it was returned.
//
// What a contract declares as an error (see Reason) is an Error too: errors.Is(err, ErrOutOfStock) recognizes it by its
// details, and errors.As fills the type generated for it.
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

// PeerError is for protocols: an error that arrived from the peer.
func PeerError(code Code, message string, details []Detail) *Error {
	return &Error{Code: code, Message: message, Details: details, fromPeer: true}
}

// WithReach sets how far the call came and returns e, for use where the error is made.
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

// FromPeer says whether the error arrived from the peer; otherwise it arose on this side.
func (e *Error) FromPeer() bool { return e != nil && e.fromPeer }

// HTTPStatus returns the status of HTTP responses that carry the error: that of the Reason that it was made of, or else
// its code's. It is 200 for nil.
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

// ErrorOf returns err as an Error: one found by errors.As, a context error with its code, anything else as Unknown. So
// is an Error with the code OK, which would have its receiver take a failure for a success. It returns nil for nil.
func ErrorOf(err error) *Error {
	if err == nil {
		return nil
	}
	e, ok := err.(*Error) //nolint:errorlint // the usual case, without what errors.As allocates
	if !ok {
		e, ok = errors.AsType[*Error](err)
	}
	switch {
	case ok && e == nil:
		return &Error{Code: Unknown, Message: "a nil *fairlead.Error was returned as an error"}
	case ok && e.Code == OK:
		return &Error{
			Code: Unknown, Message: e.Message, Details: e.Details, Reach: e.Reach, cause: err, reason: e.reason,
		}
	case ok:
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: DeadlineExceeded, Message: err.Error(), cause: err}
	case errors.Is(err, context.Canceled):
		return &Error{Code: Canceled, Message: err.Error(), cause: err}
	}
	return &Error{Code: Unknown, Message: err.Error(), cause: err}
}

// CodeOf returns the code of err as ErrorOf would, and OK for nil.
func CodeOf(err error) Code {
	if err == nil {
		return OK
	}
	if e, ok := err.(*Error); ok && e != nil && e.Code != OK { //nolint:errorlint // as in ErrorOf
		return e.Code
	}
	return ErrorOf(err).Code
}
