package validate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/middleware/validate/rules"
)

// note is a message with rules, as generated code would be.
type note struct {
	text  string
	inner *note
	lists []string
	byKey map[string]string
	at    time.Time
}

func (m *note) ValidateFields(v *rules.Violations) {
	if v.Full() {
		return
	}
	if m == nil {
		m = new(note)
	}
	if m.text == "" {
		v.Add(rules.Field("text"), "string.min_len", "must not be empty")
	}
	if m.inner != nil {
		v.Enter(rules.Field("inner"))
		m.inner.ValidateFields(v)
		v.Leave()
	}
	for i, x := range m.lists {
		if v.Full() {
			return
		}
		if x == "" {
			v.Add(rules.Index("lists", i), "string.min_len", "must not be empty")
		}
	}
	mark := v.Mark()
	for k, x := range m.byKey {
		if v.Full() {
			break
		}
		if len(k) > 3 {
			v.AddKey(rules.StringKey("by_key", k), "string.max_len", "must be short")
		}
		if x == "" {
			v.Add(rules.StringKey("by_key", k), "string.min_len", "must not be empty")
		}
	}
	v.Sort(mark)
	if m.at.After(v.Now()) {
		v.Add(rules.Field("at"), "timestamp.lt_now", "must be in the past")
	}
}

// plain is a message without rules.
type plain struct{}

// spoken is a message of which an evaluator does a part.
type spoken struct{ word string }

var spokenPart = rules.Part{Message: "test.Spoken", Self: true, Fields: []string{"word"}}

func (m *spoken) ValidateFields(v *rules.Violations) { v.Evaluate(m, &spokenPart) }

func (*spoken) SurveyRules(s *rules.Survey) {
	if s.Enter("test.Spoken") {
		s.Part(new(spoken), &spokenPart)
		(*spoken)(nil).SurveyRules(s) // it holds itself
	}
}

// holder holds a message of another package, with or without generated rules.
type holder struct{ held any }

func (m *holder) ValidateFields(v *rules.Violations) { v.Nested(rules.Field("held"), m.held) }

func (m *holder) SurveyRules(s *rules.Survey) {
	if s.Enter("test.Holder") {
		s.Nested(new(plain))
		s.Nested(new(plain))
		s.Nested(new(note))
		s.Nested(new(spoken))
	}
}

// evaluator refuses messages whose word is bad.
type evaluator struct {
	prepared []string
	failure  error
}

func (e *evaluator) Prepare(message any, part *rules.Part) error {
	e.prepared = append(e.prepared, fmt.Sprintf("%T %v", message, part != nil))
	return e.failure
}

func (e *evaluator) Evaluate(message any, part *rules.Part, v *rules.Violations) error {
	switch m := message.(type) {
	case *spoken:
		switch m.word {
		case "bad":
			v.AddPath(Violation{Field: "word", Rule: "this != 'bad'", Message: "must not be bad"})
			v.AddPath(Violation{Rule: "spoken.whole", Message: "must be better"})
		case "odd":
			return errors.New("division by zero")
		}
	case *plain:
		if part != nil {
			return errors.New("it has no parts")
		}
		v.AddPath(Violation{Field: "x[1]", Rule: "plain", Message: "must be else"})
	}
	return nil
}

func check(t *testing.T, m any, opts ...Option) *Error {
	t.Helper()
	err := Check(m, opts...)
	if err == nil {
		return nil
	}
	if got := fairlead.CodeOf(err); got != fairlead.InvalidArgument {
		t.Fatalf("code is %v, want INVALID_ARGUMENT: %v", got, err)
	}
	broken, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%v wraps no *Error", err)
	}
	return broken
}

