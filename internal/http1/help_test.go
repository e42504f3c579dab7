package http1_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/inproc"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// kit is a server of HTTP on a network in memory.
type kit struct {
	t       *testing.T
	network *inproc.Network
	server  *server.Server
}

// newKit serves app until t ends.
func newKit(t *testing.T, app protocol.HTTP, wire []web.ServerOption, opts ...server.Option) *kit {
	t.Helper()
	k := &kit{t: t, network: inproc.New()}
	s, err := server.New(append([]server.Option{
		server.Protocol(web.NewServer(app, wire...)),
		server.Codec(protocoltest.Codec{}),
		server.Transport(k.network),
		server.Logger(slog.New(slog.DiscardHandler)),
		server.Listen("web:1"),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.server = s
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(5*time.Second))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	return k
}

// peer is a client that sends bytes.
type peer struct {
	t  *testing.T
	tc transport.Conn
}

// dial connects, until the test ends.
func (k *kit) dial() *peer {
	k.t.Helper()
	tc, err := k.network.Dial(k.t.Context(), transport.Target{Addr: "web:1"})
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = tc.Close() })
	return &peer{k.t, tc}
}

// send sends s.
func (p *peer) send(s string) {
	p.t.Helper()
	if err := p.tc.Write([]byte(s)); err != nil {
		p.t.Fatalf("sending: %v", err)
	}
}

// until returns what comes up to and with the text.
func (p *peer) until(text string) string {
	p.t.Helper()
	_ = p.tc.SetReadDeadline(time.Now().Add(assert.Patience(5 * time.Second)))
	for n := 1; ; {
		b, err := p.tc.Peek(n)
		if i := strings.Index(string(b), text); i >= 0 {
			got := string(b[:i+len(text)])
			p.tc.Discard(i + len(text))
			return got
		}
		if err != nil {
			p.t.Fatalf("waiting for %q: got %q, %v", text, b, err)
		}
		n = len(b) + 1
	}
}

// rest returns what comes until the server has ended its half of the connection.
func (p *peer) rest() string {
	p.t.Helper()
	_ = p.tc.SetReadDeadline(time.Now().Add(assert.Patience(5 * time.Second)))
	got := ""
	for {
		b, err := p.tc.Peek(1)
		got += string(b)
		p.tc.Discard(len(b))
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			p.t.Fatalf("got %q, %v, want the end of the connection", got, err)
		}
	}
}

// head sends a complete head of lines.
func head(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// statusOf returns the status of a response, "" for none.
func statusOf(response string) string {
	if !strings.HasPrefix(response, "HTTP/1.1 ") || len(response) < 12 {
		return ""
	}
	return response[9:12]
}
