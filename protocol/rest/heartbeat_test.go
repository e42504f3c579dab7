package rest_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/rest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// bare is a protocol.HTTPClient that does nothing but keep the connection.
type bare struct{ hc protocol.HTTPConn }

func (*bare) Name() string { return "bare" }

func (*bare) Bind(*fairlead.Method, *protocol.ClientConfig) (protocol.Binding, error) {
	return nil, nil
}

func (b *bare) NewConn(hc protocol.HTTPConn, _ *protocol.ClientConfig) protocol.ClientConn {
	b.hc = hc
	return nil
}

// TestHeartbeat: a silent stream of events has a head and a comment now and then, and messages restart the time.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := inproc.New()
		m := fairlead.NewMethod[thing, text](fairlead.ServerStreaming, "test.v1.Clock", "Tick", rules(
			fairlead.HTTPRule{Verb: "GET", Template: "/v1/ticks"},
		))
		s, err := server.New(
			server.Service(fairlead.Implement(fairlead.NewService("test.v1.Clock", "proto", nil, m),
				fairlead.ServerStreamHandler(func(ctx context.Context, _ *thing, s *fairlead.Outbound[text]) error {
					time.Sleep(25 * time.Second)
					if err := s.Send(new(text)); err != nil {
						return err
					}
					<-ctx.Done()
					return ctx.Err()
				}))),
			server.Protocol(web.NewServer(rest.NewServer(rest.Heartbeat(10*time.Second)))),
			server.Codec(proto.Codec{}), server.Transport(network), server.Listen("rest:1"),
			server.Logger(slog.New(slog.DiscardHandler)),
		)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		tc, err := network.Dial(t.Context(), transport.Target{Addr: "rest:1"})
		if err != nil {
			t.Fatal(err)
		}
		b := new(bare)
		if _, err := web.NewClient(b).NewConn(t.Context(), tc, &protocol.ClientConfig{HeaderList: 1 << 16}); err != nil {
			t.Fatal(err)
		}
		head := protocol.NewBlock(":scheme", "http", ":authority", "rest", "accept", "text/event-stream")
		began := time.Now()
		x, err := b.hc.Open(&protocol.Request{Head: head, Verb: "GET", Path: "/v1/ticks", Last: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []struct {
			at   float64 // seconds
			text string
		}{{10, ":\n\n"}, {20, ":\n\n"}, {25, "data: \"\"\n\n"}, {35, ":\n\n"}, {45, ":\n\n"}} {
			part, err := x.Read()
			if at := time.Since(began).Seconds(); err != nil || string(part) != want.text || at != want.at {
				t.Fatalf("after %v s: got %q, %v, want %q after %v s", at, part, err, want.text, want.at)
			}
		}
		x.Reset(protocol.ResetCancel, errors.New("enough"))
		synctest.Wait()
		if n := s.Stats().Calls; n != 0 {
			t.Errorf("%d calls are left", n)
		}
		b.hc.Close(io.EOF)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
