package contract

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/conformance/contract/shoppb"
	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/server"
)

const (
	domain    = "shop.example.com"
	orderPath = "/fairlead.conformance.shop.v1.Shop/Order"
	trackPath = "/fairlead.conformance.shop.v1.Shop/Track"
)

// shop implements shoppb.ShopServer.
type shop struct{}

// refuse returns the error for a sku, nil if there is none.
func refuse(sku string) error {
	switch sku {
	case "none":
		return shoppb.NewOutOfStock("no %s", sku).With("sku", sku)
	case "busy":
		return shoppb.ErrBusy
	case "slow":
		return shoppb.NewBusy("later").WithRetryAfter(time.Minute)
	case "details":
		return shoppb.NewOutOfStock("no %s", sku).With("sku", sku).
			WithDetail("type.googleapis.com/google.rpc.RequestInfo", []byte("\x0a\x027x"))
	case "wrapped":
		return errors.Join(errors.New("beside it"), shoppb.NewOutOfStock("no %s", sku).With("sku", sku))
	default:
		return nil
	}
}

func (shop) Order(_ context.Context, r *shoppb.OrderRequest) (*shoppb.OrderReply, error) {
	if err := refuse(r.Sku); err != nil {
		return nil, err
	}
	return &shoppb.OrderReply{Id: r.Sku}, nil
}

func (shop) Track(_ context.Context, r *shoppb.OrderRequest, out *fairlead.Outbound[shoppb.OrderReply]) error {
	if err := out.Send(&shoppb.OrderReply{Id: r.Sku}); err != nil {
		return err
	}
	return refuse(r.Sku)
}

func (shop) Wait(ctx context.Context, _ *shoppb.OrderRequest) (*shoppb.OrderReply, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (shop) Find(_ context.Context, r *shoppb.FindRequest) (*shoppb.FindRequest, error) {
	return r, nil
}

func serveFairlead(t *testing.T) string {
	t.Helper()
	return local.Serve(t, server.Service(shoppb.Shop(shop{}))).Addr().String()
}

// serveGRPC serves the shop with grpc-go, which knows nothing of Fairlead's options: its errors are made by hand.
func serveGRPC(t *testing.T) string {
	t.Helper()
	fail := func(sku string) error {
		st, details := status.New(codes.FailedPrecondition, "no "+sku), &errdetails.ErrorInfo{
			Reason: shoppb.ShopError_SHOP_ERROR_OUT_OF_STOCK.String(), Domain: domain, Metadata: map[string]string{"sku": sku},
		}
		switch sku {
		case "busy", "slow":
			st = status.New(codes.Unavailable, sku)
			details = &errdetails.ErrorInfo{Reason: shoppb.ShopError_SHOP_ERROR_BUSY.String(), Domain: domain}
			delay := 1500 * time.Millisecond
			if sku == "slow" {
				delay = time.Minute
			}
			st, err := st.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}, details)
			if err != nil {
				return err
			}
			return st.Err()
		case "elsewhere":
			details.Domain = "other.example.com"
		}
		st, err := st.WithDetails(&errdetails.RequestInfo{RequestId: "7"}, details)
		if err != nil {
			return err
		}
		return st.Err()
	}
	s := grpc.NewServer()
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "fairlead.conformance.shop.v1.Shop",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Order",
			Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				var r shoppb.OrderRequest
				if err := decode(&r); err != nil {
					return nil, err
				}
				return nil, fail(r.Sku)
			},
		}},
		Streams: []grpc.StreamDesc{{
			StreamName: "Track", ServerStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error {
				var r shoppb.OrderRequest
				if err := stream.RecvMsg(&r); err != nil {
					return err
				}
				if err := stream.SendMsg(&shoppb.OrderReply{Id: r.Sku}); err != nil {
					return err
				}
				return fail(r.Sku)
			},
		}},
	}, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(l); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { s.Stop(); <-done })
	return l.Addr().String()
}

