package fairlead

import (
	"fmt"
	"time"
)

// Reason is one error that a contract declares (fairlead/options.proto). Generated code has one for each, called
// ErrOutOfStock or the like; it is read-only and safe for concurrent use.
//
// A Reason is an error itself: errors.Is(err, ErrOutOfStock) says whether err has this reason, whether it was made here
// or came from a peer, and a handler that has nothing to add may return it. On the wire it is a google.rpc.ErrorInfo
// with the reason's name and domain, which clients of all languages can read.
type Reason struct { //nolint:errname // it is a description first
	// Domain makes Name unique among all services' errors.
	Domain string
	// Name is the reason, such as "OUT_OF_STOCK".
	Name string
	// Code is what errors with this reason travel with.
	Code Code
	// HTTPStatus is the status of HTTP responses that carry such an error; 0: the code's. No protocol sends one yet.
	HTTPStatus int
	// Retryable says that the same call may succeed later and may be repeated then, after RetryAfter; 0: as the client
	// likes. The error says so to the caller's code (Error.Retryable); clients repeat nothing because of it yet.
	Retryable  bool
	RetryAfter time.Duration
	// Message is that of errors that are made without one; "": Name.
	Message string
}

// Errorf makes an error with this reason, which has it in its details. Its message is formatted as by the function
// Errorf, causes included; with an empty format and no args it is the reason's own.
func (r *Reason) Errorf(format string, args ...any) *Error {
	var e *Error
	if format == "" && len(args) == 0 {
		e = &Error{Code: r.Code, Message: r.text()}
	} else {
		e = Errorf(r.Code, format, args...)
	}
	e.reason = r
	e.Details = make([]Detail, 1, 2)
	e.Details[0] = Detail{Type: errorInfoType, Value: appendErrorInfo(nil, r.Name, r.Domain)}
	if r.Retryable {
		return e.WithRetryAfter(r.RetryAfter)
	}
	return e
}

// Error returns the code's name and the reason's message.
func (r *Reason) Error() string { return r.Code.String() + ": " + r.text() }

func (r *Reason) text() string {
	if r.Message != "" {
		return r.Message
	}
	return r.Name
}

// As is for errors.As: a Reason that is returned as an error counts as an Error made of it.
func (r *Reason) As(target any) bool {
	if t, ok := target.(**Error); ok {
		*t = r.Errorf("")
		return true
	}
	t, ok := target.(fromError)
	return ok && t.FromError(r.Errorf(""))
}

// fromError is implemented by pointers to generated error types.
type fromError interface {
	// FromError takes err over if it is an error of the type, and says whether it is.
	FromError(err *Error) bool
}

// As is for errors.As: it fills generated error types whose reason e has.
func (e *Error) As(target any) bool {
	if e == nil {
		return false
	}
	t, ok := target.(fromError)
	return ok && t.FromError(e)
}

// Is is for errors.Is: it says whether target is e's Reason.
func (e *Error) Is(target error) bool {
	r, ok := target.(*Reason)
	return ok && e.has(r)
}

// has says whether e was made of r, or arrived with r's name and domain.
func (e *Error) has(r *Reason) bool {
	if e == nil || r == nil {
		return false
	}
	if e.reason == r {
		return true
	}
	info, ok := e.Info()
	return ok && info.Reason == r.Name && info.Domain == r.Domain
}

// ReasonError is what generated error types consist of: an error whose reason a contract declares. Errors.As fills
// them; a zero one is not an error of any reason.
type ReasonError struct { //nolint:recvcheck // Match is called while it is being made; errors are values
	// Err is the error as it was made here or arrived.
	Err *Error
	// Metadata is what the error says beside its message, by keys that belong to the reason; nil when it says nothing.
	// It belongs to the holder.
	Metadata map[string]string

	reason *Reason
}

// Match is for generated code: if err has the reason, it fills e and returns true.
func (e *ReasonError) Match(r *Reason, err *Error) bool {
	if !err.has(r) {
		return false
	}
	info, _ := err.Info()
	*e = ReasonError{Err: err, Metadata: info.Metadata, reason: r}
	return true
}

// Error returns the code's name and the message.
func (e ReasonError) Error() string {
	if e.Err == nil {
		return "an empty " + fmt.Sprintf("%T", e)
	}
	return e.Err.Error()
}

// Unwrap returns Err, so that a ReasonError that a handler returns is sent as it was made. As any peer's error, one
// that arrived from a peer goes on with its code and message alone.
func (e ReasonError) Unwrap() error {
	if e.Err == nil {
		return nil
	}
	return e.Err
}

// HTTPStatus returns the status of HTTP responses that carry the error: the contract's, or else the code's.
func (e ReasonError) HTTPStatus() int {
	if e.reason != nil && e.reason.HTTPStatus != 0 {
		return e.reason.HTTPStatus
	}
	return e.Err.HTTPStatus()
}

// Retryable says whether the same call may succeed later and may be repeated then, and how long to wait before; 0: as
// one likes. What the error itself says counts; the contract does not when a server knows better.
func (e ReasonError) Retryable() (after time.Duration, ok bool) { return e.Err.Retryable() }
