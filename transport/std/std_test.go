package std_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/std"
	"github.com/fairlead-go/fairlead/transport/transporttest"
)

// socketDir returns a directory with a short name: those of sockets have little more than a hundred bytes.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "std") //nolint:usetesting // t.TempDir has the test's name in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// freePort returns an address at which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func TestTCP(t *testing.T) { //nolint:paralleltest // the suite counts goroutines and buffers
	transporttest.Run(t, func(t *testing.T) transporttest.Env {
		return transporttest.Env{
			Network: std.Network{},
			Listen:  transport.Target{Network: "tcp", Addr: "127.0.0.1:0"},
			Nobody:  freePort(t),
		}
	})
}

func TestUnix(t *testing.T) { //nolint:paralleltest // the suite counts goroutines and buffers
	transporttest.Run(t, func(t *testing.T) transporttest.Env {
		dir := socketDir(t)
		return transporttest.Env{
			Network: std.Network{},
			Listen:  transport.Target{Network: "unix", Addr: filepath.Join(dir, "s")},
			Nobody:  filepath.Join(dir, "nobody"),
		}
	})
}

func TestTLS(t *testing.T) { //nolint:paralleltest // the suite counts goroutines and buffers
	transporttest.Run(t, func(t *testing.T) transporttest.Env {
		server, client := transporttest.Certificate(t)
		return transporttest.Env{
			Network:     std.Network{},
			Listen:      transport.Target{Network: "tcp", Addr: "127.0.0.1:0", TLS: server},
			ClientTLS:   client,
			Nobody:      freePort(t),
			IdleBuffers: 1,
		}
	})
}

func TestTLSOverUnix(t *testing.T) { //nolint:paralleltest // the suite counts goroutines and buffers
	transporttest.Run(t, func(t *testing.T) transporttest.Env {
		dir := socketDir(t)
		server, client := transporttest.Certificate(t)
		return transporttest.Env{
			Network:     std.Network{},
			Listen:      transport.Target{Network: "unix", Addr: filepath.Join(dir, "s"), TLS: server},
			ClientTLS:   client,
			Nobody:      filepath.Join(dir, "nobody"),
			IdleBuffers: 1,
		}
	})
}
