package protocol

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/transport"
)

// Mode is an HTTP protocol's answer to the head of a request: whether it takes the request, and how it wants the body.
type Mode uint8

// The modes. With WrongVerb and WrongType the protocol does not take the request but knows its path; if no other
// protocol takes it, the wire answers with 405 or 415 instead of 404.
const (
	Pass      Mode = iota // the request is for another protocol
	WrongVerb             // the path is served with other methods, which were appended to Head.Allow
	WrongType             // path and method are served, with other content types
	Complete              // Whole, once the body is complete, if it is small; Stream otherwise
	Streamed              // Stream, as soon as the head is there
)

// Takes reports whether the protocol takes the request.
func (m Mode) Takes() bool { return m >= Complete }

// MaxWhole is the largest body in bytes that is given to HTTP.Whole.
const MaxWhole = 64 << 10

// HTTP is the server side of a protocol that is carried by HTTP requests, whatever the version. Package protocol/grpc
// is one, and protocol/grpcweb another.
type HTTP interface {
	Name() string
	// Attach passes the server's routes to the protocol, once, before the first connection.
	Attach(d Dispatcher) error
	// Match is called for each request, in the order in which the protocols were given, until one takes the request. It
	// may leave what it has found, such as a rule and the values of the path's variables, in h.Matched for Whole, Stream
	// and Deadline. It is called by the reading goroutine and must be quick.
	Match(h *Head) Mode
	// Whole is called with a request and its complete body, which is valid until Whole returns. It is called by the
	// reading goroutine and must not block: it decodes the request and returns the task to run, or answers at once and
	// returns nil. The connection decides which goroutine runs the task.
	Whole(x Exchange, body []byte) Task
	// Stream is called, in a new goroutine, with any other request, and with one that should be Complete but is late. It
	// ends the exchange before it returns.
	Stream(x Exchange)
	// Deadline returns the time by which a request whose head came at h.Came must be answered; the zero time is never. It
	// is called for requests that should be Complete but did not arrive at once, by the reading goroutine, and must be
	// quick.
	Deadline(h *Head) time.Time
}

// Responder answers requests: an HTTP, or what answers those that no protocol takes.
type Responder interface {
	Whole(x Exchange, body []byte) Task
	Stream(x Exchange)
	Deadline(h *Head) time.Time
}

// Selector finds out who answers a request, for an engine or for whatever else makes Exchanges. It is safe for
// concurrent use.
type Selector interface {
	// Route returns the route of a path without its query, nil if it has none. The answer does not change: a connection
	// keeps it with the path in its header table, and in Head.Route for Select.
	Route(path []byte) *Route
	// Select returns who answers the request, never nil, and how it wants the body: Complete or Streamed.
	Select(h *Head) (Responder, Mode)
}

// Head is the head of a request or response, or a trailer. Its strings may be kept. The Head itself is valid as long as
// the function that passes it says.
type Head struct {
	Verb      string // the request's method, "POST"
	Scheme    string
	Authority string
	Path      string // without the query
	Query     string // after the '?'
	Status    int    // of a response

	ContentType string
	UserAgent   string
	// Timeout is the value of the field that TimeoutName names, grpc-timeout or connect-timeout-ms, nil if there is
	// neither: see TimeoutIn. It is valid during the call to which the Head was passed, and must not be kept, so that
	// values that differ from call to call cost no allocation.
	Timeout     []byte
	TimeoutName string
	// Expect100 reports whether the client waits for the status 100 before it sends the body (RFC 9110, section 10.1.1).
	// The engine sends it: when the body of a request that is to be Complete does not come by itself; when Read is called
	// in Stream before the response has begun; and before a head with a status from 200 to 299 that SendHead sends. So a
	// protocol that answers without reading refuses the body.
	Expect100 bool
	// Came is when the head arrived, for a request whose body did not arrive with it; the zero time: just now.
	Came time.Time
	// Fields are all other fields in order, with names in lower case and values as they arrived, without those that belong
	// to the connection (RFC 9110, section 7.6.1): connection, upgrade, te, transfer-encoding and the like. They must not
	// be changed.
	Fields fairlead.Metadata
	// Protocol is the protocol to which the client wants to switch once the request is answered, such as "websocket"; "":
	// HTTP. It is the value of :protocol (RFC 8441), or of HTTP/1.1's field upgrade (RFC 9110, section 7.8). See
	// SwitchStatus.
	Protocol string
	// Route is the route of Path, nil if there is none.
	Route *Route
	// Matched is what Match left for the exchange; nil: nothing. It belongs to the protocol that takes the request.
	Matched any
	// Allow lists the methods with which protocols that do not take the request serve its path.
	Allow []string
	// Answer has fields that the engine adds to the head of the response, also to the 404, 405 or 415 of the wire, as CORS
	// needs. Match may set it, also for requests that concern the protocol but that it does not take. The fields are sent
	// as they are; nil: none.
	Answer *fairlead.Metadata
	// Version is the version of HTTP: 1, for HTTP/1.1 and HTTP/1.0, or 2.
	Version uint8
	// NoBody reports whether a request ended with its head, so that it has no body.
	NoBody bool
	// TooLarge reports whether the header list is longer than Limits.HeaderList. The Head then has only its beginning, and
	// the wire answers with 431 itself.
	TooLarge bool
}

