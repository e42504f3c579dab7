//go:build unix

package std

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/fairlead-go/fairlead/transport"
)

func TestPlainSize(t *testing.T) {
	t.Parallel()
	if got := unsafe.Sizeof(plain{}); got > 176 {
		t.Errorf("got %d bytes for a connection, want 176 at most", got)
	}
}

func TestSocketsArePlain(t *testing.T) {
	t.Parallel()
	at := transport.Target{Network: "tcp", Addr: "127.0.0.1:0"}
	client, server := connect(t, Network{}, at, at)
	for _, c := range []transport.Conn{client, server} {
		if _, ok := c.(*plain); !ok {
			t.Errorf("got a %T", c)
		}
		if _, ok := c.(transport.Handshaker); ok {
			t.Error("a connection without TLS is a Handshaker")
		}
	}

	// Errors read like those of package net.
	if err := client.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err := client.Peek(1)
	want := "read tcp " + client.Info().Local.String() + "->" + server.Info().Local.String() + ": i/o timeout"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got %#v, want a net.Error that is a timeout", err)
	}
	_ = client.Close()
	if _, err = client.Peek(1); err == nil || !strings.HasSuffix(err.Error(), net.ErrClosed.Error()) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
	_ = server.Close()
}

func TestStaleSocketFile(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "std") //nolint:usetesting // t.TempDir has the test's name in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	at := transport.Target{Network: "unix", Addr: dir + "/s"}

	// A process that was killed leaves its file behind.
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: at.Addr, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	_ = dead.Close()
	if _, err := os.Lstat(at.Addr); err != nil {
		t.Fatalf("there is no stale file: %v", err)
	}
	l, err := Network{}.Listen(t.Context(), at)
	if err != nil {
		t.Fatalf("cannot listen in place of a dead process: %v", err)
	}

	// One that lives keeps its file, and does not notice.
	_, err = Network{}.Listen(t.Context(), at)
	if err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v, want that the address is in use", err)
	}
	accepted := make(chan transport.Conn)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	c, err := Network{}.Dial(t.Context(), at)
	if err != nil {
		t.Fatalf("cannot dial: %v", err)
	}
	if err := c.Write([]byte("hi")); err != nil {
		t.Errorf("cannot write: %v", err)
	}
	server := <-accepted
	if b, err := server.Peek(2); err != nil || string(b) != "hi" {
		t.Errorf("got %q and %v from the first connection, want that of the test", b, err)
	}
	_, _ = c.Close(), server.Close()

	if err := l.Close(); err != nil {
		t.Errorf("got %v from Close", err)
	}
	if _, err := os.Lstat(at.Addr); !os.IsNotExist(err) {
		t.Errorf("got %v for the file after Close, want that there is none", err)
	}

	// A file of another kind is not ours to remove.
	if err := os.WriteFile(at.Addr, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (Network{}).Listen(t.Context(), at); err == nil {
		t.Error("got no error for a file that is no socket")
	}
	if got, err := os.ReadFile(at.Addr); err != nil || string(got) != "precious" {
		t.Errorf("got %q and %v, want the file as it was", got, err)
	}
}
