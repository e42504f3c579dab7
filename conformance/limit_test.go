package conformance_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// TestLimits sends messages that are just short enough and just too long, at each of the four places that limit them.
// The error names the limit.
func TestLimits(t *testing.T) {
	t.Parallel()
	const limit = 10_000
	fits := limit - 16 // what surrounds the bytes of a payload is less than that
	eachPair(t, func(t *testing.T, p pair) {
		places := map[string]struct {
			server serverConfig
			opts   []grpc.CallOption
		}{
			"client receives": {opts: []grpc.CallOption{grpc.MaxCallRecvMsgSize(limit)}},
			"client sends":    {opts: []grpc.CallOption{grpc.MaxCallSendMsgSize(limit)}},
			"server receives": {server: serverConfig{maxRecv: limit}},
			"server sends":    {server: serverConfig{maxSend: limit}},
		}
		for name, place := range places {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				client := testpb.NewTestServiceClient(p.conn(t, &service{}, &place.server, &clientConfig{}))
				for _, size := range []int{fits, limit + 1} {
					want := codes.OK
					if size > limit {
						want = codes.ResourceExhausted
					}
					check := func(what string, err error) {
						t.Helper()
						if status.Code(err) != want || err != nil && !strings.Contains(err.Error(), fmt.Sprint(limit)) {
							t.Errorf("%s with %d bytes: got %v, want %v", what, size, err, want)
						}
					}
					_, err := client.UnaryCall(within(t), &testpb.SimpleRequest{Payload: payload(size)}, place.opts...)
					check("unary", err)
					s, err := client.FullDuplexCall(within(t), place.opts...)
					if err != nil {
						t.Fatal(err)
					}
					err = s.Send(&testpb.StreamingOutputCallRequest{Payload: payload(size)})
					if err == nil || err == io.EOF {
						_, err = s.Recv()
					}
					check("stream", err)
				}
			})
		}
	})
}

// TestDefaultLimit covers the 4 MiB that gRPC's implementations agree upon.
func TestDefaultLimit(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		client := p.connect(t, &service{})
		_, err := client.UnaryCall(within(t), &testpb.SimpleRequest{Payload: payload(4<<20 - 16)})
		if err != nil {
			t.Error(err)
		}
		_, err = client.UnaryCall(within(t), &testpb.SimpleRequest{Payload: payload(4 << 20)})
		if status.Code(err) != codes.ResourceExhausted {
			t.Errorf("got %v, want ResourceExhausted", err)
		}
	})
}
