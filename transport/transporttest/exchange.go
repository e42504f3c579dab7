package transporttest

import (
	"bytes"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/transport"
)

// sizes are those at which buffers are full, and others.
var sizes = []int{1, 9, 511, 512, 513, 1024, 2048, 4096, 16 << 10, 32<<10 - 1, 32 << 10, 32<<10 + 1, 100_000}

func echo(f *fixture) {
	client, server := f.pair()
	f.start(func() { serveEcho(server) })
	for _, n := range sizes {
		want := pattern(n)
		f.start(func() { f.write(client, want) })
		got := f.peek(client, n)
		if !bytes.Equal(got, want) {
			f.Errorf("%d bytes came back changed", n)
		}
		client.Discard(len(got))
	}
}

// requestSizes makes the reader wait for less than was sent. It must not wait for more: the peer sends nothing before
// it has the answer.
func requestSizes(f *fixture) {
	client, server := f.pair()
	f.start(func() {
		for _, n := range sizes {
			f.write(client, pattern(n))
			if b, err := client.Peek(1); err != nil {
				f.Errorf("no answer to %d bytes: %v", n, err)
				return
			} else if len(b) != 1 {
				f.Errorf("got an answer of %d bytes, want 1", len(b))
			}
			client.Discard(1)
		}
	})
	for _, n := range sizes {
		want := pattern(n)
		for left := want; len(left) > 0; {
			got := f.peek(server, min(9, len(left)))
			if !bytes.HasPrefix(left, got) {
				f.Fatalf("of %d bytes some arrived changed", n)
			}
			server.Discard(len(got))
			left = left[len(got):]
		}
		f.write(server, []byte{1})
	}
	f.tasks.Wait()
}

func largeWrites(f *fixture) {
	const total = 4 << 20
	client, server := f.pair()
	content := pattern(total)
	send := func(c transport.Conn) {
		for rest := content; len(rest) > 0; {
			n := min(len(rest), 700_001)
			f.write(c, rest[:n])
			rest = rest[n:]
		}
	}
	receive := func(c transport.Conn) {
		left := content
		for step := 1; len(left) > 0; step++ {
			// Frames of HTTP/2 are read like this: a short head, then a body.
			want := min(len(left), 9)
			if step%2 == 0 {
				want = min(len(left), step*37%20_000)
			}
			b, err := c.Peek(want)
			if err != nil {
				f.Errorf("with %d bytes to come: %v", len(left), err)
				return
			}
			if !bytes.HasPrefix(left, b) {
				f.Errorf("with %d bytes to come, they arrived changed", len(left))
				return
			}
			n := min(len(b), want+step%5)
			c.Discard(n)
			left = left[n:]
		}
	}
	f.start(func() { send(client) })
	f.start(func() { send(server) })
	f.start(func() { receive(client) })
	receive(server)
	f.tasks.Wait()
}

func largePeek(f *fixture) {
	const size = 3<<20 + 5
	client, server := f.pair()
	content := pattern(size)
	f.start(func() {
		f.write(client, content)
		f.write(client, content[:10])
	})
	got := f.peek(server, size)
	if !bytes.Equal(got[:size], content) {
		f.Error("the bytes arrived changed")
	}
	server.Discard(size)
	if got := f.peek(server, 10); !bytes.Equal(got, content[:10]) {
		f.Errorf("got %q behind the large message, want %q", got, content[:10])
	}
	server.Discard(10)
}

func peekAndDiscard(f *fixture) {
	client, server := f.pair()
	if b, err := server.Peek(0); len(b) != 0 || err != nil {
		f.Errorf("Peek(0): got %q and %v, want nothing and no wait", b, err)
	}
	f.write(client, []byte("0123456789"))
	f.peek(server, 10)
	for range 3 {
		if got := f.peek(server, 4); string(got) != "0123456789" {
			f.Fatalf("Peek(4): got %q, want all that is buffered", got)
		}
	}
	server.Discard(0)
	server.Discard(3)
	if got := f.peek(server, 1); string(got) != "3456789" {
		f.Errorf("got %q after Discard(3), want the rest", got)
	}
	f.write(client, []byte("abc"))
	if got := f.peek(server, 10); string(got) != "3456789abc" {
		f.Errorf("got %q, want old and new bytes", got)
	}
	server.Discard(10)
	if got := f.peek(server, 0); len(got) != 0 {
		f.Errorf("got %q after everything was discarded, want nothing", got)
	}
}

// idleBuffers needs the count that Run has turned on.
func idleBuffers(f *fixture) {
	client, server := f.pair()
	f.start(func() { serveEcho(server) })
	echoed := make(chan int)
	f.start(func() {
		defer close(echoed)
		for {
			b, err := client.Peek(1)
			if err != nil {
				return
			}
			client.Discard(len(b))
			echoed <- len(b)
		}
	})
	for _, n := range []int{1, 512, 5000, 70_000} {
		f.write(client, pattern(n))
		for got := 0; got < n; {
			got += <-echoed
		}
		want := 2 * f.env.IdleBuffers
		if !eventually(func() bool { return buffer.Out() <= want }) {
			f.Errorf("got %d buffers held by idle connections after %d bytes, want %d:\n%s",
				buffer.Out(), n, want, buffer.Leaks())
		}
	}
	_ = client.Close()
	<-echoed
}

func manyConnections(f *fixture) {
	const connections, rounds = 50, 20
	f.start(func() {
		for range connections {
			c, err := f.listener.Accept()
			if err != nil {
				f.Errorf("cannot accept: %v", err)
				return
			}
			f.start(func() {
				serveEcho(c)
				_ = c.Close()
			})
		}
	})
	for i := range connections {
		f.start(func() {
			c, err := f.env.Network.Dial(f.Context(), f.target())
			if err != nil {
				f.Errorf("cannot dial: %v", err)
				return
			}
			defer func() { _ = c.Close() }()
			for round := range rounds {
				want := pattern(1 + i*rounds + round)
				f.write(c, want)
				got, err := c.Peek(len(want))
				if err != nil || !bytes.Equal(got, want) {
					f.Errorf("%d bytes came back as %d, error %v", len(want), len(got), err)
					return
				}
				c.Discard(len(got))
			}
		})
	}
	f.tasks.Wait()
}