// TestReasonsReachFairlead calls a server of Fairlead and one of grpc-go with a client of Fairlead.
func TestReasonsReachFairlead(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(*testing.T) string{"fairlead": serveFairlead, "grpcgo": serveGRPC} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := shoppb.NewShopClient(local.Dial(t, serve(t)))
			order := func(sku string) error {
				_, err := client.Order(t.Context(), &shoppb.OrderRequest{Sku: sku})
				return err
			}
			track := func(sku string) error {
				stream, err := client.Track(t.Context(), &shoppb.OrderRequest{Sku: sku})
				if err != nil {
					return err
				}
				if _, err := stream.Recv(); err != nil {
					t.Errorf("the first message: %v", err)
				}
				_, err = stream.Recv()
				return err
			}
			for _, call := range []func(string) error{order, track} {
				err := call("none")
				e, ok := errors.AsType[shoppb.OutOfStock](err)
				if !ok || e.Metadata["sku"] != "none" || e.Err.Message != "no none" || e.HTTPStatus() != 409 {
					t.Errorf("got %v with %v, %v", err, e.Metadata, ok)
				}
				if !errors.Is(err, shoppb.ErrOutOfStock) || errors.Is(err, shoppb.ErrBusy) ||
					fairlead.CodeOf(err) != fairlead.FailedPrecondition || !e.Err.FromPeer() {
					t.Errorf("%v is not what it should be", err)
				}
				for sku, want := range map[string]time.Duration{"busy": 1500 * time.Millisecond, "slow": time.Minute} {
					e, ok := errors.AsType[shoppb.Busy](call(sku))
					if !ok {
						t.Errorf("%s is not busy", sku)
						continue
					}
					if after, ok := e.Retryable(); after != want || !ok {
						t.Errorf("%s: retry after %v, %v, want %v", sku, after, ok, want)
					}
				}
				if name == "grpcgo" && errors.Is(call("elsewhere"), shoppb.ErrOutOfStock) {
					t.Error("a reason of another domain is taken for ours")
				}
			}
		})
	}
}

// TestReasonsReachGRPC calls a server of Fairlead with a client of grpc-go.
func TestReasonsReachGRPC(t *testing.T) {
	t.Parallel()
	conn, err := grpc.NewClient(serveFairlead(t), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	order := func(sku string) error {
		return conn.Invoke(t.Context(), orderPath, &shoppb.OrderRequest{Sku: sku}, new(shoppb.OrderReply))
	}
	track := func(sku string) error {
		stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, trackPath)
		if err != nil {
			return err
		}
		if err := stream.SendMsg(&shoppb.OrderRequest{Sku: sku}); err != nil {
			return err
		}
		if err := stream.CloseSend(); err != nil {
			return err
		}
		if err := stream.RecvMsg(new(shoppb.OrderReply)); err != nil {
			t.Errorf("the first message: %v", err)
		}
		return stream.RecvMsg(new(shoppb.OrderReply))
	}
	outOfStock := func(sku string) *errdetails.ErrorInfo {
		return &errdetails.ErrorInfo{
			Reason: "SHOP_ERROR_OUT_OF_STOCK", Domain: domain, Metadata: map[string]string{"sku": sku},
		}
	}
	busy := &errdetails.ErrorInfo{Reason: "SHOP_ERROR_BUSY", Domain: domain}
	tests := []struct {
		sku     string
		code    codes.Code
		message string
		details []proto.Message
	}{
		{"none", codes.FailedPrecondition, "no none", []proto.Message{outOfStock("none")}},
		{"busy", codes.Unavailable, "SHOP_ERROR_BUSY", []proto.Message{
			busy, &errdetails.RetryInfo{RetryDelay: durationpb.New(1500 * time.Millisecond)},
		}},
		{"slow", codes.Unavailable, "later", []proto.Message{
			busy, &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Minute)},
		}},
		{"details", codes.FailedPrecondition, "no details", []proto.Message{
			outOfStock("details"), &errdetails.RequestInfo{RequestId: "7x"},
		}},
		{"wrapped", codes.FailedPrecondition, "beside it\nFAILED_PRECONDITION: no wrapped", []proto.Message{
			outOfStock("wrapped"),
		}},
	}
	for _, tt := range tests {
		for _, call := range []func(string) error{order, track} {
			st := status.Convert(call(tt.sku))
			if st.Code() != tt.code || st.Message() != tt.message {
				t.Errorf("%s: got %v", tt.sku, st)
			}
			got := st.Details()
			if len(got) != len(tt.details) {
				t.Errorf("%s: details are %v", tt.sku, got)
				continue
			}
			for i := range got {
				if m, ok := got[i].(proto.Message); !ok || !proto.Equal(m, tt.details[i]) {
					t.Errorf("%s: detail %d is %v, want %v", tt.sku, i, got[i], tt.details[i])
				}
			}
		}
	}
}
