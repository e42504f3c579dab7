package micro

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/fairlead-go/fairlead/lab/echo"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
)

// replay is a connection whose peer sends n unary calls as fast as they are taken, in batches as a socket delivers
// them, and drops what it is sent. What remains is the server's own work.
type replay struct {
	head, next []byte // what precedes all calls; the frames of a call
	window     []byte // opens the connection's window, now and then
	sent       int
	n, batch   int
	id         uint32
	buf        []byte
	off        int
	done       chan struct{}
}

func (r *replay) Peek(n int) ([]byte, error) {
	if len(r.buf)-r.off >= n {
		return r.buf[r.off:], nil
	}
	if r.off == len(r.buf) {
		r.buf, r.off = r.buf[:0], 0
	}
	if r.head != nil {
		r.buf = append(r.buf, r.head...)
		r.head = nil
	}
	if r.sent += r.batch; r.sent > 1<<19 {
		r.sent = 0
		r.buf = append(r.buf, r.window...)
	}
	for range min(r.batch, r.n) {
		at := len(r.buf)
		r.buf = append(r.buf, r.next...)
		binary.BigEndian.PutUint32(r.buf[at+5:], r.id)
		size := int(r.buf[at])<<16 | int(r.buf[at+1])<<8 | int(r.buf[at+2])
		binary.BigEndian.PutUint32(r.buf[at+9+size+5:], r.id)
		r.id += 2
		r.n--
	}
	if len(r.buf)-r.off < n {
		close(r.done)
		return nil, io.EOF
	}
	return r.buf[r.off:], nil
}
func (r *replay) Discard(n int)                  { r.off += n }
func (*replay) Write([]byte) error               { return nil }
func (*replay) SetReadDeadline(time.Time) error  { return nil }
func (*replay) SetWriteDeadline(time.Time) error { return nil }
func (*replay) Info() *transport.Info            { return &transport.Info{Remote: &net.TCPAddr{}} }
func (*replay) Close() error                     { return nil }

// oneConn is a listener that has one connection.
type oneConn struct {
	c     chan transport.Conn
	done  chan struct{}
	close sync.Once
}

func (l *oneConn) Accept() (transport.Conn, error) {
	select {
	case c := <-l.c:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (*oneConn) Addr() net.Addr { return &net.TCPAddr{} }
func (l *oneConn) Close() error { l.close.Do(func() { close(l.done) }); return nil }

func frame(typ, flags byte, p []byte) []byte {
	b := []byte{byte(len(p) >> 16), byte(len(p) >> 8), byte(len(p)), typ, flags, 0, 0, 0, 0}
	return append(b, p...)
}

// service echoes.
type service struct{ echo.EchoServer }

func (service) Unary(_ context.Context, m *echo.Msg) (*echo.Msg, error) {
	return &echo.Msg{Action: m.Action, Msg: m.Msg}, nil
}

// BenchmarkServerUnary measures what the server itself does for a call of 1 KiB each way: everything but system calls.
func BenchmarkServerUnary(b *testing.B) {
	b.Run("bare", func(b *testing.B) { benchmarkServer(b, nil) })
	// As Fairlead's client sends them: literals whose names are in the table.
	b.Run("with deadline and metadata", func(b *testing.B) {
		benchmarkServer(b, func(block []byte, enc *hpack.Encoder, first bool) []byte {
			for i, f := range extra {
				if first {
					_ = enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
					continue
				}
				block = append(block, 0x0f, byte(62+len(extra)-1-i-15), byte(len(f[1])))
				block = append(block, f[1]...)
			}
			return block
		})
	})
	// As grpc-go's does: in Huffman's code.
	b.Run("the same in Huffman's code", func(b *testing.B) {
		benchmarkServer(b, func(block []byte, enc *hpack.Encoder, _ bool) []byte {
			for _, f := range extra {
				_ = enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: true})
			}
			return block
		})
	})
}

// extra is the deadline and the metadata.
var extra = [][2]string{{"grpc-timeout", "999996u"}, {"x-request-id", "0123456789"}}

func benchmarkServer(b *testing.B, more func(block []byte, enc *hpack.Encoder, first bool) []byte) {
	b.Helper()
	s, err := preset.NewServer("127.0.0.1:0", server.Service(echo.Echo(service{})))
	if err != nil {
		b.Fatal(err)
	}
	l := &oneConn{c: make(chan transport.Conn), done: make(chan struct{})}
	go func() { _ = s.Serve(l) }()
	defer func() { _ = s.Shutdown(context.Background()) }()

	var hb bytes.Buffer
	enc := hpack.NewEncoder(&hb)
	first := true
	headers := func() []byte {
		hb.Reset()
		for _, f := range [][2]string{
			{":method", "POST"}, {":scheme", "http"}, {":path", echo.EchoUnaryMethod.Path}, {":authority", "localhost"},
			{"content-type", "application/grpc"}, {"te", "trailers"}, {"user-agent", "bench"},
		} {
			_ = enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
		}
		var own []byte
		if more != nil {
			own = more(nil, enc, first)
		}
		first = false
		return append(bytes.Clone(hb.Bytes()), own...)
	}
	msg, err := (&echo.Msg{Action: "echo", Msg: strings.Repeat("x", 1024)}).MarshalVT()
	if err != nil {
		b.Fatal(err)
	}
	body := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(msg)))
	data := frame(0, 1, append(body, msg...))
	call := func() []byte { return append(frame(1, 4, headers()), data...) }

	r := &replay{batch: 32, n: b.N, id: 3, done: make(chan struct{})}
	opening := call()
	binary.BigEndian.PutUint32(opening[5:], 1)
	binary.BigEndian.PutUint32(opening[len(opening)-len(data)+5:], 1)
	wide := frame(4, 0, []byte{0, 4, 0x7f, 0xff, 0xff, 0xff})
	r.head = append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), wide...)
	r.head = append(append(r.head, frame(8, 0, []byte{0x7f, 0xff, 0, 0})...), opening...)
	r.next = call()
	r.window = frame(8, 0, []byte{0x20, 0, 0, 0})

	b.ReportAllocs()
	b.ResetTimer()
	l.c <- r
	<-r.done
	b.ReportMetric(float64(s.Stats().Stolen)*1e6/float64(b.N), "stolen/Mcall")
}
