// Package grpc is gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) as the two sides of
// protocol.HTTP: Server answers requests, Client makes them. It knows the fields, the message prefix and the status of
// gRPC, and leaves streams, windows and header compression to the HTTP connection beneath.
//
// What gRPC shares with other protocols is in internal/rpcwire. The hot paths are in serverunary.go and clientunary.go,
// streams in serverstream.go and clientstream.go.
package grpc

import (
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
)

// name is the name of the protocol, on both sides.
const name = "grpc"

// contentType is the media type without a codec, which means "proto".
const contentType = "application/grpc"

// defaultCodec is the codec of a content type without a codec.
const defaultCodec = "proto"

// The fields of gRPC.
const (
	fieldTimeout        = "grpc-timeout"
	fieldEncoding       = "grpc-encoding"
	fieldAcceptEncoding = "grpc-accept-encoding"
	fieldPriorAttempts  = "grpc-previous-rpc-attempts"
)

// subtype returns the codec's name in a content type. It returns false if the type is not gRPC's; "application/grpc-
// web" is another protocol's.
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

// contentTypeFor returns the content type for a codec.
func contentTypeFor(codecName string) string {
	if codecName == defaultCodec {
		return contentType
	}
	return contentType + "+" + codecName
}

// agent is the framework's part of the user agent.
const agent = "fairlead-go/" + fairlead.Version

// isReserved reports whether a field belongs to gRPC or HTTP, so that it is neither given to users nor taken from them.
// The specification reserves names that begin with "grpc-"; those that middleware is meant to use are the exception.
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
