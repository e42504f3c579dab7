package std

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/transporttest"
)

// scripted is a net.Conn that reads from r.
type scripted struct {
	net.Conn

	r io.Reader
}

func (s scripted) Read(b []byte) (int, error) { return s.r.Read(b) }
func (s scripted) LocalAddr() net.Addr        { return &net.UnixAddr{Name: "here", Net: "unix"} }
func (s scripted) RemoteAddr() net.Addr       { return &net.UnixAddr{Name: "there", Net: "unix"} }

// reader is an io.Reader that is a function.
type reader func(b []byte) (int, error)

func (r reader) Read(b []byte) (int, error) { return r(b) }

func TestStreamReads(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	text := strings.Repeat("0123456789", 200)
	textAnd := func(r io.Reader) io.Reader { return io.MultiReader(strings.NewReader(text), r) }
	for _, tt := range []struct {
		name string
		r    io.Reader
		err  error // at the end
	}{
		{"all at once", strings.NewReader(text), io.EOF},
		{"byte by byte", iotest.OneByteReader(strings.NewReader(text)), io.EOF},
		{"half of what is asked", iotest.HalfReader(strings.NewReader(text)), io.EOF},
		{"the end with the last bytes", iotest.DataErrReader(strings.NewReader(text)), io.EOF},
		{"an error with the last bytes", iotest.DataErrReader(textAnd(iotest.ErrReader(boom))), boom},
		{"an error after the last bytes", textAnd(iotest.ErrReader(boom)), boom},
		{"nothing, again and again", textAnd(reader(func([]byte) (int, error) { return 0, nil })), io.ErrNoProgress},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := Wrap(scripted{r: tt.r})
			left := text
			for n := 1; n <= len(left); n = n%97 + 1 {
				b, err := c.Peek(n)
				if err != nil || len(b) < n || !strings.HasPrefix(left, string(b)) {
					t.Fatalf("with %d bytes left: got %q and %v", len(left), b, err)
				}
				c.Discard(n)
				left = left[n:]
			}
			if b, err := c.Peek(len(left)); err != nil || string(b) != left {
				t.Fatalf("got %q and %v, want %q", b, err, left)
			}
			b, err := c.Peek(len(left) + 1)
			want := tt.err
			if errors.Is(want, io.EOF) && left != "" {
				want = io.ErrUnexpectedEOF
			}
			if !errors.Is(err, want) || string(b) != left {
				t.Errorf("got %q and %v at the end, want %q and %v", b, err, left, want)
			}
			c.Discard(len(left))
			if b, err := c.Peek(1); !errors.Is(err, tt.err) && tt.err != boom || len(b) != 0 {
				t.Errorf("got %q and %v after the end, want nothing and %v", b, err, tt.err)
			}
		})
	}
}

func TestStreamDistrustsRead(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, 1 << 20} {
		c := Wrap(scripted{r: reader(func([]byte) (int, error) { return n, nil })})
		if b, err := c.Peek(1); err == nil || len(b) != 0 {
			t.Errorf("got %d bytes and %v from a Read that returned %d, want an error", len(b), err, n)
		}
	}
}

// wrapped is a Network over the path that any net.Conn takes, which is that of all connections on other systems.
type wrapped struct{ Network }

func (w wrapped) Listen(_ ctx, t transport.Target) (transport.Listener, error) {
	l, err := net.Listen(t.Network, t.Addr)
	return wrappedListener{l}, err
}

func (w wrapped) Dial(c ctx, t transport.Target) (transport.Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(c, t.Network, t.Addr)
	if err != nil {
		return nil, err
	}
	return Wrap(nc), nil
}

type wrappedListener struct{ net.Listener }

func (l wrappedListener) Accept() (transport.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Wrap(nc), nil
}

func (l wrappedListener) Close() error {
	if err := l.Listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func TestWrap(t *testing.T) { //nolint:paralleltest // the suite counts goroutines and buffers
	transporttest.Run(t, func(t *testing.T) transporttest.Env {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		return transporttest.Env{
			Network:     wrapped{},
			Listen:      transport.Target{Network: "tcp", Addr: "127.0.0.1:0"},
			Nobody:      l.Addr().String(),
			IdleBuffers: 1,
		}
	})
}

func TestWrapTLS(t *testing.T) {
	t.Parallel()
	serverConfig, clientConfig := transporttest.Certificate(t, "one", "two")
	a, b := net.Pipe()
	server, client := Wrap(tls.Server(a, serverConfig)), Wrap(tls.Client(b, clientConfig))
	if _, ok := server.(transport.Handshaker); !ok {
		t.Error("the server's end is no Handshaker")
	}
	written := make(chan error, 1)
	go func() { written <- client.Write([]byte("hello")) }()
	got, err := server.Peek(5)
	if err != nil || string(got) != "hello" {
		t.Errorf("got %q and %v, want %q", got, err, "hello")
	}
	if err := <-written; err != nil {
		t.Errorf("got %v from Write", err)
	}
	if got := server.Info().ALPN; got != "one" {
		t.Errorf("got ALPN %q, want %q", got, "one")
	}
	_ = client.Close()
	_ = server.Close()
}

// A peer that has stopped to read must not hold Close up for long.
func TestCloseTLSToADeafPeer(t *testing.T) {
	t.Parallel()
	serverConfig, clientConfig := transporttest.Certificate(t)
	serverConfig.SessionTicketsDisabled = true // as above
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		server := newSecure(tls.Server(a, serverConfig))
		client := newSecure(tls.Client(b, clientConfig))
		done := make(chan error, 1)
		go func() { done <- client.Handshake(t.Context()) }()
		if err := server.Handshake(t.Context()); err != nil {
			t.Errorf("cannot complete the server's handshake: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("cannot complete the client's handshake: %v", err)
		}
		begin := time.Now()
		_ = client.Close() // nobody reads at the server's end
		if took := time.Since(begin); took != farewell {
			t.Errorf("Close took %v, want %v", took, farewell)
		}
		_ = server.Close()
	})
}

func TestSizes(t *testing.T) {
	t.Parallel()
	if got := unsafe.Sizeof(stream{}); got > 176 {
		t.Errorf("got %d bytes for a wrapped connection, want 176 at most", got)
	}
}

// pingPong measures one exchange in the steady state.
func pingPong(t *testing.T, client, server transport.Conn) {
	t.Helper()
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

// connect returns both ends of a connection.
func connect(t *testing.T, n transport.Network, listen, dial transport.Target) (client, server transport.Conn) {
	t.Helper()
	l, err := n.Listen(t.Context(), listen)
	if err != nil {
		t.Fatalf("cannot listen: %v", err)
	}
	defer func() { _ = l.Close() }()
	dial.Addr = l.Addr().String()
	accepted := make(chan transport.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Errorf("cannot accept: %v", err)
		}
		if h, ok := c.(transport.Handshaker); ok {
			if err := h.Handshake(t.Context()); err != nil {
				t.Errorf("cannot complete the handshake: %v", err)
			}
		}
		accepted <- c
	}()
	client, err = n.Dial(t.Context(), dial)
	if err != nil {
		t.Fatalf("cannot dial: %v", err)
	}
	return client, <-accepted
}

func TestAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	at := transport.Target{Network: "tcp", Addr: "127.0.0.1:0"}
	t.Run("socket", func(t *testing.T) {
		client, server := connect(t, Network{}, at, at)
		pingPong(t, client, server)
	})
	t.Run("wrapped", func(t *testing.T) {
		client, server := connect(t, wrapped{}, at, at)
		pingPong(t, client, server)
	})
}
