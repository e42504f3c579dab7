package fairlead

import "time"

// Kind is the shape of a method.
type Kind uint8

// The kinds.
const (
	// Unary: one request, one response.
	Unary Kind = iota
	// ClientStreaming: many requests, one response.
	ClientStreaming
	// ServerStreaming: one request, many responses.
	ServerStreaming
	// BidiStreaming: many requests, many responses, in any order.
	BidiStreaming
)

// ClientStreams says whether the client sends any number of messages.
func (k Kind) ClientStreams() bool { return k == ClientStreaming || k == BidiStreaming }

// ServerStreams says whether the server sends any number of messages.
func (k Kind) ServerStreams() bool { return k == ServerStreaming || k == BidiStreaming }

// String returns the kind in words.
func (k Kind) String() string {
	switch k {
	case ClientStreaming:
		return "client streaming"
	case ServerStreaming:
		return "server streaming"
	case BidiStreaming:
		return "bidirectional streaming"
	default:
		return "unary"
	}
}

// Idempotency says what a repetition of a call does. Retries, hedging and HTTP's GET rest on it.
type Idempotency uint8

// The idempotency levels, as google.protobuf.MethodOptions has them.
const (
	// MayHaveEffects: a second run may do harm.
	MayHaveEffects Idempotency = iota
	// Idempotent: a second run has no further effect.
	Idempotent
	// NoSideEffects: the call only reads.
	NoSideEffects
)

// Criticality is a call's class when not all calls can be served: the least critical are shed first.
type Criticality uint8

// The classes, least critical first. CriticalityDefault counts as Critical.
const (
	CriticalityDefault Criticality = iota
	Sheddable
	Degradable
	Critical
	CriticalPlus
)

// Method describes one method. Generated code makes it once as a package variable; it is read-only afterwards and
// compared by pointer. It holds its service's name and not a pointer: a cycle of package variables would not
// initialise.
type Method struct {
	Service string // full name of the service, "greeter.v1.Greeter"
	Name    string // "SayHello"
	Path    string // "/greeter.v1.Greeter/SayHello"
	Kind    Kind

	Idempotency Idempotency
	Criticality Criticality
	// Timeout is the default of calls to it; 0: none.
	Timeout time.Duration

	// NewRequest and NewResponse make an empty message. Nil: the message is delivered as *Raw.
	NewRequest  func() any
	NewResponse func() any

	// HTTP lists the REST bindings.
	HTTP []HTTPRule
	// Extensions holds typed options of other generators.
	Extensions []any
}

// HTTPRule is one REST binding (google.api.http), compiled by the generator so that no reflection is needed at run
// time.
type HTTPRule struct {
	Verb     string // "GET"
	Template string // "/v1/hello/{name}"
	Params   []HTTPParam
	Body     func(request any) any  // the part of request that the body is decoded into; nil: no body
	Result   func(response any) any // the part of response that is sent; nil: all of it
}

// HTTPParam sets one field of a request from the path or the query.
type HTTPParam struct {
	Name string
	Set  func(request any, values []string) error
}

// Service describes a service; read-only once made.
type Service struct {
	Name    string // "greeter.v1.Greeter"
	IDL     string // "proto", "thrift"
	Methods []*Method
	// Schema returns the contract for reflection: for "proto" a serialized google.protobuf.FileDescriptorSet, gzipped,
	// with the files that it imports. Nil: no reflection.
	Schema func() []byte
}

// MethodOption sets fields of a Method that NewMethod makes.
type MethodOption func(*Method)

// NewMethod describes a method whose messages are Req and Resp. It is for generated code.
func NewMethod[Req, Resp any](kind Kind, service, name string, opts ...MethodOption) *Method {
	m := &Method{
		Service:     service,
		Name:        name,
		Path:        "/" + service + "/" + name,
		Kind:        kind,
		NewRequest:  func() any { return new(Req) },
		NewResponse: func() any { return new(Resp) },
	}
	for _, o := range opts {
		o(m)
	}
	return m
}

// NewService describes a service. It is for generated code.
func NewService(name, idl string, schema func() []byte, methods ...*Method) *Service {
	return &Service{Name: name, IDL: idl, Methods: methods, Schema: schema}
}

// Raw is a message that was not decoded: for proxies, generic calls and late decoding.
type Raw struct {
	// Data is the encoded message; it belongs to the Raw and may be kept.
	Data []byte
	// Codec names the encoding, "proto".
	Codec string
	// Decode decodes Data into a message with the call's codec; protocols set it on messages that they deliver.
	Decode func(data []byte, msg any) error
}
