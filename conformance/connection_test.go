package conformance_test

import (
	"context"
	"net"
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

// relay hands the connections of one listener to the servers that follow one another behind it, so that no connection is
// refused while they change.
type relay struct {
	net.Listener
	conns chan net.Conn
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	r := &relay{Listener: listen(t), conns: make(chan net.Conn)}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := r.Listener.Accept()
			if err != nil {
				return
			}
			select {
			case r.conns <- c:
			case <-done:
				_ = c.Close()
			}
		}
	})
	t.Cleanup(func() {
		close(done)
		_ = r.Listener.Close()
		wg.Wait()
	})
	return r
}

// turn is the listener of one server.
func (r *relay) turn() net.Listener { return &turn{relay: r, closed: make(chan struct{})} }

type turn struct {
	*relay
	once   sync.Once
	closed chan struct{}
}

func (l *turn) Accept() (net.Conn, error) {
	select {
	case <-l.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *turn) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// TestServerReplaced stops grpc-go servers gracefully, one after another, while clients call: GOAWAY and the end of the
// connection must not fail any call.
func TestServerReplaced(t *testing.T) {
	t.Parallel()
	for _, c := range stacks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRelay(t)
			var served atomic.Int64
			start := func() *grpc.Server {
				s := grpc.NewServer()
				testpb.RegisterTestServiceServer(s, &service{
					unary: func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
						served.Add(1)
						return new(testpb.SimpleResponse), nil
					},
				})
				l := r.turn()
				go func() { _ = s.Serve(l) }()
				return s
			}
			client := testpb.NewTestServiceClient(c.dial(t, r.Addr().String(), &clientConfig{}))
			server := start()
			ctx, stop := context.WithCancel(within(t))
			var wg sync.WaitGroup
			for range 8 {
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
			// A stream that is open while its server stops goes on to its end.
			stream, err := client.FullDuplexCall(within(t), grpc.WaitForReady(true))
			if err != nil {
				t.Fatal(err)
			}
			echo := func() {
				t.Helper()
				if err := stream.Send(&testpb.StreamingOutputCallRequest{Payload: payload(10)}); err != nil {
					t.Fatal(err)
				}
				if _, err := stream.Recv(); err != nil {
					t.Fatal(err)
				}
			}
			echo()
			for i := range 5 {
				enough := served.Load() + 200
				for served.Load() < enough && !t.Failed() {
					time.Sleep(time.Millisecond)
				}
				old := server
				server = start()
				stopped := make(chan struct{})
				go func() {
					defer close(stopped)
					old.GracefulStop()
				}()
				if i == 0 {
					echo()
					if err := stream.CloseSend(); err != nil {
						t.Error(err)
					}
					if _, err := stream.Recv(); err == nil {
						t.Error("the stream did not end")
					}
				}
				<-stopped
			}
			stop()
			wg.Wait()
			server.Stop()
		})
	}
}
