package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// The tests of this file call over connections that carry one call at a time.

// serveSerial runs a server at addr whose wire is in lock-step.
func serveSerial(
	t *testing.T, n *inproc.Network, addr string, h protocoltest.Handlers, opts ...server.Option,
) (stop func(ctx context.Context)) {
	t.Helper()
	return serveAt(t, n, addr, h, append([]server.Option{server.Protocol(protocoltest.NewSerialServer())}, opts...)...)
}

// serialClient makes a client of servers whose wire is in lock-step.
func serialClient(t *testing.T, n *inproc.Network, addrs []string, more ...Option) *Client {
	t.Helper()
	return wireClient(t, n, addrs, append([]Option{Protocol(protocoltest.NewSerialClient())}, more...)...)
}

// TestSuite runs the suite of wires through a client.
func TestSuite(t *testing.T) { //nolint:paralleltest // the suite counts goroutines
	t.Run("shared", func(t *testing.T) { //nolint:paralleltest // as above
		protocoltest.Run(t, func(t *testing.T, h protocoltest.Handlers) protocoltest.Env {
			t.Helper()
			n := inproc.New()
			serveAt(t, n, "a", h)
			return protocoltest.Env{Binder: wireClient(t, n, []string{"a"})}
		})
	})
	t.Run("serial", func(t *testing.T) { //nolint:paralleltest // as above
		protocoltest.Run(t, func(t *testing.T, h protocoltest.Handlers) protocoltest.Env {
			t.Helper()
			n := inproc.New()
			serveSerial(t, n, "a", h)
			return protocoltest.Env{Binder: serialClient(t, n, []string{"a"})}
		})
	})
}

// slowly is a dialer that takes a moment, and fails now and then.
type slowly struct {
	transport.Dialer

	n      atomic.Int32
	atOnce atomic.Int32
	most   atomic.Int32
	broken atomic.Bool
}

