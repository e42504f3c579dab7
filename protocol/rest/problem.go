package rest

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/httprule"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// The statuses that this package itself chooses.
const (
	statusOK          = 200
	statusNotModified = 304
	statusTooLarge    = 413
	statusUnsupported = 415
)

// problem is the body of a response to a call that has failed: problem details (RFC 9457, section 3.1) and a
// google.rpc.Status at once.
type problem struct {
	Type    string            `json:"type"`
	Title   string            `json:"title"`
	Status  int               `json:"status"`
	Detail  string            `json:"detail"`
	Code    int               `json:"code"`
	Message string            `json:"message"`
	Details []json.RawMessage `json:"details"`
}

// statusError is an error with another status than its code's.
type statusError struct {
	err    *fairlead.Error
	status int
}

func withStatus(status int, err *fairlead.Error) error { return &statusError{err, status} }

// Error returns the error's text.
func (e *statusError) Error() string { return e.err.Error() }

// Unwrap returns the error.
func (e *statusError) Unwrap() error { return e.err }

// As is for errors.As: a statusError counts as its error.
func (e *statusError) As(target any) bool {
	t, ok := target.(**fairlead.Error)
	if ok {
		*t = e.err
	}
	return ok
}

// newProblem returns the body for an error, its status, and what is passed on of the error.
func (s *Server) newProblem(err error) (body []byte, status int, e *fairlead.Error) {
	e = fairlead.ErrorOf(err)
	status = e.HTTPStatus()
	if se, ok := err.(*statusError); ok { //nolint:errorlint // one that somebody has wrapped is an error like others
		status = se.status
	}
	e = rpcwire.Relayed(e)
	p := problem{
		Type: "about:blank", Title: titleOf(status), Status: status,
		Detail: e.Message, Code: int(e.Code), Message: e.Message, Details: []json.RawMessage{},
	}
	if info, ok := e.Info(); ok && info.Reason != "" {
		p.Type = "urn:fairlead:error:" + url.PathEscape(info.Domain) + ":" + url.PathEscape(info.Reason)
		p.Title = info.Reason
	}
	for i := range e.Details {
		p.Details = append(p.Details, s.detail(&e.Details[i]))
	}
	if body, err = json.Marshal(&p); err != nil {
		body = []byte("{}") // all of it is text, numbers and JSON
	}
	return body, status, e
}

// titleOf returns what RFC 9110, section 15, calls a status; 499 is others' for a client that has gone.
func titleOf(status int) string {
	switch status {
	case 400:
		return "Bad Request"
	case 401:
		return "Unauthorized"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 409:
		return "Conflict"
	case 410:
		return "Gone"
	case 412:
		return "Precondition Failed"
	case statusTooLarge:
		return "Content Too Large"
	case statusUnsupported:
		return "Unsupported Media Type"
	case 422:
		return "Unprocessable Content"
	case 429:
		return "Too Many Requests"
	case 499:
		return "Client Closed Request"
	case 500:
		return "Internal Server Error"
	case 501:
		return "Not Implemented"
	case 503:
		return "Service Unavailable"
	case 504:
		return "Gateway Timeout"
	}
	return "Error " + strconv.Itoa(status)
}

// problem ends the exchange with an error. If the head of a success was sent, it resets the exchange, since nothing
// else tells the client.
func (in *incoming) problem(err error) {
	if in.headSent {
		in.x.Reset(protocol.ResetInternal, err)
		return
	}
	body, status, e := in.s.newProblem(err)
	md := in.header(true)
	if after, ok := e.Retryable(); ok && after > 0 {
		md = cloned(md)
		md.Set(fieldRetryAfter, strconv.FormatInt(int64((after+time.Second-1)/time.Second), 10))
	}
	if status == statusUnsupported && in.s.encodings != "" && in.encoding != "" {
		md = cloned(md)
		md.Set(fieldAcceptEncoding, in.s.encodings) // RFC 9110, section 15.5.16
	}
	r := protocol.Reply{Head: section(status, problemBlock, md), Message: protocol.Message{Bytes: body}}
	if in.fits(&r.Head) != nil {
		r.Head.Extra = nil
	}
	_ = in.x.Reply(&r) // bytes need no codec
}

// badField returns the error of a field that cannot be set.
func badField(field string, err error) error {
	if _, ok := err.(*fairlead.Error); ok { //nolint:errorlint // a wrapped one says more as a whole
		return err
	}
	what := err.Error()
	if fe, ok := err.(*httprule.FieldError); ok { //nolint:errorlint // setters return it bare
		field = fe.Field
		if what = fe.Err.Error(); fe.Value != "" {
			what = strconv.Quote(clip(fe.Value)) + " " + what
		}
	}
	return invalidField(field, what)
}

// clip returns the beginning of a long text.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most]
	}
	return s
}

// The fields of google.rpc.BadRequest and its FieldViolation (google/rpc/error_details.proto).
const (
	badRequestType       = "type.googleapis.com/google.rpc.BadRequest"
	requestViolations    = 1
	violationField       = 1
	violationDescription = 2
)

// invalidField returns the error of a field, with a google.rpc.BadRequest.
func invalidField(field, what string) error {
	var v []byte
	v = protowire.AppendTag(v, violationField, protowire.BytesType)
	v = protowire.AppendString(v, field)
	v = protowire.AppendTag(v, violationDescription, protowire.BytesType)
	v = protowire.AppendString(v, what)
	var b []byte
	b = protowire.AppendTag(b, requestViolations, protowire.BytesType)
	b = protowire.AppendBytes(b, v)
	return fairlead.Errorf(fairlead.InvalidArgument, "%s: %s", field, what).WithDetail(badRequestType, b)
}
