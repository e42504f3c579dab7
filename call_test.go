package fairlead

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/fairlead-go/fairlead/internal/assert"
)

type request struct{ N int }

type response struct{ N int }

func TestServerCall(t *testing.T) {
	t.Parallel()
	m := NewMethod[request, response](Unary, "s", "M", func(m *Method) {
		m.Criticality, m.Idempotency = Sheddable, Idempotent
	})
	peer := &Peer{Addr: "a"}
	var header Metadata
	header.Add("k", "v")
	c := NewServerCall(&ServerCall{Method: m, Peer: peer, Header: header, Authority: "host", UserAgent: "agent"})
	if c.Method() != m || c.Peer() != peer || c.Side() != ServerSide || c.Authority() != "host" ||
		c.UserAgent() != "agent" || c.RequestHeader().Get("k") != "v" {
		t.Errorf("got %v %v %v %q %q %q", c.Method(), c.Peer(), c.Side(), c.Authority(), c.UserAgent(),
			c.RequestHeader().Get("k"))
	}
	if c.Criticality() != Sheddable || c.Idempotency() != Idempotent {
		t.Errorf("got %d, %d; want the method's class and idempotency", c.Criticality(), c.Idempotency())
	}
	c = NewServerCall(&ServerCall{Method: m, Criticality: CriticalPlus})
	if c.Criticality() != CriticalPlus {
		t.Errorf("got %d, want the caller's class", c.Criticality())
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMethod[request, response](Unary, "s", "M")
		reply := new(response)
		c := NewCall(m, &request{1},
			WithTimeout(time.Minute), WithTimeout(time.Second), WithTimeout(time.Hour),
			WithHeader("K", "a"), WithHeader("k", "b"),
			WithHashKey("hash"), WithIdempotency(NoSideEffects), WithCriticality(Degradable),
			WithReply(reply), WithValue(3), WithValue("three"), WithCompressor("gzip"),
			WithRecvLimit(10), WithSendLimit(20), WithWaitForReady(true),
		)
		if got, ok := c.Deadline(); !ok || time.Until(got) != time.Second {
			t.Errorf("got deadline %v, %v; want the earliest, a second from now", got, ok)
		}
		if got := c.RequestHeader().Values("k"); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("got header %q, want a and b", got)
		}
		w := c.Wire()
		if w.HashKey() != "hash" || c.Idempotency() != NoSideEffects || c.Criticality() != Degradable ||
			w.Reply() != reply || w.Compressor() != "gzip" || !w.WaitForReady(false) {
			t.Errorf("got %q %d %d %v %q %v", w.HashKey(), c.Idempotency(), c.Criticality(), w.Reply(), w.Compressor(),
				w.WaitForReady(false))
		}
		if recv, send := w.MessageLimits(); recv != 10 || send != 20 {
			t.Errorf("got limits %d and %d, want 10 and 20", recv, send)
		}
		if v, ok := OptionValue[int](c); !ok || v != 3 {
			t.Errorf("got %v, %v; want 3", v, ok)
		}
		if v, ok := OptionValue[string](c); !ok || v != "three" {
			t.Errorf("got %q, %v; want three", v, ok)
		}
		if v, ok := OptionValue[error](c); ok {
			t.Errorf("got %v of a type that nobody put there", v)
		}

		// Without options everything is the method's or the client's.
		c = NewCall(m, nil)
		w = c.Wire()
		if _, ok := c.Deadline(); ok || w.HashKey() != "" || w.Compressor() != "" || !w.WaitForReady(true) ||
			w.WaitForReady(false) || c.Attempt() != 0 || c.Peer() != nil {
			t.Errorf("got %v %q %q %v", ok, w.HashKey(), w.Compressor(), c.Peer())
		}
		if recv, send := w.MessageLimits(); recv != 0 || send != 0 {
			t.Errorf("got limits %d and %d, want none", recv, send)
		}
		if _, ok := w.Reply().(*response); !ok {
			t.Errorf("got a reply %T, want a new *response", w.Reply())
		}
		if _, ok := OptionValue[int](c); ok {
			t.Error("got a value that nobody put there")
		}
		if c := NewCall(m, nil, WithWaitForReady(false)); c.Wire().WaitForReady(true) {
			t.Error("WithWaitForReady(false) is overruled by the default")
		}
		raw := &Method{Path: "/s/Raw"}
		if _, ok := NewCall(raw, nil).Wire().Reply().(*Raw); !ok {
			t.Error("a method without types replies with something else than *Raw")
		}
	})
}

