package grpcgo_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/fairlead-go/fairlead"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, serve serveFunc) {
		detailed, err := status.New(codes.ResourceExhausted, "slow down").WithDetails(durationpb.New(7))
		if err != nil {
			t.Fatal(err)
		}
		tests := map[string]struct {
			err     error
			code    codes.Code
			message string
			details int
		}{
			"status":            {status.Error(codes.NotFound, "no ship"), codes.NotFound, "no ship", 0},
			"status, wrapped":   {fmt.Errorf("x: %w", status.Error(codes.NotFound, "no")), codes.NotFound, "", 0},
			"status, detailed":  {detailed.Err(), codes.ResourceExhausted, "slow down", 1},
			"status, own code":  {status.Error(codes.Code(77), "own"), codes.Code(77), "own", 0},
			"fairlead":          {fairlead.Errorf(fairlead.Aborted, "again"), codes.Aborted, "again", 0},
			"plain":             {errors.New("boom"), codes.Unknown, "boom", 0},
			"context":           {context.DeadlineExceeded, codes.DeadlineExceeded, "context deadline exceeded", 0},
			"status that is OK": {okError{}, codes.Unknown, "", 0},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				client := connect(t, serve, &service{
					unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) { return nil, tt.err },
					bidi: func(
						grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse],
					) error {
						return tt.err
					},
				})
				_, unary := client.UnaryCall(within(t), new(testpb.SimpleRequest))
				s, err := client.FullDuplexCall(within(t))
				if err != nil {
					t.Fatal(err)
				}
				_, stream := s.Recv()
				for _, err := range []error{unary, stream} {
					st, ok := status.FromError(err)
					if !ok || st.Code() != tt.code || tt.message != "" && st.Message() != tt.message {
						t.Errorf("got %v, want %v %q", err, tt.code, tt.message)
					}
					if len(st.Details()) != tt.details {
						t.Errorf("got details %v, want %d", st.Details(), tt.details)
					}
					if tt.details == 1 {
						if d, ok := st.Details()[0].(proto.Message); !ok || !proto.Equal(d, durationpb.New(7)) {
							t.Errorf("got detail %v", st.Details()[0])
						}
					}
					var e *fairlead.Error
					if !errors.As(err, &e) || e.Code != fairlead.Code(tt.code) || !e.FromPeer() {
						t.Errorf("errors.As: got %v", e)
					}
					if !errors.Is(err, st.Err()) {
						t.Error("errors.Is does not find the status")
					}
					if err.Error() != st.Err().Error() {
						t.Errorf("got text %q, want %q", err, st.Err())
					}
				}
			})
		}
	})
}

// okError is a status that says OK.
type okError struct{}

func (okError) Error() string              { return "fine" }
func (okError) GRPCStatus() *status.Status { return status.New(codes.OK, "") }

// TestErrorsKeepTheirCause sees that middleware on the server finds what a handler returned behind the status.
func TestErrorsKeepTheirCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("disk")
	client, l := dial(t, &service{unary: func(
		context.Context, *testpb.SimpleRequest,
	) (*testpb.SimpleResponse, error) {
		return nil, errors.Join(cause, status.Error(codes.DataLoss, "gone"))
	}})
	path := "/grpc.testing.TestService/UnaryCall"
	next := l.handlers[path]
	var seen error
	l.handlers[path] = func(ctx context.Context, c *fairlead.Call) error {
		seen = next(ctx, c)
		return seen
	}
	if _, err := client.UnaryCall(within(t), new(testpb.SimpleRequest)); status.Code(err) != codes.DataLoss {
		t.Errorf("got %v, want DataLoss", err)
	}
	if !errors.Is(seen, cause) || fairlead.CodeOf(seen) != fairlead.DataLoss {
		t.Errorf("middleware got %v", seen)
	}
}

// TestUnreadableRequest has the request be something that its handler cannot decode.
func TestUnreadableRequest(t *testing.T) {
	t.Parallel()
	_, l := dial(t, &service{})
	b := l.Bind(&fairlead.Method{Path: "/grpc.testing.TestService/UnaryCall"})
	// Field 3, the payload, is a message: here it is longer than what follows.
	garbage := &testpb.Payload{Body: []byte("x")}
	garbage.ProtoReflect().SetUnknown([]byte{0x1a, 0x7f, 0x01})
	err := b(within(t), fairlead.NewCall(&fairlead.Method{Path: "x"}, garbage))
	if fairlead.CodeOf(err) != fairlead.Internal {
		t.Errorf("got %v, want Internal", err)
	}
}
