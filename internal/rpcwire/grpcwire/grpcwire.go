// Package grpcwire holds the calls of gRPC and gRPC-Web, which differ in their content types and in how a response
// ends. Both are a Dialect of it: a Server that answers requests, and a Client that makes them, the two sides of
// protocol.HTTP. It knows the fields, the message prefix and the status of gRPC, and leaves streams, windows and header
// compression to the HTTP connection beneath.
//
// A response ends with a trailer section, as in gRPC over HTTP/2. gRPC-Web passes exchanges that turn it into the last
// frame of the body, and back.
//
// The hot paths are in serverunary.go and clientunary.go, streams in serverstream.go and clientstream.go.
package grpcwire

import (
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// Dialect is what the protocols differ in. It is read-only.
type Dialect struct {
	// Name is the protocol's name on both sides, "grpc"; Title is the one in errors, "gRPC".
	Name, Title string
	// Types are the media types of requests and responses without a codec, which means "proto". No type is another one
	// with a codec. Requests of a client have the first one.
	Types []string
	// Fields are more names and values of a client's requests.
	Fields []string
	// HTTP2 reports whether the protocol is defined for HTTP/2 alone.
	HTTP2 bool
	// Answer returns the content type of the response to a request; nil: that of the request.
	Answer func(h *protocol.Head) string
}

// defaultCodec is the codec of a content type without a codec.
const defaultCodec = "proto"

// The fields of gRPC.
const (
	fieldTimeout        = "grpc-timeout"
	fieldEncoding       = "grpc-encoding"
	fieldAcceptEncoding = "grpc-accept-encoding"
	fieldPriorAttempts  = "grpc-previous-rpc-attempts"
)

// FieldEncoding is the field that names the compressor of a request's or a response's messages.
const FieldEncoding = fieldEncoding

// Agent is the framework's part of the user agent.
const Agent = "fairlead-go/" + fairlead.Version

// subtype returns the codec's name in a content type. It returns false if the type is not the dialect's.
func (d *Dialect) subtype(ct string) (codecName string, ok bool) {
	for _, t := range d.Types {
		if codecName, ok = Subtype(t, ct); ok {
			return codecName, true
		}
	}
	return "", false
}

// Subtype returns the codec's name in a content type whose media type is t, or t with a codec. It returns false for any
// other: "application/grpc-web" is none of "application/grpc".
func Subtype(t, ct string) (codecName string, ok bool) {
	rest, ok := strings.CutPrefix(ct, t)
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

// namesCodec reports whether a content type of the dialect names a codec.
func (d *Dialect) namesCodec(ct string) bool {
	for _, t := range d.Types {
		if rest, ok := strings.CutPrefix(ct, t); ok && strings.HasPrefix(rest, "+") {
			return true
		}
	}
	return false
}

// contentTypeFor returns the content type of requests for a codec.
func (d *Dialect) contentTypeFor(codecName string) string { return WithCodec(d.Types[0], codecName) }

// WithCodec returns a media type with a codec, which is left out if it is the default one.
func WithCodec(t, codecName string) string {
	if codecName == defaultCodec {
		return t
	}
	return t + "+" + codecName
}

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