// SwitchStatus returns the status of a head that accepts the switch to Protocol, or a CONNECT: 200 for CONNECT, in
// every version, and 101 for an upgrade, which only HTTP/1.1 has. From then on the Pipe is raw: Read returns the bytes
// of the peer and Send sends bytes, without HTTP's framing, and neither side sends a trailer. SendHead refuses a 101 if
// the version of HTTP has none.
func (h *Head) SwitchStatus() int {
	if h.Verb == "CONNECT" {
		return 200
	}
	return 101
}

// TimeoutIn returns the value of a protocol's own timeout field, nil if there is none. A request may have another
// protocol's field as well, which means nothing to this one. The value is valid as long as h.Timeout.
func (h *Head) TimeoutIn(name string) []byte {
	if h.Timeout == nil {
		return nil
	}
	if h.TimeoutName == name {
		return h.Timeout
	}
	for i := range h.Fields.Len() { // there are two
		if k, v := h.Fields.At(i); k == name {
			return []byte(v)
		}
	}
	return nil
}

// ResetCode is the reason for resetting an exchange, with HTTP/2's numbers (RFC 9113, section 7).
type ResetCode uint32

// The codes that protocols use.
const (
	ResetNoError        ResetCode = 0x0
	ResetProtocolError  ResetCode = 0x1
	ResetInternal       ResetCode = 0x2
	ResetFlowControl    ResetCode = 0x3
	ResetRefused        ResetCode = 0x7
	ResetCancel         ResetCode = 0x8
	ResetCompression    ResetCode = 0x9
	ResetEnhanceCalm    ResetCode = 0xb
	ResetInadequateTLS  ResetCode = 0xc
	ResetHTTP11Required ResetCode = 0xd
)

