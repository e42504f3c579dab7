package conformance_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
	"github.com/fairlead-go/fairlead/internal/assert"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // grpc-go compresses with what is registered
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// A stack is an implementation of gRPC, both sides. Tests are written once, against what protoc-gen-go-grpc generates,
// and run with each client against each server. grpc-go against itself is among the pairs: it says whether a test asks
// for the right thing.
type stack struct {
	name  string
	serve func(t *testing.T, cfg *serverConfig) running
	dial  func(t *testing.T, addr string, cfg *clientConfig) grpc.ClientConnInterface
}

var stacks = []stack{
	{"grpcgo", serveGRPC, dialGRPC},
	{"fairlead", serveFairlead, dialFairlead},
}

// running is a server until its test ends.
type running struct {
	addr string
	// drain has it take no more calls, and returns when it has none any more.
	drain func(ctx context.Context)
}

// serverConfig is what a test wants of a server. Zero values leave the stack's defaults.
type serverConfig struct {
	register         func(grpc.ServiceRegistrar)
	tls              *testtls.Certificates
	maxRecv, maxSend int
	maxStreams       int
	maxHeaders       int // bytes of a header list received
}

// clientConfig is what a test wants of a client.
type clientConfig struct {
	tls        *testtls.Certificates
	maxHeaders int // bytes of a header list received
}

// pair is a client and a server to be tested together.
type pair struct{ client, server stack }

// eachPair runs f for each client with each server, in parallel.
func eachPair(t *testing.T, f func(t *testing.T, p pair)) {
	t.Helper()
	for _, c := range stacks {
		for _, s := range stacks {
			t.Run(c.name+" to "+s.name, func(t *testing.T) {
				t.Parallel()
				f(t, pair{c, s})
			})
		}
	}
}

// connect serves svc and returns the generated client of it.
func (p pair) connect(t *testing.T, svc testpb.TestServiceServer) testpb.TestServiceClient {
	t.Helper()
	return testpb.NewTestServiceClient(p.conn(t, svc, &serverConfig{}, &clientConfig{}))
}

func (p pair) conn(
	t *testing.T, svc testpb.TestServiceServer, sc *serverConfig, cc *clientConfig,
) grpc.ClientConnInterface {
	t.Helper()
	if sc.register == nil {
		sc.register = func(r grpc.ServiceRegistrar) { testpb.RegisterTestServiceServer(r, svc) }
	}
	return p.client.dial(t, p.server.serve(t, sc).addr, cc)
}

// serveGRPC serves with grpc-go.
func serveGRPC(t *testing.T, cfg *serverConfig) running {
	t.Helper()
	var opts []grpc.ServerOption
	if cfg.tls != nil {
		opts = append(opts, grpc.Creds(credentials.NewTLS(cfg.tls.Server())))
	}
	if cfg.maxRecv > 0 {
		opts = append(opts, grpc.MaxRecvMsgSize(cfg.maxRecv))
	}
	if cfg.maxSend > 0 {
		opts = append(opts, grpc.MaxSendMsgSize(cfg.maxSend))
	}
	if cfg.maxStreams > 0 {
		opts = append(opts, grpc.MaxConcurrentStreams(uint32(cfg.maxStreams)))
	}
	if cfg.maxHeaders > 0 {
		opts = append(opts, grpc.MaxHeaderListSize(uint32(cfg.maxHeaders)))
	}
	s := grpc.NewServer(opts...)
	cfg.register(s)
	l := listen(t)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Errorf("grpc-go's server: %v", err)
		}
	})
	return running{l.Addr().String(), func(context.Context) { s.GracefulStop() }}
}

// dialGRPC makes a client of grpc-go.
func dialGRPC(t *testing.T, addr string, cfg *clientConfig) grpc.ClientConnInterface {
	t.Helper()
	creds := insecure.NewCredentials()
	if cfg.tls != nil {
		creds = credentials.NewTLS(cfg.tls.Client())
	}
	opts := []grpc.DialOption{grpc.WithTransportCredentials(creds)}
	if cfg.maxHeaders > 0 {
		opts = append(opts, grpc.WithMaxHeaderListSize(uint32(cfg.maxHeaders)))
	}
	conn, err := grpc.NewClient("passthrough:///"+addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// within returns a context that ends long after a test should have.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(time.Minute))
	t.Cleanup(cancel)
	return ctx
}
