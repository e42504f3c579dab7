package rpcwire

import (
	"context"
	"errors"
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// AsInternal returns err if it is a *fairlead.Error, and otherwise an Internal error with err as its cause.
func AsInternal(err error, what string) error {
	if e, ok := err.(*fairlead.Error); ok { //nolint:errorlint // a wrapped one says more as a whole
		return e
	}
	return Internal(err, "%s", what)
}

// isError is errors.Is for errors of codecs and compressors, whose methods may panic in goroutines of the connection:
// it returns false then.
func isError(err, target error) (yes bool) {
	defer func() {
		if recover() != nil {
			yes = false
		}
	}()
	return errors.Is(err, target)
}

// Internal is Because with the code Internal.
func Internal(err error, format string, args ...any) error {
	return Because(fairlead.Internal, err, format, args...)
}

// Because returns an error whose text ends with err. It has err as its cause, unless that is io.EOF: a message that a
// codec or a compressor finds too short would look like the proper end of a stream.
func Because(code fairlead.Code, err error, format string, args ...any) error {
	verb := ": %w"
	if isError(err, io.EOF) {
		verb = ": %v"
	}
	return fairlead.Errorf(code, format+verb, append(args, err)...)
}

// FailureError returns the client's error for an exchange that has failed with err. If the deadline has passed, a reset
// by the server means that the server found that, too: pass late.
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

// resetCode returns the code for a reset, by the table of gRPC's specification, section "HTTP2 Transport Mapping",
// "Errors".
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

// PeerError returns the server's error for what Pipe.Read or a Reader returned. A client that is gone has cancelled the
// call, whatever the reason.
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
	if err == io.ErrUnexpectedEOF { //nolint:errorlint // Reader returns it bare
		return ErrCutOff()
	}
	return fairlead.Errorf(fairlead.Internal, "%w", err)
}

// SendError returns the server's error for what Pipe.Send returned, nil for nil.
func SendError(err error) error {
	switch err.(type) { //nolint:errorlint // Pipe returns them bare
	case nil:
		return nil
	case *fairlead.Error, *protocol.Failure:
		return PeerError(err)
	}
	return AsInternal(err, "cannot encode a message")
}

// DoError returns the client's error for what HTTPConn.Do or Open returned. protocol.ErrFull stays as it is.
func DoError(err error) error {
	if errors.Is(err, protocol.ErrFull) {
		return protocol.ErrFull
	}
	if _, ok := err.(*protocol.Failure); ok { //nolint:errorlint // connections return it bare
		return FailureError(err, false)
	}
	return NotSent(AsInternal(err, "cannot encode the request"))
}

// A wrong number of messages has the code Unimplemented
// (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md, cardinality violation), in Connect as well.

// ErrNoResponse returns the error for a successful call without its one response.
func ErrNoResponse() error {
	return fairlead.Errorf(fairlead.Unimplemented, "the method has one response, and the server sent none")
}

// ErrManyResponses returns the error for a call with more than its one response.
func ErrManyResponses() error {
	return fairlead.Errorf(fairlead.Unimplemented, "the method has one response, and the server sent more")
}

// ErrNoRequest returns the error for a call without its one request.
func ErrNoRequest() error {
	return fairlead.Errorf(fairlead.Unimplemented, "the method takes one request, and none was sent")
}

// ErrManyRequests returns the error for a call with more than its one request.
func ErrManyRequests() error {
	return fairlead.Errorf(fairlead.Unimplemented, "the method takes one request, and more were sent")
}

// ErrCutOff returns the error for a body that ends within a message.
func ErrCutOff() error {
	return fairlead.Errorf(fairlead.Internal, "the body ends within a message: %w", io.ErrUnexpectedEOF)
}

// ErrOver returns the error for what is done with a call after its end.
func ErrOver() error {
	return fairlead.Errorf(fairlead.Internal, "the call is over")
}

// ErrHeadSent returns the error for what can be done only before the response's head is sent.
func ErrHeadSent() error {
	return fairlead.Errorf(fairlead.FailedPrecondition, "the response's header was sent already")
}

// ErrDeadline returns the error of a call whose deadline has passed.
func ErrDeadline() error {
	return fairlead.Errorf(fairlead.DeadlineExceeded, "%w", context.DeadlineExceeded)
}

// ErrCanceled returns the error of a call that was given up.
func ErrCanceled() error {
	return fairlead.Errorf(fairlead.Canceled, "%w", context.Canceled)
}

// NotSent returns err as an Error whose Reach says that nothing was sent.
func NotSent(err error) error {
	e := *fairlead.ErrorOf(err) // a copy: the codec may return the same one again
	return e.WithReach(fairlead.NotSent)
}

// ContextError returns the error of a call whose context has ended.
func ContextError(ctx context.Context) error {
	return fairlead.Errorf(fairlead.CodeOf(ctx.Err()), "%w", ctx.Err())
}

// CodeOfHTTP returns the code of the error for a response that has an HTTP status and nothing else. The table is gRPC's
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
