package fairlead

import (
	"fmt"
	"time"
)

// Reason is one error that a contract declares (fairlead/options.proto). Generated code has a variable for each, named
// ErrOutOfStock or the like. A Reason is read-only and safe for concurrent use.
//
// A Reason is an error: errors.Is(err, ErrOutOfStock) reports whether err has this reason, whether err was made here or
// came from a peer. A handler that has nothing to add may return the Reason itself. On the wire it is a
// google.rpc.ErrorInfo with the reason's name and domain, which clients in all languages can read.
type Reason struct { //nolint:errname // it is a description first
	// Domain makes Name unique among all services' errors.
	Domain string
	// Name is the reason, such as "OUT_OF_STOCK".
	Name string
	// Code is the code of errors with this reason.
	Code Code
	// HTTPStatus is the status of HTTP responses that carry such an error; 0: the code's. REST sends it.
	HTTPStatus int
	// Retryable means that the same call may succeed later and may be repeated then, after RetryAfter; with 0 the client
	// decides when. The caller's code reads it from the error (Error.Retryable). Clients do not repeat calls because of it
	// yet.
	Retryable  bool
	RetryAfter time.Duration
	// Message is the message of errors that are made without one; "": Name.
	Message string
}

// Errorf makes an error with this reason, which is added to its details. It formats the message like the function
// Errorf, including causes; with an empty format and no args the message is the reason's own.
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

// As is for errors.As: a Reason returned as an error counts as an Error made from it.
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
	// FromError sets the receiver from err if err is an error of its type, and reports whether it is.
	FromError(err *Error) bool
}

// As is for errors.As: it fills the generated error type of e's reason.
func (e *Error) As(target any) bool {
	if e == nil {
		return false
	}
	t, ok := target.(fromError)
	return ok && t.FromError(e)
}

// Is is for errors.Is: it reports whether target is e's Reason.
func (e *Error) Is(target error) bool {
	r, ok := target.(*Reason)
	return ok && e.has(r)
}

// has reports whether e was made from r, or arrived with r's name and domain.
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

// ReasonError is embedded in generated error types, one for each reason that a contract declares. Errors.As fills them;
// a zero ReasonError is not an error of any reason.
type ReasonError struct { //nolint:recvcheck // Match is called while it is being made; errors are values
	// Err is the error as it was made here or as it arrived.
	Err *Error
	// Metadata holds the error's values under the keys of its reason, nil if there are none. It belongs to the holder.
	Metadata map[string]string

	reason *Reason
}

// Match reports whether err has the reason r, and fills e if it has. It is for generated code.
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

// Unwrap returns Err, so that a ReasonError that a handler returns is sent as it was made. One that arrived from a peer
// is passed on with its code and message only, like any error of a peer.
func (e ReasonError) Unwrap() error {
	if e.Err == nil {
		return nil
	}
	return e.Err
}

// HTTPStatus returns the status of HTTP responses that carry the error: the contract's, or else that of the code.
func (e ReasonError) HTTPStatus() int {
	if e.reason != nil && e.reason.HTTPStatus != 0 {
		return e.reason.HTTPStatus
	}
	return e.Err.HTTPStatus()
}

// Retryable reports whether the same call may succeed later and may be repeated then, and returns how long to wait
// first; 0 leaves that to the caller. It returns what the error has in its details, not what the contract says, since
// the server knows better.
func (e ReasonError) Retryable() (after time.Duration, ok bool) { return e.Err.Retryable() }
