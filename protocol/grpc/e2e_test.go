package grpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/compress/gzip"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// text is the message of these tests.
type text = wrapperspb.StringValue

const service = "test.Texts"

var (
	unary        = fairlead.NewMethod[text, text](fairlead.Unary, service, "Unary")
	clientStream = fairlead.NewMethod[text, text](fairlead.ClientStreaming, service, "ClientStream")
	serverStream = fairlead.NewMethod[text, text](fairlead.ServerStreaming, service, "ServerStream")
	bidi         = fairlead.NewMethod[text, text](fairlead.BidiStreaming, service, "Bidi")
	rawUnary     = &fairlead.Method{Service: service, Name: "RawUnary", Path: "/" + service + "/RawUnary"}
	unserved     = fairlead.NewMethod[text, text](fairlead.Unary, service, "Unserved")
)

// texts is the service; what its methods do depends on the request.
func texts() *fairlead.Implementation {
	return fairlead.Implement(
		fairlead.NewService(service, "proto", nil, unary, clientStream, serverStream, bidi, rawUnary),
		fairlead.UnaryHandler(answer),
		fairlead.ClientStreamHandler(func(_ context.Context, in *fairlead.Inbound[text]) (*text, error) {
			var all strings.Builder
			for m, err := range in.All() {
				if err != nil {
					return nil, err
				}
				all.WriteString(m.Value)
			}
			return &text{Value: all.String()}, nil
		}),
		fairlead.ServerStreamHandler(func(ctx context.Context, req *text, out *fairlead.Outbound[text]) error {
			for i := range 100 {
				if err := out.Send(&text{Value: fmt.Sprint(req.Value, i)}); err != nil {
					return err
				}
			}
			_, err := answer(ctx, req)
			return err
		}),
		fairlead.BidiHandler(func(ctx context.Context, s *fairlead.Bidi[text, text]) error {
			for m, err := range s.All() {
				if err != nil {
					return err
				}
				m, err = answer(ctx, m)
				if err != nil {
					return err
				}
				if err := s.Send(m); err != nil {
					return err
				}
			}
			return nil
		}),
		func(_ context.Context, c *fairlead.Call) error {
			c.SetResponse(c.Request())
			return nil
		},
	)
}

// answer echoes, or does what the request says.
func answer(ctx context.Context, req *text) (*text, error) {
	c := fairlead.CallFrom(ctx)
	switch req.Value {
	case "fail":
		e := fairlead.Errorf(fairlead.FailedPrecondition, "as you like ☺")
		e.Details = []fairlead.Detail{{Type: "type.googleapis.com/x.Y", Value: []byte{1}}}
		return nil, e
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "metadata", "metadata early", "metadata and fail":
		c.ResponseHeader().Set("h", c.RequestHeader().Get("q"))
		c.ResponseHeader().Set("h-bin", c.RequestHeader().Get("q-bin"))
		c.ResponseTrailer().Set("t-bin", "\x00\xff")
		if req.Value == "metadata early" {
			if err := c.SendHeader(); err != nil {
				return nil, err
			}
		}
		if req.Value == "metadata and fail" {
			return nil, fairlead.Errorf(fairlead.Aborted, "")
		}
	}
	return req, nil
}

// stack is a server and a connection to it.
type stack struct {
	cc  protocol.ClientConn
	cl  *web.Client
	cfg *protocol.ClientConfig
}

