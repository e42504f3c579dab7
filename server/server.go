// Package server accepts connections, detects their protocols, and runs the calls that arrive on them.
//
// It knows only interfaces: New takes the wires, codecs, middleware and the network. Package preset has a server with
// the usual ones. Read the files in the order of a request: listen.go, detect.go, dispatch.go, conns.go, drain.go.
package server

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/protocol"
)

// ErrClosed is what Serve and Start return after Shutdown.
var ErrClosed = errors.New("server: closed")

// Server serves any number of services over any number of wires and listeners. Its methods are safe for concurrent use.
// It is an app.Component.
type Server struct {
	cfg       *config
	routes    map[string]*protocol.Route // read-only after New
	ordered   []*protocol.Route
	fallback  *protocol.Route // nil: there is none
	ownRoutes bool            // a protocol has made a route with NewRoute
	dispatch  dispatcher
	watch     *protocol.Watch
	keeper    *protocol.Keeper
	load      load
	failed    chan error

	// Closed one after another: when Shutdown begins, when no connection is left after that, and when no call is.
	draining, parted, gone chan struct{}

	mu        sync.Mutex
	started   bool
	stopping  bool
	final     bool // the drain refuses what is still being opened
	accepting int  // accept loops
	listeners []*listener
	detecting map[*arrival]struct{}
	conns     map[protocol.ServerConn]known
}

// known is what the server keeps of a connection whose wire is known.
type known struct {
	addr net.Addr
	care *protocol.Care
}

// New makes a server. It checks all that can be checked before the first connection, and returns all errors together.
func New(opts ...Option) (*Server, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg:       cfg,
		routes:    make(map[string]*protocol.Route),
		failed:    make(chan error, 1),
		draining:  make(chan struct{}),
		parted:    make(chan struct{}),
		gone:      make(chan struct{}),
		detecting: make(map[*arrival]struct{}),
		conns:     make(map[protocol.ServerConn]known),
		keeper:    protocol.NewKeeper(cfg.alive),
	}
	s.dispatch.s = s
	s.watch = protocol.NewWatch(s.serve)
	var errs []error
	for _, impl := range cfg.services {
		errs = append(errs, s.addService(impl)...)
	}
	if len(errs) == 0 {
		errs = s.accompany()
	}
	errs = append(errs, s.addFallback())
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, p := range cfg.protocols {
		if err := p.Attach(&s.dispatch); err != nil {
			return nil, fmt.Errorf("server: Protocol %s: %w", p.Name(), err)
		}
	}
	if len(s.routes) == 0 && !s.ownRoutes && s.fallback == nil {
		return nil, errors.New("server: no Service with a method, and no protocol that serves anything else")
	}
	return s, nil
}

// addService makes the routes of a service.
func (s *Server) addService(impl *fairlead.Implementation) (errs []error) {
	switch {
	case impl == nil || impl.Service == nil:
		return []error{errors.New("server: Service: nil")}
	case len(impl.Handlers) != len(impl.Service.Methods):
		return []error{fmt.Errorf("server: Service: %s has %d methods and %d handlers",
			impl.Service.Name, len(impl.Service.Methods), len(impl.Handlers))}
	}
	if slices.ContainsFunc(impl.Middleware, func(mw fairlead.Middleware) bool { return mw == nil }) {
		return []error{fmt.Errorf("server: Service: %s: nil Middleware (fairlead.Wrap)", impl.Service.Name)}
	}
	for i, m := range impl.Service.Methods {
		if err := s.addMethod(m, impl.Handlers[i], impl.Middleware); err != nil {
			errs = append(errs, fmt.Errorf("server: Service: %s: %w", impl.Service.Name, err))
		}
	}
	return errs
}

