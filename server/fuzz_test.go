package server

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/transport"
)

// FuzzDetect has a server with two wires find out which one arbitrary bytes belong to, however they are cut. The answer
// depends on the bytes alone; the connection, and then the server, come to their end.
func FuzzDetect(f *testing.F) {
	const hello, frame = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "FRAME/1\n"
	f.Add([]byte(hello+"\x00\x00\x00\x04\x00\x00\x00\x00\x00"), []byte{1, 5})
	f.Add([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), []byte{2})
	f.Add([]byte("\x16\x03\x01\x00\x05hello"), []byte(nil))
	f.Add([]byte(hello[:20]), []byte{20})
	f.Add([]byte("FRAME/1\n\x00\x00\x00\x00"), []byte{1, 1, 1, 1, 1, 1, 1, 1})
	f.Add([]byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, b, cuts []byte) {
		b, cuts = b[:min(len(b), 64<<10)], cuts[:min(len(cuts), 32)]
		buffer.Count(true)
		defer buffer.Count(false)
		synctest.Test(t, func(t *testing.T) {
			spy := &spyWire{Server: web.NewServer(grpc.NewServer()), t: t, sent: b}
			k := newKit(t, handlers{}, Protocol(spy))
			tc := k.raw(t)
			rest := b
			for _, n := range cuts {
				n := min(int(n), len(rest))
				_ = tc.Write(rest[:n]) // the server may have hung up
				rest = rest[n:]
				synctest.Wait()
			}
			_ = tc.Write(rest)
			synctest.Wait()
			// The other wire is asked first, and takes what begins with its own mark.
			other := bytes.HasPrefix(b, []byte(frame)) || bytes.HasPrefix([]byte(frame), b)
			want := bytes.HasPrefix(b, []byte(hello)) || isHTTP1(b) && !bytes.HasPrefix([]byte(hello), b) && !other
			if spy.made != want {
				t.Errorf("HTTP: got %v, want %v", spy.made, want)
			}
			if err := tc.Close(); err != nil {
				t.Error(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(time.Minute))
			defer cancel()
			if err := k.Shutdown(ctx); err != nil && !errors.Is(err, ErrClosed) {
				t.Errorf("Shutdown: %v", err)
			}
		})
		if text := buffer.Leaks(); text != "" {
			t.Errorf("buffers are left:\n%s", text)
		}
	})
}

// isHTTP1 reports whether b begins as a request of HTTP/1 does: with a letter, after empty lines.
func isHTTP1(b []byte) bool {
	for bytes.HasPrefix(b, []byte("\r\n")) && len(b) > 2 {
		b = b[2:]
	}
	return len(b) > 0 && (b[0] >= 'A' && b[0] <= 'Z' || b[0] >= 'a' && b[0] <= 'z')
}

// spyWire sees whether a connection was given to it, with what was sent still to be read.
type spyWire struct {
	protocol.Server

	t    *testing.T
	sent []byte
	made bool
}

func (w *spyWire) NewConn(tc transport.Conn) (protocol.ServerConn, error) {
	w.made = true
	if first, err := tc.Peek(1); err != nil || !bytes.HasPrefix(w.sent, first) {
		w.t.Errorf("the wire finds %x, %v, of %x", first, err, w.sent)
	}
	return w.Server.NewConn(tc)
}
