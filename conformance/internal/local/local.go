// Package local has servers and clients of Fairlead for tests, with the preset's defaults, on the loopback interface.
package local

import (
	"context"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
)

// patience is how long a server may take to end with its test.
const patience = 10 * time.Second

// Serve starts a server at a free port. It ends with the test, if it has not before.
func Serve(t *testing.T, opts ...server.Option) *server.Server {
	t.Helper()
	s, err := preset.NewServer("127.0.0.1:0", opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(patience))
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Fairlead's server: %v", err)
		}
	})
	return s
}

// Dial makes a client of the server at an address. It is closed at the end of the test.
func Dial(t *testing.T, addr string, opts ...client.Option) *client.Client {
	t.Helper()
	c, err := preset.NewClient("static:///"+addr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Fairlead's client: %v", err)
		}
	})
	return c
}
