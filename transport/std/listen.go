package std

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead/transport"
)

// A listener that temporarily cannot accept tries again after a pause, which doubles with each failure.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

var errNoCertificate = errors.New("the TLS configuration has no certificate")

// Listen listens at t. If the file of a Unix socket exists and nothing listens at it, it is replaced; Close removes it.
// The context limits only the resolution of the address.
func (n Network) Listen(ctx context.Context, t transport.Target) (transport.Listener, error) {
	name, err := network(t)
	if err != nil {
		return nil, err
	}
	if t.TLS != nil && len(t.TLS.Certificates) == 0 && t.TLS.GetCertificate == nil && t.TLS.GetConfigForClient == nil {
		return nil, failed("listen", name, t.Addr, errNoCertificate)
	}
	lc := net.ListenConfig{KeepAlive: n.KeepAlive, Control: n.Control}
	var nl net.Listener
	if name == "unix" {
		nl, err = listenUnix(ctx, &lc, t.Addr)
	} else {
		nl, err = lc.Listen(ctx, name, t.Addr)
	}
	if err != nil {
		return nil, failed("listen", name, t.Addr, err)
	}
	return newListener(nl, t.TLS, n.Logger), nil
}

// listener accepts connections.
type listener struct {
	net    net.Listener
	tls    *tls.Config
	logger *slog.Logger
	closed chan struct{}
	once   sync.Once
}

func newListener(nl net.Listener, config *tls.Config, logger *slog.Logger) *listener {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &listener{net: nl, tls: config, logger: logger, closed: make(chan struct{})}
}

// Accept waits for a connection. For temporary errors, such as a lack of file descriptors, it logs a warning and tries
// again until the listener is closed; the error is then net.ErrClosed.
func (l *listener) Accept() (transport.Conn, error) {
	pause := minPause
	for {
		nc, err := l.net.Accept()
		if err == nil {
			if l.tls == nil {
				return newPlain(nc), nil
			}
			return newSecure(tls.Server(nc, l.tls)), nil
		}
		if errors.Is(err, net.ErrClosed) || !passing(err) {
			return nil, failed("accept", l.net.Addr().Network(), l.net.Addr().String(), err)
		}
		l.logger.Warn("cannot accept connections for the moment",
			"address", l.net.Addr().String(), "error", err, "retry", pause)
		if !l.sleep(pause) {
			return nil, failed("accept", l.net.Addr().Network(), l.net.Addr().String(), net.ErrClosed)
		}
		pause = min(2*pause, maxPause)
	}
}

// sleep waits. It returns false if the listener was closed in the meantime.
func (l *listener) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.closed:
		return false
	}
}

// Addr returns the address listened at.
func (l *listener) Addr() net.Addr { return l.net.Addr() }

// Close stops listening; connections that were accepted stay. It may be called more than once.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		close(l.closed)
		err = l.net.Close()
	})
	return err
}
