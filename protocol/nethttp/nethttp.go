// Package nethttp is the bridge between the framework and net/http, in both directions.
//
// NewServer serves http.Handlers on a server of the framework, beside its services: mounted handlers get middleware,
// gates, limits, cancellation and drain as methods do.
//
//	srv, err := preset.NewServer(":8080",
//		server.Service(greeter.Greeter(service{})),
//		server.HTTP(nethttp.NewServer(
//			nethttp.Mount("GET /users/{id}", user),
//			nethttp.Mount("/static/", http.FileServer(http.Dir("."))))))
//
// NewHandler is the other direction: an http.Handler that serves the protocols of the framework within a server of
// net/http.
package nethttp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// Name is the name of the protocol, which Call.Protocol returns for requests to mounted handlers.
const Name = "nethttp"

// Server serves mounted http.Handlers. It is a protocol.HTTP, for server.HTTP, and is made for one server.
//
// A request reaches the handler whose pattern http.ServeMux chooses, unless another protocol of the server takes it
// first: protocols of services are asked before. Where net/http is different:
//
//   - Requests with the method CONNECT are not passed to handlers, so WebSockets of HTTP/2 (RFC 8441) are not either.
//   - A path that no handler has is answered by the server, and so is OPTIONS for a path whose handlers take other
//     methods: with 204 and the field allow.
//   - A handler that panics before its response has begun is answered with 500, and with http.ErrAbortHandler by a
//     reset.
//   - Requests have no http.ServerContextKey and no http.LocalAddrContextKey in their contexts, which have the
//     fairlead.Call instead (fairlead.CallFrom).
type Server struct {
	mux    *http.ServeMux
	list   []string // patterns
	errs   []error
	d      protocol.Dispatcher
	panics *protocol.Panics
	routes map[string]*protocol.Route // by pattern
}

var _ protocol.HTTP = (*Server)(nil)

// Option configures a Server.
type Option interface{ apply(s *Server) }

type option func(*Server)

func (o option) apply(s *Server) { o(s) }

// Mount adds a handler for the requests that a pattern of http.ServeMux matches, such as "/files/", "GET /users/{id}"
// or "example.com/". For a handler that routes by itself, as those of web frameworks do, the pattern is the path below
// which its routes are; the handler gets the whole path. A pattern that is malformed, or conflicts with another one, is
// an error of server.New.
func Mount(pattern string, h http.Handler) Option {
	return option(func(s *Server) {
		if err := s.handle(pattern, h); err != nil {
			s.errs = append(s.errs, err)
			return
		}
		s.list = append(s.list, pattern)
	})
}

// NewServer makes the protocol of the handlers that are mounted by the options. Each server needs its own. The pattern
// is the path of the Method that middleware and logs see.
func NewServer(opts ...Option) *Server {
	s := &Server{mux: http.NewServeMux()}
	for _, o := range opts {
		if o == nil {
			s.errs = append(s.errs, errors.New("nethttp: NewServer: nil Option"))
			continue
		}
		o.apply(s)
	}
	return s
}

// handle gives a handler to the mux, which panics if it does not take it.
func (s *Server) handle(pattern string, h http.Handler) (err error) {
	if h == nil {
		return fmt.Errorf("nethttp: Mount(%q): nil handler", pattern)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("nethttp: Mount(%q): %v", pattern, p)
		}
	}()
	s.mux.Handle(pattern, h)
	return nil
}

// Name implements protocol.HTTP. It contains the patterns, so that two Servers of one server do not replace each other.
func (s *Server) Name() string { return Name + " " + strings.Join(s.list, ", ") }

// Attach implements protocol.HTTP.
func (s *Server) Attach(d protocol.Dispatcher) error {
	if len(s.list) == 0 && len(s.errs) == 0 {
		s.errs = append(s.errs, errors.New("nethttp: NewServer: no Mount"))
	}
	if err := errors.Join(s.errs...); err != nil {
		return err
	}
	s.d, s.panics = d, d.Limits().Panics
	s.routes = make(map[string]*protocol.Route, len(s.list))
	for _, pattern := range s.list {
		r, err := d.NewRoute(&fairlead.Method{Service: Name, Name: pattern, Path: pattern}, s.handler)
		if err != nil {
			return fmt.Errorf("nethttp: Mount(%q): %w", pattern, err)
		}
		s.routes[pattern] = r
	}
	return nil
}

// match is what Match leaves for Stream.
type match struct {
	req   *http.Request // as far as the mux needs it
	route *protocol.Route
}

// Match implements protocol.HTTP.
func (s *Server) Match(h *protocol.Head) protocol.Mode {
	if h.Verb == "CONNECT" || h.Path == "" || h.Path[0] != '/' {
		return protocol.Pass
	}
	u, err := url.ParseRequestURI(target(h))
	if err != nil {
		return protocol.Pass
	}
	r := &http.Request{Method: h.Verb, URL: u, Host: h.Authority}
	found, pattern := s.mux.Handler(r)
	if route := s.routes[pattern]; route != nil {
		h.Matched = &match{r, route}
		return protocol.Streamed
	}
	return refusal(found, r, h)
}

// target returns the request's target as it came.
func target(h *protocol.Head) string {
	if h.Query == "" {
		return h.Path
	}
	return h.Path + "?" + h.Query
}

// refusal finds out whether the mux has the path with other methods, which it says in its answer only.
func refusal(answer http.Handler, r *http.Request, h *protocol.Head) protocol.Mode {
	var p probe
	answer.ServeHTTP(&p, r)
	if p.status != http.StatusMethodNotAllowed {
		return protocol.Pass
	}
	for verb := range strings.SplitSeq(p.header.Get("Allow"), ",") {
		h.Allow = append(h.Allow, strings.TrimSpace(verb))
	}
	return protocol.WrongVerb
}

// probe is a ResponseWriter that keeps what refusal has to know.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header {
	if p.header == nil {
		p.header = make(http.Header)
	}
	return p.header
}

func (p *probe) WriteHeader(status int) { p.status = status }

func (p *probe) Write(b []byte) (int, error) { return len(b), nil }

// Whole implements protocol.HTTP. It is not called, since Match asks for no request as a whole.
func (s *Server) Whole(x protocol.Exchange, _ []byte) protocol.Task {
	x.Finish(protocol.Section{Status: http.StatusInternalServerError})
	return nil
}

// Deadline implements protocol.HTTP. It is not called, since Match asks for no request as a whole.
func (*Server) Deadline(*protocol.Head) time.Time { return time.Time{} }

// Stream implements protocol.HTTP.
func (s *Server) Stream(x protocol.Exchange) {
	m, ok := x.Head().Matched.(*match)
	if !ok {
		x.Finish(protocol.Section{Status: http.StatusInternalServerError})
		return
	}
	newVisit(s, x, m).run()
}
