package transporttest

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/fairlead-go/fairlead/transport"
)

func info(f *fixture) {
	client, server := f.pair()
	at := f.listener.Addr().String()
	if got := client.Info().Remote.String(); got != at {
		f.Errorf("got the client's remote address %q, want %q", got, at)
	}
	if got := server.Info().Local.String(); got != at {
		f.Errorf("got the server's local address %q, want %q", got, at)
	}
	if got, want := server.Info().Local.Network(), f.listener.Addr().Network(); got != want {
		f.Errorf("got the network %q, want %q", got, want)
	}
	for name, c := range map[string]transport.Conn{"client": client, "server": server} {
		i := c.Info()
		if f.env.Listen.TLS == nil {
			if i.TLS != nil || i.ALPN != "" {
				f.Errorf("%s: got TLS %v and ALPN %q, want none", name, i.TLS, i.ALPN)
			}
			continue
		}
		if i.TLS == nil || !i.TLS.HandshakeComplete || i.ALPN != ALPN {
			f.Errorf("%s: got TLS %v and ALPN %q, want a completed handshake and %q", name, i.TLS, i.ALPN, ALPN)
		}
	}
}

func dialToNobody(f *fixture) {
	c, err := f.env.Network.Dial(f.Context(), transport.Target{
		Network: f.env.Listen.Network,
		Addr:    f.env.Nobody,
		TLS:     f.env.ClientTLS,
	})
	if err == nil {
		_ = c.Close()
		f.Fatal("got a connection to nobody")
	}
	if !strings.Contains(err.Error(), f.env.Nobody) {
		f.Errorf("got %q, want the address %q in it", err, f.env.Nobody)
	}
}

func dialCancelled(f *fixture) {
	ctx, cancel := context.WithCancel(f.Context())
	cancel()
	c, err := f.env.Network.Dial(ctx, f.target())
	if err == nil {
		_ = c.Close()
	}
	if !errors.Is(err, context.Canceled) {
		f.Errorf("got %v, want context.Canceled", err)
	}
}

func listenTwice(f *fixture) {
	again := f.env.Listen
	again.Addr = f.listener.Addr().String()
	l, err := f.env.Network.Listen(f.Context(), again)
	if err == nil {
		_ = l.Close()
		f.Fatal("two listen at the same address")
	}
	for _, part := range []string{again.Addr, "address already in use"} {
		if !strings.Contains(err.Error(), part) {
			f.Errorf("got %q, want %q in it", err, part)
		}
	}
	f.pair() // the first is unharmed
}

func closeListener(f *fixture) {
	failed := make(chan error, 1)
	f.start(func() {
		c, err := f.listener.Accept()
		if err == nil {
			_ = c.Close()
		}
		failed <- err
	})
	for range 2 {
		if err := f.listener.Close(); err != nil {
			f.Errorf("got %v from Close", err)
		}
	}
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		f.Errorf("got %v from Accept, want net.ErrClosed", err)
	}
	if _, err := f.listener.Accept(); !errors.Is(err, net.ErrClosed) {
		f.Errorf("got %v from Accept after Close, want net.ErrClosed", err)
	}
	if c, err := f.env.Network.Dial(f.Context(), f.target()); err == nil {
		_ = c.Close()
		f.Error("got a connection to a closed listener")
	}

	again := f.env.Listen
	again.Addr = f.listener.Addr().String()
	l, err := f.env.Network.Listen(f.Context(), again)
	if err != nil {
		f.Fatalf("cannot listen again: %v", err)
	}
	f.Cleanup(func() { _ = l.Close() })
	f.listener = l
	f.pair()
}

func outliveListener(f *fixture) {
	client, server := f.pair()
	_ = f.listener.Close()
	f.write(client, []byte("still here"))
	if got := f.peek(server, 10); string(got) != "still here" {
		f.Errorf("got %q, want %q", got, "still here")
	}
	server.Discard(10)
}
