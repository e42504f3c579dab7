package protovalidate

import (
	"context"
	"strings"
	"testing"

	pv "buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/contrib/protovalidate/internal/plain"
	"github.com/fairlead-go/fairlead/contrib/protovalidate/internal/rules"
	"github.com/fairlead-go/fairlead/contrib/protovalidate/internal/rules/other"
	"github.com/fairlead-go/fairlead/middleware/validate"
	ours "github.com/fairlead-go/fairlead/middleware/validate/rules"
)

func newEvaluator(t *testing.T) *Evaluator {
	t.Helper()
	e, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// serve runs a request through the middleware.
func serve[Req any](t *testing.T, request *Req, opts ...validate.Option) error {
	t.Helper()
	mw, err := validate.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	method := fairlead.NewMethod[Req, rules.NoRules](fairlead.Unary, "test.Service", "Do")
	h := mw(fairlead.Site{Method: method}, func(context.Context, *fairlead.Call) error { return nil })
	c := fairlead.NewServerCall(&fairlead.ServerCall{Method: method, Peer: new(fairlead.Peer)})
	c.SetRequest(request)
	return h(c.Context(), c)
}

func TestMiddleware(t *testing.T) {
	t.Parallel()
	rule := validate.Expressions(newEvaluator(t))
	order := func() *rules.Order {
		return &rules.Order{Name: new("n"), Price: proto.Int64(10), First: new(rules.Line)}
	}
	if err := serve(t, order(), rule); err != nil {
		t.Errorf("a good order: %v", err)
	}

	bad := order()
	bad.Discount, bad.Code = proto.Int64(11), new("y")
	bad.Lines = []*rules.Line{{Item: new("a")}, {Item: new(""), Amount: proto.Int64(9)}}
	err := serve(t, bad, rule)
	if fairlead.CodeOf(err) != fairlead.InvalidArgument {
		t.Fatalf("a bad order: %v", err)
	}
	want := map[string]string{
		"":                "order.discount",
		"code":            "order.code",
		"lines[1].item":   "string.min_len",
		"lines[1].amount": "this != 9",
	}
	got := validate.Fields(err)
	for _, v := range got {
		if want[v.Field] != v.Rule {
			t.Errorf("%q breaks %q (%s), want %q", v.Field, v.Rule, v.Message, want[v.Field])
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %+v", got)
	}
	if err := serve(t, bad, rule, validate.FailFast()); len(validate.Fields(err)) != 1 {
		t.Errorf("with FailFast: %v", err)
	}

	// What it holds needs the evaluator, and is found before the first call.
	err = serve(t, new(rules.Basket))
	for _, part := range []string{
		"INTERNAL", "/test.Service/Do", "fairlead.test.rules.Order has rules", "the message itself", "code",
		"fairlead.test.rules.Line", "field amount", "fairlead.test.rules.other.Spoken",
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	err = serve(t, &rules.Basket{Spoken: &other.Spoken{Word: "bad"}}, rule)
	if f := validate.Fields(err); len(f) != 1 || f[0].Field != "spoken.word" {
		t.Errorf("got %v", err)
	}
}

// TestUngenerated has a message whose package has no compiled rules.
func TestUngenerated(t *testing.T) {
	t.Parallel()
	tree := func(name string) *rules.Tree {
		return &rules.Tree{Leaf: &rules.Leaf{Name: "ab"}, Untold: &plain.Untold{Name: name}}
	}
	if err := serve(t, tree("ab")); fairlead.CodeOf(err) != fairlead.Internal ||
		!strings.Contains(err.Error(), "plain.Untold was generated without validation") {
		t.Errorf("without an evaluator: %v", err)
	}
	rule := validate.Expressions(newEvaluator(t))
	if err := serve(t, tree("ab"), rule); err != nil {
		t.Error(err)
	}
	err := serve(t, tree("a"), rule)
	if f := validate.Fields(err); len(f) != 1 || f[0].Field != "untold.name" || f[0].Rule != "string.min_len" {
		t.Errorf("got %v", err)
	}
}

// TestFailures has expressions that are no verdicts.
func TestFailures(t *testing.T) {
	t.Parallel()
	rule := validate.Expressions(newEvaluator(t))
	err := serve(t, &rules.Broken{Divisor: proto.Int64(0)}, rule)
	if fairlead.CodeOf(err) != fairlead.Internal || !strings.Contains(err.Error(), "fairlead.test.rules.Broken") ||
		!strings.Contains(err.Error(), "division") {
		t.Errorf("a division by zero: %v", err)
	}
	err = serve(t, new(rules.Wrong), rule)
	if fairlead.CodeOf(err) != fairlead.Internal || !strings.Contains(err.Error(), "fairlead.test.rules.Wrong") {
		t.Errorf("an expression that does not compile: %v", err)
	}
	if err := newEvaluator(t).Prepare(3, nil); err == nil {
		t.Error("a number was taken for a message")
	}
}

// whole has all its rules applied by the evaluator.
type whole struct{ proto.Message }

func (m *whole) ValidateFields(v *ours.Violations) { v.Evaluate(m.Message, nil) }

// TestPanic sees that a panic of the library, which lists of wrappers bring about, is an error.
func TestPanic(t *testing.T) {
	t.Parallel()
	m := &whole{&rules.Wrappers{List: []*wrapperspb.Int32Value{wrapperspb.Int32(1)}}}
	err := validate.Check(m, validate.Expressions(newEvaluator(t)))
	if err == nil {
		t.Skip("this version of protovalidate does not panic")
	}
	if fairlead.CodeOf(err) != fairlead.Internal || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("got %v", err)
	}
}

// TestLargeMessages sees that a message with much wrong costs a bounded amount of memory.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	order := &rules.Order{Name: new("n"), First: new(rules.Line)}
	for range 10_000 {
		order.Tags = append(order.Tags, "bad")
	}
	err := serve(t, order, validate.Expressions(newEvaluator(t)))
	if f := validate.Fields(err); len(f) != 1 || f[0].Field != "tags[0]" {
		t.Errorf("got %v", err)
	}
}

func TestNewErrors(t *testing.T) {
	t.Parallel()
	if _, err := New(pv.WithFailFast()); err != nil {
		t.Error(err)
	}
	if _, err := New(pv.WithFailFast(), nil); err == nil || !strings.Contains(err.Error(), "nil ValidatorOption") {
		t.Errorf("got %v, want an error about the nil option", err)
	}
}
