package grpcgo

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/fairlead-go/fairlead"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
)

// toFairlead converts what a grpc-go handler returned. A status, also one found behind wrapping, keeps its code,
// message and details; everything else, *fairlead.Error and context errors among it, stays what it is and is read by
// fairlead.ErrorOf.
func toFairlead(err error) error {
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	code := fairlead.Code(st.Code())
	if code == fairlead.OK {
		code = fairlead.Unknown // an error cannot say that the call went well
	}
	e := fairlead.Errorf(code, "%w", err) // keeps err in reach of errors.Is and errors.As
	e.Message = st.Message()
	for _, d := range st.Proto().GetDetails() {
		e.Details = append(e.Details, fairlead.Detail{Type: d.GetTypeUrl(), Value: d.GetValue()})
	}
	return e
}

// statusError is what callers of a Conn get: a status for package status, and a *fairlead.Error for errors.As.
type statusError struct {
	st  *status.Status
	err *fairlead.Error
}

// fromFairlead converts what a Fairlead client or stream returned. Nil, io.EOF and errors that carry a status already
// stay what they are.
func fromFairlead(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // streams return it bare
		return err
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	e := fairlead.ErrorOf(err)
	p := &spb.Status{Code: int32(e.Code), Message: messageOf(e)}
	for _, d := range e.Details {
		p.Details = append(p.Details, &anypb.Any{TypeUrl: d.Type, Value: d.Value})
	}
	return &statusError{st: status.FromProto(p), err: e}
}

// messageOf is the message of an error. Where a context ended the call on this side it is that error's text, as grpc-go
// has it, and what follows it: why a deadline is not the caller's.
func messageOf(e *fairlead.Error) string {
	if e.FromPeer() {
		return e.Message
	}
	switch {
	case e.Code == fairlead.DeadlineExceeded && errors.Is(e, context.DeadlineExceeded):
		return fromText(e.Message, context.DeadlineExceeded.Error())
	case e.Code == fairlead.Canceled && errors.Is(e, context.Canceled):
		return context.Canceled.Error()
	default:
		return e.Message
	}
}

// fromText returns message from text on, or text if it is not in it.
func fromText(message, text string) string {
	if i := strings.Index(message, text); i >= 0 {
		return message[i:]
	}
	return text
}

// Error is grpc-go's text: "rpc error: code = NotFound desc = no such ship".
func (e *statusError) Error() string { return e.st.String() }

// GRPCStatus is what package status looks for.
func (e *statusError) GRPCStatus() *status.Status { return e.st }

// As is for errors.As. What it would find by Unwrap counts as the error itself here, and not as something wrapped in
// it: a handler of Fairlead's that returns the error passes on its message alone, not grpc-go's text.
func (e *statusError) As(target any) bool {
	t, ok := target.(**fairlead.Error)
	if ok {
		*t = e.err
	}
	return ok
}

// Unwrap leads to the *fairlead.Error and its cause, and lets errors.Is compare with errors of package status.
func (e *statusError) Unwrap() []error { return []error{e.err, e.st.Err()} }

// givenUp reports whether err means that the call was over already, by its context or otherwise, and not that this
// message could not be sent.
func givenUp(err error) bool {
	if errors.Is(err, io.EOF) {
		return true
	}
	switch status.Code(err) {
	case codes.Canceled, codes.DeadlineExceeded, codes.Unavailable:
		return true
	default:
		return false
	}
}
