package kitex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	kclient "github.com/cloudwego/kitex/client"
	"github.com/cloudwego/kitex/pkg/klog"
	"github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/codes"
	"github.com/cloudwego/kitex/pkg/remote/trans/nphttp2/status"
	"github.com/cloudwego/kitex/pkg/serviceinfo"
	"github.com/cloudwego/kitex/pkg/streaming"
	kserver "github.com/cloudwego/kitex/server"
	"github.com/cloudwego/kitex/transport"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

type text = wrapperspb.StringValue

const (
	pkg     = "kitex.v1"
	service = "Echo"
)

// The service as Fairlead's generated code has it.
var (
	say  = fairlead.NewMethod[text, text](fairlead.Unary, pkg+"."+service, "Say")
	chat = fairlead.NewMethod[text, text](fairlead.BidiStreaming, pkg+"."+service, "Chat")
	list = fairlead.NewMethod[text, text](fairlead.ServerStreaming, pkg+"."+service, "List")
	join = fairlead.NewMethod[text, text](fairlead.ClientStreaming, pkg+"."+service, "Join")
	echo = fairlead.NewService(pkg+"."+service, "proto", nil, say, chat, list, join)
)

// info is the service as Kitex's generated code has it: each handler gets its stream.
func info() *serviceinfo.ServiceInfo {
	args := func() any { return new(streaming.Args) }
	result := func() any { return new(streaming.Result) }
	method := func(mode serviceinfo.StreamingMode, f func(streaming.Stream) error) serviceinfo.MethodInfo {
		return serviceinfo.NewMethodInfo(func(_ context.Context, _, arg, _ any) error {
			a, ok := arg.(*streaming.Args)
			if !ok {
				return fmt.Errorf("the argument is %T", arg)
			}
			return f(a.Stream)
		}, args, result, false, serviceinfo.WithStreamingMode(mode))
	}
	return &serviceinfo.ServiceInfo{
		ServiceName:  service,
		HandlerType:  (*any)(nil),
		PayloadCodec: serviceinfo.Protobuf,
		Extra:        map[string]any{"PackageName": pkg, "streaming": true},
		Methods: map[string]serviceinfo.MethodInfo{
			"Say": method(serviceinfo.StreamingUnary, func(s streaming.Stream) error {
				in := new(text)
				if err := s.RecvMsg(in); err != nil {
					return err
				}
				if in.GetValue() == "fail" {
					return status.Err(codes.NotFound, "no such echo")
				}
				return s.SendMsg(in)
			}),
			"Chat": method(serviceinfo.StreamingBidirectional, func(s streaming.Stream) error {
				for {
					in := new(text)
					if err := s.RecvMsg(in); errors.Is(err, io.EOF) {
						return nil
					} else if err != nil {
						return err
					}
					if err := s.SendMsg(in); err != nil {
						return err
					}
				}
			}),
			"List": method(serviceinfo.StreamingServer, func(s streaming.Stream) error {
				in := new(text)
				if err := s.RecvMsg(in); err != nil {
					return err
				}
				for range 3 {
					if err := s.SendMsg(in); err != nil {
						return err
					}
				}
				return nil
			}),
			"Join": method(serviceinfo.StreamingClient, func(s streaming.Stream) error {
				var all []string
				for {
					in := new(text)
					if err := s.RecvMsg(in); errors.Is(err, io.EOF) {
						return s.SendMsg(wrapperspb.String(strings.Join(all, " ")))
					} else if err != nil {
						return err
					}
					all = append(all, in.GetValue())
				}
			}),
		},
	}
}

