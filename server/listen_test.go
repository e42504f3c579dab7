package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

func TestCall(t *testing.T) {
	t.Parallel()
	k := newKit(t, handlers{})
	c, _ := k.client(t)
	got, err := c.Unary(t.Context(), &msg{Text: "hi"})
	if err != nil || got.Text != "hi" {
		t.Errorf("got %v, %v; want hi", got, err)
	}
	if got := k.Addr().String(); got != "echo:1" {
		t.Errorf("got address %q, want echo:1", got)
	}
	if got := k.Stats(); got.Connections != 1 || got.Accepted != 1 || got.Detecting != 0 {
		t.Errorf("got %+v, want one connection", got)
	}
	if err := k.Start(t.Context()); err == nil {
		t.Error("a second Start: got no error")
	}
}

// busy is a network in which an address is in use.
type busy struct {
	*inproc.Network

	addr   string
	closed chan struct{}
}

func (b *busy) Listen(ctx context.Context, t transport.Target) (transport.Listener, error) {
	if t.Addr == b.addr {
		return nil, &net.OpError{Op: "listen", Err: syscall.EADDRINUSE}
	}
	l, err := b.Network.Listen(ctx, t)
	return &closeNoting{l, b.closed}, err
}

type closeNoting struct {
	transport.Listener

	closed chan struct{}
}

func (l *closeNoting) Close() error {
	close(l.closed)
	return l.Listener.Close()
}

func TestStartAddressInUse(t *testing.T) {
	t.Parallel()
	n := &busy{inproc.New(), "taken:1", make(chan struct{})}
	s := plain(t, Transport(n), Listen("free:1"), Listen("taken:1"))
	err := s.Start(t.Context())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "taken:1") ||
		!strings.Contains(err.Error(), "in use") {
		t.Errorf("got %v, want the address and that it is in use", err)
	}
	select {
	case <-n.closed:
	default:
		t.Error("the listener that could be had stays open")
	}
	if got := s.Addrs(); len(got) != 0 {
		t.Errorf("got addresses %v, want none", got)
	}
}

func TestAcceptErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := plain(t)
		l := newScripted()
		result := make(chan error, 1)
		go func() { result <- s.Serve(l) }()
		begin := time.Now()
		for range 3 {
			l.results <- &net.OpError{Op: "accept", Err: syscall.EMFILE}
		}
		synctest.Wait()
		select {
		case err := <-result:
			t.Fatalf("Serve ended with %v while the error may pass", err)
		default:
		}
		last := errors.New("broken")
		l.results <- last
		if err := <-result; !errors.Is(err, last) {
			t.Errorf("got %v, want %v", err, last)
		}
		if got, want := time.Since(begin), (5+10+20)*time.Millisecond; got != want {
			t.Errorf("paused for %v, want %v", got, want)
		}
		if got := s.Addrs(); len(got) != 0 {
			t.Errorf("got addresses %v of a listener that failed", got)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// oneListener is a network that gives away one listener.
type oneListener struct{ l transport.Listener }

func (n oneListener) Dial(context.Context, transport.Target) (transport.Conn, error) {
	return nil, io.EOF
}
func (n oneListener) Listen(context.Context, transport.Target) (transport.Listener, error) {
	return n.l, nil
}

func TestFailed(t *testing.T) {
	t.Parallel()
	l := newScripted()
	s := plain(t, Transport(oneListener{l}), Listen("a:1"))
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	l.results <- broken
	if err := <-s.Failed(); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMaxConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, handlers{}, MaxConnections(1))
		c, conn := k.client(t)
		if _, err := c.Unary(t.Context(), &msg{}); err != nil {
			t.Fatal(err)
		}
		if b, err := k.raw(t).Peek(1); !errors.Is(err, io.EOF) {
			t.Errorf("the second connection: got %q, %v; want io.EOF", b, err)
		}
		if got := k.Stats(); got.RefusedConnections != 1 || got.Connections != 1 {
			t.Errorf("got %+v, want one connection refused", got)
		}
		conn.Close(nil)
		synctest.Wait()
		c, _ = k.client(t)
		if _, err := c.Unary(t.Context(), &msg{}); err != nil {
			t.Errorf("after the first has gone: %v", err)
		}
	})
}

