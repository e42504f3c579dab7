package fairlead

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func opened(recv ...any) (*Call, *script) {
	c := NewCall(NewMethod[request, response](BidiStreaming, "s", "M"), nil)
	s := &script{recv: recv}
	c.Wire().SetStream(s)
	return c, s
}

func TestAll(t *testing.T) {
	t.Parallel()
	failure := errors.New("failure")
	tests := []struct {
		name   string
		recv   []any
		stopAt int // leave the loop there; 0: never
		want   int // messages
		err    error
		closed int
	}{
		{"to the end", []any{&response{1}, &response{2}}, 0, 2, nil, 0},
		{"none", nil, 0, 0, nil, 0},
		{"an error", []any{&response{1}, failure, &response{3}}, 0, 1, failure, 1},
		{"left early", []any{&response{1}, &response{2}}, 1, 1, nil, 1},
	}
	for _, tt := range tests {
		for kind := range 2 {
			c, s := opened(tt.recv...)
			seq := (&Inbound[response]{c}).All()
			if kind == 1 {
				seq = (&Bidi[request, response]{c}).All()
			}
			var got int
			var err error
			for m, e := range seq {
				if e != nil {
					if m != nil {
						t.Errorf("%s: a message beside an error", tt.name)
					}
					err = e
					continue
				}
				got++
				if m.N != got {
					t.Errorf("%s: got %d, want %d", tt.name, m.N, got)
				}
				if got == tt.stopAt {
					break
				}
			}
			if got != tt.want || !errors.Is(err, tt.err) || s.closed != tt.closed {
				t.Errorf("%s: got %d messages, %v, closed %d times; want %d, %v, %d", tt.name, got, err, s.closed,
					tt.want, tt.err, tt.closed)
			}
		}
	}
}

func TestCloseAndRecv(t *testing.T) {
	t.Parallel()
	failure := Errorf(Aborted, "failure")
	tests := []struct {
		name string
		recv []any
		want Code
		text string
	}{
		{"one response", []any{&response{7}}, OK, ""},
		{"none", nil, Internal, "without a response"},
		{"two", []any{&response{7}, &response{8}}, Internal, "more than one"},
		{"a failure", []any{failure}, Aborted, "failure"},
		{"a failure behind the response", []any{&response{7}, failure}, Aborted, "failure"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, s := opened(tt.recv...)
			cs := &ClientStream[request, response]{c}
			if err := cs.Send(&request{1}); err != nil || s.sent != 1 {
				t.Errorf("Send: got %v, %d sent", err, s.sent)
			}
			resp, err := cs.CloseAndRecv()
			if CodeOf(err) != tt.want || (err != nil && !strings.Contains(err.Error(), tt.text)) {
				t.Errorf("got %v, want %v with %q", err, tt.want, tt.text)
			}
			if (resp != nil) != (err == nil) || resp != nil && resp.N != 7 {
				t.Errorf("got %v beside %v", resp, err)
			}
			if !s.ended {
				t.Error("the sending side was not closed")
			}
		})
	}
}