// addMethod makes the route of a method. Its handler is wrapped in the check of requests, then in own, the middleware
// of its service, and then in the middleware of the server.
func (s *Server) addMethod(m *fairlead.Method, h fairlead.Handler, own []fairlead.Middleware) error {
	switch {
	case m == nil:
		return errors.New("nil method")
	case !strings.HasPrefix(m.Path, "/"):
		return fmt.Errorf("the path %q of method %s does not begin with a slash", m.Path, m.Name)
	case m.OneWay && m.Kind != fairlead.Unary:
		return fmt.Errorf("%s is one-way and %s; one-way methods are unary", m.Path, m.Kind)
	case h == nil:
		return fmt.Errorf("%s has no handler", m.Path)
	case s.routes[m.Path] != nil:
		return fmt.Errorf("%s is there twice", m.Path)
	}
	codecs, err := methodCodecs(m, s.cfg.codecs)
	if err != nil {
		return err
	}
	r, err := s.chain(m, h, slices.Concat(own, s.checks())...)
	if err != nil {
		return err
	}
	r.Codecs = codecs
	s.routes[m.Path] = r
	s.ordered = append(s.ordered, r)
	return nil
}

// addFallback makes the route of methods that no service has.
func (s *Server) addFallback() (err error) {
	if s.cfg.fallback == nil {
		return nil
	}
	m := &fairlead.Method{Kind: fairlead.BidiStreaming, Service: "*", Name: "*", Path: "*"}
	s.fallback, err = s.chain(m, s.cfg.fallback)
	if err == nil {
		s.fallback.Codecs, err = methodCodecs(m, s.cfg.codecs)
	}
	if err != nil {
		return fmt.Errorf("server: Fallback: %w", err)
	}
	return nil
}

// checks is the middleware that checks requests, if there is any.
func (s *Server) checks() []fairlead.Middleware {
	if s.cfg.validation == nil {
		return nil
	}
	return []fairlead.Middleware{s.cfg.validation}
}

// chain makes a route without codecs. The handler is wrapped in own, and then in the middleware of the server.
func (s *Server) chain(
	m *fairlead.Method, h fairlead.Handler, own ...fairlead.Middleware,
) (*protocol.Route, error) {
	var failed []error
	at := fairlead.Site{
		Side: fairlead.ServerSide, Method: m, Logger: s.cfg.usersLogger,
		Fail: func(err error) { failed = append(failed, err) },
	}
	h = fairlead.Chain(at, h, own...)
	r := &protocol.Route{Method: m, Handler: fairlead.Chain(at, h, s.cfg.chain()...)}
	if h == nil || r.Handler == nil {
		return nil, fmt.Errorf("%s: a Middleware (Use, Wrap, Validation) returned a nil handler", m.Path)
	}
	if err := errors.Join(failed...); err != nil {
		return nil, fmt.Errorf("%s: a Middleware (Use, Wrap, Validation) cannot serve it: %w", m.Path, err)
	}
	return r, nil
}

// methodCodecs returns the codecs that can carry the messages of m. Messages without a type are delivered as
// *fairlead.Raw, which protocols do themselves, so a codec is not asked for those.
func methodCodecs(m *fairlead.Method, codecs []codec.Codec) ([]protocol.MethodCodec, error) {
	var list []protocol.MethodCodec
	var errs []error
	for _, c := range codecs {
		b := protocol.MethodCodec{Name: c.Name()}
		if p, ok := c.(codec.PerMethod); ok {
			c = p.ForMethod(m)
		}
		var reqErr, respErr error
		b.Req, reqErr = codecFor(c, m.NewRequest)
		b.Resp, respErr = codecFor(c, m.NewResponse)
		if err := errors.Join(reqErr, respErr); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", c.Name(), err))
			continue
		}
		b.RespSizer, _ = b.Resp.(codec.Sizer)
		list = append(list, b)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no Codec carries the messages of %s: %w", m.Path, errors.Join(errs...))
	}
	return list, nil
}

// codecFor returns the codec for the type of the messages that sample makes.
func codecFor(c codec.Codec, sample func() any) (codec.Codec, error) {
	if sample == nil {
		return c, nil
	}
	msg := sample()
	b, err := codec.For(c, msg)
	if err != nil {
		return nil, fmt.Errorf("%T: %w", msg, err)
	}
	return b, nil
}
