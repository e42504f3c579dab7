package validate

import (
	"context"
	"errors"
	"fmt"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/middleware/validate/rules"
)

// New makes the middleware. It serves unary calls and streams.
//
// On a server a request is validated before the handler runs, and each message of a stream when the handler receives
// it; one that breaks a rule is refused with INVALID_ARGUMENT. After such a message a stream delivers no other: Recv
// keeps returning the error. On a client requests are validated before anything is sent. Responses are validated only
// with the option Responses.
//
// Methods whose messages have no rules keep their handler, so that they cost nothing, and a valid message costs no
// allocation. The middleware should be close to the handler, after middleware that refuses calls at a lower cost:
// limits, authentication.
//
// If rules of a method's messages do not compile, or need an Evaluator and there is none, the server is not made: its
// New returns an error that names messages and fields. A client's calls of the method fail with that error.
func New(opts ...Option) (fairlead.Middleware, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	return cfg.wrap, nil
}

// Check applies the rules of m like the middleware, for messages that do not come with a call. The error is an
// INVALID_ARGUMENT; there is none for a message without rules, or one generated without validation.
func Check(m any, opts ...Option) error {
	cfg, err := newConfig(opts)
	if err != nil {
		return err
	}
	return cfg.check(m, fairlead.InvalidArgument, "")
}

// check returns an *fairlead.Error with the code if m breaks rules. Its message begins with what.
func (cfg *config) check(m any, code fairlead.Code, what string) error {
	own, ok := m.(rules.Message)
	if !ok {
		return nil
	}
	found, stopped, err := cfg.Check(own)
	switch {
	case err != nil:
		return fairlead.Errorf(fairlead.Internal, "%sthe rules cannot be applied: %w", what, err)
	case len(found) > 0:
		return invalid(code, what, &Error{Violations: found, Stopped: stopped})
	default:
		return nil
	}
}

// invalidResponse is the beginning of the message of a response's error.
const invalidResponse = "invalid response: "

// site is a method on one side.
type site struct {
	*config

	server              bool
	requests, responses bool // which messages are validated
}

func (cfg *config) wrap(at fairlead.Site, next fairlead.Handler) fairlead.Handler {
	s := &site{config: cfg, server: at.Side == fairlead.ServerSide}
	var errRequests, errResponses error
	s.requests, errRequests = cfg.hasRules(at.Method.NewRequest)
	if cfg.responses && !at.Method.OneWay {
		s.responses, errResponses = cfg.hasRules(at.Method.NewResponse)
	}
	if err := errors.Join(errRequests, errResponses); err != nil {
		if at.Fail != nil {
			at.Fail(fmt.Errorf("validate: %w", err))
		}
		err = fairlead.Errorf(fairlead.Internal, "%s cannot be validated: %w", at.Method.Path, err).
			WithReach(fairlead.NotSent)
		return func(context.Context, *fairlead.Call) error { return err }
	}
	if !s.requests && !s.responses {
		return next
	}
	if at.Method.Kind == fairlead.Unary {
		return s.unary(next)
	}
	return s.streaming(at.Method.Kind, next)
}

// hasRules reports whether the messages that empty makes have rules, and returns an error if the rules cannot be
// applied.
func (cfg *config) hasRules(empty func() any) (bool, error) {
	if empty == nil {
		return false, nil
	}
	m, ok := empty().(rules.Message)
	if !ok {
		return false, nil
	}
	return true, cfg.Survey(m)
}

func (s *site) unary(next fairlead.Handler) fairlead.Handler {
	return func(ctx context.Context, c *fairlead.Call) error {
		if err := s.request(c); err != nil {
			return err
		}
		if err := next(ctx, c); err != nil || !s.responses {
			return err
		}
		return s.check(c.Response(), fairlead.Internal, invalidResponse)
	}
}

// request validates the one request of a call.
func (s *site) request(c *fairlead.Call) error {
	if !s.requests {
		return nil
	}
	err := s.check(c.Request(), fairlead.InvalidArgument, "")
	if err != nil && !s.server {
		if own, ok := err.(*fairlead.Error); ok { //nolint:errorlint // check made it
			return own.WithReach(fairlead.NotSent)
		}
	}
	return err
}

func (s *site) streaming(kind fairlead.Kind, next fairlead.Handler) fairlead.Handler {
	wraps := s.responses || kind.ClientStreams()
	// Made once, so that a call allocates only the stream.
	wrap := func(inner fairlead.Stream) fairlead.Stream { return &stream{Stream: inner, site: s} }
	return func(ctx context.Context, c *fairlead.Call) error {
		if !kind.ClientStreams() {
			if err := s.request(c); err != nil {
				return err
			}
		}
		if wraps {
			c.WrapStream(wrap)
		}
		err := next(ctx, c)
		if err != nil || !s.responses || !s.server || kind.ServerStreams() {
			return err
		}
		return s.check(c.Response(), fairlead.Internal, invalidResponse)
	}
}

// stream validates the messages that pass through it.
type stream struct {
	fairlead.Stream

	site    *site
	invalid error // of the message received last; only Recv uses it
}

// Send implements fairlead.Stream. A message that breaks a rule is not sent, and the stream stays as it is.
func (s *stream) Send(msg any) error {
	switch {
	case s.site.server && s.site.responses:
		if err := s.site.check(msg, fairlead.Internal, invalidResponse); err != nil {
			return err
		}
	case !s.site.server && s.site.requests:
		if err := s.site.check(msg, fairlead.InvalidArgument, ""); err != nil {
			return err
		}
	}
	return s.Stream.Send(msg)
}

// Recv implements fairlead.Stream.
func (s *stream) Recv(msg any) error {
	if s.invalid != nil {
		return s.invalid
	}
	if err := s.Stream.Recv(msg); err != nil {
		return err
	}
	switch {
	case s.site.server && s.site.requests:
		s.invalid = s.site.check(msg, fairlead.InvalidArgument, "")
	case !s.site.server && s.site.responses:
		s.invalid = s.site.check(msg, fairlead.Internal, invalidResponse)
		if s.invalid != nil {
			_ = s.Close() // no message is read after this one
		}
	}
	return s.invalid
}
