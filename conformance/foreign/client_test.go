package foreign_test

import (
	"context"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/server"
)

// zeros is the size of the messages of the case "gzip", which has two each way.
const zeros = 1 << 20

// TestClients runs each language's client against Fairlead's server.
func TestClients(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *language, descriptors string) {
		addr, _ := serve(t)
		for _, name := range []string{
			"unary", "client_stream", "server_stream", "bidi", "metadata", "deadline", "cancel", "status", "stream_status",
			"unimplemented", "large", "flow",
		} {
			t.Run(name, func(t *testing.T) {
				start(t, l.run("client"), name, addr, descriptors).wait(t)
			})
		}
		t.Run("gzip", func(t *testing.T) {
			p := newProxy(t, addr)
			start(t, l.run("client"), "gzip", p.addr, descriptors).wait(t)
			if up, down := p.up.Load(), p.down.Load(); up > zeros/10 || down > zeros/10 {
				t.Errorf("%d bytes went to the server and %d came back; they were not compressed", up, down)
			}
		})
		t.Run("concurrent", func(t *testing.T) {
			p := newProxy(t, addr)
			start(t, l.run("client"), "concurrent", p.addr, descriptors).wait(t)
			if n := p.conns.Load(); n != 1 {
				t.Errorf("there were %d connections, want 1", n)
			}
		})
		t.Run("tls", func(t *testing.T) {
			c := testtls.New(t)
			addr, _ := serve(t, server.TLS(c.Server()))
			start(t, l.run("client"), "unary", addr, descriptors, c.CAFile).wait(t)
		})
		t.Run("drain", func(t *testing.T) {
			addr, drain := serve(t)
			p := start(t, l.run("client"), "drain", addr, descriptors)
			if got := p.line(t); got != "in flight" {
				t.Fatalf("the client says %q", got)
			}
			ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(30*time.Second))
			defer cancel()
			if err := drain(ctx); err != nil {
				t.Errorf("draining: %v", err)
			}
			p.wait(t)
		})
	})
}
