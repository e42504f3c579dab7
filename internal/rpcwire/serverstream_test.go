package rpcwire

import (
	"errors"
	"io"
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

// serverExchange is a protocol.Exchange of which the test says how it goes. With block, Read and Send wait until they
// are interrupted.
type serverExchange struct {
	protocol.Exchange

	mu      sync.Mutex
	parts   []string // what Read returns before readErr
	readErr error
	sent    []string
	sendErr error
	expects []bool // what Expect was told
	cause   error  // what Interrupt was given first
	block   bool
	stopped chan struct{} // closed by Interrupt
}

func newServerExchange(parts ...string) *serverExchange {
	return &serverExchange{parts: parts, readErr: io.EOF, stopped: make(chan struct{})}
}

func (x *serverExchange) Read() ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.parts) > 0 {
		p := x.parts[0]
		x.parts = x.parts[1:]
		return []byte(p), nil
	}
	return nil, x.wait(x.readErr)
}

func (x *serverExchange) Send(m *protocol.Message, _ bool) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.wait(x.sendErr); err != nil {
		return err
	}
	text := string(m.Bytes)
	if m.Value != nil {
		b, err := m.Sizer.AppendSized(nil, m.Value, m.Size)
		if err != nil {
			return err
		}
		text = string(b)
	}
	x.sent = append(x.sent, text)
	return nil
}

// wait returns err, or with block the cause of the interruption. The lock is held.
func (x *serverExchange) wait(err error) error {
	if !x.block {
		return err
	}
	x.mu.Unlock()
	<-x.stopped
	x.mu.Lock()
	return x.cause
}

func (x *serverExchange) Interrupt(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cause == nil {
		x.cause = err
		close(x.stopped)
	}
}

func (x *serverExchange) Expect(rest bool) { x.expects = append(x.expects, rest) }

// interrupted returns what Interrupt was given first.
func (x *serverExchange) interrupted() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.cause
}

// served is the least ServerCall.
type served struct {
	ServerStream

	call     *fairlead.Call
	msgs     *Messages
	heads    int   // how often SendHead was called
	headErr  error // what it returns
	finished []*fairlead.Error
}

func (*served) Protocol() string          { return "test" }
func (*served) Draining() <-chan struct{} { return nil }

func (s *served) SendHead() error {
	s.heads++
	return s.headErr
}

func (s *served) Decode(payload []byte, _ uint8, m any) error { return s.msgs.Decode(payload, m) }
func (s *served) Finish(e *fairlead.Error)                    { s.finished = append(s.finished, e) }

// begun returns a call of a kind on an exchange; the deadline may be zero.
func begun(kind fairlead.Kind, x *serverExchange, deadline time.Time) *served {
	codec := protocoltest.Codec{}
	s := &served{msgs: NewMessages("msg", codec, codec, codec, false, false)}
	m := fairlead.NewMethod[protocoltest.Msg, protocoltest.Msg](kind, "test.Notes", "Note")
	s.call = fairlead.NewServerCall(&fairlead.ServerCall{Method: m, Driver: s, Deadline: deadline})
	s.Begin(&Serving{
		Call: s.call, Exchange: x, Stream: s, Messages: s.msgs, Reserver: new(account),
		Outgoing: Outgoing{Limit: NewLimit(1<<10, "server", "send")}, Recv: NewLimit(1<<10, "server", "recv"),
	})
	return s
}

