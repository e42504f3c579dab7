package connect_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/compress/gzip"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/connect"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/std"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func gz(t testing.TB) *gzip.Compressor {
	t.Helper()
	z, err := gzip.New()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// readable makes methods ones without side effects.
func readable(m *fairlead.Method) { m.Idempotency = fairlead.NoSideEffects }

// serve starts a server of the echo service, whose methods have no side effects, with both codecs, and returns its
// URL.
func serve(t *testing.T, h protocoltest.Handlers, opts ...server.Option) string {
	t.Helper()
	s, err := server.New(append([]server.Option{
		server.Service(protocoltest.NewEcho(protocoltest.ServiceName, readable).Implement(h)),
		server.Protocol(web.NewServer(connect.NewServer())),
		server.Codec(protocoltest.Codec{}, protocoltest.JSONCodec{}),
		server.Compressor(gz(t)),
		server.CompressMin(10),
		server.Transport(std.Network{}),
		server.Listen("127.0.0.1:0"),
		server.Logger(quiet()),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(10*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return "http://" + s.Addrs()[0].String()
}

// answer is a response as a foreign client sees it.
type answer struct {
	status int
	header http.Header
	body   string
}

// overEach runs a test over each version of HTTP.
func overEach(t *testing.T, f func(t *testing.T, http1 bool)) {
	t.Helper()
	for _, http1 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP/2", true: "HTTP/1.1"}[http1], func(t *testing.T) {
			t.Parallel()
			f(t, http1)
		})
	}
}

// versions are what net/http is to speak.
func versions(http1 bool) *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(http1)
	p.SetUnencryptedHTTP2(!http1)
	return p
}

// foreign makes a client of net/http.
func foreign(t *testing.T, http1 bool) *http.Client {
	t.Helper()
	tr := &http.Transport{DisableCompression: true, Protocols: versions(http1)}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: assert.Patience(10 * time.Second)}
}

// do sends a request; header has names and values.
func do(t *testing.T, c *http.Client, verb, url, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), verb, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(b)}
}

// script is a server of net/http that answers as it is told.
func script(t *testing.T, http1 bool, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = versions(http1)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// dial makes a stub on one connection of our client to addr, with a codec, and whatever change does to the
// configuration.
func dial(
	t *testing.T, http1 bool, addr string, change func(*protocol.ClientConfig), opts ...connect.Option,
) *protocoltest.EchoClient {
	t.Helper()
	addr = strings.TrimPrefix(addr, "http://")
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	tc, err := std.Network{}.Dial(t.Context(), transport.Target{Addr: net.JoinHostPort(host, port)})
	if err != nil {
		t.Fatal(err)
	}
	cfg := &protocol.ClientConfig{
		Codec: protocoltest.Codec{}, Compressors: []compress.Compressor{gz(t)},
		RecvMessage: 4 << 20, SendMessage: 4 << 20, HeaderList: 16 << 10, Authority: addr, Logger: quiet(),
	}
	if change != nil {
		change(cfg)
	}
	var wire []web.ClientOption
	if http1 {
		wire = append(wire, web.UseHTTP1())
	}
	cl := web.NewClient(connect.NewClient(opts...), wire...)
	conn, err := cl.NewConn(t.Context(), tc, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(nil); <-conn.Done() })
	return protocoltest.NewEcho(protocoltest.ServiceName, readable).NewClient(protocoltest.NewDirect(t, cl, conn, cfg))
}

func inJSON(cfg *protocol.ClientConfig) { cfg.Codec = protocoltest.JSONCodec{} }

// zipped returns b compressed with gzip.
func zipped(t testing.TB, b string) string {
	t.Helper()
	z, err := gz(t).AppendCompress(nil, []byte(b))
	if err != nil {
		t.Fatal(err)
	}
	return string(z)
}

// unzipped returns what b is once decompressed.
func unzipped(t testing.TB, b string) string {
	t.Helper()
	p, err := gz(t).AppendDecompress(nil, []byte(b), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

// frames returns messages in envelopes: flags and payload, in turn.
func frames(list ...string) string {
	var b bytes.Buffer
	for i := 0; i < len(list); i += 2 {
		n := len(list[i+1])
		b.WriteString(list[i])
		b.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		b.WriteString(list[i+1])
	}
	return b.String()
}

func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(10*time.Second))
	t.Cleanup(cancel)
	return ctx
}
