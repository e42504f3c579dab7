package server

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

// connect has s serve one connection of wire w.
func connect(t *testing.T, l *scripted, w *fakeWire) *fakeConn {
	t.Helper()
	near, far := inproc.Pipe()
	t.Cleanup(func() { far.Close() })
	if err := far.Write([]byte{w.first}); err != nil {
		t.Fatal(err)
	}
	l.results <- near
	return <-w.conns
}

func TestShutdownSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newFakeWire("w", 'w')
		s := plain(t, Protocol(w))
		l := newScripted()
		served := make(chan error, 1)
		go func() { served <- s.Serve(l) }()
		c := connect(t, l, w)
		waiting, far := inproc.Pipe() // its first byte never comes
		defer far.Close()
		l.results <- waiting
		late, talker := inproc.Pipe() // its first byte comes when the server has begun to drain
		defer talker.Close()
		l.results <- late
		synctest.Wait()
		if got, want := s.Stats(), (Stats{Connections: 1, Detecting: 2, Accepted: 3}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}

		begin := time.Now()
		over := make(chan error, 1)
		go func() { over <- s.Shutdown(context.Background()) }()
		if final := <-c.drains; final {
			t.Error("the first Drain is final")
		}
		if err := <-served; !errors.Is(err, ErrClosed) {
			t.Errorf("Serve: got %v, want ErrClosed", err)
		}
		<-s.Dispatcher().Draining()
		if err := talker.Write([]byte{'w'}); err != nil {
			t.Fatal(err)
		}
		second := <-w.conns
		if final := <-second.drains; final {
			t.Error("the first Drain of a connection whose first byte came late is final")
		}
		if got := time.Since(begin); got != 0 {
			t.Errorf("that took %v", got)
		}
		if _, err := far.Peek(1); !errors.Is(err, io.EOF) {
			t.Errorf("the connection without a byte: got %v, want io.EOF", err)
		}
		<-second.drains
		second.end()
		if final := <-c.drains; !final {
			t.Error("the second Drain is not final")
		}
		if got := time.Since(begin); got != time.Second {
			t.Errorf("the second Drain came after %v, want 1s", got)
		}
		time.Sleep(time.Hour) // of the bubble's clock: the last call takes long
		c.end()
		if err := <-over; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("a second Shutdown: %v", err)
		}
		if err := s.Serve(newScripted()); !errors.Is(err, ErrClosed) {
			t.Errorf("Serve after Shutdown: got %v, want ErrClosed", err)
		}
	})
}

func TestShutdownCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newFakeWire("w", 'w')
		s := plain(t, Protocol(w))
		l := newScripted()
		go s.Serve(l)
		c := connect(t, l, w)
		synctest.Wait()
		begin := time.Now()
		patient := make(chan error, 1)
		go func() { patient <- s.Shutdown(context.Background()) }()
		ctx, cancel := context.WithTimeout(context.Background(), 600*time.Millisecond)
		defer cancel()
		over := make(chan error, 1)
		go func() { over <- s.Shutdown(ctx) }()
		<-c.drains
		<-c.drains
		if got := time.Since(begin); got != 300*time.Millisecond {
			t.Errorf("the final Drain came after %v, want half of the time left", got)
		}
		if err := <-over; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
		if got := time.Since(begin); got != 600*time.Millisecond {
			t.Errorf("cut after %v, want 600ms", got)
		}
		if err := c.Serve(); !errors.Is(err, ErrClosed) {
			t.Errorf("the connection was closed with %v, want ErrClosed", err)
		}
		if err := <-patient; err != nil {
			t.Errorf("the patient Shutdown: %v", err)
		}
	})
}

func TestShutdownIdle(t *testing.T) {
	t.Parallel()
	s := plain(t)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("a server that was never started: %v", err)
	}
	if err := s.Serve(newScripted()); !errors.Is(err, ErrClosed) {
		t.Errorf("Serve: got %v, want ErrClosed", err)
	}
	k := newKit(t, handlers{})
	if err := k.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := k.network.Dial(t.Context(), k.cfg.targets[0]); err == nil {
		t.Error("the listener is still open")
	}
}

