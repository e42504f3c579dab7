package rpcwire

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

// exchange is a protocol.ClientExchange of which the test says how it goes.
type exchange struct {
	protocol.ClientExchange

	mu      sync.Mutex
	sent    []string // what was sent, "end" for the end alone, "+end" behind a message with which the body ends
	sendErr error
	parts   []string // what Read returns before readErr
	readErr error
	ready   chan struct{}
	head    *protocol.Head
	ends    bool // the response consists of the head alone
	trailer *protocol.Head
	cause   error // what Reset was given
}

func newExchange() *exchange { return &exchange{ready: make(chan struct{})} }

// answered has the head there; the body is parts, and ends with err.
func (x *exchange) answered(err error, parts ...string) *exchange {
	x.head, x.parts, x.readErr = &protocol.Head{Status: 200}, parts, err
	close(x.ready)
	return x
}

// failed has the exchange end without a response.
func (x *exchange) failed(err error) *exchange {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.readErr, x.sendErr = err, io.EOF
	close(x.ready)
	return x
}

func (x *exchange) Send(m *protocol.Message, last bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sendErr != nil {
		return x.sendErr
	}
	if m == nil {
		x.sent = append(x.sent, "end")
		return nil
	}
	text := string(m.Bytes)
	if m.Value != nil {
		b, err := m.Sizer.AppendSized(nil, m.Value, m.Size)
		if err != nil {
			return err
		}
		text = string(b)
	}
	if last {
		text += "+end"
	}
	x.sent = append(x.sent, text)
	return nil
}

func (x *exchange) Read() ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.parts) > 0 {
		p := x.parts[0]
		x.parts = x.parts[1:]
		return []byte(p), nil
	}
	return nil, x.readErr
}

func (x *exchange) Reset(_ protocol.ResetCode, cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cause == nil {
		x.cause = cause
	}
}

func (x *exchange) HeadReady() <-chan struct{}   { return x.ready }
func (x *exchange) Head() (*protocol.Head, bool) { return x.head, x.ends }
func (x *exchange) Trailer() *protocol.Head      { return x.trailer }

// conn is a protocol.HTTPConn that opens the exchanges it is given.
type conn struct {
	protocol.HTTPConn

	next    []*exchange
	openErr error
}

