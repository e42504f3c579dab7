package doctor

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// hungUp is a connection whose peer has hung up, after it said something or not.
type hungUp struct {
	net.Conn

	said error
}

func (hungUp) Write([]byte) (int, error)       { return 0, syscall.EPIPE }
func (c hungUp) Read([]byte) (int, error)      { return 0, c.said }
func (hungUp) SetReadDeadline(time.Time) error { return nil }

// TestLastWord sees that a server's alert is reported although writing failed before it was read.
func TestLastWord(t *testing.T) {
	t.Parallel()
	alert := &net.OpError{Op: "remote error", Err: errors.New("tls: certificate required")}
	for _, tt := range []struct{ said, want error }{
		{alert, alert}, {syscall.ECONNRESET, syscall.EPIPE}, {os.ErrDeadlineExceeded, syscall.EPIPE},
	} {
		if _, err := openSession(hungUp{said: tt.said}); !errors.Is(err, tt.want) {
			t.Errorf("after %v: got %v, want %v", tt.said, err, tt.want)
		}
	}
}
