package server

import (
	"errors"
	"io"

	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// arrival is a connection whose wire is not known yet. The server remembers it by its pointer, because the types of
// connections do not have to be comparable.
type arrival struct{ transport.Conn }

// promote moves a connection whose wire is known to the list that Shutdown drains. It returns false if the drain is at
// its final step.
func (s *Server) promote(tc *arrival, c protocol.ServerConn) bool {
	s.mu.Lock()
	stopping, final := s.stopping, s.final
	if !final {
		delete(s.detecting, tc)
		s.conns[c] = known{tc.Info().Remote, s.keeper.Add(c, 0)}
	}
	s.mu.Unlock()
	if stopping && !final {
		c.Drain(false) // beginDrain has not seen it
	}
	return !final
}

// forget drops a connection whose wire did not become known.
func (s *Server) forget(tc *arrival) {
	s.mu.Lock()
	delete(s.detecting, tc)
	s.checkGone()
	s.mu.Unlock()
}

// serve holds the reading role of a connection. The watch calls it as well, in a new goroutine, after it has taken the
// role from a slow handler. Nil from Serve means that another goroutine has the role now, so only an error ends the
// connection.
func (s *Server) serve(c protocol.ServerConn) {
	defer s.contain(c)
	if err := c.Serve(); err != nil {
		s.ended(c, err)
	}
}

// contain is deferred by a goroutine that serves a connection. Protocols recover from the panics of users' functions,
// so a panic here is a fault of the protocol. It ends its connection but not the process, except in builds that look
// for faults. After runtime.Goexit it does nothing: the protocol has given the reading role to another goroutine (see
// protocol.Lease).
func (s *Server) contain(c protocol.ServerConn) {
	if buffer.Poisoning {
		return
	}
	if p := recover(); p != nil {
		s.ended(c, s.cfg.panics.Caught(nil, "a connection", p))
	}
}

// ended closes a connection that has ended with err and forgets it.
func (s *Server) ended(c protocol.ServerConn, err error) {
	c.Close(err)
	s.mu.Lock()
	k := s.conns[c]
	s.mu.Unlock()
	s.keeper.Remove(k.care)
	if !errors.Is(err, io.EOF) && !errors.Is(err, ErrClosed) {
		peer := ""
		if k.addr != nil {
			peer = k.addr.String()
		}
		s.cfg.logger.Debug("server: connection ended", "peer", peer, "error", err)
	}
	// Last, because Shutdown returns when the list is empty.
	s.mu.Lock()
	delete(s.conns, c)
	s.checkGone()
	s.mu.Unlock()
}