func (c *conn) Open(req *protocol.Request) (protocol.ClientExchange, error) {
	if c.openErr != nil {
		return nil, c.openErr
	}
	x := c.next[0]
	c.next = c.next[1:]
	if req.Message != nil {
		if err := x.Send(req.Message, req.Last); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (c *conn) Peer() *fairlead.Peer    { return &fairlead.Peer{Addr: "conn:1"} }
func (c *conn) Closed() <-chan struct{} { return nil }

// carried is a protocol.ClientConn of a conn.
type carried struct{ ClientConn }

func carry(c *conn) protocol.ClientConn { return &carried{ClientConn: NewClientConn(c)} }

func (*carried) Unary(context.Context, protocol.Binding, *fairlead.Call) error {
	return errors.ErrUnsupported
}

func (*carried) Open(context.Context, protocol.Binding, *fairlead.Call) error {
	return errors.ErrUnsupported
}

// call is the least ClientCall.
type call struct {
	ClientStream

	requests int
	refuse   error          // of the second request
	trailer  *protocol.Head // what End was given
}

func (*call) Protocol() string { return "test" }

func (c *call) Request(*protocol.Request, []byte) error {
	if c.requests++; c.requests > 1 {
		return c.refuse
	}
	return nil
}

func (*call) Head(*protocol.Head, bool) (*Page, error) { return nil, nil } //nolint:nilnil // no page
func (*call) Encoding() string                         { return "" }
func (*call) Frame([]byte, uint8) error                { return nil }

func (c *call) End(trailer *protocol.Head) error {
	c.trailer = trailer
	return nil
}

// openStream opens a stream of a kind on a connection.
func openStream(t *testing.T, kind fairlead.Kind, c *conn, of *call, opts ...fairlead.CallOption) error {
	t.Helper()
	m := fairlead.NewMethod[protocoltest.Msg, protocoltest.Msg](kind, "test.Notes", "Note")
	codec := protocoltest.Codec{}
	return of.Open(t.Context(), c, &Opening{
		Call: fairlead.NewCall(m, &protocoltest.Msg{Text: "request"}, opts...), Stream: of,
		Messages: NewMessages("msg", codec, codec, codec, false, false), Accepted: NewCompressors("enc"),
		Outgoing: Outgoing{Limit: NewLimit(1<<20, "client", "send")}, Recv: NewLimit(1<<20, "client", "recv"),
	})
}

// openTimed opens a stream with a deadline.
func openTimed(t *testing.T, c *conn, of *call, d time.Duration) error {
	t.Helper()
	return openStream(t, fairlead.BidiStreaming, c, of, fairlead.WithTimeout(d))
}

func opened(t *testing.T, kind fairlead.Kind, xs ...*exchange) *call {
	t.Helper()
	st := new(call)
	if err := openStream(t, kind, &conn{next: xs}, st); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func note(text string) *protocoltest.Msg { return &protocoltest.Msg{Text: text} }

// enc is a message as protocoltest.Codec encodes it.
func enc(text string) string { return "\x00" + text }

// resumer finds the connections that the test says.
type resumer func(ctx context.Context, cause error, open func(protocol.ClientConn) error) error

func (r resumer) Resume(
	ctx context.Context, _ *fairlead.Call, cause error, open func(protocol.ClientConn) error,
) error {
	return r(ctx, cause, open)
}

func refusal() error { return &protocol.Failure{Kind: protocol.FailedGoaway, Reach: fairlead.Refused} }

// TestSendEnds: what Send and CloseSend return once the exchange has ended.
func TestSendEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		err    error // of the exchange
		closed bool  // this side has given the call up
		send   string
		close  string // "": nil
	}{
		{"by the peer", io.EOF, false, "EOF", ""},
		{"by a failure", &protocol.Failure{Kind: protocol.FailedLost}, false, "EOF", ""},
		{
			"by a codec", errors.New("too odd"), false,
			"cannot encode a message: too odd", "cannot encode a message: too odd",
		},
		{"by this side", io.EOF, true, "EOF", "CANCELLED: the stream was closed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := newExchange().answered(io.EOF)
			x.sendErr = tt.err
			st := opened(t, fairlead.BidiStreaming, x)
			if tt.closed {
				_ = st.Close()
			}
			if err := st.Send(note("a")); err == nil || !strings.Contains(err.Error(), tt.send) {
				t.Errorf("Send: got %v, want %s", err, tt.send)
			}
			err := st.CloseSend()
			if tt.close == "" && err != nil || tt.close != "" && (err == nil || !strings.Contains(err.Error(), tt.close)) {
				t.Errorf("CloseSend: got %v, want %q", err, tt.close)
			}
			wantError(t, st.Send(note("a")), fairlead.Internal, "no messages can be sent any more")
		})
	}
}

// TestResponses: a method with one response fails without it, with two, and within one.
func TestResponses(t *testing.T) {
	t.Parallel()
	one := string(frame(0, enc("a")))
	tests := []struct {
		name string
		kind fairlead.Kind
		err  error
		body []string
		code fairlead.Code
		text string
	}{
		{"one", fairlead.ClientStreaming, io.EOF, []string{one}, fairlead.OK, ""},
		{"none", fairlead.ClientStreaming, io.EOF, nil, fairlead.Unimplemented, "the server sent none"},
		{"two", fairlead.ClientStreaming, io.EOF, []string{one, one}, fairlead.Unimplemented, "the server sent more"},
		{"none of any number", fairlead.BidiStreaming, io.EOF, nil, fairlead.OK, ""},
		{"cut off", fairlead.BidiStreaming, io.EOF, []string{one[:4]}, fairlead.Internal, "the body ends within a message"},
		{
			"broken off", fairlead.BidiStreaming, &protocol.Failure{Kind: protocol.FailedLost}, []string{one},
			fairlead.Unavailable, "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			st := opened(t, tt.kind, newExchange().answered(tt.err, tt.body...))
			var err error
			for err == nil {
				err = st.Recv(new(protocoltest.Msg))
			}
			if again := st.Recv(new(protocoltest.Msg)); again != err { //nolint:errorlint // it is to be the same
				t.Errorf("got %v after %v", again, err)
			}
			if err == io.EOF { //nolint:errorlint // streams return it bare
				err = nil
			}
			wantError(t, err, tt.code, tt.text)
		})
	}
}