func TestCheck(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	tests := []struct {
		name    string
		message any
		want    []string
		text    string
	}{
		{"valid", &note{text: "a"}, nil, ""},
		{"without rules", new(plain), nil, ""},
		{"nil", nil, nil, ""},
		{"a nil message", (*note)(nil), []string{"text string.min_len"}, "text: must not be empty"},
		{"one", new(note), []string{"text string.min_len"}, "text: must not be empty"},
		{
			"deeper", &note{text: "a", inner: &note{text: "b", inner: &note{lists: []string{"a", ""}}}},
			[]string{"inner.inner.text string.min_len", "inner.inner.lists[1] string.min_len"},
			"inner.inner.text: must not be empty; and 1 more violation",
		},
		{
			"entries", &note{text: "a", byKey: map[string]string{"c": "", "a": "", "b": "x", "long\"er": ""}},
			[]string{
				`by_key["a"] string.min_len`, `by_key["c"] string.min_len`, `by_key["long\"er"] string.max_len`,
				`by_key["long\"er"] string.min_len`,
			},
			`by_key["a"]: must not be empty; and 3 more violations`,
		},
		{
			"a key", &note{text: "a", byKey: map[string]string{"long": "x"}}, []string{`by_key["long"] string.max_len`},
			`by_key["long"] (key): must be short`,
		},
		{
			"time", &note{text: "a", at: now.Add(1)}, []string{"at timestamp.lt_now"},
			"at: must be in the past",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := check(t, tt.message, Clock(func() time.Time { return now }))
			if got == nil {
				if tt.want != nil {
					t.Errorf("it is valid, want %q", tt.want)
				}
				return
			}
			var all []string
			for _, v := range got.Violations {
				all = append(all, v.Field+" "+v.Rule)
			}
			if !reflect.DeepEqual(all, tt.want) || got.Error() != tt.text || got.Stopped {
				t.Errorf("got %q, %q, %v\nwant %q, %q", all, got, got.Stopped, tt.want, tt.text)
			}
		})
	}
}

// TestLimits sees that hostile messages make errors of bounded size.
func TestLimits(t *testing.T) {
	t.Parallel()
	many := &note{text: "a", lists: make([]string, 1_000_000)}
	got := check(t, many)
	if len(got.Violations) != DefaultLimit || !got.Stopped {
		t.Errorf("%d violations, stopped %v; want %d", len(got.Violations), got.Stopped, DefaultLimit)
	}
	if got := check(t, many, FailFast()); len(got.Violations) != 1 {
		t.Errorf("%d violations with FailFast, want 1", len(got.Violations))
	}
	if got := check(t, many, Limit(1000)); len(got.Violations) != 1000 {
		t.Errorf("%d violations, want 1000", len(got.Violations))
	}

	key := strings.Repeat("ä", 1_000_000)
	deep := &note{byKey: map[string]string{key: ""}}
	for range 10_000 {
		deep = &note{text: "a", inner: deep}
	}
	err := Check(deep, Limit(1000))
	var own *fairlead.Error
	if !errors.As(err, &own) || len(own.Details) != 1 {
		t.Fatalf("got %T", err)
	}
	if n := len(own.Message); n > 1<<10 {
		t.Errorf("the message has %d bytes", n)
	}
	if n := len(own.Details[0].Value); n > mostBytes+1<<10 {
		t.Errorf("the detail has %d bytes", n)
	}
	if got := check(t, &note{text: "a", byKey: map[string]string{key: "x"}}).Violations[0].Field; len(got) > 200 {
		t.Errorf("the path has %d bytes", len(got))
	}
}

func newCall(m *fairlead.Method, request any) *fairlead.Call {
	c := fairlead.NewServerCall(&fairlead.ServerCall{Method: m, Peer: new(fairlead.Peer)})
	c.SetRequest(request)
	return c
}

func middleware(
	t *testing.T, side fairlead.Side, m *fairlead.Method, h fairlead.Handler, opts ...Option,
) fairlead.Handler {
	t.Helper()
	mw, err := New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return mw(fairlead.Site{Side: side, Method: m}, h)
}

