package attack_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"testing"

	"github.com/fairlead-go/fairlead/server"
	"golang.org/x/net/http2"
)

// TestDecompressionBombs sends messages that are small and become large, in gRPC and in Connect.
func TestDecompressionBombs(t *testing.T) { //nolint:paralleltest // memory is the process's
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression)
	zeros := make([]byte, 1<<20)
	for range 50 { // 50 MiB in 50 KiB
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	tg := newTarget(t, server.MaxStreams(20))
	for _, tt := range []struct {
		path, contentType, field string
		bare                     bool // without an envelope
	}{
		{unaryPath, "application/grpc", "grpc-encoding", false},
		{duplexPath, "application/grpc", "grpc-encoding", false},
		{unaryPath, "application/proto", "content-encoding", true},
		{duplexPath, "application/connect+proto", "connect-content-encoding", false},
	} {
		tg.during(bounds{heap: 64, goroutines: 60}, func() {
			a := tg.attack().start()
			var last uint32
			for range 20 {
				id := a.open(a.block(
					":method", "POST", ":scheme", "http", ":path", tt.path, ":authority", "victim",
					"content-type", tt.contentType, tt.field, "gzip",
				), false)
				body := binary.BigEndian.AppendUint32([]byte{1}, uint32(z.Len()))
				if tt.bare {
					body = nil
				}
				for body = append(body, z.Bytes()...); len(body) > 0; {
					n := min(len(body), 16<<10)
					_ = a.WriteData(id, n == len(body), body[:n])
					body = body[n:]
				}
				a.flush()
				last = id
				eventually(t, "an answer", func() bool {
					a.mu.Lock()
					defer a.mu.Unlock()
					return a.ended[last]
				})
			}
			a.alive()
		})
	}
	if got := tg.Stats().Bytes; got > 1<<20 {
		t.Errorf("got %d bytes of requests under way, want next to none", got)
	}
}

// TestLengthsThatLie announces messages that do not come: memory is taken for what arrives.
func TestLengthsThatLie(t *testing.T) { //nolint:paralleltest // memory is the process's
	const streams = 200
	for _, path := range []string{unaryPath, duplexPath} {
		t.Run(path, func(t *testing.T) {
			tg := newTarget(t, server.MaxStreams(streams))
			tg.during(bounds{heap: 24, goroutines: streams + 40}, func() {
				a := tg.attack().start()
				for range streams {
					id := a.open(a.head(path), false)
					_ = a.WriteData(id, false, []byte{0, 0, 0x3f, 0xff, 0xff, 'x'}) // of 4 MiB
				}
				a.alive()
			})
		})
	}
	t.Run("longer than may be", func(t *testing.T) {
		tg := newTarget(t)
		a := tg.attack().start()
		id := a.open(a.head(duplexPath), false)
		_ = a.WriteData(id, false, []byte{0, 0xff, 0xff, 0xff, 0xff, 'x'})
		a.flush()
		a.reset(id, http2.ErrCodeNo) // behind the answer
		id = a.open(a.head(unaryPath), false)
		_ = a.WriteData(id, true, []byte{0, 0xff, 0xff, 0xff, 0xff, 'x'})
		a.alive()
		tg.answers()
	})
}
