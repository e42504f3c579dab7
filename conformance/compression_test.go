package conformance_test

import (
	"context"
	"io"
	"testing"

	"github.com/fairlead-go/fairlead"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// TestCompression sends a megabyte of zeros each way, with and without gzip, and counts what is on the wire. A server
// answers with the compressor of the request.
func TestCompression(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	eachPair(t, func(t *testing.T, p pair) {
		sc := &serverConfig{register: func(r grpc.ServiceRegistrar) {
			testpb.RegisterTestServiceServer(r, &service{})
		}}
		m := newProxy(t, p.server.serve(t, sc).addr)
		client := testpb.NewTestServiceClient(p.client.dial(t, m.addr, &clientConfig{}))
		zeros := &testpb.Payload{Body: make([]byte, size)}
		calls := map[string]func(...grpc.CallOption){
			"unary": func(opts ...grpc.CallOption) {
				r, err := client.UnaryCall(within(t), &testpb.SimpleRequest{Payload: zeros}, opts...)
				if err != nil || len(r.GetPayload().GetBody()) != size {
					t.Errorf("unary: got %d bytes, %v", len(r.GetPayload().GetBody()), err)
				}
			},
			"stream": func(opts ...grpc.CallOption) {
				s, err := client.FullDuplexCall(within(t), opts...)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Send(&testpb.StreamingOutputCallRequest{Payload: zeros}); err != nil {
					t.Fatal(err)
				}
				if r, err := s.Recv(); err != nil || len(r.GetPayload().GetBody()) != size {
					t.Errorf("stream: got %d bytes, %v", len(r.GetPayload().GetBody()), err)
				}
				if err := s.CloseSend(); err != nil {
					t.Error(err)
				}
				if _, err := s.Recv(); err != io.EOF {
					t.Errorf("stream: got %v, want EOF", err)
				}
			},
		}
		for name, call := range calls {
			up, down := m.up.Load(), m.down.Load()
			call(grpc.UseCompressor("gzip"))
			if up, down := m.up.Load()-up, m.down.Load()-down; up > size/10 || down > size/10 {
				t.Errorf("%s with gzip: %d bytes up, %d down", name, up, down)
			}
			up, down = m.up.Load(), m.down.Load()
			call()
			if up, down := m.up.Load()-up, m.down.Load()-down; up < size || down < size {
				t.Errorf("%s without: %d bytes up, %d down", name, up, down)
			}
		}
		_, err := client.UnaryCall(within(t), new(testpb.SimpleRequest), grpc.UseCompressor("nothing"))
		if status.Code(err) != codes.Internal {
			t.Errorf("an unknown compressor: got %v, want Internal", err)
		}
	})
}

// TestChosenCompression has handlers on one side of grpc-go and Fairlead choose how responses are compressed, and the
// client on the other see it.
func TestChosenCompression(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		const size = 1 << 20
		choose := grpc.SetSendCompressor
		if p.server.name == "fairlead" {
			choose = func(ctx context.Context, name string) error {
				return fairlead.CallFrom(ctx).SetSendCompressor(name)
			}
		}
		sc := &serverConfig{register: func(r grpc.ServiceRegistrar) {
			testpb.RegisterTestServiceServer(r, &service{unary: func(
				ctx context.Context, in *testpb.SimpleRequest,
			) (*testpb.SimpleResponse, error) {
				if err := choose(ctx, string(in.GetPayload().GetBody())); err != nil {
					return nil, err
				}
				return &testpb.SimpleResponse{Payload: &testpb.Payload{Body: make([]byte, size)}}, nil
			}})
		}}
		m := newProxy(t, p.server.serve(t, sc).addr)
		client := testpb.NewTestServiceClient(p.client.dial(t, m.addr, &clientConfig{}))
		for _, request := range []string{"gzip", "identity"} {
			for _, response := range []string{"gzip", "identity"} {
				var opts []grpc.CallOption
				if request == "gzip" {
					opts = append(opts, grpc.UseCompressor(request))
				}
				down := m.down.Load()
				r, err := client.UnaryCall(within(t),
					&testpb.SimpleRequest{Payload: &testpb.Payload{Body: []byte(response)}}, opts...)
				if err != nil || len(r.GetPayload().GetBody()) != size {
					t.Fatalf("got %d bytes, %v", len(r.GetPayload().GetBody()), err)
				}
				if down = m.down.Load() - down; (down < size/10) != (response == "gzip") {
					t.Errorf("request %s, response %s: %d bytes down", request, response, down)
				}
			}
		}
	})
}

// TestCompressedBomb sees that a short message which decompresses to a long one meets the limit.
func TestCompressedBomb(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		client := p.connect(t, &service{})
		_, err := client.UnaryCall(within(t), &testpb.SimpleRequest{Payload: &testpb.Payload{Body: make([]byte, 8<<20)}},
			grpc.UseCompressor("gzip"))
		if status.Code(err) != codes.ResourceExhausted {
			t.Errorf("got %v, want ResourceExhausted", err)
		}
	})
}