func TestUnary(t *testing.T) {
	t.Parallel()
	method := fairlead.NewMethod[note, note](fairlead.Unary, "s", "M")
	tests := []struct {
		name              string
		side              fairlead.Side
		request, response *note
		opts              []Option
		code              fairlead.Code
		ran               bool
		text              string
	}{
		{"valid", fairlead.ServerSide, &note{text: "a"}, new(note), nil, fairlead.OK, true, ""},
		{"a request", fairlead.ServerSide, new(note), nil, nil, fairlead.InvalidArgument, false, "text: must not be empty"},
		{
			"a response", fairlead.ServerSide, &note{text: "a"}, new(note), []Option{Responses()}, fairlead.Internal, true,
			"invalid response: text: must not be empty",
		},
		{"client", fairlead.ClientSide, new(note), nil, nil, fairlead.InvalidArgument, false, "text: must not be empty"},
		{
			"a client's response", fairlead.ClientSide, &note{text: "a"}, new(note), []Option{Responses()},
			fairlead.Internal, true, "invalid response: text: must not be empty",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ran := false
			h := middleware(t, tt.side, method, func(_ context.Context, c *fairlead.Call) error {
				ran = true
				c.SetResponse(tt.response)
				return nil
			}, tt.opts...)
			c := newCall(method, tt.request)
			err := h(c.Context(), c)
			if got := fairlead.CodeOf(err); got != tt.code || ran != tt.ran {
				t.Fatalf("got %v, ran %v; want %v, %v", err, ran, tt.code, tt.ran)
			}
			if err == nil {
				return
			}
			e := fairlead.ErrorOf(err)
			if e.Message != tt.text {
				t.Errorf("message is %q, want %q", e.Message, tt.text)
			}
			if notSent := e.Reach == fairlead.NotSent; notSent != (tt.side == fairlead.ClientSide && !tt.ran) {
				t.Errorf("reach is %v", e.Reach)
			}
			received := fairlead.PeerError(e.Code, e.Message, e.Details)
			want := []Violation{{Field: "text", Rule: "STRING_MIN_LEN", Message: "must not be empty"}}
			if got := Fields(received); !reflect.DeepEqual(got, want) {
				t.Errorf("the details say %+v, want %+v", got, want)
			}
		})
	}
}

// memory is a stream that returns messages and keeps those that are sent.
type memory struct {
	in     []*note
	sent   []any
	closed bool
}

func (s *memory) Send(msg any) error {
	s.sent = append(s.sent, msg)
	return nil
}

func (s *memory) Recv(msg any) error {
	if len(s.in) == 0 {
		return io.EOF
	}
	if into, ok := msg.(*note); ok {
		*into = *s.in[0]
	}
	s.in = s.in[1:]
	return nil
}

func (s *memory) CloseSend() error { return nil }

func (s *memory) Close() error {
	s.closed = true
	return nil
}

func TestStreams(t *testing.T) {
	t.Parallel()
	good, bad := &note{text: "a"}, new(note)
	for _, side := range []fairlead.Side{fairlead.ServerSide, fairlead.ClientSide} {
		for _, responses := range []bool{false, true} {
			t.Run(fmt.Sprint(side, responses), func(t *testing.T) {
				t.Parallel()
				method := fairlead.NewMethod[note, note](fairlead.BidiStreaming, "s", "M")
				var opts []Option
				if responses {
					opts = append(opts, Responses())
				}
				wire := &memory{in: []*note{good, bad, good}}
				h := middleware(t, side, method, func(_ context.Context, c *fairlead.Call) error {
					c.Wire().SetStream(wire)
					return nil
				}, opts...)
				c := newCall(method, nil)
				if err := h(c.Context(), c); err != nil {
					t.Fatal(err)
				}
				s := c.Stream()

				code := fairlead.InvalidArgument // what is received by a server, and sent by a client
				if side == fairlead.ClientSide {
					code = fairlead.Internal
				}
				into := new(note)
				if err := s.Recv(into); err != nil || into.text != "a" {
					t.Errorf("Recv = %v", err)
				}
				if side == fairlead.ServerSide || responses {
					for range 2 { // it stays
						if err := s.Recv(into); fairlead.CodeOf(err) != code {
							t.Errorf("Recv = %v, want %v", err, code)
						}
					}
					if wire.closed != (side == fairlead.ClientSide) {
						t.Errorf("the stream was closed: %v", wire.closed)
					}
				} else if err := s.Recv(into); err != nil {
					t.Errorf("Recv = %v", err)
				}

				if err := s.Send(good); err != nil {
					t.Errorf("Send = %v", err)
				}
				err := s.Send(bad)
				switch {
				case side == fairlead.ClientSide:
					if fairlead.CodeOf(err) != fairlead.InvalidArgument || len(wire.sent) != 1 {
						t.Errorf("Send = %v, %d messages were sent", err, len(wire.sent))
					}
				case responses:
					if fairlead.CodeOf(err) != fairlead.Internal || len(wire.sent) != 1 {
						t.Errorf("Send = %v, %d messages were sent", err, len(wire.sent))
					}
				case err != nil:
					t.Errorf("Send = %v", err)
				}
			})
		}
	}
}