// TestReadRequest: the one request of a call, as its type or as it is, and bodies that do not have one.
func TestReadRequest(t *testing.T) {
	t.Parallel()
	one := string(frame(0, enc("a")))
	lost := &protocol.Failure{Kind: protocol.FailedLost}
	tests := []struct {
		name  string
		parts []string
		end   error
		code  fairlead.Code
		text  string
	}{
		{"one", []string{one}, io.EOF, fairlead.OK, ""},
		{"one in parts", []string{one[:3], one[3:6], one[6:]}, io.EOF, fairlead.OK, ""},
		{"none", nil, io.EOF, fairlead.Unimplemented, "none was sent"},
		{"two", []string{one, one}, io.EOF, fairlead.Unimplemented, "more were sent"},
		{"malformed", []string{string(frame(0, ""))}, io.EOF, fairlead.Internal, "cannot decode"},
		{"cut off", []string{one[:6]}, io.EOF, fairlead.Internal, "within a message"},
		{"cut off behind it", []string{one, one[:2]}, io.EOF, fairlead.Internal, "within a message"},
		{"lost", nil, lost, fairlead.Canceled, ""},
		{"lost behind it", []string{one}, lost, fairlead.Canceled, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := newServerExchange(tt.parts...)
			x.readErr = tt.end
			s := begun(fairlead.ServerStreaming, x, time.Time{})
			wantError(t, s.ReadRequest(), tt.code, tt.text)
			s.Discard()
			got, _ := s.call.Request().(*protocoltest.Msg)
			if tt.code == fairlead.OK && (got == nil || got.Text != "a") || tt.code != fairlead.OK && s.call.Request() != nil {
				t.Errorf("got the request %v", s.call.Request())
			}
			// The whole body is awaited, and nothing once it is there.
			if !slices.Equal(x.expects, []bool{true, false}) {
				t.Errorf("got %v expected, want the body and then nothing", x.expects)
			}
		})
	}
	t.Run("as it is", func(t *testing.T) {
		t.Parallel()
		s := begun(fairlead.ServerStreaming, newServerExchange(one), time.Time{})
		s.call.Method().NewRequest = nil
		if err := s.ReadRequest(); err != nil {
			t.Fatal(err)
		}
		if raw, ok := s.call.Request().(*fairlead.Raw); !ok || string(raw.Data) != enc("a") {
			t.Errorf("got the request %v", s.call.Request())
		}
	})
}

// TestReservedForRequest: the longest message that came in parts is accounted for.
func TestReservedForRequest(t *testing.T) {
	t.Parallel()
	long := string(frame(0, enc(strings.Repeat("a", 99))))
	s := begun(fairlead.ServerStreaming, newServerExchange(long[:20], long[20:]), time.Time{})
	if err := s.ReadRequest(); err != nil || s.Reserved() != 100 {
		t.Errorf("got %v with %d bytes reserved, want 100", err, s.Reserved())
	}
}

// TestRespond: the response of a handler that returned it, that sent it, and that did neither.
func TestRespond(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		send, response *protocoltest.Msg
		sent           []string
		code           fairlead.Code
		text           string
	}{
		{"returned", nil, note("a"), []string{enc("a")}, fairlead.OK, ""},
		{"sent", note("a"), nil, []string{enc("a")}, fairlead.OK, ""},
		{"neither", nil, nil, nil, fairlead.Internal, "there is no message to send"},
		{"both", note("a"), note("b"), []string{enc("a")}, fairlead.Internal, "the method has one response"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := newServerExchange()
			s := begun(fairlead.ClientStreaming, x, time.Time{})
			if tt.send != nil {
				if err := s.Send(tt.send); err != nil {
					t.Fatal(err)
				}
			}
			if tt.response != nil {
				s.call.SetResponse(tt.response)
			}
			wantError(t, s.Respond(), tt.code, tt.text)
			if !slices.Equal(x.sent, tt.sent) {
				t.Errorf("got %q sent, want %q", x.sent, tt.sent)
			}
		})
	}
}

