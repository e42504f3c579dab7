package grpcwire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
)

// TestPair has our client call our server, kind by kind, with and without compression, with messages of many sizes.
func TestPair(t *testing.T) {
	t.Parallel()
	for _, compressor := range []string{"identity", "gzip"} {
		for _, size := range []int{0, 1, 99, 100, 1000, 65531, 65536, 70000, 1 << 20} {
			t.Run(fmt.Sprint(compressor, size), func(t *testing.T) {
				t.Parallel()
				s, d := newTestServer(t)
				hc := newConn(t, served(s, d))
				t.Cleanup(func() { hc.wg.Wait(); d.settled(t) })
				text := strings.Repeat("t", size)
				opts := []fairlead.CallOption{fairlead.WithCompressor(compressor), fairlead.WithHeader("x-id", "7")}
				cfg := config()
				ctx := context.Background()

				for _, m := range []bool{false, true} {
					method := map[bool]*methodT{false: mUnary, true: mRaw}[m]
					b := bindTo(t, hc, method, cfg)
					c := fairlead.NewCall(method, &note{text}, append(opts, fairlead.WithReply(new(note)))...)
					if err := b.cc.Unary(ctx, b.b, c); err != nil || c.Response().(*note).Text != text {
						t.Fatalf("%s: got %v", method.Name, err)
					}
				}

				b := bindTo(t, hc, mClient, cfg)
				c := fairlead.NewCall(mClient, nil, opts...)
				if err := b.cc.Open(ctx, b.b, c); err != nil {
					t.Fatal(err)
				}
				for _, part := range []string{text[:size/2], text[size/2:]} {
					if err := c.Stream().Send(&note{part}); err != nil {
						t.Fatal(err)
					}
				}
				if n, err := closeAndRecv(c); err != nil || n.Text != text {
					t.Fatalf("client stream: got %v", err)
				}

				b = bindTo(t, hc, mServer, cfg)
				c = fairlead.NewCall(mServer, &note{text[:min(size, 100)]}, opts...)
				if err := b.cc.Open(ctx, b.b, c); err != nil {
					t.Fatal(err)
				}
				n := 0
				for ; ; n++ {
					var m note
					if err := c.Stream().Recv(&m); err == io.EOF {
						break
					} else if err != nil {
						t.Fatal(err)
					}
				}
				if n != min(size, 100) {
					t.Fatalf("server stream: got %d messages, want %d", n, min(size, 100))
				}

				for _, method := range []*methodT{mBidi, mRawSt} {
					b = bindTo(t, hc, method, cfg)
					c = fairlead.NewCall(method, nil, opts...)
					if err := b.cc.Open(ctx, b.b, c); err != nil {
						t.Fatal(err)
					}
					for range 3 {
						if err := c.Stream().Send(&note{text}); err != nil {
							t.Fatal(err)
						}
						var m note
						if err := c.Stream().Recv(&m); err != nil || m.Text != text {
							t.Fatalf("bidi: got %v", err)
						}
					}
					if err := errors.Join(c.Stream().CloseSend(), c.WaitHeader(ctx)); err != nil {
						t.Fatal(err)
					}
					if err := c.Stream().Recv(new(note)); err != io.EOF {
						t.Fatalf("bidi: got %v, want EOF", err)
					}
				}
			})
		}
	}
}

type methodT = fairlead.Method

// TestPairErrors has an error with everything cross the wire.
func TestPairErrors(t *testing.T) {
	t.Parallel()
	for _, m := range []*fairlead.Method{mUnary, mServer, mClient, mBidi} {
		d := newDispatcher()
		d.handle(m, func(context.Context, *fairlead.Call) error { return detailed() })
		hc := newConn(t, served(attach(t, d), d))
		b := bindTo(t, hc, m, config())
		c := fairlead.NewCall(m, &note{"q"})
		var err error
		if m.Kind == fairlead.Unary {
			err = b.cc.Unary(context.Background(), b.b, c)
		} else if err = b.cc.Open(context.Background(), b.b, c); err == nil {
			err = c.Stream().Recv(new(note))
		}
		want := fairlead.ErrorOf(detailed())
		got := fairlead.ErrorOf(err)
		if got.Code != want.Code || got.Message != want.Message || !got.FromPeer() ||
			len(got.Details) != 1 || got.Details[0].Type != "t/x.Y" || string(got.Details[0].Value) != "v" {
			t.Errorf("%s: got %+v, want %+v", m.Path, got, want)
		}
	}
}
