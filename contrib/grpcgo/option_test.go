package grpcgo_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/contrib/grpcgo"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// observe has f see the client's call of each request.
func observe(t *testing.T, f func(*fairlead.Call), opts ...grpcgo.ConnOption) testpb.TestServiceClient {
	t.Helper()
	client, l := dial(t, &service{}, opts...)
	l.seen = f
	return client
}

func TestCallOptions(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		opt  grpc.CallOption
		want func(*fairlead.Call) bool
	}{
		"wait":       {grpc.WaitForReady(true), func(c *fairlead.Call) bool { return c.Wire().WaitForReady(false) }},
		"do not":     {grpc.WaitForReady(false), func(c *fairlead.Call) bool { return !c.Wire().WaitForReady(true) }},
		"compressor": {grpc.UseCompressor("gzip"), func(c *fairlead.Call) bool { return c.Wire().Compressor() == "gzip" }},
		"receive": {grpc.MaxCallRecvMsgSize(7), func(c *fairlead.Call) bool {
			recv, _ := c.Wire().MessageLimits()
			return recv == 7
		}},
		"send": {grpc.MaxCallSendMsgSize(8), func(c *fairlead.Call) bool {
			_, send := c.Wire().MessageLimits()
			return send == 8
		}},
		"static":      {grpc.StaticMethod(), func(*fairlead.Call) bool { return true }},
		"empty":       {grpc.EmptyCallOption{}, func(*fairlead.Call) bool { return true }},
		"somebody's":  {somebodysOption{}, func(*fairlead.Call) bool { return true }},
		"subtype":     {grpc.CallContentSubtype("proto"), func(*fairlead.Call) bool { return true }},
		"retry space": {grpc.MaxRetryRPCBufferSize(1), func(*fairlead.Call) bool { return true }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			client := observe(t, func(c *fairlead.Call) {
				calls++
				if !tt.want(c) {
					t.Error("the call does not have the option")
				}
			})
			if _, err := client.UnaryCall(within(t), new(testpb.SimpleRequest), tt.opt); err != nil {
				t.Error(err)
			}
			s, err := client.FullDuplexCall(within(t), tt.opt)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.CloseSend(); err != nil {
				t.Error(err)
			}
			if _, err := s.Recv(); err == nil {
				t.Error("the stream did not end")
			}
			if calls != 2 {
				t.Errorf("got %d calls", calls)
			}
		})
	}
}

// somebodysOption is an option as interceptors define theirs.
type somebodysOption struct{ grpc.EmptyCallOption }

// foreignOption hides an option of grpc-go, whose effect would be lost.
type foreignOption struct{ grpc.MaxRecvMsgSizeCallOption }

type otherCodec struct{ encoding.Codec }

func TestUnsupportedOptions(t *testing.T) {
	t.Parallel()
	tests := map[string]grpc.CallOption{
		"CallContentSubtype(json)": grpc.CallContentSubtype("json"),
		"ForceCodec":               grpc.ForceCodec(otherCodec{}),
		"CallAuthority":            grpc.CallAuthority("x"),
		"foreignOption":            foreignOption{},
		"MaxCallRecvMsgSize":       grpc.MaxCallRecvMsgSize(0),
		"MaxCallSendMsgSize":       grpc.MaxCallSendMsgSize(-1),
	}
	for name, opt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := observe(t, func(*fairlead.Call) { t.Error("the call was made") })
			var finished []error
			end := grpc.OnFinish(func(err error) { finished = append(finished, err) })
			_, unary := client.UnaryCall(within(t), new(testpb.SimpleRequest), opt, end)
			_, stream := client.FullDuplexCall(within(t), opt, end)
			for i, err := range []error{unary, stream} {
				if status.Code(err) != codes.Unimplemented || !strings.Contains(err.Error(), name) {
					t.Errorf("got %v, want Unimplemented with %s", err, name)
				}
				if len(finished) != 2 || !errors.Is(finished[i], err) {
					t.Errorf("OnFinish got %v", finished)
				}
			}
		})
	}
}

func TestOnFinish(t *testing.T) {
	t.Parallel()
	client, _ := dial(t, &service{})
	ended := make(chan error, 8)
	end := grpc.OnFinish(func(err error) { ended <- err })
	if _, err := client.UnaryCall(within(t), new(testpb.SimpleRequest), end); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("unary: got %v", err)
	}
	s, err := client.FullDuplexCall(within(t), end)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Recv(); err == nil {
			t.Fatal("the stream did not end")
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("stream: got %v", err)
	}
	if len(ended) != 0 {
		t.Errorf("OnFinish ran again: %v", <-ended)
	}
}

