// Program load calls the echo contract with grpc-go and its defaults.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/fairlead-go/fairlead/lab/echo"
	"github.com/fairlead-go/fairlead/lab/echo/echogrpc"
	"github.com/fairlead-go/fairlead/lab/peer"
)

func main() { os.Exit(peer.LoadMain(dial)) }

// channel is a ClientConn with the one connection that pick_first, the default, makes.
type channel struct {
	conn *grpc.ClientConn
	cfg  *peer.DialConfig
	text string
}

func dial(_ context.Context, cfg *peer.DialConfig) (peer.Channel, error) {
	creds := insecure.NewCredentials()
	if cfg.TLS != nil {
		creds = credentials.NewTLS(cfg.TLS)
	}
	conn, err := grpc.NewClient("passthrough:///"+cfg.Addr, grpc.WithTransportCredentials(creds))
	if err != nil {
		return nil, err
	}
	return &channel{conn: conn, cfg: cfg, text: strings.Repeat("x", cfg.Size)}, nil
}

// Close implements peer.Channel.
func (c *channel) Close() error { return c.conn.Close() }

// Caller implements peer.Channel.
func (c *channel) Caller(action string) peer.Caller {
	return &caller{
		client: echogrpc.NewEchoClient(c.conn),
		cfg:    c.cfg,
		req:    &echo.Msg{Action: action, Msg: c.text},
	}
}

// caller makes calls.
type caller struct {
	client echogrpc.EchoClient
	cfg    *peer.DialConfig
	req    *echo.Msg
}

// outgoing adds the metadata.
func (c *caller) outgoing(ctx context.Context) context.Context {
	if !c.cfg.Metadata {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, peer.RequestIDKey, peer.RequestID)
}

// Unary implements peer.Caller.
func (c *caller) Unary(ctx context.Context) error {
	if c.cfg.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.cfg.Deadline)
		defer cancel()
	}
	reply, err := c.client.Unary(c.outgoing(ctx), c.req)
	if err != nil {
		return err
	}
	return c.check(reply)
}

// Receive implements peer.Caller.
func (c *caller) Receive(ctx context.Context, n int, got *atomic.Int64) error {
	ctx, cancel := context.WithCancel(c.outgoing(ctx))
	defer cancel()
	s, err := c.client.ServerStream(ctx, &echo.Msg{Action: peer.Times(n), Msg: c.req.Msg})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		m, err := s.Recv()
		switch {
		case errors.Is(err, io.EOF) && i == n:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%d messages came of %d", i, n)
		case err != nil:
			return err
		}
		if err := c.check(m); err != nil {
			return err
		}
		got.Add(1)
	}
}

// Send implements peer.Caller.
func (c *caller) Send(ctx context.Context, n int, sent *atomic.Int64) error {
	ctx, cancel := context.WithCancel(c.outgoing(ctx))
	defer cancel()
	s, err := c.client.ClientStream(ctx)
	if err != nil {
		return err
	}
	for range n {
		if err := s.Send(c.req); err != nil {
			break // the reason comes with the answer
		}
		sent.Add(1)
	}
	reply, err := s.CloseAndRecv()
	if err != nil {
		return err
	}
	if reply.Action != strconv.Itoa(n) {
		return fmt.Errorf("the server counted %q messages of %d", reply.Action, n)
	}
	return nil
}

// Chat implements peer.Caller.
func (c *caller) Chat(ctx context.Context) (peer.Chat, error) {
	ctx, cancel := context.WithCancel(c.outgoing(ctx))
	s, err := c.client.BidiStream(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	return &chat{caller: c, stream: s, cancel: cancel}, nil
}

func (c *caller) check(m *echo.Msg) error {
	if len(m.Msg) != len(c.req.Msg) {
		return fmt.Errorf("the answer has %d bytes instead of %d", len(m.Msg), len(c.req.Msg))
	}
	return nil
}

// chat is a bidirectional stream.
type chat struct {
	caller *caller
	stream grpc.BidiStreamingClient[echo.Msg, echo.Msg]
	cancel context.CancelFunc
}

// Turn implements peer.Chat.
func (c *chat) Turn() error {
	if err := c.stream.Send(c.caller.req); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	m, err := c.stream.Recv()
	if err != nil {
		return err
	}
	return c.caller.check(m)
}

// Close implements peer.Chat.
func (c *chat) Close() error {
	defer c.cancel()
	if err := c.stream.CloseSend(); err != nil {
		return err
	}
	switch _, err := c.stream.Recv(); {
	case err == nil:
		return errors.New("instead of its end the stream gave a message")
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("instead of its end the stream gave %w", err)
	}
	return nil
}
