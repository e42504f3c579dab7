package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// TestRollingRestarts restarts three servers, one after another and on their own addresses, while callers go on: each
// is drained, is away for a moment, and comes back. No call may fail, although none waits for readiness. Five restarts,
// or a hundred with FAIRLEAD_SOAK in the environment.
func TestRollingRestarts(t *testing.T) {
	t.Parallel()
	for name, opt := range map[string]client.Option{
		"gRPC":                  preset.ClientProtocol(preset.GRPC),
		"Connect":               preset.ClientProtocol(preset.Connect),
		"Connect over HTTP/1.1": preset.ClientProtocol(preset.Connect, web.UseHTTP1()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rollingRestarts(t, opt)
		})
	}
}

func rollingRestarts(t *testing.T, opt client.Option) {
	t.Helper()
	restarts := 5
	if os.Getenv("FAIRLEAD_SOAK") != "" {
		restarts = 100
	}
	const servers, callers = 3, 8
	var f fleet
	for range servers {
		f.start(t, local.Own())
	}
	c, err := preset.NewClient("static:///"+strings.Join(f.addrs, ","),
		client.Backoff(5*time.Millisecond, 50*time.Millisecond), opt)
	if err != nil {
		t.Fatal(err)
	}
	stub := testpb.NewTestServiceClient(grpcgo.NewConn(c))
	ctx, halt := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var calls, failed atomic.Int64
	for caller := range callers {
		wg.Go(func() {
			for ctx.Err() == nil && failed.Load() < 10 {
				err := loads[caller%len(loads)](context.WithoutCancel(ctx), stub)
				if n := calls.Add(1); err != nil {
					failed.Add(1)
					t.Errorf("call %d of caller %d: %v", n, caller, err)
				}
			}
		})
	}
	for i := range restarts {
		for enough := calls.Load() + 300; calls.Load() < enough && failed.Load() == 0; {
			time.Sleep(time.Millisecond)
		}
		n := i % servers
		f.stop(t, n)
		if i%2 == 1 {
			time.Sleep(10 * time.Millisecond) // long enough for somebody to be refused
		}
		f.start(t, f.addrs[n])
	}
	halt()
	wg.Wait()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	for n := range servers {
		f.stop(t, n)
	}
	t.Logf("%d restarts, %d calls, %d failed", restarts, calls.Load(), failed.Load())
}

// loads are the calls of the callers: most are short, some keep their connection busy for a while.
var loads = []func(ctx context.Context, stub testpb.TestServiceClient) error{
	func(ctx context.Context, stub testpb.TestServiceClient) error { return echoed(ctx, stub, 100) },
	func(ctx context.Context, stub testpb.TestServiceClient) error { return echoed(ctx, stub, 100<<10) },
	func(ctx context.Context, stub testpb.TestServiceClient) error { return echoed(ctx, stub, 1000) },
	func(ctx context.Context, stub testpb.TestServiceClient) error {
		s, err := stub.FullDuplexCall(ctx)
		if err != nil {
			return err
		}
		for range 3 {
			if err := s.Send(&testpb.StreamingOutputCallRequest{Payload: payload(10)}); err != nil && err != io.EOF {
				return err
			}
			if _, err := s.Recv(); err != nil {
				return err
			}
		}
		if err := s.CloseSend(); err != nil {
			return err
		}
		switch _, err := s.Recv(); err {
		case io.EOF:
			return nil
		case nil:
			return errors.New("at the end of a stream: a message more")
		default:
			return fmt.Errorf("at the end of a stream: %w", err)
		}
	},
}

// echoed makes a unary call with a payload of size bytes there and back.
func echoed(ctx context.Context, stub testpb.TestServiceClient, size int) error {
	out, err := stub.UnaryCall(ctx, &testpb.SimpleRequest{ResponseSize: int32(size), Payload: payload(size)})
	if err == nil && len(out.GetPayload().GetBody()) != size {
		err = fmt.Errorf("%d bytes came back of %d", len(out.GetPayload().GetBody()), size)
	}
	return err
}

// fleet is a number of servers on loopback.
type fleet struct {
	servers []*server.Server
	addrs   []string
}

// start has one more server, or that at the address again.
func (f *fleet) start(t *testing.T, addr string) {
	t.Helper()
	svc := &service{unary: func(_ context.Context, in *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		return &testpb.SimpleResponse{Payload: payload(int(in.GetResponseSize()))}, nil
	}}
	impls := registered(t, func(r grpc.ServiceRegistrar) { testpb.RegisterTestServiceServer(r, svc) })
	s, err := preset.NewServer(addr, server.Service(impls...))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(fmt.Errorf("starting at %s: %w", addr, err))
	}
	for n := range f.addrs {
		if f.addrs[n] == addr {
			f.servers[n] = s
			return
		}
	}
	f.servers = append(f.servers, s)
	f.addrs = append(f.addrs, s.Addr().String())
}

// stop drains a server.
func (f *fleet) stop(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(20*time.Second))
	defer cancel()
	if err := f.servers[n].Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}