func TestStreamViews(t *testing.T) {
	t.Parallel()
	c, s := opened(&response{1}, &response{2}, &response{3})
	in, out := &Inbound[response]{c}, &Outbound[request]{c}
	bidi, cs := &Bidi[request, response]{c}, &ClientStream[request, response]{c}
	var m response
	if err := in.RecvInto(&m); err != nil || m.N != 1 {
		t.Errorf("got %v, %v", m, err)
	}
	if err := bidi.RecvInto(&m); err != nil || m.N != 2 {
		t.Errorf("got %v, %v", m, err)
	}
	if got, err := bidi.Recv(); err != nil || got.N != 3 {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := in.Recv(); !errors.Is(err, io.EOF) || got != nil {
		t.Errorf("got %v, %v; want io.EOF", got, err)
	}
	for _, err := range []error{
		out.Send(&request{}), bidi.Send(&request{}), bidi.CloseSend(), in.Close(), bidi.Close(), cs.Close(),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if s.sent != 2 || s.closed != 3 || !s.ended {
		t.Errorf("got %d sent, %d closed, ended %v", s.sent, s.closed, s.ended)
	}
	if in.Call() != c || out.Call() != c || bidi.Call() != c || cs.Call() != c {
		t.Error("a view has another call")
	}
}

func TestHandlers(t *testing.T) {
	t.Parallel()
	failure := errors.New("failure")
	m := NewMethod[request, response](Unary, "s", "M")
	run := func(h Handler, request any) (*Call, error) {
		c := NewServerCall(&ServerCall{Method: m})
		c.SetRequest(request)
		c.Wire().SetStream(&script{recv: []any{&response{1}}})
		return c, h(c.Context(), c)
	}
	unary := func(resp *response, err error) Handler {
		return UnaryHandler(func(context.Context, *request) (*response, error) { return resp, err })
	}
	gather := func(resp *response, err error) Handler {
		return ClientStreamHandler(func(_ context.Context, s *Inbound[response]) (*response, error) {
			if got, recvErr := s.Recv(); recvErr != nil || got.N != 1 {
				t.Errorf("the handler received %v, %v", got, recvErr)
			}
			return resp, err
		})
	}
	scatter := ServerStreamHandler(func(_ context.Context, _ *request, s *Outbound[response]) error {
		return errors.Join(s.Send(new(response)), failure)
	})
	bidi := BidiHandler(func(_ context.Context, s *Bidi[response, response]) error {
		return errors.Join(s.Send(new(response)), failure)
	})
	resp := new(response)
	for _, tt := range []struct {
		name    string
		handler Handler
		request any
		resp    any
		failed  bool
		code    Code
	}{
		{"unary", unary(resp, nil), new(request), resp, false, OK},
		{"unary, failing", unary(resp, failure), new(request), nil, true, Unknown},
		{"unary, neither", unary(nil, nil), new(request), nil, false, Internal},
		{"unary, another type", unary(resp, nil), new(response), nil, false, Internal},
		{"gather", gather(resp, nil), nil, resp, false, OK},
		{"gather, failing", gather(resp, failure), nil, nil, true, Unknown},
		{"gather, neither", gather(nil, nil), nil, nil, false, Internal},
		{"scatter", scatter, new(request), nil, true, Unknown},
		{"scatter, another type", scatter, new(response), nil, false, Internal},
		{"bidi", bidi, nil, nil, true, Unknown},
	} {
		c, err := run(tt.handler, tt.request)
		if CodeOf(err) != tt.code || errors.Is(err, failure) != tt.failed || c.Response() != tt.resp {
			t.Errorf("%s: got %v, %v; want %v, %v", tt.name, c.Response(), err, tt.resp, tt.code)
		}
	}
}

func TestResults(t *testing.T) {
	t.Parallel()
	failure := errors.New("failure")
	c, _ := opened()
	if got, err := Result[response](c, failure); got != nil || !errors.Is(err, failure) {
		t.Errorf("got %v, %v; want the failure", got, err)
	}
	if got, err := Result[response](c, nil); got != nil || CodeOf(err) != Internal {
		t.Errorf("without a response: got %v, %v; want INTERNAL", got, err)
	}
	want := new(response)
	c.SetResponse(want)
	if got, err := Result[response](c, nil); got != want || err != nil {
		t.Errorf("got %v, %v; want the response", got, err)
	}
	a, err1 := OpenedServerStream[response](c, nil)
	b, err2 := OpenedClientStream[request, response](c, nil)
	d, err3 := OpenedBidi[request, response](c, nil)
	if err := errors.Join(err1, err2, err3); err != nil || a.c != c || b.c != c || d.c != c {
		t.Errorf("got %v", err)
	}
	a, err1 = OpenedServerStream[response](c, failure)
	b, err2 = OpenedClientStream[request, response](c, failure)
	d, err3 = OpenedBidi[request, response](c, failure)
	if a != nil || b != nil || d != nil || err1 == nil || err2 == nil || err3 == nil {
		t.Error("a stream beside a failure")
	}
}

func TestChain(t *testing.T) {
	t.Parallel()
	var order []string
	mw := func(name string) Middleware {
		return func(at Site, next Handler) Handler {
			order = append(order, "build "+name+" "+at.Method.Name)
			return func(ctx context.Context, c *Call) error {
				order = append(order, name)
				return next(ctx, c)
			}
		}
	}
	h := Chain(Site{Method: testMethod}, func(context.Context, *Call) error {
		order = append(order, "handler")
		return nil
	}, mw("a"), mw("b"))
	_ = h(t.Context(), serverCall(0))
	if got, want := strings.Join(order, ","), "build b Method,build a Method,a,b,handler"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestImplement(t *testing.T) {
	t.Parallel()
	s := NewService("s", "test", nil, testMethod)
	if got := Implement(s, func(context.Context, *Call) error { return nil }); got.Service != s {
		t.Errorf("got %v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a handler too few: no panic")
		}
	}()
	Implement(s)
}

func TestNewMethod(t *testing.T) {
	t.Parallel()
	m := NewMethod[request, response](ServerStreaming, "a.B", "C", func(m *Method) { m.Idempotency = Idempotent })
	if m.Path != "/a.B/C" || m.Service != "a.B" || m.Name != "C" || m.Kind != ServerStreaming ||
		m.Idempotency != Idempotent {
		t.Errorf("got %+v", m)
	}
	if _, ok := m.NewRequest().(*request); !ok {
		t.Errorf("got a request %T", m.NewRequest())
	}
	if _, ok := m.NewResponse().(*response); !ok {
		t.Errorf("got a response %T", m.NewResponse())
	}
}