func newStack(t *testing.T, opts ...server.Option) *stack {
	t.Helper()
	network := inproc.New()
	zip, err := gzip.New()
	if err != nil {
		t.Fatal(err)
	}
	opts = append(opts,
		server.Service(texts()),
		server.Protocol(web.NewServer(grpc.NewServer())),
		server.Codec(proto.Codec{}),
		server.Compressor(zip),
		server.Transport(network),
		server.Listen("texts:1"),
		server.Logger(slog.New(slog.DiscardHandler)),
	)
	s, err := server.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	tc, err := network.Dial(context.Background(), transport.Target{Addr: "texts:1"})
	if err != nil {
		t.Fatal(err)
	}
	st := &stack{cl: web.NewClient(grpc.NewClient(), web.QueuedBytes(1<<20)), cfg: &protocol.ClientConfig{
		Codec: proto.Codec{}, Compressors: []compress.Compressor{zip}, CompressMin: 100,
		RecvMessage: 4 << 20, SendMessage: 4 << 20, HeaderList: 16 << 10,
		Authority: "texts", Logger: slog.New(slog.DiscardHandler),
	}}
	if st.cc, err = st.cl.NewConn(context.Background(), tc, st.cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		st.cc.Close(nil)
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(10*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return st
}

// call runs a unary call, or opens a stream.
func (st *stack) call(
	ctx context.Context, m *fairlead.Method, req any, opts ...fairlead.CallOption,
) (*fairlead.Call, error) {
	b, err := st.cl.Bind(m, st.cfg)
	if err != nil {
		return nil, err
	}
	c := fairlead.NewCall(m, req, opts...)
	if m.Kind == fairlead.Unary {
		return c, st.cc.Unary(ctx, b, c)
	}
	return c, st.cc.Open(ctx, b, c)
}

// TestOverHTTP2 runs calls of all kinds through a real server, both sides of HTTP/2 between.
func TestOverHTTP2(t *testing.T) { //nolint:paralleltest // it looks for goroutines that are left
	leakcheck.Check(t)
	ctx := context.Background()
	sizes := []int{0, 1, 100, 5000, 16 << 10, 64<<10 - 8, 64 << 10, 200_000, 3 << 20}

	run := func(name string, f func(t *testing.T, st *stack)) {
		t.Run(name, func(t *testing.T) { f(t, newStack(t)) })
	}
	run("unary", func(t *testing.T, st *stack) {
		for _, size := range sizes {
			for _, comp := range []string{"identity", "gzip"} {
				for _, m := range []*fairlead.Method{unary, rawUnary} {
					v := strings.Repeat("v", size)
					c, err := st.call(ctx, m, &text{Value: v},
						fairlead.WithCompressor(comp), fairlead.WithReply(new(text)))
					if err != nil || c.Response().(*text).Value != v {
						t.Errorf("%s %s %d: got %v", m.Name, comp, size, err)
					}
				}
			}
		}
	})
	run("concurrent", func(t *testing.T, st *stack) {
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				for j := range 40 {
					v := strings.Repeat(fmt.Sprint(i, j), 1+(i*j)%3000)
					c, err := st.call(ctx, unary, &text{Value: v},
						fairlead.WithTimeout(time.Minute), fairlead.WithHeader("i", fmt.Sprint(i)))
					if errors.Is(err, protocol.ErrFull) {
						continue
					}
					if err != nil || c.Response().(*text).Value != v {
						t.Errorf("got %v", err)
					}
				}
			})
		}
		wg.Wait()
	})
	run("client stream", func(t *testing.T, st *stack) {
		for _, size := range sizes {
			c, err := st.call(ctx, clientStream, nil)
			s, err := fairlead.OpenedClientStream[text, text](c, err)
			if err != nil {
				t.Fatal(err)
			}
			v := strings.Repeat("v", size)
			for _, part := range []string{v[:size/3], v[size/3 : size/2], v[size/2:]} {
				if err := s.Send(&text{Value: part}); err != nil {
					t.Fatal(err)
				}
			}
			if r, err := s.CloseAndRecv(); err != nil || r.Value != v {
				t.Fatalf("%d: got %v", size, err)
			}
		}
	})
	run("server stream", func(t *testing.T, st *stack) {
		for _, v := range []string{"", "n", strings.Repeat("v", 100_000), "fail"} {
			c, err := st.call(ctx, serverStream, &text{Value: v})
			s, err := fairlead.OpenedServerStream[text](c, err)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for m, err := range s.All() {
				if err != nil {
					if v != "fail" {
						t.Error(err)
					}
					checkFailure(t, err)
					break
				}
				if want := fmt.Sprint(v, n); m.Value != want {
					t.Fatalf("got %.20q, want %.20q", m.Value, want)
				}
				n++
			}
			if n != 100 {
				t.Errorf("got %d messages, want 100", n)
			}
		}
	})
	run("bidi", func(t *testing.T, st *stack) {
		for _, size := range sizes {
			c, err := st.call(ctx, bidi, nil, fairlead.WithCompressor("gzip"))
			s, err := fairlead.OpenedBidi[text, text](c, err)
			if err != nil {
				t.Fatal(err)
			}
			v := strings.Repeat("v", size)
			for range 5 {
				if err := s.Send(&text{Value: v}); err != nil {
					t.Fatal(err)
				}
				if m, err := s.Recv(); err != nil || m.Value != v {
					t.Fatalf("%d: got %v", size, err)
				}
			}
			if err := s.CloseSend(); err != nil {
				t.Error(err)
			}
			for range 2 {
				if _, err := s.Recv(); err != io.EOF {
					t.Errorf("got %v, want EOF", err)
				}
			}
		}
	})
	run("errors", func(t *testing.T, st *stack) {
		_, err := st.call(ctx, unary, &text{Value: "fail"})
		checkFailure(t, err)
		_, err = st.call(ctx, unserved, &text{})
		if e := fairlead.ErrorOf(err); e == nil || e.Code != fairlead.Unimplemented ||
			e.Message != "unknown method Unserved for service "+service {
			t.Errorf("got %v", err)
		}
		c, err := st.call(ctx, bidi, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Stream().Send(&text{Value: "fail"}); err != nil {
			t.Fatal(err)
		}
		checkFailure(t, c.Stream().Recv(new(text)))
	})
	run("metadata", func(t *testing.T, st *stack) {
		for _, v := range []string{"metadata", "metadata early", "metadata and fail"} {
			for _, m := range []*fairlead.Method{unary, bidi} {
				c, err := st.call(ctx, m, &text{Value: v},
					fairlead.WithHeader("q", "1"), fairlead.WithHeader("q-bin", "\x00,\xff"))
				if m == bidi {
					if err != nil {
						t.Fatal(err)
					}
					if err = c.Stream().Send(&text{Value: v}); err != nil {
						t.Fatal(err)
					}
					err = c.Stream().Recv(new(text))
					_ = c.Stream().CloseSend()
					if err == nil && c.Stream().Recv(new(text)) != io.EOF {
						t.Error("the stream has not ended")
					}
				}
				want := fairlead.OK
				if v == "metadata and fail" {
					want = fairlead.Aborted
				}
				if fairlead.CodeOf(err) != want {
					t.Errorf("%s %s: got %v, want %v", m.Name, v, err, want)
				}
				h, tr := c.ResponseHeader(), c.ResponseTrailer()
				if h.Get("h") != "1" || h.Get("h-bin") != "\x00,\xff" || tr.Get("t-bin") != "\x00\xff" {
					t.Errorf("%s %s: got header %v, trailer %v", m.Name, v, *h, *tr)
				}
			}
		}
	})
	run("deadline", func(t *testing.T, st *stack) {
		for _, m := range []*fairlead.Method{unary, bidi} {
			begin := time.Now()
			c, err := st.call(ctx, m, &text{Value: "wait"}, fairlead.WithTimeout(50*time.Millisecond))
			if m == bidi {
				if err == nil {
					err = c.Stream().Send(&text{Value: "wait"})
				}
				if err == nil {
					err = c.Stream().Recv(new(text))
				}
			}
			if fairlead.CodeOf(err) != fairlead.DeadlineExceeded || time.Since(begin) < 50*time.Millisecond {
				t.Errorf("%s: got %v after %v", m.Name, err, time.Since(begin))
			}
		}
	})
	run("cancel", func(t *testing.T, st *stack) {
		for _, m := range []*fairlead.Method{unary, bidi} {
			cctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(20*time.Millisecond, cancel)
			c, err := st.call(cctx, m, &text{Value: "wait"})
			if m == bidi && err == nil {
				err = c.Stream().Recv(new(text))
			}
			if fairlead.CodeOf(err) != fairlead.Canceled {
				t.Errorf("%s: got %v", m.Name, err)
			}
		}
	})
	run("close", func(t *testing.T, st *stack) {
		c, err := st.call(ctx, bidi, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Stream().Send(&text{Value: "x"}); err != nil {
			t.Fatal(err)
		}
		if err := c.Stream().Recv(new(text)); err != nil {
			t.Fatal(err)
		}
		_ = c.Stream().Close()
		if err := c.Stream().Recv(new(text)); fairlead.CodeOf(err) != fairlead.Canceled {
			t.Errorf("got %v", err)
		}
	})
	t.Run("limits", func(t *testing.T) {
		st := newStack(t, server.MaxRecvMessage(1000), server.MaxSendMessage(900))
		big, mid := strings.Repeat("b", 2000), strings.Repeat("m", 950)
		_, err := st.call(ctx, unary, &text{Value: big})
		checkText(t, err, "exceeds the server's limit of 1000 (server.MaxRecvMessage)")
		_, err = st.call(ctx, unary, &text{Value: big}, fairlead.WithCompressor("gzip"))
		checkText(t, err, "server.MaxRecvMessage")
		_, err = st.call(ctx, unary, &text{Value: mid})
		checkText(t, err, "exceeds the server's limit of 900 (server.MaxSendMessage)")
		_, err = st.call(ctx, unary, &text{Value: "small"}, fairlead.WithRecvLimit(3))
		checkText(t, err, "exceeds the call's limit of 3 (fairlead.WithRecvLimit)")
	})
	run("lost", func(t *testing.T, st *stack) {
		c, err := st.call(ctx, bidi, nil)
		if err != nil {
			t.Fatal(err)
		}
		st.cc.Close(fairlead.Errorf(fairlead.Unavailable, "closed by the test"))
		if err := c.Stream().Recv(new(text)); fairlead.CodeOf(err) != fairlead.Unavailable {
			t.Errorf("got %v", err)
		}
		if _, err := st.call(ctx, unary, &text{}); !errors.Is(err, protocol.ErrFull) {
			t.Errorf("got %v, want ErrFull", err)
		}
	})
}

func checkFailure(t *testing.T, err error) {
	t.Helper()
	e := fairlead.ErrorOf(err)
	if e == nil || e.Code != fairlead.FailedPrecondition || e.Message != "as you like ☺" || len(e.Details) != 1 ||
		e.Details[0].Type != "type.googleapis.com/x.Y" || !e.FromPeer() {
		t.Errorf("got %+v", e)
	}
}

func checkText(t *testing.T, err error, part string) {
	t.Helper()
	e := fairlead.ErrorOf(err)
	if e == nil || e.Code != fairlead.ResourceExhausted || !strings.Contains(e.Message, part) {
		t.Errorf("got %v, want %q", err, part)
	}
}
