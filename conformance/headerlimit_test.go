package conformance_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// TestLongStatus: a status that is longer than the header list that its client takes arrives shortened, with its code.
// grpc-go's server sends none then.
func TestLongStatus(t *testing.T) {
	t.Parallel()
	const limit = 8 << 10
	with := func(text, details, each int) *status.Status {
		st := status.New(codes.FailedPrecondition, strings.Repeat("é", text/2))
		for i := range details {
			var err error
			if st, err = st.WithDetails(wrapperspb.String(fmt.Sprint(i, strings.Repeat("d", each)))); err != nil {
				t.Fatal(err)
			}
		}
		return st
	}
	for _, tt := range []struct {
		name    string
		st      *status.Status
		trailer int
		text    string // what the message has, beside its beginning
		details int
	}{
		{"short", with(100, 2, 100), 0, "é", 2},
		{"long text", with(100_000, 0, 0), 0, "client takes header lists of 8192 bytes]", 0},
		{"long details", with(100, 10, 2000), 0, "[cut: 8 details; the client", 2},
		{"both", with(100_000, 10, 2000), 0, "bytes and 10 details; the client", 0},
		{"metadata as well", with(100, 1, 3000), 5000, "[cut: 1 details; the client", 0},
		{"metadata too long", with(100, 1, 1000), 10_000, "é", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			svc := &service{
				unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
					if tt.trailer > 0 {
						_ = grpc.SetTrailer(ctx, metadata.Pairs("x-long", strings.Repeat("t", tt.trailer)))
					}
					return nil, tt.st.Err()
				},
				duplex: func(s duplexServer) error {
					if _, err := s.Recv(); err != nil {
						return err
					}
					return tt.st.Err()
				},
			}
			for _, cl := range stacks {
				p := pair{cl, stacks[1]}
				client := testpb.NewTestServiceClient(p.conn(t, svc, &serverConfig{}, &clientConfig{maxHeaders: limit}))
				_, err := client.UnaryCall(within(t), &testpb.SimpleRequest{})
				check := func(what string) {
					t.Helper()
					got := status.Convert(err)
					if got.Code() != codes.FailedPrecondition || !strings.Contains(got.Message(), tt.text) ||
						!strings.HasPrefix(got.Message(), "éé") || len(got.Details()) != tt.details {
						t.Errorf("%s, %s: got %v with %d details and %.200q, want %d and %q", cl.name, what,
							got.Code(), len(got.Details()), got.Message(), tt.details, tt.text)
					}
				}
				check("unary")
				if tt.trailer > 0 {
					continue
				}
				s, err2 := client.FullDuplexCall(within(t))
				if err2 != nil {
					t.Fatal(err2)
				}
				if err = s.Send(&testpb.StreamingOutputCallRequest{}); err != nil {
					t.Fatal(err)
				}
				_, err = s.Recv()
				check("stream")
			}
		})
	}
}

// TestLongMetadata sends metadata that the other side said it does not take: the error names length and limit.
func TestLongMetadata(t *testing.T) {
	t.Parallel()
	const limit = 8 << 10
	long := strings.Repeat("x", limit)
	check := func(t *testing.T, what string, err error, want codes.Code, words ...string) {
		t.Helper()
		got := status.Convert(err)
		if got.Code() != want {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
		for _, w := range words {
			if !strings.Contains(got.Message(), w) {
				t.Errorf("%s: got %q, want %q in it", what, got.Message(), w)
			}
		}
	}
	for _, s := range stacks {
		t.Run("request to "+s.name, func(t *testing.T) {
			t.Parallel()
			p := pair{stacks[1], s}
			client := testpb.NewTestServiceClient(
				p.conn(t, &service{}, &serverConfig{maxHeaders: limit}, &clientConfig{}))
			if _, err := client.UnaryCall(within(t), &testpb.SimpleRequest{}); err != nil {
				t.Fatal(err)
			}
			ctx := metadata.AppendToOutgoingContext(within(t), "x-long", long)
			_, err := client.UnaryCall(ctx, &testpb.SimpleRequest{})
			check(t, "unary", err, codes.ResourceExhausted, "request's metadata", "server takes 8192", "MAX_HEADER_LIST_SIZE")
			if str, err := client.FullDuplexCall(ctx); err != nil {
				check(t, "stream", err, codes.ResourceExhausted, "request's metadata", "the server takes 8192")
			} else if _, err = str.Recv(); err != nil {
				check(t, "stream", err, codes.ResourceExhausted, "request's metadata", "the server takes 8192")
			}
			if _, err := client.UnaryCall(within(t), &testpb.SimpleRequest{}); err != nil {
				t.Errorf("a call afterwards: %v", err)
			}
		})
	}
	for _, where := range []string{"header", "trailer"} {
		for _, cl := range stacks {
			t.Run(where+" to "+cl.name, func(t *testing.T) {
				t.Parallel()
				set := func(ctx context.Context) {
					if where == "header" {
						_ = grpc.SetHeader(ctx, metadata.Pairs("x-long", long))
					} else {
						_ = grpc.SetTrailer(ctx, metadata.Pairs("x-long", long))
					}
				}
				svc := &service{
					unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
						set(ctx)
						return &testpb.SimpleResponse{}, nil
					},
					duplex: func(s duplexServer) error {
						set(s.Context())
						if _, err := s.Recv(); err != nil {
							return err
						}
						return s.Send(&testpb.StreamingOutputCallResponse{})
					},
				}
				p := pair{cl, stacks[1]}
				client := testpb.NewTestServiceClient(p.conn(t, svc, &serverConfig{}, &clientConfig{maxHeaders: limit}))
				_, err := client.UnaryCall(within(t), &testpb.SimpleRequest{})
				check(t, "unary", err, codes.ResourceExhausted, "response's metadata", "the client takes 8192")
				s, err := client.FullDuplexCall(within(t))
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Send(&testpb.StreamingOutputCallRequest{}); err != nil {
					t.Fatal(err)
				}
				for err == nil {
					_, err = s.Recv()
				}
				check(t, "stream", err, codes.ResourceExhausted, "response's metadata", "the client takes 8192")
			})
		}
	}
}