// TestOneRequest has kinds with one request or one response beside a stream.
func TestOneRequest(t *testing.T) {
	t.Parallel()
	never := func(context.Context, *fairlead.Call) error { return errors.New("the handler ran") }
	serverStream := fairlead.NewMethod[note, note](fairlead.ServerStreaming, "s", "M")
	for _, side := range []fairlead.Side{fairlead.ServerSide, fairlead.ClientSide} {
		c := newCall(serverStream, new(note))
		if err := middleware(t, side, serverStream, never)(c.Context(), c); fairlead.CodeOf(err) != fairlead.InvalidArgument {
			t.Errorf("%v: got %v", side, err)
		}
	}
	clientStream := fairlead.NewMethod[note, note](fairlead.ClientStreaming, "s", "M")
	c := newCall(clientStream, nil)
	err := middleware(t, fairlead.ServerSide, clientStream, func(_ context.Context, c *fairlead.Call) error {
		c.SetResponse(new(note))
		return nil
	}, Responses())(c.Context(), c)
	if fairlead.CodeOf(err) != fairlead.Internal {
		t.Errorf("got %v, want INTERNAL", err)
	}
}

// TestNothingToDo sees that a method without rules keeps its handler.
func TestNothingToDo(t *testing.T) {
	t.Parallel()
	for _, m := range []*fairlead.Method{
		fairlead.NewMethod[plain, note](fairlead.Unary, "s", "M"),
		fairlead.NewMethod[plain, plain](fairlead.BidiStreaming, "s", "M"),
		{Path: "/s/M"},
	} {
		h := func(context.Context, *fairlead.Call) error { return nil }
		got := middleware(t, fairlead.ServerSide, m, h)
		if reflect.ValueOf(got).Pointer() != reflect.ValueOf(h).Pointer() {
			t.Errorf("%v %T: the handler was wrapped", m.Kind, m.NewRequest)
		}
	}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	method := fairlead.NewMethod[spoken, plain](fairlead.Unary, "s", "M")
	run := func(word string, opts ...Option) error {
		h := middleware(t, fairlead.ServerSide, method, func(context.Context, *fairlead.Call) error { return nil }, opts...)
		c := newCall(method, &spoken{word: word})
		return h(c.Context(), c)
	}

	err := run("good")
	if fairlead.CodeOf(err) != fairlead.Internal {
		t.Fatalf("without an evaluator: %v", err)
	}
	for _, part := range []string{"/s/M", "test.Spoken", "the message itself", "field word", "Expressions"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}

	mw, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var failure error
	at := fairlead.Site{Method: method, Fail: func(err error) { failure = err }}
	mw(at, func(context.Context, *fairlead.Call) error { return nil })
	if failure == nil || !strings.HasPrefix(failure.Error(), "validate: test.Spoken has rules that need an Evaluator") {
		t.Errorf("the site failed with %v", failure)
	}

	e := new(evaluator)
	if err := run("good", Expressions(e)); err != nil {
		t.Errorf("got %v", err)
	}
	if want := []string{"*validate.spoken true"}; !reflect.DeepEqual(e.prepared, want) {
		t.Errorf("prepared %q, want %q", e.prepared, want)
	}
	err = run("bad", Expressions(e))
	want := []Violation{
		{Field: "word", Rule: "this != 'bad'", Message: "must not be bad"},
		{Rule: "spoken.whole", Message: "must be better"},
	}
	if got := Fields(err); fairlead.CodeOf(err) != fairlead.InvalidArgument || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %+v", err, got)
	}
	if err = run("odd", Expressions(e)); fairlead.CodeOf(err) != fairlead.Internal ||
		!strings.Contains(err.Error(), "division by zero") {
		t.Errorf("got %v", err)
	}
	if err = run("good", Expressions(&evaluator{failure: errors.New("no such field")})); err == nil ||
		!strings.Contains(err.Error(), "no such field") {
		t.Errorf("got %v", err)
	}
}

func TestForeignMessages(t *testing.T) {
	t.Parallel()
	cfg, err := newConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	err = cfg.Survey(new(holder))
	if err == nil || strings.Count(err.Error(), "*validate.plain was generated without") != 1 ||
		!strings.Contains(err.Error(), "test.Spoken has rules") {
		t.Errorf("got %v", err)
	}
	e := new(evaluator)
	if cfg, err = newConfig([]Option{Expressions(e)}); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Survey(new(holder)); err != nil {
		t.Error(err)
	}
	if want := []string{"*validate.plain false", "*validate.spoken true"}; !reflect.DeepEqual(e.prepared, want) {
		t.Errorf("prepared %q, want %q", e.prepared, want)
	}

	tests := []struct {
		held any
		want string
	}{
		{new(note), "held.text string.min_len"},
		{&spoken{"bad"}, "held.word this != 'bad'"},
		{new(plain), "held.x[1] plain"},
	}
	for _, tt := range tests {
		got := check(t, &holder{tt.held}, Expressions(e))
		if got == nil || got.Violations[0].Field+" "+got.Violations[0].Rule != tt.want {
			t.Errorf("%T: got %v, want %s", tt.held, got, tt.want)
		}
	}
	if err := Check(&holder{new(plain)}); fairlead.CodeOf(err) != fairlead.Internal {
		t.Errorf("without an evaluator: %v", err)
	}
}