func TestOnEnd(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 3, 4, 10} {
		c := serverCall(0)
		var got []int
		failure := errors.New("failure")
		for i := range n {
			c.OnEnd(func(_ context.Context, ended *Call, err error) {
				if ended != c || !errors.Is(err, failure) {
					t.Errorf("got %p, %v; want %p, %v", ended, err, c, failure)
				}
				if err := c.Context().Err(); err != nil {
					t.Errorf("the context ended before the end functions: %v", err)
				}
				got = append(got, i)
			})
		}
		c.Wire().End(c.Context(), failure)
		c.Wire().End(c.Context(), nil) // once is enough
		var want []int
		for i := range n {
			want = append(want, n-1-i)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d functions: got order %v, want %v", n, got, want)
		}
		if err := c.Context().Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("the context after the end: got %v, want context.Canceled", err)
		}
	}
}

func TestElapsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, client := serverCall(0), NewCall(testMethod, nil)
		time.Sleep(time.Second)
		if got := server.Elapsed(); got != time.Second {
			t.Errorf("server: got %v, want 1s", got)
		}
		if got := client.Elapsed(); got != 0 {
			t.Errorf("client, before OnEnd: got %v, want 0", got)
		}
		for range 3 {
			server.OnEnd(func(context.Context, *Call, error) {})
			client.OnEnd(func(context.Context, *Call, error) {})
			time.Sleep(time.Second)
		}
		if got := server.Elapsed(); got != 4*time.Second {
			t.Errorf("server: got %v since it was made, want 4s", got)
		}
		if got := client.Elapsed(); got != 3*time.Second {
			t.Errorf("client: got %v since the first OnEnd, want 3s", got)
		}
	})
}

func TestInfo(t *testing.T) {
	t.Parallel()
	var info CallInfo
	c := NewCall(testMethod, nil, WithInfo(&info))
	peer := &Peer{Addr: "a"}
	c.Wire().SetPeer(peer)
	c.ResponseHeader().Set("h", "1")
	c.ResponseTrailer().Set("t", "2")
	var seen int
	c.OnEnd(func(context.Context, *Call, error) {
		seen = info.Attempts
		c.ResponseTrailer().Set("added", "3") // by a middleware, at the end
	})
	c.Wire().End(t.Context(), nil)
	if info.Header.Get("h") != "1" || info.Trailer.Get("t") != "2" || info.Trailer.Get("added") != "3" ||
		info.Peer != peer || info.Attempts != 1 {
		t.Errorf("got %+v", info)
	}
	if seen != 0 {
		t.Error("filled before the end functions have run")
	}
	c = NewCall(testMethod, nil, WithInfo(nil))
	c.Wire().End(t.Context(), nil) // must not panic
}

// script is a Stream and Driver that notes what it is asked.
type script struct {
	call   *Call
	recv   []any // *response or error
	sent   int
	closed int
	ended  bool
	drain  chan struct{}
}

func (s *script) Send(any) error {
	s.sent++
	return nil
}

func (s *script) Recv(m any) error {
	if len(s.recv) == 0 {
		return io.EOF
	}
	r := s.recv[0]
	s.recv = s.recv[1:]
	if s.call != nil {
		s.call.ResponseHeader().Set("from", "stream")
	}
	if err, ok := r.(error); ok {
		if s.call != nil {
			s.call.ResponseTrailer().Set("from", "stream")
		}
		return err
	}
	*m.(*response) = *r.(*response)
	return nil
}