// TestShutdownWaitsForHandlers: a call whose client has gone is waited for as well.
func TestShutdownWaitsForHandlers(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	var done bool
	k := newKit(t, handlers{Chat: func(ctx context.Context, _ *fairlead.Bidi[msg, msg]) error {
		close(entered)
		<-ctx.Done() // the client leaves
		<-release
		done = true
		return nil
	}})
	c, conn := k.client(t)
	if _, err := c.Chat(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-entered
	conn.Close(errors.New("the client leaves"))
	over := make(chan error, 1)
	go func() { over <- k.Shutdown(context.Background()) }()
	<-k.parted
	select {
	case err := <-over:
		t.Fatalf("Shutdown returned %v with a handler running", err)
	default:
	}
	close(release)
	if err := <-over; err != nil || !done {
		t.Errorf("got %v, handler done: %v", err, done)
	}
}

// TestShutdownCutsHandlers: one that ignores its context is left behind when the time is over.
func TestShutdownCutsHandlers(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"unary", "stream"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entered, release := make(chan struct{}), make(chan struct{})
			k := newKit(t, handlers{
				Unary: func(context.Context, *msg) (*msg, error) { close(entered); <-release; return new(msg), nil },
				Chat: func(context.Context, *fairlead.Bidi[msg, msg]) error {
					close(entered)
					<-release
					return nil
				},
			})
			c, _ := k.client(t)
			result := make(chan error, 1)
			if name == "unary" {
				go func() {
					_, err := c.Unary(t.Context(), &msg{})
					result <- err
				}()
			} else {
				s, err := c.Chat(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				go func() {
					_, err := s.Recv()
					result <- err
				}()
			}
			<-entered
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := k.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want context.DeadlineExceeded", err)
			}
			if err := <-result; fairlead.CodeOf(err) != fairlead.Unavailable {
				t.Errorf("the caller got %v, want UNAVAILABLE", err)
			}
			if got := k.Stats(); got.Connections != 0 || got.Calls != 1 {
				t.Errorf("got %+v, want the one call left", got)
			}
			close(release)
		})
	}
}

// TestStall: a handler that waits does not hold up the next call of its connection.
func TestStall(t *testing.T) {
	t.Parallel()
	for _, goexit := range []bool{false, true} {
		release := make(chan struct{})
		k := newKit(t, handlers{Unary: func(_ context.Context, m *msg) (*msg, error) {
			if m.N == 1 {
				<-release
				if goexit {
					runtime.Goexit()
				}
			}
			return m, nil
		}})
		c, _ := k.client(t)
		first := make(chan error, 1)
		go func() {
			_, err := c.Unary(t.Context(), &msg{N: 1})
			first <- err
		}()
		for k.Stats().Stolen == 0 {
			if _, err := c.Unary(t.Context(), &msg{}); err != nil {
				t.Fatal(err)
			}
		}
		close(release)
		err := <-first
		if want := map[bool]fairlead.Code{false: fairlead.OK, true: fairlead.Internal}[goexit]; fairlead.CodeOf(err) != want {
			t.Errorf("Goexit %v: got %v, want %v", goexit, err, want)
		}
	}
}

// TestGoexit: a handler that ends its goroutine at once ends neither connection nor server.
func TestGoexit(t *testing.T) {
	t.Parallel()
	k := newKit(t, handlers{Unary: func(_ context.Context, m *msg) (*msg, error) {
		if m.N == 1 {
			runtime.Goexit()
		}
		return m, nil
	}})
	c, _ := k.client(t)
	for i := range 20 {
		_, err := c.Unary(t.Context(), &msg{N: int64(i % 2)})
		if want := []fairlead.Code{fairlead.OK, fairlead.Internal}[i%2]; fairlead.CodeOf(err) != want {
			t.Errorf("call %d: got %v, want %v", i, err, want)
		}
	}
}

// boxed is a listener and its connections in values that cannot be compared.
type boxed struct {
	*scripted

	_ []int
}

func (l boxed) Accept() (transport.Conn, error) {
	tc, err := l.scripted.Accept()
	if err != nil {
		return nil, err
	}
	return boxedConn{Conn: tc}, nil
}

type boxedConn struct {
	transport.Conn

	_ []int
}

// TestNotComparable: listeners and connections do not have to be comparable.
func TestNotComparable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newFakeWire("w", 'w')
		s := plain(t, Protocol(w))
		served := make(chan error, 2)
		l := newScripted()
		go func() { served <- s.Serve(boxed{scripted: l}) }()
		broken := newScripted()
		go func() { served <- s.Serve(boxed{scripted: broken}) }()
		connect(t, l, w)
		waiting, far := inproc.Pipe() // its first byte never comes
		defer far.Close()
		l.results <- waiting
		broken.results <- io.ErrClosedPipe
		if err := <-served; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the listener that fails: got %v", err)
		}
		synctest.Wait()
		if n := len(s.Addrs()); n != 1 {
			t.Errorf("got %d listeners, want the other one", n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = s.Shutdown(ctx) // cuts the connection, which nobody ends
		if err := <-served; !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
}

// stubborn is a listener whose Accept goes on after Close.
type stubborn struct{ *scripted }

func (stubborn) Close() error { return nil }

// TestShutdownAwaitsAccept: Shutdown does not return before the one accept loop is over.
func TestShutdownAwaitsAccept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := plain(t)
		l := newScripted()
		go s.Serve(stubborn{l})
		synctest.Wait()
		over := make(chan error, 1)
		go func() { over <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		if len(over) > 0 {
			t.Error("Shutdown returned while a listener accepts")
		}
		l.results <- net.ErrClosed
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}