// codeNames are the names of all codes, by number (RFC 9113, section 7).
var codeNames = [...]string{ //nolint:gochecknoglobals // a constant
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
	"FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
	"INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

// String returns the code's name in RFC 9113, "INTERNAL_ERROR", and the number of a code that has none, "0x2a".
func (c ResetCode) String() string {
	if int64(c) < int64(len(codeNames)) {
		return codeNames[c]
	}
	return fmt.Sprintf("0x%x", uint32(c))
}

// FailureKind is what ended an exchange.
type FailureKind uint8

// The kinds.
const (
	FailedReset     FailureKind = iota // the peer reset this exchange alone
	FailedGoaway                       // the peer shut the connection down; see Reach for whether it took this exchange
	FailedLost                         // the connection broke
	FailedViolation                    // the peer broke the rules of HTTP
	FailedClosed                       // this side closed the connection
)

// Failure is the error of an exchange that did not end properly.
type Failure struct { //nolint:errname // it is the end of an exchange, and used as a value as well
	Kind  FailureKind
	Code  ResetCode // with FailedReset and FailedGoaway the peer's, with FailedViolation the one sent to it
	Reach fairlead.Reach
	Cause error
}

// Error describes what happened.
func (f *Failure) Error() string {
	var what string
	switch f.Kind {
	case FailedReset:
		what = "the peer reset the stream with " + f.Code.String()
	case FailedGoaway:
		what = "the peer sent GOAWAY with " + f.Code.String()
	case FailedLost:
		what = "the connection was lost"
	case FailedViolation:
		what = "the peer broke the protocol"
	case FailedClosed:
		what = "the connection was closed"
	}
	if f.Cause != nil {
		return what + ": " + f.Cause.Error()
	}
	return what
}

// Unwrap returns the cause, unless it is io.EOF, as when the peer has closed the connection: receivers take
// errors.Is(err, io.EOF) for the proper end of a stream.
func (f *Failure) Unwrap() error {
	if errors.Is(f.Cause, io.EOF) {
		return nil
	}
	return f.Cause
}

// Pipe is both directions of an open exchange. One goroutine may read while another sends; Interrupt may be called from
// any goroutine.
type Pipe interface {
	// Read returns the next part of the peer's body; it is valid until the next Read. After the last part it returns
	// io.EOF. If the exchange ended otherwise it returns a *Failure, or the cause passed to Interrupt. Parts that arrived
	// before a failure are returned first.
	Read() ([]byte, error)
	// Send appends m to the body and, if last is true, ends it; a nil m with last only ends it. It returns when m is
	// encoded, and blocks while the peer's window or the connection has no room. If the peer has ended the exchange, it
	// returns a *Failure on a server. On a client it returns io.EOF, and Read returns the reason; if it is certain that
	// the peer did not process the exchange, it returns a *Failure. An error of the codec is returned as it is, and
	// nothing was sent.
	Send(m *Message, last bool) error
	// Interrupt makes Read and Send return cause, now and from now on. The peer does not notice.
	Interrupt(cause error)
	// Reset ends the exchange at once: it sends code to the peer, and Read and Send return cause. It does nothing if the
	// exchange is over.
	Reset(code ResetCode, cause error)
}

// Exchange is one request and its response, as a server sees it. It is over, and must not be used any more, when Reply
// has returned without an error, or Finish or Reset has been called, except that Interrupt and Reset do nothing then.
//
// The engine does what HTTP itself requires of a response: it adds the field date, and adds content-length to what
// Reply sends without a trailer and to a head that is the whole response; it drops the body of a response to HEAD, and
// of one with the status 204 or 304.
type Exchange interface {
	Pipe
	// Head returns the head of the request. It is valid until Whole or Stream returns.
	Head() *Head
	Peer() *fairlead.Peer
	// SetCall sets the call that is canceled when the peer resets the exchange or the connection ends.
	SetCall(c *fairlead.Call)
	// Expect sets whether the peer should go on sending, because it has begun something: a message, or a request that
	// should be Complete. The wire limits the time for that (Guard.MessageTimeout); after that Read and Send return an
	// Error with DeadlineExceeded.
	Expect(rest bool)
	// HeaderLimit returns the length of the longest header list that the peer accepts, in bytes as RFC 9113 counts them in
	// section 6.5.2; 0: it has not said.
	HeaderLimit() int
	// Trailer returns the trailer section of the request after its body was read to the end, also in Whole; nil if there
	// is none. It is valid as long as the exchange. It is for protocols whose requests have trailers; gRPC's have none.
	Trailer() *Head
	// Inform sends an interim response, with a status from 100 to 199 except 101 (RFC 9110, section 15.2), before the
	// head. fields may be nil. It is for protocols that send 103 (RFC 8297); the engine sends 100 by itself: see
	// Head.Expect100.
	Inform(status int, fields *fairlead.Metadata) error
	// SendHead sends the response's head, which has a status.
	SendHead(h Section) error
	// Reply sends a whole response in one hold of the connection's writer, without waiting for the peer: what the peer's
	// window has no room for is sent later. An error is the codec's, and the exchange is not over then. If r has a
	// trailer, only its head was sent, and Finish ends the exchange with another trailer. If it has none, nothing was
	// sent, so that another Reply, or Finish, can answer with an error.
	Reply(r *Reply) error
	// Finish ends the response with a trailer, or without one if t is empty. If no head was sent, t is the head, has a
	// status, and is the whole response. If the body of the request was not read to its end, the exchange is then reset
	// without an error.
	Finish(t Section)
}

// Hijacker is implemented by exchanges that have a connection to themselves and can give it away, as those of HTTP/1.1
// do and those of HTTP/2 do not. It is for foreign handlers that want a connection; those that know Exchange send
// SwitchStatus and use its Pipe.
type Hijacker interface {
	// Hijack ends the exchange without a response, and returns the connection with what is buffered of it. The caller
	// closes it; a Shutdown waits for that, and closes the connection when its time is over. The body of the request must
	// have been read to its end, and the response must not have begun. After an error the exchange goes on. The exchange
	// must be one of Stream.
	Hijack() (transport.Conn, error)
}

// Message is what is sent in a body. It is only read, and not kept.
type Message struct {
	// Value is the message. Sizer encodes it straight into the connection's buffer; if Sizer is nil, Codec encodes it into
	// a separate buffer. If Value is nil, Bytes is the encoding.
	Value any
	Sizer codec.Sizer
	Codec codec.Codec
	Bytes []byte
	// Size is Sizer.Size(Value), when Sizer is set.
	Size int
	// Envelope adds the prefix of gRPC and Connect to the message: one byte of flags, four of length.
	Envelope bool
	Flags    uint8
}

// Reply is a whole response. It is only read, and not kept.
type Reply struct {
	Head    Section // empty: SendHead was called
	Message Message
	Tail    []byte  // more of the body, after the message and without an envelope, such as gRPC-Web's trailer; nil: none
	Trailer Section // empty: the body's end is the response's
}

// HTTPClient is the client side of a protocol that is carried by HTTP requests.
type HTTPClient interface {
	Name() string
	Bind(m *fairlead.Method, cfg *ClientConfig) (Binding, error)
	// NewConn returns the protocol's connection on an HTTP connection.
	NewConn(hc HTTPConn, cfg *ClientConfig) ClientConn
}

// HTTPConn is an HTTP connection of a client. It is safe for concurrent use. Free, Freed, Drain, Close, Closed, Err and
// Done are as in ClientConn.
type HTTPConn interface {
	Peer() *fairlead.Peer
	// Do sends a whole request, without waiting for the peer: what the peer's window has no room for is sent later. The
	// response goes to r. If Do returns an error it does not use r. The error is ErrFull, the codec's, or an Error with
	// ResourceExhausted for a header list that is longer than the server accepts.
	Do(req *Request, r Receiver) (Ticket, error)
	// Cancel cancels an exchange that Do began. If it returns true, r is not called again, and its End is never called. If
	// it returns false, End was called or is about to be.
	Cancel(t Ticket, code ResetCode) bool
	// Open sends the head of a request and, if it has one, its message. Errors are as with Do.
	Open(req *Request) (ClientExchange, error)
	Free() int
	Freed() <-chan struct{}
	Drain()
	Close(cause error)
	Closed() <-chan struct{}
	Err() error
	Done() <-chan struct{}
}

// Ticket identifies an exchange that Do began, on its connection.
type Ticket uint64

// Request is a request to send. It is only read, and not kept.
type Request struct {
	// Head has the fields that are the same in many requests, such as ":scheme" and ":authority".
	Head *Block
	// Verb and Path are those of this request, "" if Head has them as ":method" and ":path". Query, if any, goes with
	// Path: it is the part after the '?'.
	Verb, Path, Query string
	// Name and Value are one more field; a value made per call costs no allocation here. "": none.
	Name    string
	Value   []byte
	Extra   *fairlead.Metadata // more fields; nil or empty: none
	Base64  bool               // as in Section
	Message *Message           // nil: none
	Last    bool               // the body ends here; Do takes it for granted
	// Inform gets the interim responses that come before the head, such as 103 (RFC 8297); nil: they are skipped. It is
	// called by the connection's reading goroutine, must not block and must not use the exchange. h is valid during the
	// call.
	Inform func(h *Head)
}

// MaxInterim is the number of interim responses that a server may send before the head of a response (RFC 9110, section
// 15.2). After more of them the exchange fails, as after 101, which HTTP/2 does not know (RFC 9113, section 8.6).
const MaxInterim = 100

// Receiver gets the response of a request sent with Do. Its methods are called by the connection's reading goroutine,
// one after another, and must not block.
type Receiver interface {
	// Head is called with the head of the response; h is valid during the call. If end is true the response has no body
	// and no trailer, and End is called next.
	Head(h *Head, end bool)
	// Data is called with a part of the body, valid during the call. If it returns false the exchange is reset, and End is
	// called with a nil trailer and a nil error.
	Data(part []byte) bool
	// End is called once, last: with the trailer (nil: none), valid during the call, or with the error, a *Failure.
	End(trailer *Head, err error)
}

// ClientExchange is an open request and its response, as a client sees it.
type ClientExchange interface {
	Pipe
	// Finish ends the body with a trailer section, which is not kept, or without one if t is empty. It does not wait for
	// the peer. Errors are as with Send, and as with Do for a section that is longer than the server takes; nothing was
	// sent then.
	Finish(t Section) error
	// HeadReady returns a channel that is closed when the response's head has arrived or the exchange has ended.
	HeadReady() <-chan struct{}
	// Head returns the response's head, nil if there is none (yet); it is valid as long as the exchange. HeadEnds reports
	// whether the response consists of it alone.
	Head() (h *Head, headEnds bool)
	// Trailer returns the response's trailer after Read has returned io.EOF, nil if there is none.
	Trailer() *Head
}
