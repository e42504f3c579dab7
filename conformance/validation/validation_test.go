package validation

import (
	"context"
	"io"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/middleware/validate"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

// orders counts the requests that reach it.
type orders struct{ placed chan *PlaceRequest }

func (o *orders) Place(_ context.Context, r *PlaceRequest) (*PlaceResponse, error) {
	o.placed <- r
	return &PlaceResponse{Id: r.Email}, nil
}

func (o *orders) Stream(_ context.Context, s *fairlead.Bidi[PlaceResponse, PlaceRequest]) error {
	for r, err := range s.All() {
		if err != nil {
			return err
		}
		o.placed <- r
		if err := s.Send(&PlaceResponse{Id: r.Email}); err != nil {
			return err
		}
	}
	return nil
}

// ruled is a service whose requests have an expression.
type ruled struct{}

func (ruled) Rule(context.Context, *RuleRequest) (*PlaceResponse, error) {
	return new(PlaceResponse), nil
}

// TestNoEvaluator sees that a server with rules that nobody applies is not made, and that a client refuses to call it.
func TestNoEvaluator(t *testing.T) {
	t.Parallel()
	rules, err := validate.New()
	if err != nil {
		t.Fatal(err)
	}
	_, err = preset.NewServer("127.0.0.1:0", server.Service(Ruled(ruled{})))
	for _, part := range []string{
		"/conformance.validation.v1.Ruled/Rule", "conformance.validation.v1.RuleRequest", "field word", "Expressions",
	} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
	conn, err := preset.NewClient("static:///127.0.0.1:1", client.Use(rules))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = NewRuledClient(conn).Rule(t.Context(), &RuleRequest{Word: "good"})
	if fairlead.CodeOf(err) != fairlead.Internal || !strings.Contains(err.Error(), "field word") {
		t.Errorf("the client got %v", err)
	}
}

// serve starts a server with the middleware and returns its address.
func serve(t *testing.T, o *orders, opts ...validate.Option) string {
	t.Helper()
	rules, err := validate.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return local.Serve(t, server.Service(Orders(o)), server.Validation(rules)).Addr().String()
}

var (
	good = &PlaceRequest{Email: "a@example.com", Items: []*Item{{Sku: "AB-1", Amount: 1}}}
	bad  = &PlaceRequest{
		Email: "nobody", Items: []*Item{{Sku: "AB-1", Amount: 1}, {Sku: "x", Amount: 101}},
		Labels: map[string]string{"b": "long", "a": "longer", "c": "x"},
	}
	// told is what clients are told about bad: path, reason.
	told = [][2]string{
		{"email", "STRING_EMAIL"},
		{"items[1].sku", "STRING_PATTERN"},
		{"items[1].amount", "INT32_GT_LTE"},
		{`labels["a"]`, "STRING_MAX_LEN"},
		{`labels["b"]`, "STRING_MAX_LEN"},
	}
)

func TestFairleadClient(t *testing.T) {
	t.Parallel()
	o := &orders{placed: make(chan *PlaceRequest, 10)}
	conn, err := preset.NewClient("static:///" + serve(t, o))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	calls := NewOrdersClient(conn)
	expect := func(err error) {
		t.Helper()
		e := fairlead.ErrorOf(err)
		if e == nil || e.Code != fairlead.InvalidArgument || !e.FromPeer() ||
			!strings.HasPrefix(e.Message, "email: must be an e-mail address; and 4 more") {
			t.Fatalf("got %v", err)
		}
		var got [][2]string
		for _, v := range validate.Fields(err) {
			got = append(got, [2]string{v.Field, v.Rule})
		}
		if !reflect.DeepEqual(got, told) {
			t.Errorf("fields are %q, want %q", got, told)
		}
	}

	if r, err := calls.Place(t.Context(), good); err != nil || r.Id != good.Email {
		t.Errorf("Place = %v, %v", r, err)
	}
	_, err = calls.Place(t.Context(), bad)
	expect(err)

	s, err := calls.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*PlaceRequest{good, bad} {
		if err := s.Send(r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Recv(); err != nil {
		t.Error(err)
	}
	_, err = s.Recv()
	expect(err)

	if n := len(o.placed); n != 2 {
		t.Errorf("%d requests reached the handlers, want 2", n)
	}
}

func TestGRPCClient(t *testing.T) {
	t.Parallel()
	o := &orders{placed: make(chan *PlaceRequest, 10)}
	conn, err := grpc.NewClient(serve(t, o), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	expect := func(err error) {
		t.Helper()
		st := status.Convert(err)
		if st.Code() != codes.InvalidArgument || len(st.Details()) != 1 {
			t.Fatalf("got %v, details %v", err, st.Details())
		}
		detail, ok := st.Details()[0].(*errdetails.BadRequest)
		if !ok {
			t.Fatalf("the detail is %T", st.Details()[0])
		}
		var got [][2]string
		for _, v := range detail.GetFieldViolations() {
			got = append(got, [2]string{v.GetField(), v.GetReason()})
			if !strings.HasPrefix(v.GetDescription(), "must ") {
				t.Errorf("the description of %s is %q", v.GetField(), v.GetDescription())
			}
		}
		if !reflect.DeepEqual(got, told) {
			t.Errorf("fields are %q, want %q", got, told)
		}
	}

	var r PlaceResponse
	if err := conn.Invoke(t.Context(), OrdersPlaceMethod.Path, good, &r); err != nil || r.Id != good.Email {
		t.Errorf("Place = %v, %v", &r, err)
	}
	expect(conn.Invoke(t.Context(), OrdersPlaceMethod.Path, bad, &r))

	s, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true},
		OrdersStreamMethod.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []*PlaceRequest{good, bad} {
		if err := s.SendMsg(r); err != nil && err != io.EOF {
			t.Fatal(err)
		}
	}
	if err := s.RecvMsg(&r); err != nil {
		t.Error(err)
	}
	expect(s.RecvMsg(&r))
}

// TestLargeError sees that the error of a request with much wrong fits in the trailers that peers accept.
func TestLargeError(t *testing.T) {
	t.Parallel()
	addr := serve(t, &orders{placed: make(chan *PlaceRequest, 1)}, validate.Limit(1000))
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithMaxHeaderListSize(8<<10))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	labels := make(map[string]string)
	for i := range 500 {
		labels[strings.Repeat("k", i)] = "long"
	}
	err = conn.Invoke(t.Context(), OrdersPlaceMethod.Path, &PlaceRequest{Labels: labels}, new(PlaceResponse))
	if st := status.Convert(err); st.Code() != codes.InvalidArgument || len(st.Details()) != 1 {
		t.Errorf("got %v", err)
	}
}