// syncBuffer is a log that may be read meanwhile.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestDetect(t *testing.T) {
	t.Parallel()
	slow := newFakeWire("slow", 's')
	slow.need = 3
	never := newFakeWire("never", 'n')
	never.need = 1000
	tests := []struct {
		name  string
		parts []string
		wire  string // "": closed by the server
		log   string
	}{
		{"first byte", []string{"a"}, "a", ""},
		{"with more behind it", []string{"abcdef"}, "a", ""},
		{"byte by byte", []string{"s", "l", "o", "w"}, "slow", ""},
		{"unknown", []string{"GET / HTTP/1.1\r\n"}, "", `GET / HTTP/1.1`},
		{"TLS", []string{"\x16\x03\x01\x02\x00"}, "", "speaks TLS"},
		{"too long undecided", []string{strings.Repeat("n", 63), "n"}, "", "nnnn"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wires := map[string]*fakeWire{"a": newFakeWire("a", 'a')}
			s2, n2 := *slow, *never
			s2.conns, n2.conns = make(chan *fakeConn, 1), make(chan *fakeConn, 1)
			wires["slow"], wires["never"] = &s2, &n2
			log := new(syncBuffer)
			k := newKit(t, handlers{}, Protocol(wires["a"], wires["slow"], wires["never"]),
				Logger(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
			tc := k.raw(t)
			for _, part := range tt.parts {
				if err := tc.Write([]byte(part)); err != nil {
					t.Fatal(err)
				}
			}
			if tt.wire == "" {
				if _, err := tc.Peek(1); !errors.Is(err, io.EOF) {
					t.Errorf("got %v, want the connection closed", err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(5*time.Second))
				defer cancel()
				if err := k.Shutdown(ctx); err != nil { // so that the log is complete
					t.Error(err)
				}
				if !strings.Contains(log.String(), tt.log) {
					t.Errorf("got log %q, want %q in it", log, tt.log)
				}
				return
			}
			c := <-wires[tt.wire].conns
			b, err := c.tc.Peek(len(strings.Join(tt.parts, "")))
			if got, want := string(b), strings.Join(tt.parts, ""); got != want || err != nil {
				t.Errorf("the wire finds %q, %v; want %q", got, err, want)
			}
			c.end()
		})
	}
}

// secured is a connection with a handshake.
type secured struct {
	transport.Conn

	info      transport.Info
	handshake func(ctx context.Context) error
}

func (c *secured) Info() *transport.Info               { return &c.info }
func (c *secured) Handshake(ctx context.Context) error { return c.handshake(ctx) }

func TestALPN(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, alpn, first string
		want              string // the wire; "": none
	}{
		{"agreed upon, and no byte is waited for", "bee", "", "b"},
		{"none agreed upon: by the first byte", "", "y", "y"},
		{"of the user's own", "own", "a", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			y, b := newFakeWire("y", 'y'), newFakeWire("b", 'b')
			y.alpn, b.alpn = []string{"why"}, []string{"bee"}
			s := plain(t, Protocol(y, b))
			l := newScripted()
			go s.Serve(l)
			near, far := inproc.Pipe()
			defer far.Close()
			tc := &secured{Conn: near, info: transport.Info{TLS: new(tls.ConnectionState)}}
			tc.handshake = func(context.Context) error { tc.info.ALPN = tt.alpn; return nil }
			if err := far.Write([]byte(tt.first)); err != nil {
				t.Fatal(err)
			}
			l.results <- tc
			switch tt.want {
			case "y":
				(<-y.conns).end()
			case "b":
				(<-b.conns).end()
			default:
				if _, err := far.Peek(1); !errors.Is(err, io.EOF) {
					t.Errorf("got %v, want the connection closed", err)
				}
			}
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestHandshakeTimeout(t *testing.T) {
	t.Parallel()
	t.Run("first bytes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			k := newKit(t, handlers{}, HandshakeTimeout(3*time.Second))
			tc := k.raw(t)
			if err := tc.Write([]byte("FR")); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			if _, err := tc.Peek(1); !errors.Is(err, io.EOF) {
				t.Errorf("got %v, want the connection closed", err)
			}
			if got := time.Since(begin); got != 3*time.Second {
				t.Errorf("closed after %v, want 3s", got)
			}
		})
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := plain(t)
			l := newScripted()
			go s.Serve(l)
			near, far := inproc.Pipe()
			l.results <- &secured{Conn: near, handshake: func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}}
			begin := time.Now()
			if _, err := far.Peek(1); !errors.Is(err, io.EOF) {
				t.Errorf("got %v, want the connection closed", err)
			}
			if got := time.Since(begin); got != 10*time.Second {
				t.Errorf("closed after %v, want 10s", got)
			}
			far.Close()
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("not after detection", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			k := newKit(t, handlers{})
			c, conn := k.client(t)
			if _, err := c.Unary(t.Context(), &msg{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // of the bubble's clock: the connection is idle
			if _, err := c.Unary(t.Context(), &msg{}); err != nil {
				t.Errorf("after a minute: %v", err)
			}
			conn.Close(nil)
		})
	})
}

func TestNewConnError(t *testing.T) {
	t.Parallel()
	w := newFakeWire("w", 'w')
	w.newConn = func(transport.Conn) (protocol.ServerConn, error) { return nil, errors.New("no") }
	k := newKit(t, handlers{}, Protocol(w))
	tc := k.raw(t)
	if err := tc.Write([]byte("w")); err != nil {
		t.Fatal(err)
	}
	if _, err := tc.Peek(1); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the connection closed", err)
	}
}
