package conformance_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// large is longer than any window of flow control and any default limit of messages.
const large = 5 << 20

// TestKinds runs calls of each kind with messages of several sizes, over plaintext and TLS.
func TestKinds(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("TLS %v", secure), func(t *testing.T) {
				t.Parallel()
				sc, cc := &serverConfig{maxRecv: large + 1024, maxSend: large + 1024}, &clientConfig{}
				if secure {
					sc.tls = testtls.New(t)
					cc.tls = sc.tls
				}
				client := testpb.NewTestServiceClient(p.conn(t, &service{}, sc, cc))
				for _, size := range []int{0, 1, 1000, 70_000, large} {
					t.Run(fmt.Sprint(size), func(t *testing.T) { kinds(t, client, size) })
				}
			})
		}
	})
}

func kinds(t *testing.T, client testpb.TestServiceClient, size int) {
	ctx, limit := within(t), grpc.MaxCallRecvMsgSize(large+1024)
	want := bytesOf(size)
	check := func(what string, p *testpb.Payload, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := p.GetBody(); !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes, want %d, or others", what, len(got), len(want))
		}
	}
	unary, err := client.UnaryCall(ctx, &testpb.SimpleRequest{Payload: payload(size)}, limit)
	check("unary", unary.GetPayload(), err)

	output, err := client.StreamingOutputCall(ctx, &testpb.StreamingOutputCallRequest{
		Payload: payload(size), ResponseParameters: outputs(3),
	}, limit)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		m, err := output.Recv()
		check("server streaming", m.GetPayload(), err)
	}
	if _, err := output.Recv(); err != io.EOF {
		t.Errorf("server streaming: got %v, want EOF", err)
	}

	input, err := client.StreamingInputCall(ctx, limit)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := input.Send(&testpb.StreamingInputCallRequest{Payload: payload(size)}); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := input.CloseAndRecv()
	if err != nil || sum.GetAggregatedPayloadSize() != int32(3*size) {
		t.Errorf("client streaming: got %v, %v, want %d bytes", sum, err, 3*size)
	}

	duplex, err := client.FullDuplexCall(ctx, limit)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := duplex.Send(&testpb.StreamingOutputCallRequest{Payload: payload(size)}); err != nil {
			t.Fatal(err)
		}
		m, err := duplex.Recv()
		check("bidirectional", m.GetPayload(), err)
	}
	if err := duplex.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := duplex.Recv(); err != io.EOF {
		t.Errorf("bidirectional: got %v, want EOF", err)
	}
}

// TestManyMessages pushes more than the windows hold through a stream in each direction at once, while nobody reads at
// first.
func TestManyMessages(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		const count, size = 200, 32 << 10
		client := p.connect(t, &service{})
		s, err := client.FullDuplexCall(within(t))
		if err != nil {
			t.Fatal(err)
		}
		sent := make(chan error, 1)
		go func() {
			for range count {
				if err := s.Send(&testpb.StreamingOutputCallRequest{Payload: payload(size)}); err != nil {
					sent <- err
					return
				}
			}
			sent <- s.CloseSend()
		}()
		for i := range count {
			if m, err := s.Recv(); err != nil || len(m.GetPayload().GetBody()) != size {
				t.Fatalf("message %d: got %v", i, err)
			}
		}
		if _, err := s.Recv(); err != io.EOF {
			t.Errorf("got %v, want EOF", err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}