func (s *script) CloseSend() error                        { s.ended = true; return nil }
func (s *script) Close() error                            { s.closed++; return nil }
func (s *script) Protocol() string                        { return "script" }
func (s *script) SendHeader(*Call) error                  { return errors.New("sent") }
func (s *script) WaitHeader(context.Context, *Call) error { return errors.New("waited") }
func (s *script) Draining() <-chan struct{}               { return s.drain }

func TestDriver(t *testing.T) {
	t.Parallel()
	s := &script{drain: make(chan struct{})}
	server := NewServerCall(&ServerCall{Method: testMethod, Driver: s})
	client := NewCall(testMethod, nil)
	client.Wire().SetDriver(s)
	bare := NewCall(testMethod, nil)
	for _, tt := range []struct {
		name       string
		call       *Call
		send, wait bool
		protocol   string
	}{
		{"server", server, true, false, "script"},
		{"client", client, false, true, "script"},
		{"another attempt", client.Wire().Another(), false, true, "script"},
		{"client without driver", bare, false, false, ""},
		{"server without driver", serverCall(0), false, false, ""},
	} {
		if got := tt.call.Protocol(); got != tt.protocol {
			t.Errorf("%s: got protocol %q, want %q", tt.name, got, tt.protocol)
		}
		if err := tt.call.SendHeader(); (err != nil) != tt.send {
			t.Errorf("%s: SendHeader: got %v, want it to reach the driver: %v", tt.name, err, tt.send)
		}
		if err := tt.call.WaitHeader(t.Context()); (err != nil) != tt.wait {
			t.Errorf("%s: WaitHeader: got %v, want it to reach the driver: %v", tt.name, err, tt.wait)
		}
	}
	if got := server.Draining(); got != (<-chan struct{})(s.drain) {
		t.Errorf("got %v, want the driver's channel", got)
	}
	if got := bare.Draining(); got != nil {
		t.Errorf("got %v, want nil", got)
	}
	client.Wire().Adopt(bare)
	if got := client.Wire().Driver(); got != s {
		t.Errorf("got driver %v after an attempt that had none, want the call's own", got)
	}
}

// wrapped is a stream with a name.
type wrapped struct {
	Stream

	name string
}

func names(s Stream) (list []string) {
	for {
		w, ok := s.(*wrapped)
		if !ok {
			return list
		}
		list = append(list, w.name)
		s = w.Stream
	}
}

func wrap(name string) func(Stream) Stream {
	return func(s Stream) Stream { return &wrapped{s, name} }
}

