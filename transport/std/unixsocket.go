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

// listenUnix listens at a Unix socket. A process that was killed leaves its socket's file behind, at which no process
// could listen again: listenUnix removes such a file, and no other.
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

// stale reports whether path is a socket at which nothing listens. It uses a datagram socket: connecting it to a stream
// socket fails in any case, but with different errors for live and dead ones, and a live listener gets no connection.
func stale(ctx context.Context, path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != fs.ModeSocket {
		return false
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unixgram", path)
	if err == nil {
		_ = c.Close() // it was only made to find out
		return false
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
