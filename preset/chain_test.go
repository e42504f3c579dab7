package preset_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// hop is a service of a chain: it calls the next one, and the last one waits until it is to give up.
type hop struct {
	next *client.Client // nil: the last

	mu   sync.Mutex
	left time.Duration // that the last call had when it arrived
	err  error         // of the call to the next one
}

func (h *hop) say(ctx context.Context, m *text) (*text, error) {
	h.arrived(ctx)
	if h.next == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	k := fairlead.NewCall(say, m)
	r, err := fairlead.Result[text](k, h.next.Bind(say)(ctx, k))
	h.failed(err)
	return r, err
}

func (h *hop) chat(ctx context.Context, _ *fairlead.Bidi[text, text]) error {
	h.arrived(ctx)
	if h.next == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	k := fairlead.NewCall(chat, nil)
	next, err := fairlead.OpenedBidi[text, text](k, h.next.Bind(chat)(ctx, k))
	if err == nil {
		_, err = next.Recv()
	}
	h.failed(err)
	return err
}

func (h *hop) arrived(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, _ := ctx.Deadline()
	h.left = time.Until(d)
}

func (h *hop) failed(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
}

func (h *hop) saw() (time.Duration, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.left, h.err
}

// newChain starts three servers, of which each calls the next one, and returns them with a client of the first.
func newChain(t *testing.T, opts ...client.Option) ([3]*hop, *client.Client) {
	t.Helper()
	network := inproc.New()
	dial := func(target string, opts ...client.Option) *client.Client {
		c, err := preset.NewClient(target, append([]client.Option{client.Dialer(network)}, opts...)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	var hops [3]*hop
	for i, addr := range []string{"a:1", "b:1", "c:1"} {
		h := new(hop)
		hops[i] = h
		if i < 2 {
			h.next = dial([]string{"b:1", "c:1"}[i], opts...)
		}
		s, err := preset.NewServer(addr, server.Transport(network), server.Service(
			fairlead.Implement(echo, fairlead.UnaryHandler(h.say), fairlead.BidiHandler(h.chat))))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Shutdown(context.Background()) })
	}
	return hops, dial("a:1", opts...)
}

// TestChainOfDeadlines has each hop of a chain give the next one a share of its time, so that each learns of the
// failure behind it before it fails itself, and from the error why the call ended when it did.
func TestChainOfDeadlines(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		opts []client.Option
		left [3]time.Duration
		want [2]string // in the errors of the first and the second hop
	}{
		{
			"0.9, the default", nil, [3]time.Duration{time.Second, 900 * time.Millisecond, 810 * time.Millisecond},
			[2]string{
				"(its deadline was 100ms before its caller's of 2000-01-01T00:00:01.000Z: " +
					"preset.DeadlineShare gives a call 0.9 of its caller's time)",
				"(its deadline was 90ms before its caller's of 2000-01-01T00:00:00.900Z: " +
					"preset.DeadlineShare gives a call 0.9 of its caller's time)",
			},
		},
		{
			"0.5", []client.Option{preset.DeadlineShare(0.1), preset.DeadlineShare(0.5)}, // the last one counts
			[3]time.Duration{time.Second, 500 * time.Millisecond, 250 * time.Millisecond},
			[2]string{
				"500ms before its caller's of 2000-01-01T00:00:01.000Z: preset.DeadlineShare gives a call 0.5",
				"250ms before its caller's of 2000-01-01T00:00:00.500Z: preset.DeadlineShare gives a call 0.5",
			},
		},
		{
			"all", []client.Option{preset.DeadlineShare(1)},
			[3]time.Duration{time.Second, time.Second, time.Second}, [2]string{},
		},
		{
			"no middleware", []client.Option{client.Deadline(nil)},
			[3]time.Duration{time.Second, time.Second, time.Second}, [2]string{},
		},
	}
	for _, tt := range tests {
		for _, streams := range []bool{false, true} {
			name := tt.name + ", unary"
			if streams {
				name = tt.name + ", streams"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					hops, c := newChain(t, tt.opts...)
					began := time.Now()
					err := callChain(t.Context(), c, streams)
					if got := time.Since(began); got > time.Second || fairlead.CodeOf(err) != fairlead.DeadlineExceeded {
						t.Errorf("got %v after %v, want DEADLINE_EXCEEDED within 1s", err, got)
					}
					synctest.Wait()
					for i, h := range hops {
						left, err := h.saw()
						if left != tt.left[i] {
							t.Errorf("hop %d had %v left, want %v", i+1, left, tt.left[i])
						}
						if i == 2 {
							break
						}
						if fairlead.CodeOf(err) != fairlead.DeadlineExceeded || !strings.Contains(err.Error(), tt.want[i]) ||
							tt.want[i] == "" && strings.Contains(err.Error(), "Share") {
							t.Errorf("hop %d: got %v, want DEADLINE_EXCEEDED and %q", i+1, err, tt.want[i])
						}
					}
				})
			})
		}
	}
}

// callChain makes a call that has a second.
func callChain(ctx context.Context, c *client.Client, stream bool) error {
	if !stream {
		_, err := call(ctx, c, "x", fairlead.WithTimeout(time.Second))
		return err
	}
	k := fairlead.NewCall(chat, nil, fairlead.WithTimeout(time.Second))
	s, err := fairlead.OpenedBidi[text, text](k, c.Bind(chat)(ctx, k))
	if err != nil {
		return err
	}
	_, err = s.Recv()
	return err
}

// TestNotSharedWithOthers has the share apply to calls on behalf of another alone, and not to those that were detached.
func TestNotSharedWithOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hops, c := newChain(t)
		in := fairlead.NewServerCall(&fairlead.ServerCall{Method: say, Deadline: time.Now().Add(time.Second)})
		for _, tt := range []struct {
			name string
			ctx  context.Context
			opts []fairlead.CallOption
			want time.Duration
		}{
			{"on behalf of another", in.Context(), nil, 900 * time.Millisecond},
			{"detached", context.WithoutCancel(in.Context()),
				[]fairlead.CallOption{fairlead.WithTimeout(time.Minute)}, time.Minute},
			{"of its own", t.Context(), []fairlead.CallOption{fairlead.WithTimeout(time.Second)}, time.Second},
		} {
			ctx, cancel := context.WithCancel(tt.ctx)
			k := fairlead.NewCall(chat, nil, tt.opts...)
			s, err := fairlead.OpenedBidi[text, text](k, c.Bind(chat)(ctx, k))
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if err := s.Send(wrapperspb.String("x")); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			synctest.Wait()
			if left, _ := hops[0].saw(); left != tt.want {
				t.Errorf("%s: got %v left, want %v", tt.name, left, tt.want)
			}
			cancel()
			if _, err := s.Recv(); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("%s: got %v, want the call cancelled", tt.name, err)
			}
			synctest.Wait()
		}
	})
}

func TestDeadlineShareErrors(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{-1, 0, 1.5} {
		_, err := preset.NewClient("x:1", preset.DeadlineShare(share))
		if err == nil || !strings.Contains(err.Error(), "preset: DeadlineShare: ") {
			t.Errorf("%v: got %v, want an error that names the option", share, err)
		}
	}
}