// TestServerHead: the head goes once before what is sent first, and again only if it could not be sent.
func TestServerHead(t *testing.T) {
	t.Parallel()
	x := newServerExchange()
	s := begun(fairlead.ClientStreaming, x, time.Time{})
	s.headErr = fairlead.Errorf(fairlead.ResourceExhausted, "too long")
	for i := range 2 {
		wantError(t, s.Send(note("a")), fairlead.ResourceExhausted, "too long")
		wantError(t, s.SendHeader(s.call), fairlead.ResourceExhausted, "too long")
		if want := 2 * (i + 1); s.heads != want || s.Begun() || x.sent != nil {
			t.Errorf("got %d heads, begun %v, %q sent, want %d heads that failed", s.heads, s.Begun(), x.sent, want)
		}
	}
	changed := errors.New("changed")
	change := func(o *Outgoing) error {
		o.Limit = NewLimit(5, "server", "changed")
		return changed
	}
	if err := s.Change(change); err != changed { //nolint:errorlint // it is to be the same
		t.Errorf("Change: got %v", err)
	}
	wantError(t, s.Send(note("a long text")), fairlead.ResourceExhausted, "(changed)")
	s.headErr = nil
	if err := s.SendHeader(s.call); err != nil || !s.Begun() || x.sent != nil {
		t.Errorf("got %v, begun %v, %q sent", err, s.Begun(), x.sent)
	}
	wantError(t, s.Change(change), fairlead.FailedPrecondition, "the response's header was sent already")
	heads := s.heads
	if err := errors.Join(s.SendHeader(s.call), s.Send(note("a"))); err != nil || s.heads != heads {
		t.Errorf("got %v, and %d heads, want one", err, s.heads-heads+1)
	}
	if want := []string{enc("a")}; !slices.Equal(x.sent, want) {
		t.Errorf("got %q sent, want %q", x.sent, want)
	}
}

// TestServerSends: messages follow one another, plain where the call wants that, and one that was not sent does not
// count.
func TestServerSends(t *testing.T) {
	t.Parallel()
	x := newServerExchange()
	s := begun(fairlead.ClientStreaming, x, time.Time{})
	s.out.Compressor = press{}
	x.sendErr = errors.New("too odd")
	wantError(t, s.Send(note("a message of some length")), fairlead.Internal, "cannot encode a message: too odd")
	x.sendErr = nil
	if err := s.Send(note("a message of some length")); err != nil {
		t.Error(err)
	}
	s.kind = fairlead.BidiStreaming
	s.call.SetCompress(false)
	if err := s.Send(note("another of some length")); err != nil {
		t.Error(err)
	}
	want := []string{"P" + enc("a message of some length")[:10], enc("another of some length")}
	if !slices.Equal(x.sent, want) {
		t.Errorf("got %q sent, want %q", x.sent, want)
	}
}

// TestServerReceives: what Recv returns, of kinds that have messages to receive and of those that have not.
func TestServerReceives(t *testing.T) {
	t.Parallel()
	one, two := string(frame(0, enc("a"))), string(frame(0, enc("b")))
	s := begun(fairlead.BidiStreaming, newServerExchange(one+two[:3], two[3:], string(frame(0, "")), one[:4]), time.Time{})
	for _, want := range []string{"a", "b"} {
		if m := new(protocoltest.Msg); s.Recv(m) != nil || m.Text != want {
			t.Errorf("got %q, want %q", m.Text, want)
		}
	}
	wantError(t, s.Recv(new(protocoltest.Msg)), fairlead.Internal, "cannot decode")
	wantError(t, s.Recv(new(protocoltest.Msg)), fairlead.Internal, "within a message")

	s = begun(fairlead.BidiStreaming, newServerExchange(), time.Time{})
	if err := s.Recv(new(protocoltest.Msg)); err != io.EOF { //nolint:errorlint // streams return it bare
		t.Errorf("at the end: got %v", err)
	}
	s = begun(fairlead.ServerStreaming, newServerExchange(one), time.Time{})
	if err := s.Recv(new(protocoltest.Msg)); err != io.EOF { //nolint:errorlint // streams return it bare
		t.Errorf("behind the one request: got %v", err)
	}
}

