package jsonwire

// DefaultMaxDepth is how deeply objects and arrays may be nested unless Options say otherwise.
const DefaultMaxDepth = 1000

// Options are what can be chosen in encoding and decoding. The zero value is the default of ProtoJSON, but that unknown
// members are dropped.
type Options struct {
	// EnumNumbers writes enum values by number, not by name. Both are accepted.
	EnumNumbers bool
	// ZeroValues writes fields without presence that have their zero value, and empty lists and maps.
	ZeroValues bool
	// ProtoNames writes the names of fields as the contract has them ("page_size"), not in lowerCamelCase ("pageSize").
	// Both are accepted.
	ProtoNames bool
	// Int64Numbers writes 64-bit integers as numbers, not as strings. Both are accepted. JavaScript and others that have
	// only float64 read numbers above 2^53 inexactly.
	Int64Numbers bool

	// RefuseUnknown refuses members that a message does not have, and names that an enum does not have. Otherwise the
	// members are dropped, and fields with such names left as they are.
	RefuseUnknown bool
	// MaxDepth limits how deeply objects and arrays may be nested in what is decoded; 0 means DefaultMaxDepth.
	MaxDepth int

	// Messages encodes and decodes messages without generated code. Without it they are errors.
	Messages Messages
}

// Appender is a message with generated code, to be encoded.
type Appender interface {
	// AppendProtoJSON appends the message as a JSON value. A nil message is an empty one.
	AppendProtoJSON(dst []byte, e *Encoder) []byte
}

// Parser is a message with generated code, to be decoded.
type Parser interface {
	// ParseProtoJSON reads a JSON value into the message, which is empty before. After an error the message's content is
	// undefined.
	ParseProtoJSON(d *Decoder)
}

// Messages encodes and decodes messages without generated code, such as google.protobuf.Any. It must be safe for
// concurrent use.
type Messages interface {
	// AppendMessage appends msg, which may be a nil pointer, as a JSON value. It reports errors by Encoder.Fail.
	AppendMessage(dst []byte, e *Encoder, msg any) []byte
	// ParseMessage reads a JSON value into msg, which is empty. It reports errors by Decoder.Fail.
	ParseMessage(d *Decoder, msg any)
	// AppendExtensions appends the extensions of msg as members, with a comma behind each.
	AppendExtensions(dst []byte, e *Encoder, msg any) []byte
	// ParseExtension reads the value of a member whose name, an extension's in brackets, was read. If msg has no such
	// extension, it calls Decoder.Unknown.
	ParseExtension(d *Decoder, name string, msg any)
}

// GeneratedV1 is named by generated code of the first contract, so that it compiles only with a version of this
// package that serves it.
const GeneratedV1 = true
