package grpcgo_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"github.com/fairlead-go/fairlead/internal/assert"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// inside runs f in a unary handler and returns its answer's error.
func inside(t *testing.T, f func(ctx context.Context) error, set ...func(*loop)) error {
	t.Helper()
	client, l := dial(t, &service{unary: func(
		ctx context.Context, _ *testpb.SimpleRequest,
	) (*testpb.SimpleResponse, error) {
		return new(testpb.SimpleResponse), f(ctx)
	}})
	for _, s := range set {
		s(l)
	}
	ctx := metadata.AppendToOutgoingContext(within(t), "k", "1", "k", "2", "raw-bin", "\x00\xff", "content-type", "evil")
	_, err := client.UnaryCall(ctx, new(testpb.SimpleRequest))
	return err
}

func TestIncomingMetadata(t *testing.T) {
	t.Parallel()
	err := inside(t, func(ctx context.Context) error {
		md, ok := metadata.FromIncomingContext(ctx)
		if !ok {
			return errors.New("there is no metadata")
		}
		want := metadata.MD{
			"k": {"1", "2"}, "raw-bin": {"\x00\xff"}, ":authority": {"loop.example"}, "user-agent": {"loop/1"},
			"content-type": {"application/grpc"},
		}
		for key, values := range want {
			if got := md[key]; !slices.Equal(got, values) {
				t.Errorf("%s: got %q, want %q", key, got, values)
			}
		}
		if len(md) != len(want) {
			t.Errorf("got %v, want %v", md, want)
		}
		if got := metadata.ValueFromIncomingContext(ctx, "k"); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("ValueFromIncomingContext: got %q", got)
		}
		derived := metadata.NewIncomingContext(ctx, metadata.Pairs("other", "x"))
		if md, _ := metadata.FromIncomingContext(derived); len(md) != 1 {
			t.Errorf("replaced metadata: got %v", md)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestMetadataFromManyGoroutines is for the race detector: metadata and peer are made when asked for.
func TestMetadataFromManyGoroutines(t *testing.T) {
	t.Parallel()
	err := inside(t, func(ctx context.Context) error {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if md, _ := metadata.FromIncomingContext(ctx); len(md["k"]) != 2 {
					t.Errorf("got %v", md)
				}
				if p, _ := peer.FromContext(ctx); p == nil {
					t.Error("there is no peer")
				}
				if err := grpc.SetTrailer(ctx, metadata.Pairs("t", "1")); err != nil {
					t.Error(err)
				}
				_ = grpc.SetHeader(ctx, metadata.Pairs("h", "1"))
			})
		}
		wg.Wait()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPeer(t *testing.T) {
	t.Parallel()
	id := &url.URL{Scheme: "spiffe", Host: "example.org", Path: "/ship"}
	state := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{URIs: []*url.URL{id}}}}
	tests := map[string]struct {
		peer          *fairlead.Peer
		network, addr string
		secure        bool
	}{
		"tcp":        {&fairlead.Peer{Addr: "192.0.2.7:4711"}, "tcp", "192.0.2.7:4711", false},
		"IPv6":       {&fairlead.Peer{Addr: "[2001:db8::1]:80"}, "tcp", "[2001:db8::1]:80", false},
		"unix":       {&fairlead.Peer{Addr: "/run/ship.sock"}, "unix", "/run/ship.sock", false},
		"in process": {&fairlead.Peer{Addr: "pipe"}, "named", "pipe", false},
		"TLS":        {&fairlead.Peer{Addr: "192.0.2.7:4711", Identity: state}, "tcp", "192.0.2.7:4711", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := inside(t, func(ctx context.Context) error {
				p, ok := peer.FromContext(ctx)
				if !ok || p.Addr.Network() != tt.network || p.Addr.String() != tt.addr {
					t.Fatalf("got %v, want %s %s", p, tt.network, tt.addr)
				}
				info, ok := p.AuthInfo.(credentials.TLSInfo)
				if ok != tt.secure {
					t.Fatalf("got %T, want TLS: %v", p.AuthInfo, tt.secure)
				}
				if ok && info.SPIFFEID.String() != id.String() {
					t.Errorf("SPIFFE ID: got %v", info.SPIFFEID)
				}
				if _, ok := p.Addr.(*net.TCPAddr); ok != (tt.network == "tcp") {
					t.Errorf("got a %T", p.Addr)
				}
				return nil
			}, func(l *loop) { l.peer = tt.peer })
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMethodAndCall(t *testing.T) {
	t.Parallel()
	err := inside(t, func(ctx context.Context) error {
		if got, _ := grpc.Method(ctx); got != "/grpc.testing.TestService/UnaryCall" {
			t.Errorf("grpc.Method: got %q", got)
		}
		if c := fairlead.CallFrom(ctx); c == nil || c.Method().Name != "UnaryCall" {
			t.Errorf("CallFrom: got %v", c)
		}
		if _, ok := ctx.Deadline(); !ok {
			t.Error("there is no deadline")
		}
		if err := grpc.SetSendCompressor(ctx, "gzip"); err == nil {
			t.Error("SetSendCompressor succeeded")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestDerivedContext sees that a context derived from a handler's ends with the call.
func TestDerivedContext(t *testing.T) {
	t.Parallel()
	var derived context.Context
	var cancel context.CancelFunc
	defer func() { cancel() }()
	ended := make(chan struct{})
	err := inside(t, func(ctx context.Context) error {
		type key struct{}
		derived, cancel = context.WithTimeout(context.WithValue(ctx, key{}, 1), time.Hour) //nolint:fatcontext // kept
		context.AfterFunc(ctx, func() { close(ended) })
		return derived.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	<-ended
	<-derived.Done()
	if err := derived.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestResponseMetadata(t *testing.T) {
	t.Parallel()
	client, _ := dial(t, &service{unary: func(
		ctx context.Context, _ *testpb.SimpleRequest,
	) (*testpb.SimpleResponse, error) {
		return new(testpb.SimpleResponse), errors.Join(
			grpc.SetHeader(ctx, metadata.Pairs("h", "1", "grpc-status", "9", "x-bin", "\x00")),
			grpc.SetHeader(ctx, metadata.Pairs("h", "2")),
			grpc.SetTrailer(ctx, metadata.Pairs("t", "3")),
		)
	}})
	var header, trailer metadata.MD
	var p peer.Peer
	_, err := client.UnaryCall(within(t), new(testpb.SimpleRequest), grpc.Header(&header), grpc.Trailer(&trailer),
		grpc.Peer(&p))
	if err != nil {
		t.Fatal(err)
	}
	want := metadata.MD{"h": {"1", "2"}, "x-bin": {"\x00"}, "content-type": {"application/grpc"}}
	if header.Len() != want.Len() || !slices.Equal(header["h"], want["h"]) || header["x-bin"][0] != "\x00" {
		t.Errorf("header: got %q, want %q", header, want)
	}
	if got := trailer["t"]; len(trailer) != 1 || !slices.Equal(got, []string{"3"}) {
		t.Errorf("trailer: got %q", trailer)
	}
	if p.Addr == nil || p.Addr.String() != "192.0.2.7:4711" {
		t.Errorf("peer: got %v", p)
	}
}

func TestIllegalMetadata(t *testing.T) {
	t.Parallel()
	bad := []metadata.MD{{"": {"x"}}, {"UPPER": {"x"}}, {"sp ace": {"x"}}, {"k": {"line\nbreak"}}, {"k": {"é"}}}
	for _, md := range bad {
		client, l := dial(t, &service{})
		ctx := metadata.NewOutgoingContext(within(t), md)
		if _, err := client.UnaryCall(ctx, new(testpb.SimpleRequest)); status.Code(err) != codes.Internal {
			// NewOutgoingContext does not lower keys, FromOutgoingContext does.
			if _, upper := md["UPPER"]; !upper {
				t.Errorf("unary with %q: got %v, want Internal", md, err)
			}
		}
		_ = l
		err := inside(t, func(ctx context.Context) error {
			if err := grpc.SetHeader(ctx, md); status.Code(err) != codes.Internal {
				t.Errorf("SetHeader with %q: got %v, want Internal", md, err)
			}
			if err := grpc.SetTrailer(ctx, md); status.Code(err) != codes.Internal {
				t.Errorf("SetTrailer with %q: got %v, want Internal", md, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestHandlerAllocations pins what the adapter costs a handler that asks for nothing: its state, the decoder's closure
// and what grpc-go's generated handler makes.
func TestHandlerAllocations(t *testing.T) { //nolint:paralleltest // it counts allocations
	reg := grpcgo.NewRegistrar()
	testpb.RegisterTestServiceServer(reg, &service{unary: func(
		context.Context, *testpb.SimpleRequest,
	) (*testpb.SimpleResponse, error) {
		return nil, nil //nolint:nilnil // nothing is encoded here
	}})
	impls, err := reg.Implementations()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(impls[0].Service.Methods, func(m *fairlead.Method) bool { return m.Name == "UnaryCall" })
	c := fairlead.NewServerCall(&fairlead.ServerCall{Method: impls[0].Service.Methods[i], Peer: &fairlead.Peer{}})
	c.SetRequest(&fairlead.Raw{Decode: func([]byte, any) error { return nil }})
	ctx := c.Context()
	assert.Allocs(t, 3, func() {
		if err := impls[0].Handlers[i](ctx, c); err != nil {
			t.Error(err)
		}
	})
}

func TestRegistrarMistakes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		register func(*grpcgo.Registrar)
		want     string
	}{
		"wrong type": {func(r *grpcgo.Registrar) {
			r.RegisterService(&testpb.TestService_ServiceDesc, struct{}{})
		}, "grpc.testing.TestService"},
		"twice": {func(r *grpcgo.Registrar) {
			testpb.RegisterTestServiceServer(r, &service{})
			testpb.RegisterTestServiceServer(r, &service{})
		}, "twice"},
		"no interface": {func(r *grpcgo.Registrar) {
			r.RegisterService(&grpc.ServiceDesc{ServiceName: "x", HandlerType: 3}, struct{}{})
		}, "HandlerType"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := grpcgo.NewRegistrar()
			tt.register(r)
			if impls, err := r.Implementations(); impls != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v, want an error with %q", impls, err, tt.want)
			}
		})
	}
}