// serveKitex serves with Kitex, as it comes: no compressors are registered.
func serveKitex(t *testing.T) string {
	t.Helper()
	klog.SetOutput(io.Discard)
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		t.Fatal(err)
	}
	s := kserver.NewServer(kserver.WithListener(l))
	if err := s.RegisterService(info(), new(struct{})); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run() }()
	t.Cleanup(func() {
		if err := errors.Join(s.Stop(), <-done); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// TestClientToKitex calls a Kitex server with each kind of call. Its server takes the first name of
// grpc-accept-encoding for the encoding of its responses, and fails all calls if it does not know that.
func TestClientToKitex(t *testing.T) {
	t.Parallel()
	c, err := preset.NewClient(serveKitex(t), client.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, words := range []string{"", "hello", strings.Repeat("long ", 100_000)} {
		ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(time.Minute))
		defer cancel()
		in := wrapperspb.String(words)

		k := fairlead.NewCall(say, in)
		out, err := fairlead.Result[text](k, c.Bind(say)(ctx, k))
		if err != nil || out.GetValue() != words {
			t.Fatalf("Say: got %.20q, %v", out.GetValue(), err)
		}

		k = fairlead.NewCall(chat, nil)
		both, err := fairlead.OpenedBidi[text, text](k, c.Bind(chat)(ctx, k))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := both.Send(in); err != nil {
				t.Fatal(err)
			}
			if out, err := both.Recv(); err != nil || out.GetValue() != words {
				t.Fatalf("Chat: got %.20q, %v", out.GetValue(), err)
			}
		}
		if err := both.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, err := both.Recv(); !errors.Is(err, io.EOF) {
			t.Fatalf("Chat: got %v, want EOF", err)
		}

		k = fairlead.NewCall(list, in)
		outs, err := fairlead.OpenedServerStream[text](k, c.Bind(list)(ctx, k))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for out, err := range outs.All() {
			if err != nil || out.GetValue() != words {
				t.Fatalf("List: got %.20q, %v", out.GetValue(), err)
			}
			n++
		}
		if n != 3 {
			t.Fatalf("List: got %d messages, want 3", n)
		}

		k = fairlead.NewCall(join, nil)
		ins, err := fairlead.OpenedClientStream[text, text](k, c.Bind(join)(ctx, k))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := ins.Send(in); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := ins.CloseAndRecv(); err != nil || out.GetValue() != words+" "+words {
			t.Fatalf("Join: got %.20q, %v", out.GetValue(), err)
		}
	}
	k := fairlead.NewCall(say, wrapperspb.String("fail"))
	err = c.Bind(say)(t.Context(), k)
	if fairlead.CodeOf(err) != fairlead.NotFound || !strings.Contains(err.Error(), "no such echo") {
		t.Errorf("got %v, want NOT_FOUND", err)
	}
}

// TestKitexToServer has Kitex's client call Fairlead's server.
func TestKitexToServer(t *testing.T) {
	t.Parallel()
	srv, err := preset.NewServer("127.0.0.1:0", server.Service(fairlead.Implement(echo,
		fairlead.UnaryHandler(func(_ context.Context, in *text) (*text, error) {
			return in, nil
		}),
		fairlead.BidiHandler(func(_ context.Context, s *fairlead.Bidi[text, text]) error {
			for in, err := range s.All() {
				if err != nil {
					return err
				}
				if err := s.Send(in); err != nil {
					return err
				}
			}
			return nil
		}),
		fairlead.ServerStreamHandler(func(context.Context, *text, *fairlead.Outbound[text]) error { return nil }),
		fairlead.ClientStreamHandler(func(context.Context, *fairlead.Inbound[text]) (*text, error) {
			return new(text), nil
		}),
	)))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		_ = srv.Shutdown(ctx) // Kitex's client keeps its connection
	})
	c, err := kclient.NewClient(info(), kclient.WithDestService(service), kclient.WithHostPorts(srv.Addr().String()),
		kclient.WithTransportProtocol(transport.GRPC))
	if err != nil {
		t.Fatal(err)
	}
	s, ok := c.(kclient.Streaming)
	if !ok {
		t.Fatalf("%T opens no streams", c)
	}
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(time.Minute))
	defer cancel()
	for _, words := range []string{"", "hello", strings.Repeat("long ", 100_000)} {
		res := new(streaming.Result)
		if err := s.Stream(ctx, "Chat", nil, res); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := res.Stream.SendMsg(wrapperspb.String(words)); err != nil {
				t.Fatal(err)
			}
			out := new(text)
			if err := res.Stream.RecvMsg(out); err != nil || out.GetValue() != words {
				t.Fatalf("Chat: got %.20q, %v", out.GetValue(), err)
			}
		}
		if err := res.Stream.Close(); err != nil {
			t.Fatal(err)
		}
		if err := res.Stream.RecvMsg(new(text)); !errors.Is(err, io.EOF) {
			t.Fatalf("Chat: got %v, want EOF", err)
		}
	}
}
