package grpc

import (
	"fmt"
	"io"
	"strconv"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// namedCodes is the number of codes that have a name, and a block of their own.
const namedCodes = int(fairlead.Unauthenticated) + 1

// statusOf reads the status of a trailer, or of a head that is one. Found is false if it has none; err is nil for OK.
func statusOf(fields *fairlead.Metadata) (err *fairlead.Error, found bool) {
	var message, details string
	var code uint64
	for i := range fields.Len() {
		switch k, v := fields.At(i); k {
		case fieldStatus:
			n, perr := strconv.ParseUint(v, 10, 32)
			if perr != nil {
				return fairlead.Errorf(fairlead.Unknown, "malformed %s %q", fieldStatus, v), true
			}
			code, found = n, true
		case fieldMessage:
			message = v
		case fieldDetails:
			details = v
		}
	}
	if !found || code == 0 {
		return nil, found
	}
	e := fairlead.PeerError(fairlead.Code(code), decodeMessage(message), nil)
	if details != "" {
		if b, ok := decodeBinary(details); ok {
			// What disagrees with the fields in plain text, or cannot be read, is dropped.
			if c, _, ds, ok := parseStatus([]byte(b)); ok && c == e.Code {
				e.Details = ds
			}
		}
	}
	return e, true
}

// httpError is the error for a response that is not gRPC's
// (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md).
func httpError(status int, ct string) *fairlead.Error {
	var code fairlead.Code
	switch status {
	case 400:
		code = fairlead.Internal
	case 401:
		code = fairlead.Unauthenticated
	case 403:
		code = fairlead.PermissionDenied
	case 404:
		code = fairlead.Unimplemented
	case 429, 502, 503, 504:
		code = fairlead.Unavailable
	default:
		code = fairlead.Unknown
	}
	text := fmt.Sprintf("unexpected HTTP status code received from server: %d", status)
	switch _, ok := subtype(ct); {
	case ct == "":
		text += "; the content-type is missing"
	case !ok:
		text += fmt.Sprintf("; received unexpected content-type %q", ct)
	}
	return fairlead.PeerError(code, text, nil)
}

// failureError is the client's error for an exchange that did not come to its proper end. With late the deadline has
// passed, and a reset is taken for the server's way of saying so.
func failureError(err error, late bool) error {
	f, ok := err.(*protocol.Failure) //nolint:errorlint // Pipe returns it bare
	if !ok {
		return asInternal(err, "the exchange failed")
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

// peerError is the server's error for what a pipe returned: a client that went away has cancelled the call, whatever
// took it away.
func peerError(err error) error {
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
		return errCutOff()
	}
	return fairlead.Errorf(fairlead.Internal, "%w", err)
}

// sendError is the server's error for what Pipe.Send returned, nil for nil.
func sendError(err error) error {
	switch err.(type) { //nolint:errorlint // Pipe returns them bare
	case nil:
		return nil
	case *fairlead.Error, *protocol.Failure:
		return peerError(err)
	}
	return asInternal(err, "cannot encode a message")
}