func TestNewErrors(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Option{"Limit": Limit(0), "Expressions": Expressions(nil), "Clock": Clock(nil)} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
		if err := Check(new(note), o); err == nil {
			t.Errorf("%s: Check ran", name)
		}
	}
}

func TestBadRequest(t *testing.T) {
	t.Parallel()
	all := []Violation{
		{Field: "a.b[1]", Rule: "string.min_len", Message: "must not be empty"},
		{Rule: "this.a > 3 && this.b", Message: "it\xffself"},
		{Field: "x", Rule: "???"},
		{Rule: "9a" + strings.Repeat("b", 100)},
	}
	got := parseBadRequest(encodeBadRequest(all))
	want := []Violation{
		{Field: "a.b[1]", Rule: "STRING_MIN_LEN", Message: "must not be empty"},
		{Rule: "THIS_A_3_THIS_B", Message: "it\uFFFDself"},
		{Field: "x", Rule: "RULE"},
		{Rule: "A" + strings.Repeat("B", longestReason-1)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got := Fields(io.EOF); got != nil {
		t.Errorf("got %v", got)
	}
	other := fairlead.PeerError(fairlead.InvalidArgument, "", []fairlead.Detail{{Type: "else", Value: []byte("\x0a\x00")}})
	if got := Fields(other); got != nil {
		t.Errorf("got %v", got)
	}
}

// TestFieldsOfOthers: a peer may write another address before the name of the detail's type.
func TestFieldsOfOthers(t *testing.T) {
	t.Parallel()
	value := encodeBadRequest([]Violation{{Field: "a", Message: "m"}})
	for url, want := range map[string]int{
		badRequestType: 1, "types.example.com/google.rpc.BadRequest": 1, "type.googleapis.com/my.google.rpc.BadRequest": 0,
	} {
		err := fairlead.PeerError(fairlead.InvalidArgument, "", []fairlead.Detail{{Type: url, Value: value}})
		if got := Fields(err); len(got) != want {
			t.Errorf("%s: got %v, want %d", url, got, want)
		}
	}
}

// FuzzBadRequest sees that what a peer sends is read without a panic and without much memory.
func FuzzBadRequest(f *testing.F) {
	f.Add(encodeBadRequest([]Violation{{Field: "a", Rule: "b", Message: "c"}}))
	f.Add([]byte("\x0a\x05\x0a\x01a\x20\x05\x09abcdefgh\x0d1234\x0a\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := len(parseBadRequest(b)); n > len(b) {
			t.Errorf("%d violations of %d bytes", n, len(b))
		}
	})
}

func TestAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	method := fairlead.NewMethod[note, note](fairlead.Unary, "s", "M")
	h := middleware(t, fairlead.ServerSide, method, func(context.Context, *fairlead.Call) error { return nil })
	c := newCall(method, &note{
		text: "a", inner: &note{text: "b"}, lists: []string{"a", "b"}, byKey: map[string]string{"a": "b"},
	})
	ctx := c.Context()
	assert.Allocs(t, 0, func() {
		if err := h(ctx, c); err != nil {
			t.Error(err)
		}
	})
}

// TestOneWayResponse: a method that is one-way has no response to validate, whatever type it names.
func TestOneWayResponse(t *testing.T) {
	t.Parallel()
	m := fairlead.NewMethod[note, note](fairlead.Unary, "s", "Notify", func(m *fairlead.Method) { m.OneWay = true })
	c := fairlead.NewCall(m, &note{text: "a"})
	h := middleware(t, fairlead.ClientSide, m, func(context.Context, *fairlead.Call) error { return nil }, Responses())
	if err := h(t.Context(), c); err != nil {
		t.Errorf("got %v for a call without a response", err)
	}
	if err := h(t.Context(), fairlead.NewCall(m, new(note))); fairlead.CodeOf(err) != fairlead.InvalidArgument {
		t.Errorf("got %v for a request that breaks a rule", err)
	}
}
