package conformance_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// TestCancelBeforeClose cancels streams and closes them at once: the caller gets CANCELLED each time, and the server is
// never told that what it has is all.
func TestCancelBeforeClose(t *testing.T) {
	t.Parallel()
	for _, s := range stacks {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var complete atomic.Int32
			t.Cleanup(func() { // when the server has ended
				if n := complete.Load(); n > 0 {
					t.Errorf("the server took %d streams for complete", n)
				}
			})
			sc := &serverConfig{register: func(r grpc.ServiceRegistrar) {
				testpb.RegisterTestServiceServer(r, &service{input: func(in inputServer) error {
					for {
						_, err := in.Recv()
						if err == io.EOF {
							complete.Add(1)
							return in.SendAndClose(new(testpb.StreamingInputCallResponse))
						}
						if err != nil {
							return err
						}
					}
				}})
			}}
			client := testpb.NewTestServiceClient(dialFairlead(t, s.serve(t, sc).addr, &clientConfig{}))
			for range 1000 {
				ctx, cancel := context.WithCancel(t.Context())
				in, err := client.StreamingInputCall(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if err := in.Send(&testpb.StreamingInputCallRequest{Payload: payload(10)}); err != nil {
					t.Fatal(err)
				}
				cancel()
				if _, err := in.CloseAndRecv(); status.Code(err) != codes.Canceled {
					t.Fatalf("got %v, want Canceled", err)
				}
			}
		})
	}
}
