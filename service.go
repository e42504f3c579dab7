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

// ClientStreams reports whether the client sends any number of messages.
func (k Kind) ClientStreams() bool { return k == ClientStreaming || k == BidiStreaming }

// ServerStreams reports whether the server sends any number of messages.
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

// Idempotency is what a repetition of a call does. Methods with NoSideEffects can be called with HTTP's GET in Connect:
// servers answer it, and clients send it if they have the option connect.Get. Nothing else uses it yet: clients do not
// retry or hedge.
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

// Criticality is a call's class when not all calls can be served. Nothing in this repository uses it yet; a Gate or a
// middleware may.
type Criticality uint8

// The classes, least critical first. CriticalityDefault stands for Critical.
const (
	CriticalityDefault Criticality = iota
	Sheddable
	Degradable
	Critical
	CriticalPlus
)

// Method describes one method. Generated code makes it once, as a package variable. It is read-only then, and compared
// by pointer. It has its service's name and not a pointer to the service, since package variables that refer to each
// other cannot be initialised.
type Method struct {
	Service string // full name of the service, "greeter.v1.Greeter"
	Name    string // "SayHello"
	Path    string // "/greeter.v1.Greeter/SayHello"
	Kind    Kind

	// OneWay methods have no response, as Thrift's oneway functions; their Kind is Unary. A client's call ends when its
	// request was written: success does not mean that the server has it, nor that the handler succeeds. The handler runs
	// like any other, its error goes to the server's middleware alone, and it goes on when the client leaves. The deadline
	// bounds the time until the request is written, and is the handler's as well. A call that failed and was surely not
	// written (Reach is NotSent) may be repeated, one that was written is not. Protocols that answer each call refuse such
	// methods: gRPC's client fails to bind them, and its server answers UNIMPLEMENTED.
	OneWay bool

	Idempotency Idempotency
	Criticality Criticality
	// Timeout is the longest time for a call; 0: no limit. A client uses the earlier of this and the caller's deadline. A
	// server uses it for calls that arrive without a deadline.
	Timeout time.Duration

	// NewRequest and NewResponse make an empty message. Nil: the message is delivered as *Raw.
	NewRequest  func() any
	NewResponse func() any

	// HTTP lists the REST bindings, which package protocol/rest serves.
	HTTP []HTTPRule
	// JSON is the form of the method's responses in JSON.
	JSON JSONForm
	// Extensions holds typed options of other generators.
	Extensions []any
}

// JSONForm describes how messages are written as JSON where that is other than ProtoJSON has it. What is nil is as the
// codec has it. Messages and fields whose contract chooses something else (fairlead/options.proto) are written so.
type JSONForm struct {
	// EnumNumbers writes values of enums by number, not by name.
	EnumNumbers *bool
	// ZeroValues writes fields without presence that have their zero value, and empty lists and maps.
	ZeroValues *bool
	// OriginalNames writes the names of fields as the contract has them, not in lowerCamelCase.
	OriginalNames *bool
	// Int64Numbers writes integers of 64 bits as numbers, not as strings.
	Int64Numbers *bool
}

// HTTPRule is one REST binding (google.api.http), compiled by the generator so that no reflection is needed at run
// time. A request is made in this order: an empty request, then its body, then the query, then the variables of the
// path. The functions take the method's own messages, as NewRequest and NewResponse make
// them, and panic for others. They are safe for concurrent use on different messages.
type HTTPRule struct {
	// Verb is the HTTP method, "GET"; "*" stands for all of them.
	Verb string
	// Template is the path, "/v1/hello/{name}", as package httprule parses it.
	Template string
	// Status is the status of a response to a call that succeeds, from 200 to 299; 0: 200. See Call.SetHTTPStatus.
	Status int
	// Params are the fields that the path and the query set.
	Params []HTTPParam

	// BodyField is what the HTTP body holds: "" nothing, "*" the whole request, otherwise the JSON name of the request's
	// field, of any type, whose value in JSON it is.
	BodyField string
	// Body returns the part of request that the body is decoded into, and makes it if it is nil. A nil Body means that the
	// field is not a message; {"BodyField": body} is then decoded into request.
	Body func(request any) any
	// RawBody sets a body that is not decoded, because its field is a google.api.HttpBody; nil otherwise. It keeps data.
	RawBody func(request any, contentType string, data []byte)

	// ResultField is the JSON name of the response's field that is sent; "": the whole response.
	ResultField string
	// Result returns the value of that field: a message, or the Go value of a scalar, a list or a map. Nil: the whole
	// response.
	Result func(response any) any
	// RawResult returns a body that is sent as it is, because it is a google.api.HttpBody; nil otherwise.
	RawResult func(response any) (contentType string, data []byte)
}

// HTTPParam sets one field of a request from the path or the query. It does not set fields of the body.
type HTTPParam struct {
	// Name is the path of the field in the contract's names, "filter.page_size". Variables of the template have the same
	// names.
	Name string
	// JSON is the same path in JSON names, "filter.pageSize", which the query may use as well; "" if it is the same.
	JSON string
	// InPath reports whether the field is a variable of the template; the query does not set it then.
	InPath bool
	// Set parses values and sets the field. If it is repeated, Set appends all values. Its error names the field; request
	// may then be partly set. Names and values are unescaped already.
	Set func(request any, values []string) error
}

// Service describes a service; read-only once made.
type Service struct {
	Name    string // "greeter.v1.Greeter"
	IDL     string // the language of the contract, "proto"; reflection tells of no other
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

// Raw is a message that was not decoded. It is for proxies, generic calls and late decoding.
type Raw struct {
	// Data is the encoded message; it belongs to the Raw and may be kept.
	Data []byte
	// Codec names the encoding, "proto".
	Codec string
	// Decode decodes Data into a message with the call's codec. Protocols set it on messages that they deliver.
	Decode func(data []byte, msg any) error
}
