package rpcwire

import (
	"context"
	"errors"
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// AsInternal is err if it is an Error already, and an Internal one with it as the cause otherwise.
func AsInternal(err error, what string) error {
	if e, ok := err.(*fairlead.Error); ok { //nolint:errorlint // a wrapped one says more as a whole
		return e
	}
	return Internal(err, "%s", what)
}

// isError calls errors.Is for errors of codecs and compressors, in goroutines of the connection: methods of err that
// panic count as no.
func isError(err, target error) (yes bool) {
	defer func() {
		if recover() != nil {
			yes = false
		}
	}()
	return errors.Is(err, target)
}

// Internal makes an Internal error with err behind the text, and as the cause unless that is io.EOF: with that as the
// cause, a message that a codec or a compressor finds too short would look like the proper end of a stream.
func Internal(err error, format string, args ...any) error {
	verb := ": %w"
	if isError(err, io.EOF) {
		verb = ": %v"
	}
	return fairlead.Errorf(fairlead.Internal, format+verb, append(args, err)...)
}

// FailureError is the client's error for an exchange that did not come to its proper end. With late the deadline has
// passed, and a reset is taken for the server's way of saying so.
func FailureError(err error, late bool) error {
	f, ok := err.(*protocol.Failure) //nolint:errorlint // Pipe returns it bare
	if !ok {
		return AsInternal(err, "the exchange failed")
	}
	code := fairlead.Unavailable
	switch f.Kind {
	case protocol.FailedReset:
		if late {
			return fairlead.Errorf(fairlead.DeadlineExceeded, "the deadline has passed: %w", err).WithReach(f.Reach)
		}
		code = resetCode(f.Code)
	case protocol.FailedViolation:
		code = fairlead.Internal
	case protocol.FailedClosed:
		if e, ok := f.Cause.(*fairlead.Error); ok { //nolint:errorlint // what was given to Close, as it is
			return e
		}
	case protocol.FailedGoaway, protocol.FailedLost:
	}
	return fairlead.Errorf(code, "%w", err).WithReach(f.Reach)
}

// resetCode is the table of the specification, section "HTTP2 Transport Mapping", "Errors".
func resetCode(c protocol.ResetCode) fairlead.Code {
	switch c {
	case protocol.ResetRefused:
		return fairlead.Unavailable
	case protocol.ResetCancel:
		return fairlead.Canceled
	case protocol.ResetEnhanceCalm:
		return fairlead.ResourceExhausted
	case protocol.ResetInadequateTLS:
		return fairlead.PermissionDenied
	default:
		return fairlead.Internal
	}
}

// PeerError is the server's error for what a pipe returned: a client that went away has cancelled the call, whatever
// took it away.
func PeerError(err error) error {
	switch e := err.(type) { //nolint:errorlint // Pipe returns them bare
	case *fairlead.Error:
		return e
	case *protocol.Failure:
		if e.Kind == protocol.FailedViolation {
			return fairlead.Errorf(fairlead.Internal, "%w", err)
		}
		return fairlead.Errorf(fairlead.Canceled, "%w", err)
	}
	if err == io.ErrUnexpectedEOF { //nolint:errorlint // reader returns it bare
		return ErrCutOff()
	}
	return fairlead.Errorf(fairlead.Internal, "%w", err)
}

// SendError is the server's error for what Pipe.Send returned, nil for nil.
func SendError(err error) error {
	switch err.(type) { //nolint:errorlint // Pipe returns them bare
	case nil:
		return nil
	case *fairlead.Error, *protocol.Failure:
		return PeerError(err)
	}
	return AsInternal(err, "cannot encode a message")
}

// DoError is the error for what a connection returned instead of sending a request.
func DoError(err error) error {
	if errors.Is(err, protocol.ErrFull) {
		return protocol.ErrFull
	}
	if _, ok := err.(*protocol.Failure); ok { //nolint:errorlint // connections return it bare
		return FailureError(err, false)
	}
	return NotSent(AsInternal(err, "cannot encode the request"))
}

// The specification of gRPC lists what is wrong with the number of messages under "Unimplemented"
// (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md, cardinality violation), and so does that of Connect.

// ErrNoResponse is the error for a successful call without its one response.
func ErrNoResponse() error {
	return fairlead.Errorf(fairlead.Unimplemented, "the method has one response, and the server sent none")
}

// ErrManyResponses is the error for a call with more than its one response.
func ErrManyResponses() error {
	return fairlead.Errorf(fairlead.Unimplemented, "the method has one response, and the server sent more")
}

// ErrNoRequest is the error for a call without its one request.
func ErrNoRequest() error {
	return fairlead.Errorf(fairlead.Unimplemented, "the method takes one request, and none was sent")
}

// ErrManyRequests is the error for a call with more than its one request.
func ErrManyRequests() error {
	return fairlead.Errorf(fairlead.Unimplemented, "the method takes one request, and more were sent")
}

// ErrCutOff is the error for a body that ends within a message.
func ErrCutOff() error {
	return fairlead.Errorf(fairlead.Internal, "the body ends within a message: %w", io.ErrUnexpectedEOF)
}

// ErrDeadline is the error of a call whose deadline has passed.
func ErrDeadline() error {
	return fairlead.Errorf(fairlead.DeadlineExceeded, "%w", context.DeadlineExceeded)
}

// ErrCanceled is the error of a call that was given up.
func ErrCanceled() error {
	return fairlead.Errorf(fairlead.Canceled, "%w", context.Canceled)
}

// NotSent returns err as an Error that says that nothing left this process.
func NotSent(err error) error {
	e := *fairlead.ErrorOf(err) // a copy: the codec may return the same one again
	return e.WithReach(fairlead.NotSent)
}

// ContextError is the error of a call whose context has ended.
func ContextError(ctx context.Context) error {
	return fairlead.Errorf(fairlead.CodeOf(ctx.Err()), "%w", ctx.Err())
}

// CodeOfHTTP returns the code of an error for a response that says nothing but its HTTP status. The table is gRPC's
// (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md), and Connect's as well.
func CodeOfHTTP(status int) fairlead.Code {
	switch status {
	case 400:
		return fairlead.Internal
	case 401:
		return fairlead.Unauthenticated
	case 403:
		return fairlead.PermissionDenied
	case 404:
		return fairlead.Unimplemented
	case 429, 502, 503, 504:
		return fairlead.Unavailable
	default:
		return fairlead.Unknown
	}
}
