package conformance_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	type outcome struct {
		name string
		err  error
		want *status.Status
	}
	var outcomes []outcome
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		st := status.New(code, "it is "+code.String())
		outcomes = append(outcomes, outcome{code.String(), st.Err(), st})
	}
	for name, message := range map[string]string{
		"no message":  "",
		"percent":     "100% %41 %zz %",
		"line breaks": "\t\nwith\r\nwhitespace\t ",
		"unicode":     "Ÿ ☺ 😈 \u0080",
		"long":        strings.Repeat("ß", 3000),
		"controls":    "\x01\x1f\x7f",
	} {
		st := status.New(codes.Aborted, message)
		outcomes = append(outcomes, outcome{name, st.Err(), st})
	}
	detailed, err := status.New(codes.ResourceExhausted, "slow dówn").
		WithDetails(durationpb.New(7), wrapperspb.String("later"), wrapperspb.Bytes(bytesOf(2000)))
	if err != nil {
		t.Fatal(err)
	}
	outcomes = append(outcomes,
		outcome{"details", detailed.Err(), detailed},
		outcome{"a code without a name", status.Error(99, "odd"), status.New(99, "odd")},
		outcome{"no status", errors.New("plain"), status.New(codes.Unknown, "plain")},
	)
	eachPair(t, func(t *testing.T, p pair) {
		which := func(in *testpb.Payload) error { return outcomes[int(in.GetBody()[0])].err }
		client := p.connect(t, &service{
			unary: func(_ context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
				return nil, which(in.GetPayload())
			},
			duplex: func(s duplexServer) error {
				in, err := s.Recv()
				if err != nil {
					return err
				}
				if err := s.Send(new(testpb.StreamingOutputCallResponse)); err != nil {
					return err
				}
				return which(in.GetPayload())
			},
		})
		for i, o := range outcomes {
			in := &testpb.Payload{Body: []byte{byte(i)}}
			_, unary := client.UnaryCall(within(t), &testpb.SimpleRequest{Payload: in})
			s, err := client.FullDuplexCall(within(t))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Send(&testpb.StreamingOutputCallRequest{Payload: in}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Recv(); err != nil {
				t.Fatal(err)
			}
			_, stream := s.Recv()
			for what, err := range map[string]error{"unary": unary, "stream": stream} {
				got, ok := status.FromError(err)
				if !ok || !proto.Equal(got.Proto(), o.want.Proto()) {
					t.Errorf("%s, %s: got %v, want %v", o.name, what, got.Proto(), o.want.Proto())
				}
			}
		}
	})
}

// TestUnimplemented covers methods and services that a server does not have.
func TestUnimplemented(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		conn := p.conn(t, &service{}, &serverConfig{}, &clientConfig{})
		client := testpb.NewTestServiceClient(conn)
		for path, message := range map[string]string{
			"/grpc.testing.TestService/Nothing": "unknown method Nothing for service grpc.testing.TestService",
			"/grpc.testing.Nothing/Nothing":     "unknown service grpc.testing.Nothing",
		} {
			err := conn.Invoke(within(t), path, new(testpb.Empty), new(testpb.Empty))
			if st := status.Convert(err); st.Code() != codes.Unimplemented || st.Message() != message {
				t.Errorf("%s: got %v, want Unimplemented, %s", path, err, message)
			}
		}
		// These the description has, and the implementation not.
		_, err := client.CacheableUnaryCall(within(t), new(testpb.SimpleRequest))
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("unary: got %v, want Unimplemented", err)
		}
		s, err := client.HalfDuplexCall(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); status.Code(err) != codes.Unimplemented {
			t.Errorf("stream: got %v, want Unimplemented", err)
		}
	})
}