func TestWrapStream(t *testing.T) {
	t.Parallel()
	c := NewCall(testMethod, nil)
	c.WrapStream(wrap("first"))
	c.WrapStream(wrap("second"))
	if c.Stream() != nil {
		t.Error("a stream before it opened")
	}
	c.Wire().SetStream(new(script))
	c.WrapStream(wrap("late"))
	if got, want := names(c.Stream()), []string{"late", "first", "second"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnother(t *testing.T) {
	t.Parallel()
	var info CallInfo
	m := NewMethod[request, response](BidiStreaming, "s", "M")
	req := &request{1}
	c := NewCall(m, req, WithTimeout(time.Hour), WithHeader("k", "v"), WithHashKey("hash"), WithCompressor("gzip"),
		WithRecvLimit(1), WithSendLimit(2), WithValue(3), WithInfo(&info), WithReply(new(response)),
		WithIdempotency(Idempotent), WithCriticality(CriticalPlus), WithWaitForReady(true))
	c.WrapStream(wrap("call"))
	ends := map[*Call]int{}
	c.OnEnd(func(_ context.Context, c *Call, _ error) { ends[c]++ })

	a, b := c.Wire().Another(), c.Wire().Another()
	for i, attempt := range []*Call{a, b} {
		d, _ := attempt.Deadline()
		want, _ := c.Deadline()
		w := attempt.Wire()
		recv, send := w.MessageLimits()
		v, _ := OptionValue[int](attempt)
		if attempt.Method() != m || attempt.Request() != req || attempt.Side() != ClientSide || !d.Equal(want) ||
			w.HashKey() != "hash" || w.Compressor() != "gzip" || recv != 1 || send != 2 || v != 3 ||
			attempt.Idempotency() != Idempotent || attempt.Criticality() != CriticalPlus ||
			!w.WaitForReady(false) || attempt.RequestHeader().Get("k") != "v" || attempt.Attempt() != 1 {
			t.Errorf("attempt %d differs from its call", i)
		}
		if attempt.Wire().Reply() == c.Wire().Reply() {
			t.Errorf("attempt %d has the call's reply", i)
		}
		attempt.RequestHeader().Set("k", "changed")
		attempt.WrapStream(wrap("attempt" + fmt.Sprint(i)))
		attempt.OnEnd(func(_ context.Context, c *Call, _ error) { ends[c]++ })
	}
	if got := c.RequestHeader().Get("k"); got != "v" {
		t.Errorf("the call's header became %q by its attempts", got)
	}
	a.Wire().SetStream(new(script))
	if got, want := names(a.Stream()), []string{"call", "attempt0"}; !slices.Equal(got, want) {
		t.Errorf("got wrappers %q, want %q", got, want)
	}

	peer, driver := &Peer{Addr: "b"}, &script{}
	b.Wire().SetPeer(peer)
	b.Wire().SetDriver(driver)
	s := &script{call: b, recv: []any{&response{1}, io.EOF}}
	b.Wire().SetStream(s)
	b.ResponseHeader().Set("early", "1")
	a.Wire().End(t.Context(), errors.New("lost"))
	if ends[c] != 0 || info.Attempts != 0 {
		t.Error("an attempt's end is the call's")
	}
	c.Wire().Adopt(b)
	if c.Peer() != peer || c.Attempt() != 1 || c.Wire().Driver() != driver || c.ResponseHeader().Get("early") != "1" {
		t.Errorf("got %v, attempt %d", c.Peer(), c.Attempt())
	}
	// What the stream receives from now on is the call's as well.
	for range 2 {
		_ = c.Stream().Recv(new(response)) // the second is io.EOF
	}
	if c.ResponseHeader().Get("from") != "stream" || c.ResponseTrailer().Get("from") != "stream" {
		t.Errorf("got header %v, trailer %v; want what the stream received", c.ResponseHeader(), c.ResponseTrailer())
	}
	c.Wire().End(t.Context(), nil)
	b.Wire().End(t.Context(), nil)
	if ends[c] != 1 || ends[a] != 1 || ends[b] != 1 {
		t.Errorf("got ends %v, want one each", ends)
	}
	if info.Attempts != 2 || info.Trailer.Get("from") != "stream" || info.Peer != peer {
		t.Errorf("got %+v", info)
	}
}

func TestPicked(t *testing.T) {
	t.Parallel()
	c := NewCall(testMethod, nil)
	one, two := &Picked{Peer: Peer{Addr: "1"}}, &Picked{Peer: Peer{Addr: "2"}}
	c.Wire().SetPicked(one)
	if c.Wire().Picked() != one || c.Peer().Addr != "1" || c.Wire().Tried() != nil {
		t.Errorf("got %v, %v, %v", c.Wire().Picked(), c.Peer(), c.Wire().Tried())
	}
	a := c.Wire().Another()
	if got := a.Wire().Tried(); !slices.Equal(got, []*Picked{one}) {
		t.Errorf("got %v, want the first", got)
	}
	a.Wire().SetPicked(two)
	if got := c.Wire().Another().Wire().Tried(); !slices.Equal(got, []*Picked{one, two}) {
		t.Errorf("got %v, want both", got)
	}
	c.Wire().Adopt(a)
	if c.Wire().Picked() != two {
		t.Errorf("got %v, want the second", c.Wire().Picked())
	}
}

func TestAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	m := NewMethod[request, response](Unary, "s", "M")
	req, resp := new(request), new(response)
	var handler Handler = func(_ context.Context, c *Call) error {
		c.SetResponse(resp)
		return nil
	}
	// A stub as generated code has it, for options to cross a function as they do there.
	stub := func(ctx context.Context, req *request, opts ...CallOption) (*response, error) {
		c := NewCall(m, req, opts...)
		return Result[response](c, handler(ctx, c))
	}
	ctx := t.Context()
	end := func(context.Context, *Call, error) {}
	for _, tt := range []struct {
		name string
		want float64
		run  func()
	}{
		{"a call", 1, func() { _, _ = stub(ctx, req) }},
		{"a call with two options", 1, func() {
			_, _ = stub(ctx, req, WithTimeout(time.Second), WithIdempotency(Idempotent))
		}},
		{"a call with literal metadata", 2, func() { _, _ = stub(ctx, req, WithHeader("key", "value")) }},
		{"a server's call, with its context and two end functions", 1, func() {
			p := ServerCall{Method: m}
			c := NewServerCall(&p)
			c.OnEnd(end)
			c.OnEnd(end)
			ctx := c.Context()
			if CallFrom(ctx) != c || ctx.Err() != nil {
				t.Error("another context")
			}
			c.Tighten(time.Now().Add(time.Minute))
			c.Wire().End(ctx, nil)
		}},
		{"the code of an error", 0, func() { _ = CodeOf(errStatic) }},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Allocs(t, tt.want, tt.run) })
	}
}

