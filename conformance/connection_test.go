package conformance_test

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// TestStreamLimit has more calls than a server lets a connection carry: the client queues them, or opens further
// connections, and all succeed.
func TestStreamLimit(t *testing.T) {
	t.Parallel()
	const limit, callers, each = 2, 20, 5
	eachPair(t, func(t *testing.T, p pair) {
		var running, most atomic.Int32
		svc := &service{unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
			n := running.Add(1)
			defer running.Add(-1)
			for {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			time.Sleep(time.Millisecond) // so that calls overlap
			return new(testpb.SimpleResponse), nil
		}}
		conn := p.conn(t, svc, &serverConfig{maxStreams: limit}, &clientConfig{})
		client := testpb.NewTestServiceClient(conn)
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for range each {
					if _, err := client.UnaryCall(within(t), new(testpb.SimpleRequest)); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if most.Load() < limit {
			t.Errorf("at most %d calls ran at once, want %d", most.Load(), limit)
		}
	})
}

// TestStreamLimitStreams holds as many streams as a connection takes, and a further one waits until one of them ends.
func TestStreamLimitStreams(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		conn := p.conn(t, &service{}, &serverConfig{maxStreams: 1}, &clientConfig{})
		client := testpb.NewTestServiceClient(conn)
		// As many as even a client with several connections can hold, and some more.
		const streams = 12
		var wg sync.WaitGroup
		for range streams {
			wg.Go(func() {
				s, err := client.FullDuplexCall(within(t))
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Send(&testpb.StreamingOutputCallRequest{Payload: payload(10)}); err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Recv(); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Millisecond)
				if err := s.CloseSend(); err != nil {
					t.Error(err)
				}
				if _, err := s.Recv(); err == nil {
					t.Error("the stream did not end")
				}
			})
		}
		wg.Wait()
	})
}

// TestServerReplaced drains servers, one after another, while clients call: neither GOAWAY nor the end of the
// connection may fail a call.
func TestServerReplaced(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, p pair) {
		const servers, callers, calls = 5, 8, 200
		var served atomic.Int64
		start := func() running {
			return p.server.serve(t, &serverConfig{register: func(r grpc.ServiceRegistrar) {
				testpb.RegisterTestServiceServer(r, &service{
					unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
						served.Add(1)
						return new(testpb.SimpleResponse), nil
					},
				})
			}})
		}
		server := start()
		entry := newProxy(t, server.addr) // so that no connection is refused while servers change
		client := testpb.NewTestServiceClient(p.client.dial(t, entry.addr, &clientConfig{}))
		ctx, stop := context.WithCancel(within(t))
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for ctx.Err() == nil {
					_, err := client.UnaryCall(within(t), new(testpb.SimpleRequest), grpc.WaitForReady(true))
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		// A stream that is open while its server drains goes on to its end.
		stream, err := client.FullDuplexCall(within(t), grpc.WaitForReady(true))
		if err != nil {
			t.Fatal(err)
		}
		echo(t, stream)
		for i := range servers {
			for enough := served.Load() + calls; served.Load() < enough && !t.Failed(); {
				time.Sleep(time.Millisecond)
			}
			old := server
			server = start()
			entry.target.Store(&server.addr)
			drained := make(chan struct{})
			go func() {
				defer close(drained)
				old.drain(within(t))
			}()
			if i == 0 {
				echo(t, stream)
				if err := stream.CloseSend(); err != nil {
					t.Error(err)
				}
				if _, err := stream.Recv(); err != io.EOF {
					t.Errorf("got %v, want EOF", err)
				}
			}
			<-drained
		}
		stop()
		wg.Wait()
	})
}

// echo sends a message and receives it back.
func echo(t *testing.T, s testpb.TestService_FullDuplexCallClient) {
	t.Helper()
	if err := s.Send(&testpb.StreamingOutputCallRequest{Payload: payload(10)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err != nil {
		t.Fatal(err)
	}
}
