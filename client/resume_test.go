package client

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/balance"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// until reads frames up to the first of that type and returns its stream's id, 0 when the client has hung up.
func (s scripted) until(typ uint8) uint32 {
	for {
		b, err := s.tc.Peek(9)
		if err != nil {
			return 0
		}
		got, id := b[3], binary.BigEndian.Uint32(b[5:])
		n := 9 + (int(b[0])<<16 | int(b[1])<<8 | int(b[2]))
		if _, err := s.tc.Peek(n); err != nil {
			return 0
		}
		s.tc.Discard(n)
		if got == typ {
			return id
		}
	}
}

// observed counts the attempts that ended well.
type observed struct{ good atomic.Int32 }

func (*observed) Filter(nodes []*balance.Node) []*balance.Node { return nodes }
func (*observed) Changed() <-chan struct{}                     { return nil }

func (o *observed) Observe(_ *balance.Node, _ *fairlead.Call, _ time.Duration, err error) {
	if err == nil {
		o.good.Add(1)
	}
}

// streams are exchanges over an Echo service whose handlers give back what they got.
var streams = []struct {
	name string
	run  func(ctx context.Context, c *protocoltest.EchoClient) error
}{
	{"client streaming", func(ctx context.Context, c *protocoltest.EchoClient) error {
		s, err := c.Gather(ctx)
		if err != nil {
			return err
		}
		defer s.Close()
		for _, text := range []string{"a", "b", "c"} {
			if err := s.Send(&protocoltest.Msg{Text: text}); err != nil {
				return err
			}
		}
		m, err := s.CloseAndRecv()
		if err == nil && m.Text != "abc" {
			err = errors.New("got " + m.Text)
		}
		return err
	}},
	{"server streaming", func(ctx context.Context, c *protocoltest.EchoClient) error {
		s, err := c.Scatter(ctx, &protocoltest.Msg{Text: "x", N: 3})
		if err != nil {
			return err
		}
		n := int64(0)
		for m, err := range s.All() {
			if err != nil {
				return err
			}
			if m.Text != "x" || m.N != n {
				return errors.New("got " + m.Text)
			}
			n++
		}
		if n != 3 {
			return errors.New("messages are missing")
		}
		return nil
	}},
	{"bidirectional", func(ctx context.Context, c *protocoltest.EchoClient) error {
		s, err := c.Chat(ctx)
		if err != nil {
			return err
		}
		var sender sync.WaitGroup
		defer sender.Wait()
		sender.Go(func() {
			for i := range int64(20) {
				_ = s.Send(&protocoltest.Msg{N: i}) // Recv tells
			}
			_ = s.CloseSend()
		})
		for n := int64(0); ; n++ {
			m, err := s.Recv()
			switch {
			case errors.Is(err, io.EOF) && n == 20:
				return nil
			case err != nil:
				return err
			case m.N != n:
				return errors.New("out of order")
			}
		}
	}},
}

