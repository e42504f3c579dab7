package grpcgo_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestUnary(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, serve serveFunc) {
		client := connect(t, serve, &service{})
		got, err := client.UnaryCall(within(t), &testpb.SimpleRequest{Payload: payload("x")})
		if err != nil || string(got.GetPayload().GetBody()) != "x" {
			t.Fatalf("got %v, %v", got, err)
		}
	})
}

func TestServerStreaming(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, serve serveFunc) {
		client := connect(t, serve, &service{})
		req := &testpb.StreamingOutputCallRequest{
			Payload: payload("x"), ResponseParameters: make([]*testpb.ResponseParameters, 3),
		}
		for i := range req.ResponseParameters {
			req.ResponseParameters[i] = new(testpb.ResponseParameters)
		}
		s, err := client.StreamingOutputCall(within(t), req)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			if m, err := s.Recv(); err != nil || string(m.GetPayload().GetBody()) != "x" {
				t.Fatalf("message %d: got %v, %v", i, m, err)
			}
		}
		for range 2 {
			if _, err := s.Recv(); err != io.EOF {
				t.Fatalf("got %v, want EOF", err)
			}
		}
		if err := s.Context().Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("the stream's context after its end: got %v, want it cancelled", err)
		}
	})
}

func TestClientStreaming(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, serve serveFunc) {
		client := connect(t, serve, &service{})
		s, err := client.StreamingInputCall(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := s.Send(&testpb.StreamingInputCallRequest{Payload: payload("12345")}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.CloseAndRecv()
		if err != nil || got.GetAggregatedPayloadSize() != 15 {
			t.Fatalf("got %v, %v", got, err)
		}
	})
}

func TestBidi(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, serve serveFunc) {
		client := connect(t, serve, &service{})
		s, err := client.FullDuplexCall(within(t))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := s.Send(&testpb.StreamingOutputCallRequest{Payload: payload("x")}); err != nil {
				t.Fatal(err)
			}
			if m, err := s.Recv(); err != nil || string(m.GetPayload().GetBody()) != "x" {
				t.Fatalf("got %v, %v", m, err)
			}
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if err := s.Send(new(testpb.StreamingOutputCallRequest)); status.Code(err) != codes.Internal {
			t.Errorf("Send after CloseSend: got %v, want Internal", err)
		}
		if _, err := s.Recv(); err != io.EOF {
			t.Fatalf("got %v, want EOF", err)
		}
	})
}

// TestKinds sees that middleware of both sides is told the true shape of a method.
func TestKinds(t *testing.T) {
	t.Parallel()
	reg := grpcgo.NewRegistrar()
	testpb.RegisterTestServiceServer(reg, &service{})
	impls, err := reg.Implementations()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]fairlead.Kind{
		"EmptyCall": fairlead.Unary, "UnaryCall": fairlead.Unary,
		"StreamingOutputCall": fairlead.ServerStreaming, "StreamingInputCall": fairlead.ClientStreaming,
		"FullDuplexCall": fairlead.BidiStreaming, "HalfDuplexCall": fairlead.BidiStreaming,
	}
	for _, m := range impls[0].Service.Methods {
		if k, ok := want[m.Name]; ok && m.Kind != k {
			t.Errorf("%s: got %v, want %v", m.Name, m.Kind, k)
		}
		if m.Path != "/grpc.testing.TestService/"+m.Name {
			t.Errorf("got path %q", m.Path)
		}
	}
}

func TestSendAfterTheEnd(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, serve serveFunc) {
		client := connect(t, serve, &service{bidi: func(
			grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse],
		) error {
			return status.Error(codes.Aborted, "no")
		}})
		s, err := client.FullDuplexCall(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); status.Code(err) != codes.Aborted {
			t.Fatalf("Recv: got %v, want Aborted", err)
		}
		if err := s.Send(new(testpb.StreamingOutputCallRequest)); err != io.EOF {
			t.Errorf("Send: got %v, want EOF", err)
		}
		if _, err := s.Recv(); status.Code(err) != codes.Aborted {
			t.Errorf("Recv again: got %v, want Aborted", err)
		}
	})
}

// TestCardinality covers servers that send too few or too many messages where one is due.
func TestCardinality(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, serve serveFunc) {
		type server = grpc.ClientStreamingServer[testpb.StreamingInputCallRequest, testpb.StreamingInputCallResponse]
		tests := map[string]struct {
			handler func(server) error
			want    codes.Code
		}{
			"no response": {func(server) error { return nil }, codes.Internal},
			"two responses": {func(s server) error {
				if err := s.SendAndClose(new(testpb.StreamingInputCallResponse)); err != nil {
					return err
				}
				return s.SendAndClose(new(testpb.StreamingInputCallResponse))
			}, codes.Internal},
			"an error after the response": {func(s server) error {
				_ = s.SendAndClose(new(testpb.StreamingInputCallResponse))
				return status.Error(codes.DataLoss, "late")
			}, codes.DataLoss},
		}
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				client := connect(t, serve, &service{input: tt.handler})
				s, err := client.StreamingInputCall(within(t))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := s.CloseAndRecv(); status.Code(err) != tt.want {
					t.Errorf("got %v, %v, want %v", got, err, tt.want)
				}
			})
		}
	})
}

