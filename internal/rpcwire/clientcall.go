package rpcwire

import (
	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// ClientCall is a streaming call of a client in one protocol: a type that embeds ClientStream, which has the methods of
// a stream and of a driver except Protocol, and adds what the protocol does in its own way.
type ClientCall interface {
	fairlead.Stream
	fairlead.Driver

	// Request fills in r but for its message. It is called again when the stream resumes on another connection. The
	// slice timeout is empty and has room for the value of one field, which may differ from call to call.
	Request(r *protocol.Request, timeout []byte) error
	// Head reads the response's head, once: it puts the metadata on the call and keeps what else is needed. With ends
	// the response consists of the head alone. An error refuses the response; a page, if Head returns one, then gets
	// the beginning of the body, and its first words are added to the error. Head must not block.
	Head(h *protocol.Head, ends bool) (*Page, error)
	// Encoding returns the name of the compressor of the messages received, "" for none. It is called after Head.
	Encoding() string
	// Frame takes a frame whose flags are the protocol's own (Reader.Own), such as the one that ends a response of
	// Connect, decompressed; the payload is valid during the call. No message may follow.
	Frame(payload []byte, flags uint8) error
	// End returns the error that the call ends with at the end of the response, nil for success. The trailer is the
	// head if the response consists of it alone, and nil if there is none.
	End(trailer *protocol.Head) error
}

// Opening is what a protocol opens a ClientStream with.
type Opening struct {
	Call *fairlead.Call
	// Stream is what embeds the ClientStream: it becomes the call's stream and driver.
	Stream   ClientCall
	Messages *Messages
	Accepted *Compressors
	Outgoing Outgoing
	Recv     Limit
	// Own and OwnLimit are the Reader's.
	Own      uint8
	OwnLimit Limit
}

// request is what is needed of a request only while it is sent.
type request struct {
	protocol.Request

	timeout [16]byte
}