func (d *slowly) Dial(ctx context.Context, t transport.Target) (transport.Conn, error) {
	if n := d.atOnce.Add(1); n > d.most.Load() {
		d.most.Store(n)
	}
	defer d.atOnce.Add(-1)
	timer := time.NewTimer(time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if d.n.Add(1)%7 == 0 || d.broken.Load() {
		return nil, errors.New("no luck")
	}
	return d.Dialer.Dial(ctx, t)
}

// mixed makes one of the calls of a storm: unary ones, streams of each kind, and calls that are given up halfway.
func mixed(ctx context.Context, stub *protocoltest.EchoClient, i int) error {
	ready := fairlead.WithWaitForReady(true)
	want := protocoltest.Msg{Text: "x", N: int64(i)}
	switch i % 10 {
	case 0:
		s, err := stub.Chat(ctx, ready)
		if err != nil {
			return err
		}
		defer s.Close()
		for range 3 {
			if err := s.Send(&want); err != nil {
				return err
			}
			if got, err := s.Recv(); err != nil || *got != want {
				return fmt.Errorf("chat: got %v, %w", got, err)
			}
		}
		if err := s.CloseSend(); err != nil {
			return err
		}
		if _, err := s.Recv(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("chat: got %w, want EOF", err)
		}
		return nil
	case 1:
		s, err := stub.Scatter(ctx, &protocoltest.Msg{Text: "y", N: 20}, ready)
		if err != nil {
			return err
		}
		n := int64(0)
		for m, err := range s.All() {
			if err != nil || m.N != n {
				return fmt.Errorf("scatter: got %v, %w", m, err)
			}
			n++
		}
		return nil
	case 2: // given up, sooner or later
		ctx, cancel := context.WithTimeout(ctx, time.Duration(i%7)*time.Millisecond/2)
		defer cancel()
		got, err := stub.Unary(ctx, &protocoltest.Msg{Text: "hang"}, ready)
		if code := fairlead.CodeOf(err); code != fairlead.DeadlineExceeded {
			return fmt.Errorf("a call that hangs: got %v, %w", got, err)
		}
		return nil
	}
	got, err := stub.Unary(ctx, &want, ready)
	if err != nil {
		return err
	}
	if *got != want {
		return fmt.Errorf("got %v, want %v", *got, want)
	}
	return nil
}

// hanging holds calls of mixed until they are given up.
func hanging(ctx context.Context, m *protocoltest.Msg) (*protocoltest.Msg, error) {
	if m.Text == "hang" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return m, nil
}

// TestSerialStorm: a thousand calls at a time over slow dialling that fails now and then, of all kinds, some given up.
// All that are not come through; each answer is the one to its request.
func TestSerialStorm(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	serveSerial(t, n, "a", protocoltest.Handlers{Unary: hanging})
	serveSerial(t, n, "b", protocoltest.Handlers{Unary: hanging})
	d := &slowly{Dialer: n}
	c := serialClient(t, n, []string{"a", "b"}, Dialer(d), Backoff(time.Millisecond, 2*time.Millisecond))
	stub := service.NewClient(c)
	var callers sync.WaitGroup
	for i := range 1000 {
		callers.Go(func() {
			for j := range 5 {
				if err := mixed(t.Context(), stub, i+j); err != nil {
					t.Errorf("call %d: %v", i+j, err)
					return
				}
			}
		})
	}
	callers.Wait()
	for _, in := range c.Stats().Instances {
		if in.Connections > maxSerial || in.Waiting != 0 || in.Inflight != 0 {
			t.Errorf("got %+v, want at most %d connections and no call", in, maxSerial)
		}
	}
	if got := d.most.Load(); got < 4 || got > 2*maxDialers {
		t.Errorf("got %d attempts to connect at a time, want more than 4 and at most %d", got, 2*maxDialers)
	}
}

// TestSerialRestarts: servers drain and come back while many call. No call fails.
func TestSerialRestarts(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	h := protocoltest.Handlers{Unary: hanging}
	serveSerial(t, n, "a", h)
	stop := serveSerial(t, n, "b", h)
	c := serialClient(t, n, []string{"a", "b"}, Backoff(time.Millisecond, 2*time.Millisecond))
	stub := service.NewClient(c)
	halt := make(chan struct{})
	var callers sync.WaitGroup
	var ok atomic.Int32
	for i := range 100 {
		callers.Go(func() {
			for {
				select {
				case <-halt:
					return
				default:
				}
				if err := mixed(t.Context(), stub, i); err != nil {
					t.Errorf("call %d: %v", i, err)
					return
				}
				ok.Add(1)
			}
		})
	}
	for range 10 {
		for before := ok.Load(); ok.Load() < before+200 && !t.Failed(); {
			runtime.Gosched()
		}
		stop(t.Context())
		stop = serveSerial(t, n, "b", h)
	}
	close(halt)
	callers.Wait()
}

// TestSerialDeadServers: servers die with calls under way, and come back. Calls fail with UNAVAILABLE, or come through.
func TestSerialDeadServers(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	stop := serveSerial(t, n, "a", protocoltest.Handlers{})
	d := &slowly{Dialer: n}
	c := serialClient(t, n, []string{"a"}, Dialer(d), Backoff(time.Millisecond, 2*time.Millisecond))
	stub := service.NewClient(c)
	halt := make(chan struct{})
	var callers sync.WaitGroup
	var ok atomic.Int32
	for i := range 100 {
		callers.Go(func() {
			for {
				select {
				case <-halt:
					return
				default:
				}
				// One of them wants to know at once that there is no server.
				_, err := stub.Unary(t.Context(), &protocoltest.Msg{N: int64(i)}, fairlead.WithWaitForReady(i > 0))
				if code := fairlead.CodeOf(err); code != fairlead.OK && code != fairlead.Unavailable {
					t.Errorf("got %v", err)
					return
				}
				if err == nil {
					ok.Add(1)
				}
			}
		})
	}
	dead, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 6 {
		for before := ok.Load(); ok.Load() < before+200 && !t.Failed(); {
			runtime.Gosched()
		}
		d.broken.Store(i%2 == 0)
		stop(dead)
		stop = serveSerial(t, n, "a", protocoltest.Handlers{})
		d.broken.Store(false)
	}
	close(halt)
	callers.Wait()
	if _, err := stub.Unary(t.Context(), &protocoltest.Msg{}, fairlead.WithWaitForReady(true)); err != nil {
		t.Error(err)
	}
}
