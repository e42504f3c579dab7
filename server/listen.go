package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead/transport"
)

// When a listener fails for want of descriptors or memory, the next try waits: doubled from minPause to maxPause.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// Start listens at the addresses of Listen and returns when all of them accept connections. If one of them fails, it
// closes the others. It may be called once. The context bounds Start and not the server, which Shutdown ends.
func (s *Server) Start(ctx context.Context) error {
	if len(s.cfg.targets) == 0 {
		return errors.New("server: Start needs Listen; a listener of your own goes to Serve")
	}
	s.mu.Lock()
	again := s.started
	s.started = true
	s.mu.Unlock()
	if again {
		return errors.New("server: Start was called before")
	}
	var listeners []*listener
	for i, t := range s.cfg.targets {
		l, err := s.cfg.network.Listen(ctx, t)
		if err != nil {
			closeAll(listeners)
			return listenError(s.cfg.listen[i], err)
		}
		listeners = append(listeners, &listener{l})
	}
	if err := s.enlist(listeners...); err != nil {
		return err
	}
	for _, l := range listeners {
		s.cfg.logger.InfoContext(ctx, "server: listening", "addr", l.Addr().String())
		go s.acceptOrFail(l)
	}
	return nil
}

// acceptOrFail is the goroutine of a listener that Start has opened.
func (s *Server) acceptOrFail(l *listener) {
	var err error
	defer func() {
		if err == nil { // accept did not return
			err = s.cfg.panics.Caught(nil, "a listener", recover())
		}
		if errors.Is(err, ErrClosed) {
			return
		}
		s.cfg.logger.Error("server: accepting failed", "addr", l.Addr().String(), "error", err)
		select {
		case s.failed <- fmt.Errorf("server: accepting on %s: %w", l.Addr(), err):
		default: // one is enough
		}
	}()
	err = s.accept(l)
}

func listenError(addr string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("server: listening on %s: the address is in use by another socket: %w", addr, err)
	}
	return fmt.Errorf("server: listening on %s: %w", addr, err)
}

func closeAll(listeners []*listener) {
	for _, l := range listeners {
		_ = l.Close() // nothing was accepted
	}
}

// Failed delivers an error when a listener that Start opened fails for good, so that an app.App can stop.
func (s *Server) Failed() <-chan error { return s.failed }

// Addr returns the address of the first listener, nil before there is one.
func (s *Server) Addr() net.Addr {
	if addrs := s.Addrs(); len(addrs) > 0 {
		return addrs[0]
	}
	return nil
}

// Addrs returns the addresses of all listeners: of Start, in the order of the Listen options, and of Serve.
func (s *Server) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	addrs := make([]net.Addr, 0, len(s.listeners))
	for _, l := range s.listeners {
		addrs = append(addrs, l.Addr())
	}
	return addrs
}

// String returns what app.App calls the server in errors and logs: "the server at :8080".
func (s *Server) String() string {
	addrs := s.cfg.listen
	if len(addrs) == 0 {
		return "the server"
	}
	return "the server at " + strings.Join(addrs, " and ")
}

// listener is a listener of the server. The server knows it by its pointer, because the types of listeners do not have
// to be comparable.
type listener struct{ transport.Listener }

// Serve accepts connections from l, which it closes, until Shutdown, when it returns ErrClosed, or until l fails.
func (s *Server) Serve(l transport.Listener) error {
	known := &listener{l}
	if err := s.enlist(known); err != nil {
		return err
	}
	return s.accept(known)
}

// enlist makes listeners known to Shutdown and announces their accept loops, or closes them after it.
func (s *Server) enlist(listeners ...*listener) error {
	s.mu.Lock()
	stopping := s.stopping
	if !stopping {
		s.listeners = append(s.listeners, listeners...)
		s.accepting += len(listeners)
	}
	s.mu.Unlock()
	if stopping {
		closeAll(listeners)
		return ErrClosed
	}
	return nil
}

func (s *Server) delist(l *listener) {
	_ = l.Close() // it has failed, or Shutdown has closed it
	s.mu.Lock()
	s.listeners = slices.DeleteFunc(s.listeners, func(other *listener) bool { return other == l })
	s.accepting--
	s.checkGone()
	s.mu.Unlock()
}

// accept is the accept loop of an enlisted listener.
func (s *Server) accept(l *listener) error {
	defer s.delist(l)
	pause := minPause
	for {
		tc, err := l.Accept()
		switch {
		case err == nil:
			pause = minPause
			s.take(tc)
		case s.isDraining():
			return ErrClosed
		case !temporary(err):
			return err
		default:
			s.cfg.logger.Warn("server: accepting pauses", "addr", l.Addr().String(), "error", err, "pause", pause)
			if !s.sleep(pause) {
				return ErrClosed
			}
			pause = min(2*pause, maxPause)
		}
	}
}

// temporary reports whether accepting may succeed later: the peer gave up first, or the system ran out of something.
func temporary(err error) bool {
	for _, e := range []error{
		syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// sleep waits for d and returns false when Shutdown came first.
func (s *Server) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.draining:
		return false
	}
}

// take starts the goroutine of a new connection, unless there are too many.
func (s *Server) take(tc transport.Conn) {
	a := &arrival{tc}
	s.mu.Lock()
	full := s.cfg.maxConns > 0 && len(s.detecting)+len(s.conns) >= s.cfg.maxConns
	refused := s.final || full
	if !refused {
		s.detecting[a] = struct{}{}
	}
	s.mu.Unlock()
	if refused {
		_ = tc.Close() // nobody has read from it
		if full {
			s.load.refusedConns.Add(1)
			s.cfg.logger.Debug("server: connection refused (MaxConnections)", "peer", remote(tc))
		}
		return
	}
	s.load.accepted.Add(1)
	go s.connection(a)
}

// remote returns the peer's address for logs.
func remote(tc transport.Conn) string {
	if a := tc.Info().Remote; a != nil {
		return a.String()
	}
	return ""
}