// TestKeeps: what is sent is kept until the server has answered, and no longer.
func TestKeeps(t *testing.T) {
	t.Parallel()
	x := newExchange()
	st := opened(t, fairlead.BidiStreaming, x)
	for _, text := range []string{"a", "b"} {
		if err := st.Send(note(text)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := string(st.kept.B), string(frame(0, enc("a")))+string(frame(0, enc("b"))); got != want {
		t.Errorf("got %q kept, want %q", got, want)
	}
	x.answered(io.EOF, string(frame(0, enc("x"))))
	if err := st.Recv(new(protocoltest.Msg)); err != nil {
		t.Fatal(err)
	}
	if err := st.Send(note("c")); err != nil {
		t.Fatal(err)
	}
	if st.kept != nil || st.keeping.Load() {
		t.Error("something is kept after the answer")
	}
	if want := []string{enc("a"), enc("b"), enc("c")}; !slices.Equal(x.sent, want) {
		t.Errorf("got %q sent, want %q", x.sent, want)
	}
}

// TestOpenFails: nothing is left of a stream that is not opened.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	for _, kind := range []fairlead.Kind{fairlead.ServerStreaming, fairlead.BidiStreaming} {
		st := new(call)
		if err := openStream(t, kind, &conn{openErr: protocol.ErrFull}, st); !errors.Is(err, protocol.ErrFull) {
			t.Errorf("got %v, want ErrFull", err)
		}
		if st.kept != nil || st.keeping.Load() {
			t.Errorf("%v: something is kept", kind)
		}
	}
}

// TestResumes: a stream that was not processed goes on elsewhere with what was sent, and its end.
func TestResumes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		kind fairlead.Kind
		send []string
		ends bool
		want []string
	}{
		{"nothing", fairlead.BidiStreaming, nil, false, nil},
		{"the end alone", fairlead.BidiStreaming, nil, true, []string{"end"}},
		{"messages", fairlead.BidiStreaming, []string{"a", "b"}, false, []string{"ab"}},
		{"messages and the end", fairlead.ClientStreaming, []string{"a", "b"}, true, []string{"ab+end"}},
		{"one request", fairlead.ServerStreaming, nil, true, []string{"request+end"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			first := newExchange()
			second := newExchange().answered(io.EOF, string(frame(0, enc("x"))))
			st := opened(t, tt.kind, first)
			st.SetResumer(resumer(func(_ context.Context, _ error, open func(protocol.ClientConn) error) error {
				return open(carry(&conn{next: []*exchange{second}}))
			}))
			for _, text := range tt.send {
				if err := st.Send(note(text)); err != nil {
					t.Fatal(err)
				}
			}
			if tt.ends && tt.kind.ClientStreams() {
				if err := st.CloseSend(); err != nil {
					t.Fatal(err)
				}
			}
			first.failed(refusal())
			m := new(protocoltest.Msg)
			if err := st.Recv(m); err != nil || m.Text != "x" {
				t.Fatalf("got %v, %v", m, err)
			}
			var want []string
			for _, w := range tt.want {
				w, end, _ := strings.Cut(w, "+")
				var b []byte
				switch w {
				case "end":
					b = []byte(w)
				case "request":
					b = frame(0, enc(w))
				default:
					for text := range strings.SplitSeq(w, "") {
						b = append(b, frame(0, enc(text))...)
					}
				}
				if end != "" {
					b = append(b, "+end"...)
				}
				want = append(want, string(b))
			}
			if !slices.Equal(second.sent, want) {
				t.Errorf("got %q sent, want %q", second.sent, want)
			}
		})
	}
}

// TestSentMeanwhile: a message that a refused exchange did not take goes with those before it.
func TestSentMeanwhile(t *testing.T) {
	t.Parallel()
	for name, sendErr := range map[string]error{"refused": refusal(), "ended": io.EOF} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := newExchange(), newExchange().answered(io.EOF)
			st := opened(t, fairlead.BidiStreaming, first)
			st.SetResumer(resumer(func(_ context.Context, _ error, open func(protocol.ClientConn) error) error {
				return open(carry(&conn{next: []*exchange{second}}))
			}))
			first.failed(refusal())
			first.sendErr = sendErr
			if err := st.Send(note("a")); err != nil {
				t.Errorf("got %v, want nil: it goes elsewhere", err)
			}
			if err := st.Recv(new(protocoltest.Msg)); err != io.EOF { //nolint:errorlint // streams return it bare
				t.Errorf("got %v", err)
			}
			if want := []string{string(frame(0, enc("a")))}; !slices.Equal(second.sent, want) {
				t.Errorf("got %q, want %q", second.sent, want)
			}
		})
	}
}