// TestServerEnd: End interrupts what others do, finishes the exchange with the call's status, and leaves it alone from
// then on.
func TestServerEnd(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*served) error{
		"receiving": func(s *served) error { return s.Recv(new(protocoltest.Msg)) },
		"sending":   func(s *served) error { return s.Send(note("a")) },
		"neither":   func(*served) error { return ErrOver() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				x := newServerExchange()
				x.block = true
				s := begun(fairlead.BidiStreaming, x, time.Time{})
				got := make(chan error, 1)
				go func() { got <- use(s) }()
				synctest.Wait()
				s.End(io.ErrShortBuffer)
				wantError(t, <-got, fairlead.Internal, "the call is over")
				if cause := x.interrupted(); (cause != nil) != (name != "neither") {
					t.Errorf("interrupted with %v", cause)
				}
				if len(s.finished) != 1 || s.finished[0].Code != fairlead.Unknown {
					t.Errorf("got %v finished, want Unknown", s.finished)
				}
				x.block = false
				heads := s.heads
				wantError(t, s.Recv(new(protocoltest.Msg)), fairlead.Internal, "the call is over")
				wantError(t, s.Send(note("a")), fairlead.Internal, "the call is over")
				wantError(t, s.Change(func(*Outgoing) error { return nil }), fairlead.Internal, "the call is over")
				if name != "sending" { // which has sent the head
					wantError(t, s.SendHeader(s.call), fairlead.Internal, "the call is over")
				}
				if s.heads != heads || x.sent != nil {
					t.Errorf("the exchange was used after its end: %d heads, %q sent", s.heads-heads, x.sent)
				}
				for _, err := range []error{s.CloseSend(), s.Close(), s.WaitHeader(t.Context(), s.call)} {
					if err != nil {
						t.Errorf("got %v, want nil", err)
					}
				}
			})
		})
	}
}

// TestServerWatch: a stream that was used ends with the call's context, unless the watch was stopped.
func TestServerWatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		timeout      time.Duration
		use          func(*served)
		canceled     bool
		stop         bool // before the context ends
		stoppedFirst bool // before the stream is used
		want         error
	}{
		{name: "late", timeout: time.Second, want: ErrDeadline()},
		{name: "canceled", timeout: time.Hour, canceled: true, want: ErrCanceled()},
		{name: "without a deadline", canceled: true},
		{name: "stopped", timeout: time.Second, stop: true},
		{name: "stopped before", timeout: time.Second, stoppedFirst: true},
	}
	for _, tt := range tests {
		for name, use := range map[string]func(*served){
			"by Send": func(s *served) { _ = s.Send(note("a")) },
			"by Recv": func(s *served) { _ = s.Recv(new(protocoltest.Msg)) },
			"not":     func(*served) {},
		} {
			t.Run(tt.name+", used "+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					x := newServerExchange()
					var at time.Time
					if tt.timeout > 0 {
						at = time.Now().Add(tt.timeout)
					}
					s := begun(fairlead.BidiStreaming, x, at)
					if tt.stoppedFirst {
						s.StopWatch()
					}
					use(s)
					use(s) // which does not watch a second time
					if tt.stop {
						s.StopWatch()
					}
					if tt.canceled {
						s.call.Wire().Cancel(fairlead.Errorf(fairlead.Canceled, "gone"))
					}
					time.Sleep(time.Minute)
					synctest.Wait()
					got, want := x.interrupted(), tt.want
					if name == "not" {
						want = nil
					}
					if (got == nil) != (want == nil) || got != nil && got.Error() != want.Error() {
						t.Errorf("interrupted with %v, want %v", got, want)
					}
					s.StopWatch()
				})
			})
		}
	}
}

// TestInterruptLate: reading a request ends at the deadline, if there is one and it was not stopped before.
func TestInterruptLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name  string
			timed bool
			stop  bool
			want  fairlead.Code
		}{
			{"none", false, false, fairlead.OK},
			{"passed", true, false, fairlead.DeadlineExceeded},
			{"stopped", true, true, fairlead.OK},
		} {
			x := newServerExchange()
			var at time.Time
			if tt.timed {
				at = time.Now().Add(time.Second)
			}
			stop := InterruptLate(x, begun(fairlead.ServerStreaming, x, at).call)
			if tt.stop {
				stop()
			}
			time.Sleep(time.Second - 1)
			if cause := x.interrupted(); cause != nil {
				t.Errorf("%s: interrupted too early with %v", tt.name, cause)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			wantError(t, x.interrupted(), tt.want, "")
			stop()
		}
	})
}
