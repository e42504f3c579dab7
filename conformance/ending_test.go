package conformance_test

import (
	"context"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/fairlead-go/fairlead/internal/assert"
)

// TestDeadline sees that a server is told the client's deadline and that both give the call up when it passes.
func TestDeadline(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		allowed := assert.Patience(200 * time.Millisecond)
		ended := make(chan error, 2)
		wait := func(ctx context.Context) error {
			at, ok := ctx.Deadline()
			if left := time.Until(at); !ok || left > allowed || left < 0 {
				t.Errorf("the server's deadline is in %v, want less than %v: %v", left, allowed, ok)
			}
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}
		client := p.connect(t, &service{
			unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
				return nil, wait(ctx)
			},
			duplex: func(s duplexServer) error { return wait(s.Context()) },
		})
		// Connect first, so that the time is not spent on that.
		if _, err := client.StreamingInputCall(within(t)); err != nil {
			t.Fatal(err)
		}
		short := func() context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), allowed)
			t.Cleanup(cancel)
			return ctx
		}
		_, err := client.UnaryCall(short(), new(testpb.SimpleRequest))
		if status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("unary: got %v, want DeadlineExceeded", err)
		}
		<-ended
		s, err := client.FullDuplexCall(short())
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.Recv(); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("stream: got %v, want DeadlineExceeded", err)
		}
		<-ended
	})
}

// TestDeadlinePassed covers calls whose deadline has passed before they begin.
func TestDeadlinePassed(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		client := p.connect(t, &service{})
		ctx, cancel := context.WithTimeout(t.Context(), -time.Second)
		defer cancel()
		if _, err := client.UnaryCall(ctx, new(testpb.SimpleRequest)); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("unary: got %v, want DeadlineExceeded", err)
		}
		s, err := client.FullDuplexCall(ctx)
		if err == nil {
			_, err = s.Recv()
		}
		if status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("stream: got %v, want DeadlineExceeded", err)
		}
	})
}

// TestCancel has the client give calls up, and sees the server learn of it.
func TestCancel(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		began, ended := make(chan struct{}), make(chan error, 1)
		wait := func(ctx context.Context) error {
			began <- struct{}{}
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}
		received := make(chan error, 1)
		client := p.connect(t, &service{
			unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
				return nil, wait(ctx)
			},
			output: func(_ *testpb.StreamingOutputCallRequest, s outputServer) error {
				began <- struct{}{}
				for { // until the window is full and the caller has gone
					if err := s.Send(&testpb.StreamingOutputCallResponse{Payload: payload(100_000)}); err != nil {
						ended <- err
						return err
					}
				}
			},
			duplex: func(s duplexServer) error {
				began <- struct{}{}
				_, err := s.Recv()
				received <- err
				ended <- s.Context().Err()
				return err
			},
		})
		start := func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(within(t))
			go func() {
				<-began
				cancel()
			}()
			return ctx, cancel
		}
		ctx, cancel := start()
		defer cancel()
		if _, err := client.UnaryCall(ctx, new(testpb.SimpleRequest)); status.Code(err) != codes.Canceled {
			t.Errorf("unary: got %v, want Canceled", err)
		}
		<-ended

		ctx, cancel = start()
		defer cancel()
		output, err := client.StreamingOutputCall(ctx, new(testpb.StreamingOutputCallRequest))
		for err == nil {
			_, err = output.Recv()
		}
		if status.Code(err) != codes.Canceled {
			t.Errorf("server streaming: got %v, want Canceled", err)
		}
		<-ended

		ctx, cancel = start()
		defer cancel()
		duplex, err := client.FullDuplexCall(ctx)
		if err == nil {
			_, err = duplex.Recv()
		}
		if status.Code(err) != codes.Canceled {
			t.Errorf("bidirectional: got %v, want Canceled", err)
		}
		if err := <-received; status.Code(err) != codes.Canceled {
			t.Errorf("the server received %v, want Canceled", err)
		}
		if err := <-ended; err == nil {
			t.Error("the server's context did not end")
		}
		if duplex == nil {
			return // the server has seen the call, and cancelled it, before it was open
		}
		if err := duplex.Send(new(testpb.StreamingOutputCallRequest)); err != io.EOF {
			t.Errorf("Send after cancelling: got %v, want EOF", err)
		}
	})
}

// TestServerEndsFirst has the server end calls while the client still sends, with a status and with success.
func TestServerEndsFirst(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		for _, want := range []codes.Code{codes.OutOfRange, codes.OK} {
			client := p.connect(t, &service{
				input: func(s inputServer) error {
					if _, err := s.Recv(); err != nil {
						return err
					}
					if want == codes.OK {
						return s.SendAndClose(&testpb.StreamingInputCallResponse{AggregatedPayloadSize: 7})
					}
					return status.Error(want, "enough")
				},
				duplex: func(s duplexServer) error {
					if _, err := s.Recv(); err != nil {
						return err
					}
					return status.Error(want, "enough")
				},
			})
			input, err := client.StreamingInputCall(within(t))
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				err = input.Send(&testpb.StreamingInputCallRequest{Payload: payload(10_000)})
			}
			if err != io.EOF {
				t.Errorf("Send: got %v, want EOF", err)
			}
			if m, err := input.CloseAndRecv(); status.Code(err) != want || err == nil && m.GetAggregatedPayloadSize() != 7 {
				t.Errorf("client streaming: got %v, %v, want %v", m, err, want)
			}
			duplex, err := client.FullDuplexCall(within(t))
			if err != nil {
				t.Fatal(err)
			}
			for err == nil {
				err = duplex.Send(&testpb.StreamingOutputCallRequest{Payload: payload(10_000)})
			}
			if err != io.EOF {
				t.Errorf("Send: got %v, want EOF", err)
			}
			if _, err = duplex.Recv(); want == codes.OK && err != io.EOF || want != codes.OK && status.Code(err) != want {
				t.Errorf("bidirectional: got %v, want %v", err, want)
			}
		}
	})
}