// TestNotResumed: a stream that may have been processed, or that nobody finds a connection for, ends as it did.
func TestNotResumed(t *testing.T) {
	t.Parallel()
	no := resumer(func(context.Context, error, func(protocol.ClientConn) error) error {
		return fairlead.Errorf(fairlead.ResourceExhausted, "no more")
	})
	asked := resumer(func(_ context.Context, _ error, open func(protocol.ClientConn) error) error {
		return open(carry(&conn{openErr: errors.New("too odd")}))
	})
	lost := &protocol.Failure{Kind: protocol.FailedLost}
	tests := []struct {
		name   string
		r      protocol.Resumer
		err    error
		refuse error
		code   fairlead.Code
		text   string
	}{
		{"processed", asked, lost, nil, fairlead.Unavailable, "lost"},
		{"nobody", nil, refusal(), nil, fairlead.Unavailable, ""},
		{"no connection", no, refusal(), nil, fairlead.ResourceExhausted, "no more"},
		{"the connection does not take it", asked, refusal(), nil, fairlead.Internal, "cannot encode the request: too odd"},
		{
			"the request cannot be made", asked, refusal(), fairlead.Errorf(fairlead.DataLoss, "no header"),
			fairlead.DataLoss, "no header",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := newExchange()
			st := opened(t, fairlead.BidiStreaming, x)
			st.refuse = tt.refuse
			if tt.r != nil {
				st.SetResumer(tt.r)
			}
			if err := st.Send(note("a")); err != nil {
				t.Fatal(err)
			}
			x.failed(tt.err)
			wantError(t, st.Recv(new(protocoltest.Msg)), tt.code, tt.text)
			if st.kept != nil || st.keeping.Load() {
				t.Error("something is kept")
			}
			if err := st.Send(note("b")); err != io.EOF { //nolint:errorlint // streams return it bare
				t.Errorf("Send: got %v, want io.EOF", err)
			}
		})
	}
}

// TestCloseEndsResumption: Close does not wait for a connection that is being looked for.
func TestCloseEndsResumption(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newExchange()
		st := opened(t, fairlead.BidiStreaming, x)
		st.SetResumer(resumer(func(ctx context.Context, _ error, _ func(protocol.ClientConn) error) error {
			<-ctx.Done()
			return ctx.Err()
		}))
		x.failed(refusal())
		got := make(chan error, 1)
		go func() { got <- st.Recv(new(protocoltest.Msg)) }()
		synctest.Wait()
		_ = st.Close()
		wantError(t, <-got, fairlead.Canceled, "the stream was closed")
	})
}

// TestWaiterGivesUp: a WaitHeader that ends while a connection is looked for leaves the stream as it was.
func TestWaiterGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		first, second := newExchange(), newExchange().answered(io.EOF)
		st := opened(t, fairlead.BidiStreaming, first)
		looks := 0
		st.SetResumer(resumer(func(ctx context.Context, _ error, open func(protocol.ClientConn) error) error {
			if looks++; looks <= maxResumed {
				<-ctx.Done()
				return ctx.Err()
			}
			return open(carry(&conn{next: []*exchange{second}}))
		}))
		if err := st.Send(note("a")); err != nil {
			t.Fatal(err)
		}
		first.failed(refusal())
		for range maxResumed {
			ctx, cancel := context.WithCancel(t.Context())
			got := make(chan error, 1)
			go func() { got <- st.WaitHeader(ctx, st.call) }()
			synctest.Wait()
			cancel()
			wantError(t, <-got, fairlead.Canceled, "")
		}
		if err := st.WaitHeader(t.Context(), st.call); err != nil {
			t.Errorf("got %v", err)
		}
		if want := []string{string(frame(0, enc("a")))}; !slices.Equal(second.sent, want) {
			t.Errorf("got %q, want %q", second.sent, want)
		}
	})
}

// living is an HTTPConn with all optional abilities.
type living struct {
	conn

	vital protocol.Vital
}

func (l *living) Vital() protocol.Vital { return l.vital }
func (*living) Limit() int              { return 7 }
func (*living) TooManyPings() bool      { return true }

type vital struct{ protocol.Vital }

