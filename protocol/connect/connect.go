// Package connect is the Connect protocol (https://connectrpc.com/docs/protocol) as the two sides of protocol.HTTP:
// Server answers requests, Client makes them, over any version of HTTP. A unary call is an ordinary HTTP request, with
// POST, or with GET for methods without side effects: its message is the body, without an envelope, and the status
// tells the outcome. Streams have their messages in envelopes, and a last one with the trailer and the error.
//
// Content types are named by the codec: application/proto and application/json for unary calls,
// application/connect+proto and application/connect+json for streams.
//
// A unary call has nothing before its response: Call.SendHeader does nothing there, and the header goes with the
// response. A method that no service has is not found: a server's Fallback does not get calls of Connect.
//
// What Connect shares with other protocols is in internal/rpcwire. The hot paths are in serverunary.go and
// clientunary.go, streams in serverstream.go and clientstream.go.
package connect

import (
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
)

// name is the name of the protocol, on both sides.
const name = "connect"

// The content types, before the codec's name.
const (
	unaryPrefix  = "application/"
	streamPrefix = "application/connect+"
)

// errorType is the content type of the errors of unary calls.
const errorType = "application/json"

// The fields of Connect.
const (
	fieldTimeout = "connect-timeout-ms"
	fieldVersion = "connect-protocol-version"

	fieldEncoding       = "content-encoding" // of unary calls
	fieldAcceptEncoding = "accept-encoding"

	fieldStreamEncoding       = "connect-content-encoding" // of the messages of streams
	fieldStreamAcceptEncoding = "connect-accept-encoding"
)

// version is the version of the protocol.
const version = "1"

// trailerPrefix is what names of a unary call's trailer begin with in the response's head.
const trailerPrefix = "trailer-"

// flagEnd is the flag of the last frame of a stream's response.
const flagEnd = 2

// agent is the framework's part of the user agent.
const agent = "fairlead-go/" + fairlead.Version

// isReserved reports whether a field belongs to Connect or HTTP, so that it is neither given to users nor taken from
// them.
func isReserved(name string) bool {
	switch name {
	case fieldEncoding, fieldAcceptEncoding, "date":
		return true
	}
	return strings.HasPrefix(name, "connect-") || rpcwire.ReservedByHTTP(name)
}

// isReservedInHead is isReserved for the heads of unary responses, which have the trailer as well.
func isReservedInHead(name string) bool {
	return strings.HasPrefix(name, trailerPrefix) || isReserved(name)
}

// mediaType returns a content type without parameters and in lower case. It returns "" for text that is not in UTF-8.
func mediaType(ct string) string {
	media, params, found := strings.Cut(ct, ";")
	for found && params != "" {
		var p string
		p, params, _ = strings.Cut(params, ";")
		key, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(key), "charset") &&
			!strings.EqualFold(strings.Trim(strings.TrimSpace(value), `"`), "utf-8") {
			return ""
		}
	}
	return strings.ToLower(strings.TrimSpace(media))
}

// contentType returns the content type of a codec's messages.
func contentType(stream bool, codecName string) string {
	if stream {
		return streamPrefix + codecName
	}
	return unaryPrefix + codecName
}

// codeNames are the names of codes, by number.
var codeNames = [rpcwire.NamedCodes]string{ //nolint:gochecknoglobals // read-only
	fairlead.Canceled:           "canceled",
	fairlead.Unknown:            "unknown",
	fairlead.InvalidArgument:    "invalid_argument",
	fairlead.DeadlineExceeded:   "deadline_exceeded",
	fairlead.NotFound:           "not_found",
	fairlead.AlreadyExists:      "already_exists",
	fairlead.PermissionDenied:   "permission_denied",
	fairlead.ResourceExhausted:  "resource_exhausted",
	fairlead.FailedPrecondition: "failed_precondition",
	fairlead.Aborted:            "aborted",
	fairlead.OutOfRange:         "out_of_range",
	fairlead.Unimplemented:      "unimplemented",
	fairlead.Internal:           "internal",
	fairlead.Unavailable:        "unavailable",
	fairlead.DataLoss:           "data_loss",
	fairlead.Unauthenticated:    "unauthenticated",
}

// named returns a code that Connect has: c, or Unknown for OK and for numbers without a name.
func named(c fairlead.Code) fairlead.Code {
	if c == fairlead.OK || int(c) >= rpcwire.NamedCodes {
		return fairlead.Unknown
	}
	return c
}

// codeNamed returns the code with a name, false if there is none.
func codeNamed(name string) (fairlead.Code, bool) {
	for c := fairlead.Canceled; int(c) < rpcwire.NamedCodes; c++ {
		if codeNames[c] == name {
			return c, true
		}
	}
	return 0, false
}
