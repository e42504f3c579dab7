// Program load calls the echo contract with Fairlead's preset.
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

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/lab/echo"
	"github.com/fairlead-go/fairlead/lab/peer"
	"github.com/fairlead-go/fairlead/preset"
)

func main() { os.Exit(peer.LoadMain(dial)) }

// channel is a client, held to one connection.
type channel struct {
	conn *client.Client
	cfg  *peer.DialConfig
	text string
}

func dial(_ context.Context, cfg *peer.DialConfig) (peer.Channel, error) {
	opts := []client.Option{client.MaxConnections(1)}
	if cfg.TLS != nil {
		opts = append(opts, client.TLS(cfg.TLS))
	}
	conn, err := preset.NewClient("static:///"+cfg.Addr, opts...)
	if err != nil {
		return nil, err
	}
	return &channel{conn: conn, cfg: cfg, text: strings.Repeat("x", cfg.Size)}, nil
}

// Close implements peer.Channel.
func (c *channel) Close() error { return c.conn.Close() }

// Caller implements peer.Channel.
func (c *channel) Caller(action string) peer.Caller {
	return &caller{client: echo.NewEchoClient(c.conn), cfg: c.cfg, req: &echo.Msg{Action: action, Msg: c.text}}
}

// caller makes calls.
type caller struct {
	client *echo.EchoClient
	cfg    *peer.DialConfig
	req    *echo.Msg
}

// Unary implements peer.Caller.
func (c *caller) Unary(ctx context.Context) error {
	var opts [2]fairlead.CallOption
	n := 0
	if c.cfg.Deadline > 0 {
		opts[n] = fairlead.WithTimeout(c.cfg.Deadline)
		n++
	}
	if c.cfg.Metadata {
		opts[n] = fairlead.WithHeader(peer.RequestIDKey, peer.RequestID)
		n++
	}
	reply, err := c.client.Unary(ctx, c.req, opts[:n]...)
	if err != nil {
		return err
	}
	return c.check(reply)
}

// stream are the options of a stream.
func (c *caller) stream() []fairlead.CallOption {
	if !c.cfg.Metadata {
		return nil
	}
	return []fairlead.CallOption{fairlead.WithHeader(peer.RequestIDKey, peer.RequestID)}
}

// Receive implements peer.Caller.
func (c *caller) Receive(ctx context.Context, n int, got *atomic.Int64) error {
	s, err := c.client.ServerStream(ctx, &echo.Msg{Action: peer.Times(n), Msg: c.req.Msg}, c.stream()...)
	if err != nil {
		return err
	}
	defer s.Close()
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
	s, err := c.client.ClientStream(ctx, c.stream()...)
	if err != nil {
		return err
	}
	defer s.Close()
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
	s, err := c.client.BidiStream(ctx, c.stream()...)
	if err != nil {
		return nil, err
	}
	return &chat{caller: c, stream: s}, nil
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
	stream *fairlead.Bidi[echo.Msg, echo.Msg]
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
	defer c.stream.Close()
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
