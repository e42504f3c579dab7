// Package grpc is gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) as the two sides of
// protocol.HTTP: Server answers requests, Client makes them. It knows the fields, the message prefix and the status of
// gRPC, and leaves streams, windows and header compression to the HTTP connection beneath.
//
// Read serverunary.go and clientunary.go for the paths that are hot, serverstream.go and clientstream.go for the
// others; the remaining files hold one piece of the protocol each.
package grpc

import (
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
)

// name is the protocol's, for both sides.
const name = "grpc"

// contentType is the media type without a codec; it stands for "proto" then.
const contentType = "application/grpc"

// defaultCodec is the codec of a content type that names none.
const defaultCodec = "proto"

// The fields of gRPC.
const (
	fieldTimeout        = "grpc-timeout"
	fieldEncoding       = "grpc-encoding"
	fieldAcceptEncoding = "grpc-accept-encoding"
	fieldPriorAttempts  = "grpc-previous-rpc-attempts"
)

// subtype returns the codec's name in a content type; false: it is not gRPC's. "application/grpc-web" is another
// protocol's.
func subtype(ct string) (codecName string, ok bool) {
	rest, ok := strings.CutPrefix(ct, contentType)
	if !ok {
		return "", false
	}
	if rest == "" {
		return defaultCodec, true
	}
	switch rest[0] {
	case ';':
		return defaultCodec, true
	case '+':
		codecName, _, _ = strings.Cut(rest[1:], ";")
		return strings.TrimSpace(codecName), true
	}
	return "", false
}

// contentTypeFor is the content type of a request with the named codec.
func contentTypeFor(codecName string) string {
	if codecName == defaultCodec {
		return contentType
	}
	return contentType + "+" + codecName
}

// agent is the framework's part of the user agent.
const agent = "fairlead-go/" + fairlead.Version

// isReserved reports whether a field is the protocol's own, or HTTP's, and so neither handed to users nor taken from
// them. Names that begin with "grpc-" are reserved by the specification, but for those that middleware is meant to use.
func isReserved(name string) bool {
	if !strings.HasPrefix(name, "grpc-") {
		return rpcwire.ReservedByHTTP(name)
	}
	switch name {
	case fieldPriorAttempts, "grpc-retry-pushback-ms", "grpc-trace-bin", "grpc-tags-bin":
		return false
	}
	return true
}