// TestClientConnAbilities: what the HTTP connection can do the protocol's connection can do.
func TestClientConnAbilities(t *testing.T) {
	t.Parallel()
	v := new(vital)
	c := NewClientConn(&living{vital: v})
	if c.Vital() != protocol.Vital(v) || c.Limit() != 7 || !c.TooManyPings() {
		t.Errorf("got %v, %d, %v", c.Vital(), c.Limit(), c.TooManyPings())
	}
	c = NewClientConn(new(conn))
	if c.Vital() != nil || c.Limit() != math.MaxInt32 || c.TooManyPings() {
		t.Errorf("of one that can nothing: got %v, %d, %v", c.Vital(), c.Limit(), c.TooManyPings())
	}
}

// TestRoomForResumption: what is kept is 64 KiB less one byte at most, in one message or in several.
func TestRoomForResumption(t *testing.T) {
	t.Parallel()
	const most = 1<<16 - 1 - PrefixSize - 1 // the length of a text whose message is just kept
	for name, tt := range map[string]struct {
		texts []int
		kept  bool
	}{
		"one":            {[]int{most}, true},
		"one too long":   {[]int{most + 1}, false},
		"three":          {[]int{10, 20, most - 30 - 2*(PrefixSize+1)}, true},
		"three too long": {[]int{10, 20, most - 30 - 2*(PrefixSize+1) + 1}, false},
	} {
		x := newExchange()
		st := opened(t, fairlead.BidiStreaming, x)
		for _, n := range tt.texts {
			if err := st.Send(note(strings.Repeat("x", n))); err != nil {
				t.Fatal(err)
			}
		}
		if got := st.keeping.Load(); got != tt.kept || (st.kept != nil) != tt.kept {
			t.Errorf("%s: kept: %v, want %v", name, got, tt.kept)
		}
		if len(x.sent) != len(tt.texts) {
			t.Errorf("%s: %d messages were sent", name, len(x.sent))
		}
	}
}

// TestFirstDeadline: a timer that is set for one call alone fires when that call's time has come.
func TestFirstDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hc := &cancelConn{at: make(map[protocol.Ticket]time.Time)}
		d := &Deadlines{Conn: hc}
		var e Expiry
		done := make(chan struct{}, 1)
		want := time.Now().Add(time.Second)
		d.Add(&e, 1, want, done)
		<-done
		if !hc.at[1].Equal(want) || !e.Late {
			t.Errorf("cancelled at %v, want %v; late: %v", hc.at[1], want, e.Late)
		}
		d.Stop()
	})
}

// TestLateAtDeadline: a call is late from its deadline on, and one without a deadline never.
func TestLateAtDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := fairlead.NewMethod[protocoltest.Msg, protocoltest.Msg](fairlead.Unary, "test.Notes", "Note")
		c := fairlead.NewServerCall(&fairlead.ServerCall{Method: m, Deadline: time.Now().Add(time.Second)})
		time.Sleep(time.Second - time.Nanosecond)
		if isLate(c) {
			t.Error("late before the deadline")
		}
		time.Sleep(time.Nanosecond)
		if !isLate(c) {
			t.Error("not late at the deadline")
		}
		if isLate(fairlead.NewServerCall(&fairlead.ServerCall{Method: m})) {
			t.Error("late without a deadline")
		}
	})
}

// TestEndedBefore: a stream is not opened when its context has ended, and one that waits ends with it.
func TestEndedBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		st := new(call)
		err := st.Open(ctx, &conn{}, &Opening{})
		wantError(t, err, fairlead.Canceled, "")
		if e := fairlead.ErrorOf(err); e.Reach != fairlead.NotSent {
			t.Errorf("got the reach %v, want NotSent", e.Reach)
		}
		open := opened(t, fairlead.BidiStreaming, newExchange())
		wantError(t, open.WaitHeader(ctx, open.call), fairlead.Canceled, "")
		waiter, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		wantError(t, open.WaitHeader(waiter, open.call), fairlead.DeadlineExceeded, "")
		if open.over() != nil || open.SendHeader(open.call) != nil {
			t.Errorf("the stream is over: %v", open.over())
		}
	})
}

// TestOver: the first reason for which a stream is given up counts, and is told when it could have gone on elsewhere.
func TestOver(t *testing.T) {
	t.Parallel()
	x := newExchange()
	st := opened(t, fairlead.BidiStreaming, x)
	st.Reset(protocol.ResetCancel, ErrDeadline())
	_ = st.Close()
	if st.keeping.Load() || x.cause.Error() != ErrDeadline().Error() {
		t.Errorf("got the cause %v, and kept: %v", x.cause, st.keeping.Load())
	}
	x.failed(refusal())
	wantError(t, st.Recv(new(protocoltest.Msg)), fairlead.DeadlineExceeded, "")
}
