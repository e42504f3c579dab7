package transporttest

import (
	"errors"
	"io"
	"net"
	"runtime"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/transport"
)

func endOfStream(f *fixture) {
	client, server := f.pair()
	f.write(client, []byte("bye"))
	f.peek(server, 3)
	server.Discard(3)
	_ = client.Close()
	for range 2 {
		if b, err := server.Peek(1); len(b) != 0 || err != io.EOF {
			f.Errorf("got %q and %v at the end, want nothing and io.EOF", b, err)
		}
	}
}

func endWithinMessage(f *fixture) {
	client, server := f.pair()
	f.write(client, []byte("half a mess"))
	_ = client.Close()
	for range 2 {
		b, err := server.Peek(14)
		if string(b) != "half a mess" || err != io.ErrUnexpectedEOF {
			f.Errorf("got %q and %v, want what there is and io.ErrUnexpectedEOF", b, err)
		}
	}
	if got := f.peek(server, 11); string(got) != "half a mess" {
		f.Errorf("got %q, want what there is", got)
	}
	server.Discard(11)
	if b, err := server.Peek(1); len(b) != 0 || err != io.EOF {
		f.Errorf("got %q and %v after the rest, want nothing and io.EOF", b, err)
	}
}

func readAfterPeerClosed(f *fixture) {
	client, server := f.pair()
	content := pattern(100_000)
	f.start(func() {
		f.write(client, content)
		_ = client.Close()
	})
	if got := f.peek(server, len(content)); len(got) != len(content) {
		f.Errorf("got %d bytes, want %d", len(got), len(content))
	}
	server.Discard(len(content))
	if _, err := server.Peek(1); !errors.Is(err, io.EOF) {
		f.Errorf("got %v at the end, want io.EOF", err)
	}
}

// closeDuringPeek closes before, while and after Peek starts to wait; a test cannot tell which.
func closeDuringPeek(f *fixture) {
	for round := range 30 {
		client, server := f.pair()
		if round%2 == 1 { // wait with something buffered
			f.write(client, []byte("abc"))
			f.peek(server, 3)
		}
		failed := make(chan error, 1)
		f.start(func() {
			_, err := server.Peek(4)
			failed <- err
		})
		for range round {
			runtime.Gosched()
		}
		if err := server.Close(); err != nil {
			f.Errorf("got %v from Close", err)
		}
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			f.Errorf("got %v from Peek, want net.ErrClosed", err)
		}
	}
}

// fill writes to a peer that does not read, until a write fails. It sends a value to progress after each write.
func fill(c transport.Conn, progress chan<- struct{}) error {
	chunk := make([]byte, 1<<20)
	for range 1 << 10 {
		if err := c.Write(chunk); err != nil {
			return err
		}
		select {
		case progress <- struct{}{}:
		default:
		}
	}
	return errors.New("a gibibyte was written to a peer that does not read")
}

// stalled returns when there has been no progress for some time.
func stalled(progress <-chan struct{}) {
	const quiet = 100 * time.Millisecond
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	for {
		select {
		case <-progress:
			timer.Reset(quiet)
		case <-timer.C:
			return
		}
	}
}

func closeDuringWrite(f *fixture) {
	client, _ := f.pair()
	progress := make(chan struct{}, 1)
	failed := make(chan error, 1)
	f.start(func() { failed <- fill(client, progress) })
	stalled(progress)
	begin := time.Now()
	_ = client.Close() // with TLS it may fail to send close_notify
	if took := time.Since(begin); took > assert.Patience(time.Second) {
		f.Errorf("Close took %v", took)
	}
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		f.Errorf("got %v from Write, want net.ErrClosed", err)
	}
}

// closeWithUnreadBytes leaves bytes in every possible place; Run looks for the buffers.
func closeWithUnreadBytes(f *fixture) {
	for _, n := range []int{3, 512, 5000, 100_000} {
		client, server := f.pair()
		f.start(func() { _ = client.Write(pattern(n)) }) // the reader may be gone before it has finished
		f.peek(server, 3)
		_ = server.Close()
		_ = client.Close()
	}
}

func useAfterClose(f *fixture) {
	client, server := f.pair()
	f.write(client, []byte("abc"))
	f.peek(server, 1)
	if err := server.Close(); err != nil {
		f.Errorf("got %v from Close", err)
	}
	if err := server.Close(); err != nil {
		f.Errorf("got %v from the second Close, want nil", err)
	}
	if _, err := server.Peek(4); !errors.Is(err, net.ErrClosed) {
		f.Errorf("got %v from Peek, want net.ErrClosed", err)
	}
	if err := server.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		f.Errorf("got %v from Write, want net.ErrClosed", err)
	}
}

func writeToClosedPeer(f *fixture) {
	client, server := f.pair()
	_ = server.Close()
	// The peer's refusal takes a moment to arrive.
	var err error
	if !eventually(func() bool { err = client.Write([]byte("hello?")); return err != nil }) {
		f.Error("writing to a closed peer does not fail")
	}
	if errors.Is(err, net.ErrClosed) {
		f.Errorf("got %v, which says that this side closed the connection", err)
	}
}