// TestTooManyResponses covers a client whose description says that one response is due, and a server that sends two.
func TestTooManyResponses(t *testing.T) {
	t.Parallel()
	_, l := dial(t, &service{})
	conn := grpcgo.NewConn(l)
	s, err := conn.NewStream(within(t), &grpc.StreamDesc{ClientStreams: true}, "/grpc.testing.TestService/FullDuplexCall")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		for range 2 {
			if err := s.SendMsg(&testpb.StreamingOutputCallRequest{Payload: payload("x")}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	err = s.RecvMsg(new(testpb.StreamingOutputCallResponse))
	if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "cardinality violation") {
		t.Errorf("got %v, want a cardinality violation", err)
	}
	if err := <-done; err != nil && err != io.EOF {
		t.Errorf("SendMsg: got %v", err)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, serve serveFunc) {
		client := connect(t, serve, &service{})
		for _, deadline := range []bool{false, true} {
			ctx, cancel := context.WithCancel(within(t))
			want, text := codes.Canceled, "rpc error: code = Canceled desc = context canceled"
			if deadline {
				ctx, cancel = context.WithTimeout(within(t), 1)
				want, text = codes.DeadlineExceeded, "rpc error: code = DeadlineExceeded desc = context deadline exceeded"
			}
			s, err := client.FullDuplexCall(ctx)
			if err == nil {
				cancel()
				if err = s.Send(new(testpb.StreamingOutputCallRequest)); err != nil && err != io.EOF {
					t.Errorf("Send: got %v, want EOF", err)
				}
				for err == nil || err == io.EOF {
					_, err = s.Recv()
				}
			}
			cancel()
			if status.Code(err) != want || err.Error() != text {
				t.Errorf("got %v, want %s", err, text)
			}
		}
	})
}

func TestServerStreamWithoutRequest(t *testing.T) {
	t.Parallel()
	_, l := dial(t, &service{})
	ended := 0
	s, err := grpcgo.NewConn(l).NewStream(within(t), &grpc.StreamDesc{ServerStreams: true},
		"/grpc.testing.TestService/StreamingOutputCall", grpc.OnFinish(func(error) { ended++ }))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := s.RecvMsg(new(testpb.StreamingOutputCallResponse)); status.Code(err) != codes.Internal {
		t.Errorf("got %v, want Internal", err)
	}
	if md, err := s.Header(); md != nil || err != nil {
		t.Errorf("Header: got %v, %v, want neither", md, err)
	}
	if ended != 1 {
		t.Errorf("OnFinish ran %d times", ended)
	}
}

func TestMalformedMethod(t *testing.T) {
	t.Parallel()
	_, l := dial(t, &service{})
	conn := grpcgo.NewConn(l)
	for _, path := range []string{"", "/", "x", "/x", "x/y"} {
		err := conn.Invoke(within(t), path, new(testpb.Empty), new(testpb.Empty))
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%q: got %v, want Unimplemented", path, err)
		}
	}
	err := conn.Invoke(within(t), "/grpc.testing.TestService/UnimplementedCall", nil, nil)
	if status.Code(err) != codes.Unimplemented {
		t.Errorf("got %v, want Unimplemented", err)
	}
}

// TestHeaderFirst has the server send its header alone and wait for the client's word.
func TestHeaderFirst(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, serve serveFunc) {
		client := connect(t, serve, &service{bidi: func(
			b grpc.BidiStreamingServer[testpb.StreamingOutputCallRequest, testpb.StreamingOutputCallResponse],
		) error {
			if err := b.SetHeader(metadata.Pairs("a", "1")); err != nil {
				return err
			}
			if err := b.SendHeader(metadata.Pairs("b", "2")); err != nil {
				return err
			}
			if err := b.SetHeader(metadata.Pairs("c", "3")); err == nil {
				return status.Error(codes.Internal, "SetHeader after SendHeader succeeded")
			}
			b.SetTrailer(metadata.Pairs("d", "4"))
			b.SetTrailer(metadata.Pairs("d", "5"))
			_, err := b.Recv()
			if err != io.EOF {
				return status.Errorf(codes.Internal, "got %v, want EOF", err)
			}
			return nil
		}})
		s, err := client.FullDuplexCall(within(t))
		if err != nil {
			t.Fatal(err)
		}
		md, err := s.Header()
		if err != nil || strings.Join(md["a"], "") != "1" || strings.Join(md["b"], "") != "2" || md["c"] != nil {
			t.Errorf("header: got %v, %v", md, err)
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(); err != io.EOF {
			t.Fatalf("got %v, want EOF", err)
		}
		if got := s.Trailer()["d"]; strings.Join(got, ",") != "4,5" {
			t.Errorf("trailer: got %v", got)
		}
	})
}
