package conformance_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

// The tests of this file have hours go by on synctest's clock, with grpc-go at one end of a connection within the
// process.

// wire is the network between a client and a server at place. It counts connections.
type wire struct {
	*inproc.Network

	dials atomic.Int32
}

// Dial implements transport.Dialer.
func (w *wire) Dial(ctx context.Context, t transport.Target) (transport.Conn, error) {
	w.dials.Add(1)
	return w.Network.Dial(ctx, t)
}

// place is where servers listen; resolvers have to take it for an address.
const place = "10.0.0.1:80"

// netConn is an end of a connection within the process as grpc-go wants it.
type netConn struct{ transport.Conn }

func (c netConn) Read(p []byte) (int, error) {
	b, err := c.Peek(1)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.EOF
		}
		return 0, err
	}
	n := copy(p, b)
	c.Discard(n)
	return n, nil
}

func (c netConn) Write(p []byte) (int, error) { return len(p), c.Conn.Write(p) }
func (c netConn) LocalAddr() net.Addr         { return c.Info().Local }
func (c netConn) RemoteAddr() net.Addr        { return c.Info().Remote }

func (c netConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// netListener accepts such connections.
type netListener struct{ transport.Listener }

func (l netListener) Accept() (net.Conn, error) {
	tc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return netConn{tc}, nil
}

// patient is a service whose streams wait for their client, and whose unary calls do not.
func patient() testpb.TestServiceServer {
	return &service{unary: func(_ context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		return &testpb.SimpleResponse{Payload: payload(int(in.GetResponseSize()))}, nil
	}}
}

// serveWire serves with Fairlead.
func serveWire(t *testing.T, w *wire, opts ...server.Option) (stop func()) {
	t.Helper()
	impls := registered(t, func(r grpc.ServiceRegistrar) { testpb.RegisterTestServiceServer(r, patient()) })
	opts = append([]server.Option{
		server.Transport(w), server.Service(impls...), server.Logger(slog.New(slog.DiscardHandler)),
	}, opts...)
	s, err := preset.NewServer(place, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}
}

// serveWireGRPC serves with grpc-go.
func serveWireGRPC(t *testing.T, w *wire, opts ...grpc.ServerOption) (stop func()) {
	t.Helper()
	l, err := w.Listen(t.Context(), transport.Target{Addr: place})
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(opts...)
	testpb.RegisterTestServiceServer(s, patient())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(netListener{l}) })
	return func() {
		s.Stop()
		wg.Wait()
	}
}

// dialWire makes a client of Fairlead.
func dialWire(t *testing.T, w *wire, opts ...client.Option) (grpc.ClientConnInterface, *client.Client) {
	t.Helper()
	opts = append([]client.Option{client.Dialer(w), client.Logger(slog.New(slog.DiscardHandler))}, opts...)
	c, err := preset.NewClient("static:///"+place, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return grpcgo.NewConn(c), c
}

// dialWireGRPC makes a client of grpc-go.
func dialWireGRPC(t *testing.T, w *wire, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	opts = append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			tc, err := w.Dial(ctx, transport.Target{Addr: addr})
			if err != nil {
				return nil, err
			}
			return netConn{tc}, nil
		}),
	}, opts...)
	conn, err := grpc.NewClient("passthrough:///"+place, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// hold opens streams, one after another when they are cut, until d has gone by. It returns how many were cut.
func hold(t *testing.T, stub testpb.TestServiceClient, d time.Duration) (cut int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	for ctx.Err() == nil {
		s, err := stub.FullDuplexCall(ctx, grpc.WaitForReady(true))
		if err == nil {
			_, err = s.Recv()
		}
		switch code := status.Code(err); code {
		case codes.DeadlineExceeded:
			return cut
		case codes.Unavailable:
			cut++
		default:
			t.Fatalf("after %d streams: got %v", cut, err)
		}
	}
	return cut
}

// holding has a stream open for d, which is cut and opened again as often as is wanted.
func holding(d time.Duration, want int) func(t *testing.T, stub testpb.TestServiceClient) {
	return func(t *testing.T, stub testpb.TestServiceClient) {
		t.Helper()
		if cut := hold(t, stub, d); cut != want {
			t.Errorf("%d streams were cut, want %d", cut, want)
		}
	}
}

// resting has a stream open for an hour, and then half an hour without calls.
func resting(t *testing.T, stub testpb.TestServiceClient) {
	t.Helper()
	holding(time.Hour, 0)(t, stub)
	time.Sleep(29 * time.Minute)
	unary(t, stub, 100)
}

// measuring has so much received that windows are measured, for which PINGs are sent.
func measuring(t *testing.T, stub testpb.TestServiceClient) {
	t.Helper()
	for range 100 {
		unary(t, stub, 1<<20)
	}
}

func newWire() *wire { return &wire{Network: inproc.New()} }

// Our client sends PINGs at the highest rate to grpc-go's server, which by default wants five minutes between two, and
// none without calls: it is told so a few times, and then the two get along.
func TestPingsToGRPCServer(t *testing.T) {
	t.Parallel()
	eager := client.KeepAlive(10*time.Second, 20*time.Second, true)
	tests := []struct {
		name   string
		server []grpc.ServerOption
		client []client.Option
		use    func(t *testing.T, stub testpb.TestServiceClient)
		dials  int32
	}{
		{"default", nil, nil, holding(24*time.Hour, 0), 1},
		{"eager in a call", nil, []client.Option{eager}, holding(24*time.Hour, 5), 6}, // from 10 s to 320 s
		{
			"eager and allowed",
			[]grpc.ServerOption{grpc.KeepaliveEnforcementPolicy(
				keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true})},
			[]client.Option{eager},
			resting, 1,
		},
		{"measuring windows", nil, nil, measuring, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWire()
				defer serveWireGRPC(t, w, tt.server...)()
				conn, c := dialWire(t, w, tt.client...)
				defer c.Close()
				tt.use(t, testpb.NewTestServiceClient(conn))
				if got := w.dials.Load(); got != tt.dials {
					t.Errorf("got %d connections, want %d", got, tt.dials)
				}
			})
		})
	}
}

