package rpcwire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance/roundrobin"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/compress/gzip"
	"github.com/fairlead-go/fairlead/discovery/static"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

type msg = protocoltest.Msg

// talk is a method that sends back what it gets; "fail" ends it, and "hang" waits for the end of its context.
//
//nolint:gochecknoglobals // read-only
var talk = fairlead.NewMethod[msg, msg](fairlead.BidiStreaming, "toy.Toy", "Talk")

func serveTalk(ctx context.Context, s *fairlead.Bidi[msg, msg]) error {
	s.Call().ResponseHeader().Add("seen-bin", s.Call().RequestHeader().Get("sent-bin"))
	for m, err := range s.All() {
		switch {
		case err != nil:
			return err
		case m.Text == "fail":
			e := fairlead.Errorf(fairlead.NotFound, "no such toy")
			e.Details = []fairlead.Detail{{Type: "type.googleapis.com/toy.Lost", Value: []byte{1, 2}}}
			return e
		case m.Text == "hang":
			<-ctx.Done()
			return ctx.Err()
		}
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// openToys starts a server of toys and a client of it.
func openToys(t *testing.T, s *toyServer, opts ...client.Option) *client.Client {
	t.Helper()
	zip, err := gzip.New()
	if err != nil {
		t.Fatal(err)
	}
	n, quiet := inproc.New(), slog.New(slog.DiscardHandler)
	srv, err := server.New(
		server.Service(fairlead.Implement(
			fairlead.NewService("toy.Toy", "msg", nil, talk), fairlead.BidiHandler(serveTalk),
		)),
		server.Protocol(web.NewServer(s)), server.Codec(protocoltest.Codec{}), server.Compressor(zip),
		server.Transport(n), server.Listen("toy:1"), server.Logger(quiet), server.CompressMin(100),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(10*time.Second))
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	c, err := client.New("static:///toy:1", append(opts,
		client.Protocol(web.NewClient(toyClient{})), client.Codec(protocoltest.Codec{}), client.Dialer(n),
		client.Compressor(zip), client.CompressMin(100), client.Balancer(roundrobin.Balancer{}),
		client.Resolver(static.Resolver{}), client.Logger(quiet),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// open opens a stream of toys.
func open(ctx context.Context, t *testing.T, c *client.Client, opts ...fairlead.CallOption) *fairlead.Bidi[msg, msg] {
	t.Helper()
	k := fairlead.NewCall(talk, nil, opts...)
	s, err := fairlead.OpenedBidi[msg, msg](k, c.Bind(talk)(ctx, k))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestToyStreams: a protocol with an end frame of its own carries streams, with what this package has.
func TestToyStreams(t *testing.T) {
	t.Parallel()
	for _, compresses := range []string{"", "gzip"} {
		t.Run("compressed with "+compresses, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := openToys(t, new(toyServer), client.Compress(compresses))
				s := open(t.Context(), t, c, fairlead.WithHeader("sent-bin", "\x00\xff"))
				texts := []string{"", "one", strings.Repeat("long", 50_000), "two"}
				go func() {
					for i, text := range texts {
						if err := s.Send(&msg{Text: text, N: int64(i)}); err != nil {
							t.Errorf("Send: %v", err)
						}
					}
					if err := s.CloseSend(); err != nil {
						t.Errorf("CloseSend: %v", err)
					}
				}()
				for i, text := range texts {
					m, err := s.Recv()
					if err != nil || m.Text != text || m.N != int64(i) {
						t.Fatalf("message %d: got %v, %v", i, m, err)
					}
					if got, want := s.Call().ReceivedCompressed(), compresses != "" && len(text) > 100; got != want {
						t.Errorf("message %d: compressed: %v, want %v", i, got, want)
					}
				}
				for range 2 {
					if _, err := s.Recv(); err != io.EOF { //nolint:errorlint // streams return it bare
						t.Errorf("got %v, want io.EOF", err)
					}
				}
				if got := s.Call().ResponseHeader().Get("seen-bin"); got != "\x00\xff" {
					t.Errorf("got header %q", got)
				}
				if got := s.Call().Protocol(); got != "toy" {
					t.Errorf("got protocol %q", got)
				}
			})
		})
	}
}

// TestToyEnds: how streams end that do not succeed.
func TestToyEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		server toyServer
		opts   []client.Option
		call   []fairlead.CallOption
		send   string
		do     func(cancel func())
		code   fairlead.Code
		text   string
	}{
		{name: "with a status", send: "fail", code: fairlead.NotFound, text: "no such toy"},
		{name: "without the end", server: toyServer{noEnd: true}, send: "fail", code: fairlead.Internal, text: "no end"},
		{name: "more behind", server: toyServer{more: true}, send: "fail", code: fairlead.Internal, text: "behind the end"},
		{
			name: "too long", opts: []client.Option{client.MaxRecvMessage(50)}, send: strings.Repeat("x", 90),
			code: fairlead.ResourceExhausted, text: "client.MaxRecvMessage",
		},
		{
			name: "the end is longer than messages may be", opts: []client.Option{client.MaxRecvMessage(5)}, send: "fail",
			code: fairlead.NotFound, text: "no such toy",
		},
		{name: "cancelled", send: "hang", do: func(cancel func()) { cancel() }, code: fairlead.Canceled},
		{
			name: "late", send: "hang", call: []fairlead.CallOption{fairlead.WithTimeout(time.Minute)},
			code: fairlead.DeadlineExceeded,
		},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				c := openToys(t, &tt.server, tt.opts...)
				// A stream before brings a connection, so that the deadline is not over while that is made.
				first := open(ctx, t, c)
				if err := first.CloseSend(); err != nil {
					t.Fatal(err)
				}
				_, _ = first.Recv() // the end, whatever this server takes for it
				s := open(ctx, t, c, tt.call...)
				if err := s.Send(&msg{Text: tt.send}); err != nil {
					t.Fatal(err)
				}
				if tt.do != nil {
					tt.do(cancel)
				}
				for range 2 {
					_, err := s.Recv()
					if fairlead.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.text) {
						t.Fatalf("got %v, want %v with %q", err, tt.code, tt.text)
					}
					if e, ok := errors.AsType[*fairlead.Error](err); tt.code == fairlead.NotFound &&
						(!ok || len(e.Details) != 1 || !bytes.Equal(e.Details[0].Value, []byte{1, 2})) {
						t.Errorf("got %+v, want its detail", e)
					}
				}
			})
		})
	}
}
