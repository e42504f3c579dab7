package conformance_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protoerr"
	"github.com/fairlead-go/fairlead/server"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// badRequest is a detail for the tests below, longer than what fits into HPACK's table.
func badRequest() *errdetails.BadRequest {
	b := new(errdetails.BadRequest)
	for i := range 100 {
		b.FieldViolations = append(b.FieldViolations, &errdetails.BadRequest_FieldViolation{
			Field: fmt.Sprintf("items[%d].Größe", i), Description: "must not be negative",
		})
	}
	return b
}

// TestDetailsToGRPCGo has grpc-go's client read the details that a handler of Fairlead's made of messages.
func TestDetailsToGRPCGo(t *testing.T) {
	t.Parallel()
	get := fairlead.NewMethod[testpb.SimpleRequest, testpb.SimpleResponse](fairlead.Unary, "details.v1.Details", "Get")
	srv, err := preset.NewServer("127.0.0.1:0", server.Service(fairlead.Implement(
		fairlead.NewService("details.v1.Details", "proto", nil, get),
		fairlead.UnaryHandler(func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
			e := protoerr.WithDetails(fairlead.Errorf(fairlead.InvalidArgument, "the order is not valid"), badRequest(),
				&errdetails.LocalizedMessage{Locale: "de", Message: "Die Bestellung ist ungültig"})
			return nil, fmt.Errorf("checking: %w", e)
		}),
	)))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	conn := dialGRPC(t, srv.Addr().String(), &clientConfig{})
	err = conn.Invoke(within(t), get.Path, new(testpb.SimpleRequest), new(testpb.SimpleResponse))
	st := status.Convert(err)
	const message = "checking: INVALID_ARGUMENT: the order is not valid"
	if st.Code() != codes.InvalidArgument || st.Message() != message || len(st.Details()) != 2 {
		t.Fatalf("got %v with details %v", err, st.Details())
	}
	if got, ok := st.Details()[0].(*errdetails.BadRequest); !ok || !proto.Equal(got, badRequest()) {
		t.Errorf("got %v", st.Details()[0])
	}
	if got, ok := st.Details()[1].(*errdetails.LocalizedMessage); !ok || got.GetLocale() != "de" {
		t.Errorf("got %v", st.Details()[1])
	}
}

// TestDetailsFromGRPCGo has Fairlead's client read the details of grpc-go's server.
func TestDetailsFromGRPCGo(t *testing.T) {
	t.Parallel()
	st, err := status.New(codes.InvalidArgument, "the order is not valid").
		WithDetails(&errdetails.RequestInfo{RequestId: "7"}, badRequest())
	if err != nil {
		t.Fatal(err)
	}
	sc := &serverConfig{register: func(r grpc.ServiceRegistrar) {
		testpb.RegisterTestServiceServer(r, &service{
			unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) { return nil, st.Err() },
		})
	}}
	c, err := preset.NewClient(serveGRPC(t, sc).addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	m := fairlead.NewMethod[testpb.SimpleRequest, testpb.SimpleResponse](fairlead.Unary, "grpc.testing.TestService",
		"UnaryCall")
	err = c.Bind(m)(within(t), fairlead.NewCall(m, new(testpb.SimpleRequest)))
	if fairlead.CodeOf(err) != fairlead.InvalidArgument {
		t.Fatalf("got %v", err)
	}
	if got, ok := protoerr.DetailOf[*errdetails.BadRequest](err); !ok || !proto.Equal(got, badRequest()) {
		t.Errorf("got %v, %v", got, ok)
	}
	if got, ok := protoerr.DetailOf[*errdetails.RequestInfo](err); !ok || got.GetRequestId() != "7" {
		t.Errorf("got %v, %v", got, ok)
	}
	if got, ok := protoerr.DetailOf[*errdetails.Help](err); ok {
		t.Errorf("got %v, which was not sent", got)
	}
}