// TestStreamsResume: a stream that its server surely did not process goes on over another instance, with all that was
// sent so far, and nobody notices; one that may have been processed does not.
func TestStreamsResume(t *testing.T) {
	t.Parallel()
	// at returns a script that waits for a part of the request, refuses it and goes on reading.
	at := func(typ uint8, refuse func(s scripted, id uint32)) func(s scripted) {
		return func(s scripted) {
			for id := s.until(typ); id != 0; id = s.until(typ) {
				refuse(s, id)
			}
		}
	}
	reset := func(s scripted, id uint32) { s.reset(id, codeRefused) }
	goaway := func(s scripted, _ uint32) { s.goaway(0, codeNone, "") }
	tests := []struct {
		name   string
		script func(s scripted)
		ok     bool
	}{
		{"REFUSED_STREAM for the head", at(typeHeaders, reset), true},
		{"REFUSED_STREAM for a message", at(typeData, reset), true},
		{"GOAWAY below the head", at(typeHeaders, goaway), true},
		{"GOAWAY below a message", at(typeData, goaway), true},
		{"GOAWAY below it at its end", func(s scripted) { goaway(s, s.request()) }, true},

		{"CANCEL", at(typeData, func(s scripted, id uint32) { s.reset(id, codeCancel) }), false},
		{"GOAWAY at it", func(s scripted) { s.goaway(s.until(typeHeaders), codeNone, "") }, false},
		{"hangs up", func(s scripted) { s.until(typeData) }, false},
		{"REFUSED_STREAM after the head of the response", at(typeHeaders, func(s scripted, id uint32) {
			s.head(id)
			s.reset(id, codeRefused)
		}), false},
	}
	for _, tt := range tests {
		for _, kind := range streams {
			t.Run(tt.name+", "+kind.name, func(t *testing.T) {
				t.Parallel()
				n := inproc.New()
				var asked, ran atomic.Int32
				serveScript(t, n, "a", func(s scripted) {
					asked.Add(1)
					s.frame(typeSettings, 0, 0, nil)
					tt.script(s)
				})
				count := func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
					return func(ctx context.Context, c *fairlead.Call) error { ran.Add(1); return next(ctx, c) }
				}
				serveAs(t, n, "b", protocoltest.Handlers{}, server.Use(count))
				var o observed
				c := wireClient(t, n, []string{"a", "b"}, Protocol(web.NewClient(grpc.NewClient())), Filter(&o))
				stub := service.NewClient(c)
				failed, calls := 0, 0
				for ; asked.Load() == 0 || calls < 2; calls++ { // the balancer takes turns
					if err := kind.run(t.Context(), stub); err != nil {
						failed++
						if tt.ok {
							t.Errorf("got %v", err)
						}
					}
				}
				if !tt.ok && failed == 0 {
					t.Errorf("none of %d streams failed", calls)
				}
				if int(ran.Load()) != calls-failed {
					t.Errorf("%d handlers ran for %d streams of which %d failed", ran.Load(), calls, failed)
				}
				for _, node := range c.state.Load().nodes {
					if got := node.Inflight.Load(); got != 0 {
						t.Errorf("%d streams are left in the figures of %s", got, node.pool.target.Addr)
					}
				}
				if good := o.good.Load(); int(good) != calls-failed {
					t.Errorf("observers saw %d good streams of %d", good, calls-failed)
				}
			})
		}
	}
}

// TestStreamTooLongToResume: what does not fit into what a stream keeps cannot be repeated, and the error says that the
// server did not process it.
func TestStreamTooLongToResume(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	sent := make(chan struct{})
	serveScript(t, n, "a", func(s scripted) {
		s.frame(typeSettings, 0, 0, nil)
		id := s.until(typeHeaders)
		<-sent
		s.reset(id, codeRefused)
		s.request()
	})
	c := wireClient(t, n, []string{"a"}, Protocol(web.NewClient(grpc.NewClient())))
	s, err := service.NewClient(c).Chat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := s.Send(&protocoltest.Msg{Text: strings.Repeat("x", 32<<10)}); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		if i == 0 {
			close(sent) // the second one does not fit into the peer's window, and may wait for the stream to be refused
		}
	}
	_, err = s.Recv()
	wantError(t, err, fairlead.Unavailable, fairlead.Refused)
}

// TestResumeEnds: a stream that waits for another instance ends with Close, its context and its deadline.
func TestResumeEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts []fairlead.CallOption
		end  func(cancel func(), s io.Closer)
		code fairlead.Code
	}{
		{"close", nil, func(_ func(), s io.Closer) { _ = s.Close() }, fairlead.Canceled},
		{"context", nil, func(cancel func(), _ io.Closer) { cancel() }, fairlead.Canceled},
		{
			"deadline", []fairlead.CallOption{fairlead.WithTimeout(100 * time.Millisecond)},
			func(func(), io.Closer) {}, fairlead.DeadlineExceeded,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := inproc.New()
			l, err := n.Listen(t.Context(), transport.Target{Addr: "a"})
			if err != nil {
				t.Fatal(err)
			}
			gone := make(chan struct{})
			var serving sync.WaitGroup
			serving.Go(func() {
				defer close(gone)
				tc, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = tc.Peek(len(preface))
				tc.Discard(len(preface))
				s := scripted{tc}
				s.frame(typeSettings, 0, 0, nil)
				s.until(typeHeaders)
				_ = l.Close() // nobody answers from now on
				s.goaway(0, codeNone, "")
				tc.Close()
			})
			defer serving.Wait()
			c := wireClient(t, n, []string{"a"}, Protocol(web.NewClient(grpc.NewClient())), WaitForReady(true))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s, err := service.NewClient(c).Chat(ctx, tt.opts...)
			if err != nil {
				t.Fatal(err)
			}
			var ender sync.WaitGroup
			ender.Go(func() { <-gone; tt.end(cancel, s) })
			_, err = s.Recv()
			if got := fairlead.CodeOf(err); got != tt.code {
				t.Errorf("got %v, want %s", err, tt.code)
			}
			ender.Wait()
		})
	}
}
