package std

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
)

// listenUnix listens at a Unix socket. A process that was killed leaves its socket's file behind, at which nobody could
// listen again: such a file is removed, and only such.
func listenUnix(ctx context.Context, lc *net.ListenConfig, path string) (net.Listener, error) {
	nl, err := lc.Listen(ctx, "unix", path)
	if err == nil || !errors.Is(err, syscall.EADDRINUSE) || strings.HasPrefix(path, "@") {
		return nl, err // a name that starts with '@' is abstract, on Linux: it has no file
	}
	if stale(ctx, path) {
		if rmErr := os.Remove(path); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w, and its stale file stays: %w", err, rmErr)
		}
		return lc.Listen(ctx, "unix", path)
	}
	return nil, err
}

// stale says whether path is a socket that nobody listens at. It asks with a datagram socket: to connect one to a
// stream socket that is alive fails as well, but with another error than to one that is dead, and whoever listens there
// is not bothered with a connection.
func stale(ctx context.Context, path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unixgram", path)
	if err == nil {
		_ = c.Close() // it was only a question
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