func TestDefaultCallOptions(t *testing.T) {
	t.Parallel()
	client := observe(t, func(c *fairlead.Call) {
		if recv, send := c.Wire().MessageLimits(); recv != 10 || send != 2 {
			t.Errorf("got %d, %d, want 10, 2", recv, send)
		}
	}, grpcgo.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1), grpc.MaxCallSendMsgSize(2)))
	if _, err := client.UnaryCall(within(t), new(testpb.SimpleRequest), grpc.MaxCallRecvMsgSize(10)); err != nil {
		t.Error(err)
	}
}

// token is a credential.
type token struct {
	secure   bool
	err      error
	audience []string
	info     credentials.RequestInfo
}

func (k *token) GetRequestMetadata(ctx context.Context, audience ...string) (map[string]string, error) {
	k.audience = audience
	k.info, _ = credentials.RequestInfoFromContext(ctx)
	return map[string]string{"Authorization": "Bearer x"}, k.err
}

func (k *token) RequireTransportSecurity() bool { return k.secure }

func TestCredentials(t *testing.T) {
	t.Parallel()
	secure := grpcgo.WithSecureTransport("ships.example:443")
	tests := map[string]struct {
		token *token
		opts  []grpcgo.ConnOption
		want  codes.Code
	}{
		"plaintext":           {&token{}, nil, codes.OK},
		"TLS missing":         {&token{secure: true}, nil, codes.Unauthenticated},
		"TLS":                 {&token{secure: true}, []grpcgo.ConnOption{secure}, codes.OK},
		"failing":             {&token{err: errors.New("no token")}, nil, codes.Internal},
		"failing, status":     {&token{err: status.Error(codes.Unauthenticated, "no")}, nil, codes.Unauthenticated},
		"failing, restricted": {&token{err: status.Error(codes.NotFound, "no")}, nil, codes.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := observe(t, func(c *fairlead.Call) {
				if got := c.RequestHeader().Get("authorization"); got != "Bearer x" {
					t.Errorf("got authorization %q", got)
				}
			}, tt.opts...)
			_, err := client.UnaryCall(within(t), new(testpb.SimpleRequest), grpc.PerRPCCredentials(tt.token))
			if status.Code(err) != tt.want {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if tt.opts == nil {
				return
			}
			want := []string{"https://ships.example/grpc.testing.TestService"}
			if !slices.Equal(tt.token.audience, want) {
				t.Errorf("got audience %q, want %q", tt.token.audience, want)
			}
			if tt.token.info.Method != "/grpc.testing.TestService/UnaryCall" {
				t.Errorf("got method %q", tt.token.info.Method)
			}
			if err := credentials.CheckSecurityLevel(tt.token.info.AuthInfo, credentials.PrivacyAndIntegrity); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestInterceptors runs two of each kind on both sides and looks at their order.
func TestInterceptors(t *testing.T) {
	t.Parallel()
	var order []string
	server := func(name string) (grpc.UnaryServerInterceptor, grpc.StreamServerInterceptor) {
		return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
				order = append(order, name+info.FullMethod)
				return h(ctx, req)
			}, func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, h grpc.StreamHandler) error {
				if !info.IsClientStream || !info.IsServerStream {
					t.Errorf("got %+v", info)
				}
				order = append(order, name+info.FullMethod)
				return h(srv, ss)
			}
	}
	client := func(name string) (grpc.UnaryClientInterceptor, grpc.StreamClientInterceptor) {
		return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
				opts ...grpc.CallOption,
			) error {
				order = append(order, name)
				return invoke(metadata.AppendToOutgoingContext(ctx, "by", name), method, req, reply, cc, opts...)
			}, func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer,
				opts ...grpc.CallOption,
			) (grpc.ClientStream, error) {
				order = append(order, name)
				return open(metadata.AppendToOutgoingContext(ctx, "by", name), desc, cc, method, opts...)
			}
	}
	su1, ss1 := server("s1")
	su2, ss2 := server("s2")
	cu1, cs1 := client("c1")
	cu2, cs2 := client("c2")
	reg := grpcgo.NewRegistrar(grpcgo.UnaryInterceptor(su1), grpcgo.UnaryInterceptor(su2),
		grpcgo.StreamInterceptor(ss1, ss2))
	testpb.RegisterTestServiceServer(reg, &service{})
	l := newLoop(t, reg)
	l.seen = func(c *fairlead.Call) {
		if got := c.RequestHeader().Values("by"); !slices.Equal(got, []string{"c1", "c2"}) {
			t.Errorf("got %q", got)
		}
	}
	conn := testpb.NewTestServiceClient(grpcgo.NewConn(l, grpcgo.WithUnaryInterceptor(cu1, cu2),
		grpcgo.WithStreamInterceptor(cs1), grpcgo.WithStreamInterceptor(cs2)))
	if _, err := conn.UnaryCall(within(t), new(testpb.SimpleRequest)); err != nil {
		t.Fatal(err)
	}
	const unary, stream = "/grpc.testing.TestService/UnaryCall", "/grpc.testing.TestService/FullDuplexCall"
	if want := []string{"c1", "c2", "s1" + unary, "s2" + unary}; !slices.Equal(order, want) {
		t.Errorf("unary: got %q, want %q", order, want)
	}
	order = nil
	s, err := conn.FullDuplexCall(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(); err == nil {
		t.Fatal("the stream did not end")
	}
	if want := []string{"c1", "c2", "s1" + stream, "s2" + stream}; !slices.Equal(order, want) {
		t.Errorf("stream: got %q, want %q", order, want)
	}
}

// TestOtherReply covers responses that a retry decoded into an object of its own.
func TestOtherReply(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reply func(*fairlead.Call) any
		want  codes.Code
	}{
		"raw":          {func(*fairlead.Call) any { return new(fairlead.Raw) }, codes.OK},
		"same type":    {func(*fairlead.Call) any { return new(testpb.SimpleResponse) }, codes.OK},
		"another type": {func(*fairlead.Call) any { return new(testpb.Empty) }, codes.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, l := dial(t, &service{})
			l.reply = tt.reply
			got, err := client.UnaryCall(within(t), &testpb.SimpleRequest{Payload: payload("x")})
			if status.Code(err) != tt.want || err == nil && string(got.GetPayload().GetBody()) != "x" {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

// TestNil: options, interceptors and a Binder that are nil are errors, which the first that returns one has.
func TestNil(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opt  grpcgo.Option
		want string
	}{
		"option": {nil, "NewRegistrar: nil Option"},
		"unary":  {grpcgo.UnaryInterceptor(nil), "UnaryInterceptor was given nil"},
		"stream": {grpcgo.StreamInterceptor(nil), "StreamInterceptor was given nil"},
	} {
		_, err := grpcgo.NewRegistrar(tt.opt).Implementations()
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("registrar, %s: got %v, want %q", name, err, tt.want)
		}
	}
	binder := newLoop(t, grpcgo.NewRegistrar())
	for name, tt := range map[string]struct {
		binder fairlead.Binder
		opt    grpcgo.ConnOption
		want   string
	}{
		"option": {binder, nil, "NewConn: nil ConnOption"},
		"unary":  {binder, grpcgo.WithUnaryInterceptor(nil), "WithUnaryInterceptor was given nil"},
		"stream": {binder, grpcgo.WithStreamInterceptor(nil), "WithStreamInterceptor was given nil"},
		"binder": {nil, grpcgo.WithDefaultCallOptions(), "NewConn: nil Binder"},
		"calls":  {binder, grpcgo.WithDefaultCallOptions(nil), "WithDefaultCallOptions was given nil"},
		"host":   {binder, grpcgo.WithSecureTransport(""), "WithSecureTransport: the host is empty"},
	} {
		client := testpb.NewTestServiceClient(grpcgo.NewConn(tt.binder, tt.opt))
		_, err := client.UnaryCall(within(t), new(testpb.SimpleRequest))
		if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("conn, %s: got %v, want INTERNAL and %q", name, err, tt.want)
		}
		_, err = client.FullDuplexCall(within(t))
		if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("conn, %s, stream: got %v, want INTERNAL and %q", name, err, tt.want)
		}
	}
	client := testpb.NewTestServiceClient(grpcgo.NewConn(binder))
	for want, opt := range map[string]grpc.CallOption{
		"a call option is nil":                        nil,
		"the call option Header was given nil":        grpc.Header(nil),
		"the call option Trailer was given nil":       grpc.Trailer(nil),
		"the call option Peer was given nil":          grpc.Peer(nil),
		"the call option OnFinish was given nil":      grpc.OnFinish(nil),
		"the call option PerRPCCredentials was given": grpc.PerRPCCredentials(nil),
	} {
		_, err := client.UnaryCall(within(t), new(testpb.SimpleRequest), opt)
		if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), want) {
			t.Errorf("unary: got %v, want INTERNAL and %q", err, want)
		}
		_, err = client.FullDuplexCall(within(t), opt)
		if status.Code(err) != codes.Internal || !strings.Contains(err.Error(), want) {
			t.Errorf("stream: got %v, want INTERNAL and %q", err, want)
		}
	}
}
