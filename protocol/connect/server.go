package connect

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// Server is the server side of Connect, a protocol.HTTP. It is safe for concurrent use once it is attached.
type Server struct {
	d      protocol.Dispatcher
	panics *protocol.Panics
	recv   rpcwire.Limit
	send   rpcwire.Limit
	// unary and streams are the same compressors; their errors name different fields.
	unary   *rpcwire.Compressors
	streams *rpcwire.Compressors
	// compressMin is the size in bytes below which responses are sent as they are.
	compressMin int

	posts    []*answers                          // by content type
	gets     []*answers                          // of GET, by codec
	failures [rpcwire.NamedCodes]*protocol.Block // heads of failed unary calls
	messages map[*protocol.MethodCodec]*rpcwire.Messages

	calls sync.Pool // of *unaryCall
}

// answers is the fixed part of the responses to requests of one content type, or of GET with one codec.
type answers struct {
	contentType string
	codec       string
	stream      bool
	get         bool
	head        *protocol.Block
	compressed  []*protocol.Block // head, with the encoding of the compressor at the same index
}

// NewServer returns the server side of Connect, for the HTTP wire (web.NewServer, web.Protocol). Its methods and
// limits come from the server that it is attached to.
func NewServer() *Server {
	s := new(Server)
	for code := range s.failures {
		s.failures[code] = protocol.NewBlock(
			":status", strconv.Itoa(named(fairlead.Code(code)).HTTPStatus()), "content-type", errorType)
	}
	s.calls.New = func() any { return s.newUnaryCall() }
	return s
}

// Name returns "connect".
func (s *Server) Name() string { return name }

// Attach implements protocol.HTTP.
func (s *Server) Attach(d protocol.Dispatcher) error {
	l := d.Limits()
	s.d, s.panics = d, l.Panics
	s.recv = rpcwire.NewLimit(l.RecvMessage, "server", "server.MaxRecvMessage")
	s.send = rpcwire.NewLimit(l.SendMessage, "server", "server.MaxSendMessage")
	s.unary = rpcwire.NewCompressors(fieldEncoding, l.Compressors...)
	s.streams = rpcwire.NewCompressors(fieldStreamEncoding, l.Compressors...)
	s.unary.Panics, s.streams.Panics = l.Panics, l.Panics
	s.compressMin = l.CompressMin
	s.messages = make(map[*protocol.MethodCodec]*rpcwire.Messages)
	for r := range d.Routes() {
		for i := range r.Codecs {
			b := &r.Codecs[i]
			s.messages[b] = s.newMessages(r.Method, b)
			s.prepare(b.Name)
		}
	}
	return nil
}

// prepare makes the answers for a codec, once.
func (s *Server) prepare(codecName string) {
	if answersFor(s.gets, codecName) != nil {
		return
	}
	s.posts = append(s.posts, s.newAnswers(codecName, false, false), s.newAnswers(codecName, true, false))
	s.gets = append(s.gets, s.newAnswers(codecName, false, true))
}

func (s *Server) newAnswers(codecName string, stream, get bool) *answers {
	a := &answers{contentType: contentType(stream, codecName), codec: codecName, stream: stream, get: get}
	fields := []string{":status", "200", "content-type", a.contentType}
	encoding := fieldEncoding
	if stream {
		encoding = fieldStreamEncoding
	}
	if get && len(s.unary.List) > 0 {
		fields = append(fields, "vary", fieldAcceptEncoding) // for caches
	}
	a.head = protocol.NewBlock(fields...)
	for _, c := range s.unary.List {
		a.compressed = append(a.compressed, protocol.NewBlock(join(fields, []string{encoding, c.Name()})...))
	}
	return a
}

// answersFor returns the answers for a codec, nil if there are none.
func answersFor(list []*answers, codecName string) *answers {
	for _, a := range list {
		if a.codec == codecName {
			return a
		}
	}
	return nil
}

// answersTo returns the answers for a content type, with or without parameters, nil if it is not one of Connect with
// the codec of a method.
func (s *Server) answersTo(ct string) *answers {
	for _, a := range s.posts {
		if a.contentType == ct {
			return a
		}
	}
	if media := mediaType(ct); media != "" && media != ct {
		return s.answersTo(media)
	}
	return nil
}

// newMessages returns the messages of a method with one of its codecs.
func (s *Server) newMessages(m *fairlead.Method, b *protocol.MethodCodec) *rpcwire.Messages {
	msgs := rpcwire.NewMessages(b.Name, b.Req, b.Resp, b.RespSizer, m.NewRequest == nil, m.NewResponse == nil)
	msgs.Method, msgs.Panics, msgs.Malformed = m, s.panics, fairlead.InvalidArgument
	return msgs
}

// Match implements protocol.HTTP. It takes requests for the path of a method, with POST and a content type of Connect
// that fits the kind of the method, or with GET. It asks for the complete bodies of unary calls.
func (s *Server) Match(h *protocol.Head) protocol.Mode {
	r := h.Route
	if r == nil {
		return protocol.Pass
	}
	var a *answers
	switch {
	case h.Verb == "POST":
		a = s.answersTo(h.ContentType)
	case h.Verb == "GET" && hasGet(r.Method):
		a = answersFor(s.gets, encodingIn(h.Query))
	default:
		h.Allow = append(h.Allow, "POST")
		if hasGet(r.Method) {
			h.Allow = append(h.Allow, "GET")
		}
		return protocol.WrongVerb
	}
	if a == nil || a.stream != (r.Method.Kind != fairlead.Unary) || r.Codec(a.codec) == nil {
		return protocol.WrongType
	}
	h.Matched = a
	if a.stream {
		return protocol.Streamed
	}
	return protocol.Complete
}

// hasGet reports whether a method can be called with GET.
func hasGet(m *fairlead.Method) bool {
	return m.Kind == fairlead.Unary && m.Idempotency == fairlead.NoSideEffects
}

// Deadline implements protocol.HTTP.
func (s *Server) Deadline(h *protocol.Head) time.Time {
	if v := h.TimeoutIn(fieldTimeout); v != nil {
		if d, ok := parseTimeout(v); ok {
			return h.Came.Add(d)
		}
		return h.Came // malformed: begin returns the error
	}
	if h.Route != nil && h.Route.Method.Timeout > 0 {
		return h.Came.Add(h.Route.Method.Timeout)
	}
	return time.Time{}
}

// Stream implements protocol.HTTP.
func (s *Server) Stream(x protocol.Exchange) {
	if h := x.Head(); h.Route.Method.Kind != fairlead.Unary {
		s.openStream(x)
	} else {
		s.openUnary(x)
	}
}

// acceptable returns the names in a list of encodings that the client accepts, without weights and without those whose
// weight is zero (RFC 9110, section 12.5.3).
func acceptable(list string) string {
	if !strings.Contains(list, ";") {
		return list
	}
	var names []string
	for one := range strings.SplitSeq(list, ",") {
		name, params, _ := strings.Cut(one, ";")
		if q, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
			if weight, err := strconv.ParseFloat(q, 32); err != nil || weight <= 0 {
				continue
			}
		}
		names = append(names, strings.TrimSpace(name))
	}
	return strings.Join(names, ",")
}
