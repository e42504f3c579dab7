package grpcgo_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// TestNativeHandlers has handlers of Fairlead's return errors of grpc-go: code, message and details arrive, although
// nothing of this package is in the way.
func TestNativeHandlers(t *testing.T) {
	t.Parallel()
	detailed, err := status.New(codes.ResourceExhausted, "slow down").WithDetails(durationpb.New(7))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		err     error
		code    codes.Code
		message string
		details int
	}{
		{"status", status.Error(codes.NotFound, "no ship"), codes.NotFound, "no ship", 0},
		{"details", detailed.Err(), codes.ResourceExhausted, "slow down", 1},
		{
			"wrapped", fmt.Errorf("loading: %w", detailed.Err()), codes.ResourceExhausted,
			"loading: rpc error: code = ResourceExhausted desc = slow down", 1,
		},
		{"own code", status.Error(codes.Code(77), "own"), codes.Code(77), "own", 0},
		{"OK", okError{}, codes.Unknown, "fine", 0},
		{"plain", errors.New("boom"), codes.Unknown, "boom", 0},
	}
	unary := fairlead.NewMethod[durationpb.Duration, emptypb.Empty](fairlead.Unary, "native.v1.Ships", "Get")
	stream := fairlead.NewMethod[durationpb.Duration, emptypb.Empty](fairlead.ServerStreaming, "native.v1.Ships", "List")
	n := inproc.New()
	srv, err := preset.NewServer("native:80", server.Transport(n), server.Service(fairlead.Implement(
		fairlead.NewService("native.v1.Ships", "proto", nil, unary, stream),
		fairlead.UnaryHandler(func(_ context.Context, in *durationpb.Duration) (*emptypb.Empty, error) {
			return nil, tests[in.GetSeconds()].err
		}),
		fairlead.ServerStreamHandler(
			func(_ context.Context, in *durationpb.Duration, _ *fairlead.Outbound[emptypb.Empty]) error {
				return tests[in.GetSeconds()].err
			},
		),
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
	c, err := preset.NewClient("static:///native:80", client.Dialer(n))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	conn := grpcgo.NewConn(c)
	for i, tt := range tests {
		in := &durationpb.Duration{Seconds: int64(i)}
		k := fairlead.NewCall(stream, in)
		s, err := fairlead.OpenedServerStream[emptypb.Empty](k, c.Bind(stream)(within(t), k))
		if err != nil {
			t.Fatal(err)
		}
		_, ofStream := s.Recv()
		for what, err := range map[string]error{
			"unary":  conn.Invoke(within(t), unary.Path, in, new(emptypb.Empty)),
			"stream": ofStream,
		} {
			e := fairlead.ErrorOf(err)
			if e == nil || codes.Code(e.Code) != tt.code || e.Message != tt.message || len(e.Details) != tt.details {
				t.Errorf("%s, %s: got %+v, want %v %q", tt.name, what, e, tt.code, tt.message)
				continue
			}
			if tt.details == 0 {
				continue
			}
			var d durationpb.Duration
			if err := proto.Unmarshal(e.Details[0].Value, &d); err != nil || d.GetNanos() != 7 {
				t.Errorf("%s, %s: got detail %v, %v", tt.name, what, &d, err)
			}
		}
	}
}

// TestConnErrorsGoOn has a handler of Fairlead's return what a Conn gave it: the message goes on as it was, without
// grpc-go's text around it.
func TestConnErrorsGoOn(t *testing.T) {
	t.Parallel()
	client, _ := dial(t, &service{unary: func(
		context.Context, *testpb.SimpleRequest,
	) (*testpb.SimpleResponse, error) {
		return nil, status.Error(codes.NotFound, "no ship")
	}})
	_, err := client.UnaryCall(within(t), new(testpb.SimpleRequest))
	if e := fairlead.ErrorOf(err); e.Code != fairlead.NotFound || e.Message != "no ship" || !e.FromPeer() {
		t.Errorf("got %+v, want the message alone", e)
	}
	want := "asking: rpc error: code = NotFound desc = no ship"
	if e := fairlead.ErrorOf(fmt.Errorf("asking: %w", err)); e.Code != fairlead.NotFound || e.Message != want {
		t.Errorf("got %+v, want %q", e, want)
	}
}