var errStatic error = Errorf(NotFound, "static")

// TestWire: what is for protocols, clients and servers is not among the methods that middleware and handlers see.
func TestWire(t *testing.T) {
	t.Parallel()
	call, wire := reflect.TypeFor[*Call](), reflect.TypeFor[*WireCall]()
	for m := range wire.Methods() {
		if _, ok := call.MethodByName(m.Name); ok {
			t.Errorf("%s is a method of both", m.Name)
		}
	}
	for _, name := range []string{"End", "Cancel", "Another", "Adopt", "SetStream", "SetDriver"} {
		if _, ok := wire.MethodByName(name); !ok {
			t.Errorf("WireCall has no method %s", name)
		}
	}
	c := serverCall(0)
	if got := (*Call)(c.Wire()); got != c {
		t.Errorf("got %p, want the call itself, %p", got, c)
	}
}

// TestSize keeps an eye on what every call costs in memory. Both are size classes of the allocator.
func TestSize(t *testing.T) {
	t.Parallel()
	if got, most := unsafe.Sizeof(Call{}), uintptr(256); got > most {
		t.Errorf("a client's call has %d bytes, want %d at most", got, most)
	}
	if got, most := unsafe.Sizeof(callContext{}), uintptr(352); got > most {
		t.Errorf("a server's call has %d bytes, want %d at most", got, most)
	}
}

// TestMethodTimeout: a call that arrives without a deadline has the method's timeout.
func TestMethodTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMethod[int, int](Unary, "s", "M", func(m *Method) { m.Timeout = time.Second })
		own := time.Now().Add(time.Minute)
		for _, tt := range []struct {
			method *Method
			own    time.Time
			want   time.Time
		}{
			{m, time.Time{}, time.Now().Add(time.Second)},
			{m, own, own},
			{NewMethod[int, int](Unary, "s", "M"), time.Time{}, time.Time{}},
		} {
			c := NewServerCall(&ServerCall{Method: tt.method, Deadline: tt.own})
			got, ok := c.Context().Deadline()
			if !got.Equal(tt.want) || ok == tt.want.IsZero() {
				t.Errorf("got %v, %v, want %v", got, ok, tt.want)
			}
		}
		c := NewServerCall(&ServerCall{Method: m})
		<-c.Context().Done()
		if c.Context().Err() != context.DeadlineExceeded {
			t.Errorf("it ended with %v", c.Context().Err())
		}
	})
}
