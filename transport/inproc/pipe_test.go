package inproc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestWriteBlocksAtTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := inproc.Pipe()
		if err := a.Write(make([]byte, 256<<10)); err != nil {
			t.Fatalf("cannot write without a reader: %v", err)
		}
		done := make(chan error, 1)
		go func() { done <- a.Write([]byte("x")) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Errorf("got %v from Write past the limit, want it to wait", err)
		default:
		}
		if got, err := b.Peek(1); err != nil || len(got) != 256<<10 {
			t.Errorf("got %d bytes and %v, want all", len(got), err)
		}
		if err := <-done; err != nil {
			t.Errorf("got %v from Write after Peek", err)
		}
		_, _ = a.Close(), b.Close()
	})
}

func TestDeadlinesInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := inproc.Pipe()
		begin := time.Now()
		expired := func(what string, err error, after time.Duration) {
			t.Helper()
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: got %v, want os.ErrDeadlineExceeded", what, err)
			}
			if got := time.Since(begin); got != after {
				t.Errorf("%s: it took %v, want %v", what, got, after)
			}
		}
		set := func(f func(time.Time) error, after time.Duration) {
			t.Helper()
			if err := f(begin.Add(after)); err != nil {
				t.Errorf("cannot set a deadline: %v", err)
			}
		}

		set(a.SetReadDeadline, time.Minute)
		_, err := a.Peek(1)
		expired("read", err, time.Minute)

		// Put off while it waits, and once more just when the timer fires.
		set(a.SetReadDeadline, 2*time.Minute)
		go func() {
			time.Sleep(30 * time.Second)
			set(a.SetReadDeadline, 3*time.Minute)
		}()
		_, err = a.Peek(1)
		expired("read, put off", err, 3*time.Minute)

		// Brought forward while it waits.
		set(a.SetReadDeadline, time.Hour)
		go func() {
			time.Sleep(time.Minute)
			set(a.SetReadDeadline, 5*time.Minute)
		}()
		_, err = a.Peek(1)
		expired("read, brought forward", err, 5*time.Minute)

		set(a.SetWriteDeadline, 6*time.Minute)
		expired("write", a.Write(make([]byte, 1<<20)), 6*time.Minute)

		// Lifted: only the peer ends the wait.
		if err := a.SetReadDeadline(time.Time{}); err != nil {
			t.Errorf("cannot lift the deadline: %v", err)
		}
		go func() {
			time.Sleep(24 * time.Hour)
			_ = b.Close()
		}()
		if _, err := a.Peek(1); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want io.EOF", err)
		}
		set(a.SetReadDeadline, 48*time.Hour) // its timer must not keep anything alive
		_ = a.Close()
		if err := a.SetReadDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v for a closed connection, want net.ErrClosed", err)
		}
		if err := a.SetWriteDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v for a closed connection, want net.ErrClosed", err)
		}
	})
}

func TestDialWaitsForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := inproc.New()
		at := transport.Target{Addr: "busy"}
		l, err := n.Listen(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		var conns []transport.Conn
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for {
			c, err := n.Dial(ctx, at)
			if err != nil {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want context.DeadlineExceeded", err)
				}
				break
			}
			conns = append(conns, c)
		}
		if len(conns) != 128 {
			t.Errorf("got %d connections without Accept, want 128", len(conns))
		}

		// Another waits; Accept makes room for it.
		dialled := make(chan transport.Conn, 1)
		go func() {
			c, err := n.Dial(t.Context(), at)
			if err != nil {
				t.Errorf("cannot dial: %v", err)
			}
			dialled <- c
		}()
		synctest.Wait()
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, accepted, <-dialled)

		// And another; Close refuses it, and ends those that nobody has accepted.
		refused := make(chan error, 1)
		go func() {
			_, err := n.Dial(t.Context(), at)
			refused <- err
		}()
		synctest.Wait()
		if err := l.Close(); err != nil {
			t.Errorf("got %v from Close", err)
		}
		// Close may have made room for it first, in which case it is closed as well.
		if err := <-refused; err != nil && !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("got %v, want that the connection is refused", err)
		}
		if _, err := conns[1].Peek(1); !errors.Is(err, io.EOF) {
			t.Errorf("got %v from a connection that was never accepted, want io.EOF", err)
		}
		for _, c := range conns {
			_ = c.Close()
		}
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	n := inproc.New()
	for _, tt := range []struct {
		name   string
		target transport.Target
		want   string
	}{
		{"no name", transport.Target{}, "the address is empty"},
		{"TLS", transport.Target{Addr: "a", TLS: &tls.Config{MinVersion: tls.VersionTLS13}}, "TLS is not supported"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := n.Listen(t.Context(), tt.target); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Listen: got %v, want %q in it", err, tt.want)
			}
			if _, err := n.Dial(t.Context(), tt.target); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Dial: got %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestNetworksAreApart(t *testing.T) {
	t.Parallel()
	one, two := inproc.New(), inproc.New()
	at := transport.Target{Network: "tcp", Addr: "greeter"} // the network's name does not matter
	for _, n := range []*inproc.Network{one, two} {
		l, err := n.Listen(t.Context(), at)
		if err != nil {
			t.Fatalf("cannot listen: %v", err)
		}
		t.Cleanup(func() { _ = l.Close() })
	}
	at.Addr = "other"
	l, err := one.Listen(t.Context(), at)
	if err != nil {
		t.Fatalf("cannot listen at a second name: %v", err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if _, err := two.Dial(t.Context(), at); err == nil {
		t.Error("one network reaches into the other")
	}
	for i := range 2 {
		c, err := one.Dial(t.Context(), at)
		if err != nil {
			t.Fatalf("cannot dial: %v", err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if got, want := c.Info().Local.String(), fmt.Sprintf("other#%d", i+1); got != want {
			t.Errorf("got the local address %q, want %q", got, want)
		}
	}
}

func TestAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	client, server := inproc.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			b, err := server.Peek(1)
			if err != nil || server.Write(b) != nil {
				return
			}
			server.Discard(len(b))
		}
	}()
	message := make([]byte, 1000)
	assert.Allocs(t, 0, func() {
		if err := client.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Errorf("cannot set a deadline: %v", err)
		}
		if err := client.Write(message); err != nil {
			t.Errorf("cannot write: %v", err)
		}
		if _, err := client.Peek(len(message)); err != nil {
			t.Errorf("cannot read: %v", err)
		}
		client.Discard(len(message))
	})
	_ = client.Close()
	<-done
	_ = server.Close()
}

func ExamplePipe() {
	a, b := inproc.Pipe()
	_ = a.Write([]byte("hello"))
	_ = a.Close()
	text, err := b.Peek(5)
	fmt.Println(string(text), err)
	b.Discard(len(text))
	_, err = b.Peek(1)
	fmt.Println(err)
	_ = b.Close()
	// Output:
	// hello <nil>
	// EOF
}
