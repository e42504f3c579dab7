package std

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/transport"
	"github.com/fairlead-go/fairlead/transport/transporttest"
)

type ctx = context.Context

func TestMain(m *testing.M) { leakcheck.Main(m) }

// failing is a listener that fails so often, and then accepts.
type failing struct {
	net.Listener

	failures int
	err      error
	conn     net.Conn
}

func (f *failing) Accept() (net.Conn, error) {
	if f.failures > 0 {
		f.failures--
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: f.err}
	}
	return f.conn, nil
}

func (f *failing) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }
func (f *failing) Close() error   { return nil }

func TestAcceptOutlastsShortages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		var log bytes.Buffer
		shortage := os.NewSyscallError("accept", syscall.EMFILE)
		l := newListener(&failing{failures: 10, err: shortage, conn: a}, nil, slog.New(slog.NewTextHandler(&log, nil)))
		begin := time.Now()
		c, err := l.Accept()
		if err != nil {
			t.Fatalf("got %v, want a connection in the end", err)
		}
		// 5, 10, 20 … 640 ms, and twice the longest pause, a second.
		if took, want := time.Since(begin), 1275*time.Millisecond+2*time.Second; took != want {
			t.Errorf("it took %v, want %v", took, want)
		}
		if got := strings.Count(log.String(), "level=WARN"); got != 10 {
			t.Errorf("got %d warnings, want 10:\n%s", got, &log)
		}
		if !strings.Contains(log.String(), "address=127.0.0.1:80") {
			t.Errorf("got %q, want the address in it", log.String())
		}
		_ = c.Close()
		_ = b.Close()
	})
}

func TestCloseEndsAcceptDuringAShortage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shortage := os.NewSyscallError("accept", syscall.EMFILE)
		l := newListener(&failing{failures: 1 << 30, err: shortage}, nil, nil)
		failed := make(chan error, 1)
		go func() {
			_, err := l.Accept()
			failed <- err
		}()
		time.Sleep(time.Hour) // of the bubble
		if err := l.Close(); err != nil {
			t.Errorf("got %v from Close", err)
		}
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want net.ErrClosed", err)
		}
	})
}

func TestAcceptGivesUp(t *testing.T) {
	t.Parallel()
	l := newListener(&failing{failures: 1, err: os.NewSyscallError("accept", syscall.EBADF)}, nil, nil)
	if _, err := l.Accept(); !errors.Is(err, syscall.EBADF) {
		t.Errorf("got %v, want an error that does not pass", err)
	}
}

func TestListenRefuses(t *testing.T) {
	t.Parallel()
	bare := &tls.Config{MinVersion: tls.VersionTLS13}
	for _, tt := range []struct {
		name   string
		target transport.Target
		want   string
	}{
		{"network", transport.Target{Network: "udp", Addr: "127.0.0.1:0"}, `the network of "127.0.0.1:0" is "udp"`},
		{"certificate", transport.Target{Addr: "127.0.0.1:0", TLS: bare}, "no certificate"},
		{"port", transport.Target{Addr: "127.0.0.1:x"}, "127.0.0.1:x"},
		{"directory", transport.Target{Network: "unix", Addr: "/nowhere/s"}, "/nowhere/s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, err := Network{}.Listen(t.Context(), tt.target)
			if err == nil {
				_ = l.Close()
				t.Fatal("got no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want %q in it", err, tt.want)
			}
		})
	}
	if _, err := (Network{}).Dial(t.Context(), transport.Target{Network: "udp", Addr: "x"}); err == nil {
		t.Error("got no error for the network udp from Dial")
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	refuse := errors.New("not this socket")
	n := Network{KeepAlive: -1, Control: func(string, string, syscall.RawConn) error {
		calls.Add(1)
		return nil
	}}
	at := transport.Target{Addr: "127.0.0.1:0"}
	client, server := connect(t, n, at, at)
	_, _ = client.Close(), server.Close()
	if got := calls.Load(); got != 2 {
		t.Errorf("got %d calls, want one for each side", got)
	}
	n.Control = func(string, string, syscall.RawConn) error { return refuse }
	if _, err := n.Listen(t.Context(), at); !errors.Is(err, refuse) {
		t.Errorf("got %v, want Control's error", err)
	}
}

func TestServerName(t *testing.T) {
	t.Parallel()
	serverConfig, clientConfig := transporttest.Certificate(t)
	clientConfig.ServerName = ""
	listen := transport.Target{Network: "tcp", Addr: "127.0.0.1:0", TLS: serverConfig}
	dial := transport.Target{Network: "tcp", TLS: clientConfig}

	// The address's host, for which the certificate is.
	client, server := connect(t, Network{}, listen, dial)
	_, _ = client.Close(), server.Close()
	if clientConfig.ServerName != "" {
		t.Errorf("got the server name %q in the caller's configuration, want it unchanged", clientConfig.ServerName)
	}

	// One for which it is not.
	l, err := Network{}.Listen(t.Context(), listen)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			t.Errorf("cannot accept: %v", err)
			return
		}
		if _, err := c.Peek(1); err == nil {
			t.Error("got no error from a client that does not trust the certificate")
		}
		_ = c.Close()
	}()
	dial.Addr = l.Addr().String()
	dial.TLS = clientConfig.Clone()
	dial.TLS.ServerName = "elsewhere.example"
	_, err = Network{}.Dial(t.Context(), dial)
	var wrong *tls.CertificateVerificationError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), dial.Addr) {
		t.Errorf("got %v, want that the certificate is not for the name, and the address", err)
	}
	<-done
}
