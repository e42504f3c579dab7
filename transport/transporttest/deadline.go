package transporttest

import (
	"errors"
	"os"
	"runtime"
	"time"
)

// soon is a deadline that a test waits for.
const soon = 20 * time.Millisecond

func readDeadline(f *fixture) {
	client, server := f.pair()
	f.write(client, []byte("abc"))
	f.peek(server, 3)
	for _, d := range []time.Duration{soon, -time.Second} {
		if err := server.SetReadDeadline(time.Now().Add(d)); err != nil {
			f.Errorf("got %v from SetReadDeadline", err)
		}
		for range 2 {
			if _, err := server.Peek(6); !errors.Is(err, os.ErrDeadlineExceeded) {
				f.Errorf("got %v, want os.ErrDeadlineExceeded", err)
			}
		}
		if got := f.peek(server, 3); string(got) != "abc" {
			f.Errorf("got %q after the deadline, want what is buffered", got)
		}
	}
	if err := server.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
		f.Errorf("got %v from SetReadDeadline", err)
	}
	if err := server.SetReadDeadline(time.Time{}); err != nil {
		f.Errorf("got %v from SetReadDeadline", err)
	}
	f.write(client, []byte("def"))
	if got := f.peek(server, 6); string(got) != "abcdef" {
		f.Errorf("got %q after the deadline was lifted, want %q", got, "abcdef")
	}
	server.Discard(6)
}

func readDeadlineWhileWaiting(f *fixture) {
	for round := range 20 {
		_, server := f.pair()
		failed := make(chan error, 1)
		f.start(func() {
			_, err := server.Peek(1)
			failed <- err
		})
		for range round {
			runtime.Gosched()
		}
		if err := server.SetReadDeadline(time.Now()); err != nil {
			f.Errorf("got %v from SetReadDeadline", err)
		}
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			f.Errorf("got %v, want os.ErrDeadlineExceeded", err)
		}
	}
}

func writeDeadline(f *fixture) {
	client, server := f.pair()
	if err := client.SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
		f.Errorf("got %v from SetWriteDeadline", err)
	}
	f.write(client, []byte("abc"))
	if got := f.peek(server, 3); string(got) != "abc" {
		f.Errorf("got %q, want %q", got, "abc")
	}
	if err := client.SetWriteDeadline(time.Now().Add(10 * soon)); err != nil {
		f.Errorf("got %v from SetWriteDeadline", err)
	}
	if err := fill(client, nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		f.Errorf("got %v, want os.ErrDeadlineExceeded", err)
	}
}
