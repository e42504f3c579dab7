package nethttp

import (
	"context"
	"errors"
	"net/http"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// visit is a request to a mounted handler: the driver of its call, and what its http.Request and ResponseWriter share.
type visit struct {
	s     *Server
	x     protocol.Exchange
	route *protocol.Route
	call  *fairlead.Call
	body  *body // nil: the request has none
	w     response

	aborted  bool // by http.ErrAbortHandler
	hijacked bool // the connection is the handler's
}

// newVisit makes the call of a request, and its http.Request.
func newVisit(s *Server, x protocol.Exchange, m *match) *visit {
	h := x.Head()
	v := &visit{s: s, x: x, route: m.route}
	v.w.v, v.w.head = v, h.Verb == http.MethodHead
	v.call = fairlead.NewServerCall(&fairlead.ServerCall{
		Method: v.route.Method, Peer: x.Peer(), Header: h.Fields.Clone(),
		Authority: h.Authority, UserAgent: h.UserAgent, Driver: v,
	})
	v.fill(m.req, h)
	v.call.SetRequest(m.req)
	return v
}

// run asks for admission, runs the handler with its middleware, and ends the exchange.
func (v *visit) run() {
	v.x.SetCall(v.call)
	if err := v.s.d.Admit(v.call, 0); err != nil {
		defer v.fail(fairlead.ErrorOf(err)) // deferred, since an end function may call runtime.Goexit
		_ = v.call.Wire().End(v.call.Context(), err)
		return
	}
	var err error
	returned := false
	ctx := v.call.Context()
	// Deferred one by one, since the handler may panic or leave its goroutine, and so may end functions.
	defer v.s.d.Done(v.call, 0)
	defer func() { v.end(err) }()
	defer func() {
		final := err
		if err == nil {
			err = fairlead.Errorf(fairlead.Internal, "ending the call did not return")
		}
		err = v.call.Wire().End(ctx, final)
	}()
	defer func() {
		if !returned {
			p := recover()
			err = v.s.panics.Caught(v.route.Method, "the handler", p)
		}
	}()
	err = v.route.Handler(ctx, v.call)
	returned = true
}

// handler is what the routes' middleware wraps: it runs the mounted handler.
func (s *Server) handler(ctx context.Context, c *fairlead.Call) (err error) {
	v, isVisit := c.Wire().Driver().(*visit)
	r, isRequest := c.Request().(*http.Request)
	if !isVisit || !isRequest {
		return fairlead.Errorf(fairlead.Internal, "the call of a mounted handler has a request of type %T", c.Request())
	}
	if _, limited := c.Deadline(); limited {
		defer context.AfterFunc(ctx, func() { v.x.Interrupt(rpcwire.ContextError(ctx)) })()
	}
	defer func() {
		switch p := recover(); {
		case p == nil:
		case isAbort(p):
			v.aborted = true
			err = fairlead.Errorf(fairlead.Canceled, "the handler has aborted the response")
		default:
			panic(p) // for the middleware
		}
	}()
	var w http.ResponseWriter = &v.w
	if j, ok := v.x.(protocol.Hijacker); ok {
		w = &hijackable{&v.w, j}
	}
	s.mux.ServeHTTP(w, r.WithContext(ctx))
	return v.w.result(ctx)
}

// isAbort reports whether a panic is http.ErrAbortHandler, which is compared without errors.Is in net/http too.
func isAbort(p any) bool {
	err, ok := p.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// end ends the exchange, once no other goroutine uses it. err is the result of the call.
func (v *visit) end(err error) {
	if v.body != nil {
		v.body.end()
	}
	v.w.lock()
	defer v.w.mu.Unlock()
	defer v.w.close()
	v.w.stopTimer()
	switch {
	case v.hijacked:
	case v.aborted, v.w.cut.Load():
		v.x.Reset(protocol.ResetInternal, http.ErrAbortHandler)
	case err != nil && !v.w.isResult(err) && !v.w.begun:
		v.fail(fairlead.ErrorOf(err))
	case err != nil && !v.w.isResult(err):
		v.x.Reset(protocol.ResetInternal, err)
	default:
		v.w.finish()
	}
}

// fail answers with an error, in place of a response.
func (v *visit) fail(e *fairlead.Error) {
	head := protocol.Section{Status: e.HTTPStatus(), Block: textHead}
	// Bytes need no codec, so Reply cannot fail.
	_ = v.x.Reply(&protocol.Reply{Head: head, Message: protocol.Message{Bytes: []byte(e.Message + "\n")}})
}

//nolint:gochecknoglobals // a constant
var textHead = protocol.NewBlock("content-type", "text/plain; charset=utf-8", "x-content-type-options", "nosniff")

// Protocol implements fairlead.Driver.
func (*visit) Protocol() string { return Name }

// SendHeader implements fairlead.Driver.
func (v *visit) SendHeader(*fairlead.Call) error { return v.w.FlushError() }

// WaitHeader implements fairlead.Driver; it is for clients.
func (*visit) WaitHeader(context.Context, *fairlead.Call) error { return nil }

// Draining implements fairlead.Driver.
func (v *visit) Draining() <-chan struct{} { return v.s.d.Draining() }

// ReportPanic implements fairlead.PanicReporter.
func (v *visit) ReportPanic(c *fairlead.Call, what string, value any) *fairlead.Error {
	return v.s.panics.Caught(c.Method(), what, value)
}
