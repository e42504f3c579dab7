package rest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/httprule"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// Server is the server side of REST, a protocol.HTTP. It is safe for concurrent use once it is attached.
type Server struct {
	opts   config
	d      protocol.Dispatcher
	panics *protocol.Panics
	router httprule.Router[*binding]

	recv, send  int // bytes of a message
	compressors []compress.Compressor
	encodings   string // their names
	compressMin int

	calls sync.Pool // of *unaryCall
}

var _ protocol.HTTP = (*Server)(nil)

// NewServer returns the server side of REST, for the HTTP wire (server.HTTP, web.NewServer). Its methods and limits
// come from the server that it is attached to. server.New returns an error if an option is wrong.
func NewServer(opts ...Option) *Server {
	s := &Server{opts: config{heartbeat: defaultHeartbeat}}
	for _, o := range opts {
		if o == nil {
			s.opts.errs = append(s.opts.errs, errors.New("rest: NewServer: nil Option"))
			continue
		}
		o.apply(&s.opts)
	}
	s.calls.New = func() any { return s.newUnaryCall() }
	return s
}

// Name returns "rest".
func (s *Server) Name() string { return name }

// Attach implements protocol.HTTP. It returns an error that names both bindings if two of them have the same method and
// paths of the same shape.
func (s *Server) Attach(d protocol.Dispatcher) error {
	if s.d != nil {
		return errors.New("it is attached to a server already; make one for each")
	}
	if err := s.opts.check(); err != nil {
		return err
	}
	l := d.Limits()
	s.d, s.panics, s.compressMin = d, l.Panics, l.CompressMin
	s.recv, s.send = limit(l.RecvMessage), limit(l.SendMessage)
	var names []string
	for _, c := range l.Compressors {
		if c != nil {
			s.compressors, names = append(s.compressors, c), append(names, c.Name())
		}
	}
	s.encodings = strings.Join(names, ", ")
	var errs []error
	for r := range d.Routes() {
		for i := range r.Method.HTTP {
			if err := s.add(r, &r.Method.HTTP[i]); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// limit returns a number of bytes that is not exceeded if n is 0.
func limit(n int) int {
	if n <= 0 {
		return int(^uint(0) >> 1)
	}
	return n
}

func (s *Server) add(r *protocol.Route, rule *fairlead.HTTPRule) error {
	b, err := newBinding(r, rule, s.opts.codec)
	if err != nil {
		return fmt.Errorf("%s: %s %s: %w", r.Method.Path, rule.Verb, rule.Template, err)
	}
	if other, ok := s.router.Add(rule.Verb, b.template, b); !ok {
		return fmt.Errorf("%s: %s %s answers the same requests as %s %s of %s", r.Method.Path, rule.Verb, rule.Template,
			other.rule.Verb, other.rule.Template, other.route.Method.Path)
	}
	return nil
}

// matched is what Match leaves for the exchange.
type matched struct {
	*binding

	values []string // of the path's variables
	err    error    // the path's values cannot be unescaped
	inline [4]string
}

// Match implements protocol.HTTP. It asks for the complete bodies of unary calls.
func (s *Server) Match(h *protocol.Head) protocol.Mode {
	var buf [4]string
	b, values, ok, err := s.router.Match(h.Verb, h.Path, buf[:0])
	switch {
	case !ok:
		before := len(h.Allow)
		if h.Allow = s.router.Methods(h.Allow, h.Path); len(h.Allow) > before {
			return protocol.WrongVerb
		}
		return protocol.Pass
	case h.ContentType != "" && !b.takes(h.ContentType):
		return protocol.WrongType
	}
	if len(values) == 0 && err == nil {
		h.Matched = b.alone
	} else {
		m := &matched{binding: b, err: err}
		m.values = append(m.inline[:0], values...)
		h.Matched = m
	}
	if b.route.Method.Kind == fairlead.Unary {
		return protocol.Complete
	}
	return protocol.Streamed
}

// fieldTimeout is the field of a request with the time that its caller waits, as in gRPC. grpc-gateway reads it, too.
const fieldTimeout = "grpc-timeout"

// Deadline implements protocol.HTTP.
func (s *Server) Deadline(h *protocol.Head) time.Time {
	if v := h.TimeoutIn(fieldTimeout); v != nil {
		if d, ok := rpcwire.ParseTimeout(v); ok {
			return h.Came.Add(d)
		}
		return h.Came // malformed: begin returns the error
	}
	if m, ok := h.Matched.(*matched); ok && m.route.Method.Timeout > 0 {
		return h.Came.Add(m.route.Method.Timeout)
	}
	return time.Time{}
}

// Stream implements protocol.HTTP.
func (s *Server) Stream(x protocol.Exchange) {
	m, ok := x.Head().Matched.(*matched)
	switch {
	case !ok:
		x.Finish(protocol.Section{Status: 500}) // the wire gave what Match has not taken
	case m.route.Method.Kind == fairlead.Unary:
		s.openUnary(x)
	default:
		s.openStream(x)
	}
}