// unary makes a call with a large answer.
func unary(t *testing.T, stub testpb.TestServiceClient, size int) {
	t.Helper()
	out, err := stub.UnaryCall(t.Context(), &testpb.SimpleRequest{ResponseSize: int32(size)})
	if err != nil || len(out.GetPayload().GetBody()) != size {
		t.Errorf("got %v, %d bytes", err, len(out.GetPayload().GetBody()))
	}
}

// grpc-go's client sends PINGs to our server.
func TestPingsFromGRPCClient(t *testing.T) {
	t.Parallel()
	eager := grpc.WithKeepaliveParams(keepalive.ClientParameters{
		Time: 10 * time.Second, Timeout: 20 * time.Second, PermitWithoutStream: true,
	})
	tests := []struct {
		name   string
		server []server.Option
		client []grpc.DialOption
		use    func(t *testing.T, stub testpb.TestServiceClient)
		dials  int32
	}{
		{"default", nil, nil, holding(24*time.Hour, 0), 1},
		{"eager in a call", nil, []grpc.DialOption{eager}, holding(24*time.Hour, 5), 6},
		{
			"eager and allowed", []server.Option{preset.ServerHTTP2(web.PingPolicy(10*time.Second, true))},
			[]grpc.DialOption{eager},
			resting, 1,
		},
		{"measuring windows", nil, nil, measuring, 1},
		{
			"idle", []server.Option{server.IdleTimeout(time.Minute)}, nil,
			func(t *testing.T, stub testpb.TestServiceClient) {
				t.Helper()
				for i := range 20 {
					unary(t, stub, 100)
					time.Sleep(time.Minute + time.Duration(i%5)*6*time.Second)
				}
			}, 0,
		},
		{
			"old", []server.Option{server.MaxAge(time.Minute, 30*time.Second)}, nil,
			func(t *testing.T, stub testpb.TestServiceClient) {
				t.Helper()
				for range 600 {
					unary(t, stub, 100)
					time.Sleep(time.Second)
				}
				if cut := hold(t, stub, 10*time.Minute); cut < 4 {
					t.Errorf("%d streams were cut, want one each minute and a half", cut)
				}
			}, 0,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWire()
				defer serveWire(t, w, tt.server...)()
				conn := dialWireGRPC(t, w, tt.client...)
				defer conn.Close()
				tt.use(t, testpb.NewTestServiceClient(conn))
				got := w.dials.Load()
				if tt.dials > 0 && got != tt.dials || tt.dials == 0 && got < 5 {
					t.Errorf("got %d connections, want %d (0: several)", got, tt.dials)
				}
			})
		})
	}
}
