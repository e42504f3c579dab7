package conformance_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestUnixTargets has a server of grpc-go that listens at a socket called by all names that gRPC gives it, with
// metadata of every call.
func TestUnixTargets(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(ctx context.Context) error {
		md, _ := metadata.FromIncomingContext(ctx)
		if !slices.Equal(md["authorization"], []string{"Bearer x"}) || !slices.Equal(md["ticket-bin"], []string{"\x00\xff"}) {
			return status.Errorf(codes.Unauthenticated, "got %v", md)
		}
		return nil
	}
	s := grpc.NewServer(
		grpc.UnaryInterceptor(func(
			ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler,
		) (any, error) {
			if err := check(ctx); err != nil {
				return nil, err
			}
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := check(ss.Context()); err != nil {
				return err
			}
			return next(srv, ss)
		}))
	testpb.RegisterTestServiceServer(s, new(service))
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		<-served
	})
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(here, path)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"unix:" + path, "unix://" + path, "unix:" + relative} {
		theirs, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		_, err = testpb.NewTestServiceClient(theirs).UnaryCall(within(t), new(testpb.SimpleRequest))
		if status.Code(err) != codes.Unauthenticated { // it gets there, and has no token
			t.Errorf("grpc-go and %s: %v", target, err)
		}
		_ = theirs.Close()
		c, err := preset.NewClient(target,
			client.Header("authorization", func(context.Context) (string, error) { return "Bearer x", nil }),
			client.Header("ticket-bin", func(context.Context) (string, error) { return "\x00\xff", nil }))
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		stub := testpb.NewTestServiceClient(grpcgo.NewConn(c))
		if _, err := stub.UnaryCall(within(t), new(testpb.SimpleRequest)); err != nil {
			t.Errorf("%s: %v", target, err)
		}
		stream, err := stub.StreamingOutputCall(within(t), &testpb.StreamingOutputCallRequest{ResponseParameters: outputs(3)})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := stream.Recv(); err != nil {
				t.Errorf("%s: %v", target, err)
				break
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDrainCutShort has a drain whose time is over count the calls of grpc-go's clients: a thousand streams and some
// unary calls, of several connections.
func TestDrainCutShort(t *testing.T) {
	t.Parallel()
	const conns, streams = 4, 250
	begun := make(chan struct{}, conns*(streams+1))
	s := local.Serve(t, server.Service(registered(t, func(r grpc.ServiceRegistrar) {
		testpb.RegisterTestServiceServer(r, &service{
			unary: func(ctx context.Context, _ *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
				begun <- struct{}{}
				<-ctx.Done()
				return nil, ctx.Err()
			},
			duplex: func(b duplexServer) error {
				begun <- struct{}{}
				<-b.Context().Done()
				return b.Context().Err()
			},
		})
	})...))
	ended := make(chan error, conns)
	for range conns {
		c := testpb.NewTestServiceClient(dialGRPC(t, s.Addr().String(), &clientConfig{}))
		for range streams {
			if _, err := c.FullDuplexCall(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		go func() {
			_, err := c.UnaryCall(t.Context(), new(testpb.SimpleRequest))
			ended <- err
		}()
	}
	limit := within(t)
	for i := range conns * (streams + 1) {
		select {
		case <-begun:
		case <-limit.Done():
			t.Fatalf("got %d calls, want %d; the server has %+v", i, conns*(streams+1), s.Stats())
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := s.Shutdown(ctx)
	want := regexp.MustCompile(`^server: Shutdown was cut short with 1004 calls under way, the oldest \S+ old: ` +
		`1000 of /grpc.testing.TestService/FullDuplexCall \(\S+\), 4 of /grpc.testing.TestService/UnaryCall \(\S+\): ` +
		`context deadline exceeded$`)
	if err == nil || !want.MatchString(err.Error()) {
		t.Errorf("got %v, want %v", err, want)
	}
	for range conns {
		if err := <-ended; status.Code(err) != codes.Unavailable {
			t.Errorf("a caller got %v, want UNAVAILABLE", err)
		}
	}
}
