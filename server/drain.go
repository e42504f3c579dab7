package server

import (
	"context"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

const (
	// finalAfter is the time that clients have to stop opening calls before new ones are refused. It is longer than a
	// round trip.
	finalAfter = time.Second
	// cutPatience is how long a Shutdown whose context has ended waits for the connections that it has closed.
	cutPatience = time.Second
)

// Shutdown stops accepting, asks all clients to open no more calls, and waits until the last call is over and the last
// connection closed. One second later, or after half of the time that ctx leaves if that is less, it refuses calls
// that are still being opened, and closes idle connections of HTTP/1 and those that have sent nothing. When ctx ends
// first, the remaining connections are closed and their calls cancelled. The error is then ctx's, with the number of
// calls that were cut, by method, and the age of the oldest; the same is logged. Handlers that ignore their context
// outlive Shutdown.
//
// It may be called more than once, and by several goroutines: each waits by its own context.
func (s *Server) Shutdown(ctx context.Context) error {
	s.beginDrain()
	timer := time.NewTimer(untilFinal(ctx))
	defer timer.Stop()
	select {
	case <-s.gone:
		return s.end()
	case <-ctx.Done():
		return s.cut(ctx)
	case <-timer.C:
	}
	s.dropUndecided()
	for _, c := range s.open() {
		c.Drain(true)
	}
	select {
	case <-s.gone:
		return s.end()
	case <-ctx.Done():
		return s.cut(ctx)
	}
}

// Stop is Shutdown, for app.App.
func (s *Server) Stop(ctx context.Context) error { return s.Shutdown(ctx) }

func untilFinal(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(finalAfter, time.Until(deadline)/2)
	}
	return finalAfter
}

// beginDrain is the first step, done once: it stops accepting and asks clients to open no more calls.
func (s *Server) beginDrain() {
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return
	}
	s.stopping = true
	close(s.draining)
	listeners := slices.Clone(s.listeners)
	s.checkGone()
	s.mu.Unlock()
	closeAll(listeners)
	for _, c := range s.open() {
		c.Drain(false)
	}
}

// dropUndecided closes the connections whose first bytes have not come. Until then they are left alone: a call may be
// on its way, and its client would not know what became of it.
func (s *Server) dropUndecided() {
	s.mu.Lock()
	s.final = true
	detecting := make([]*arrival, 0, len(s.detecting))
	for tc := range s.detecting {
		detecting = append(detecting, tc)
	}
	s.mu.Unlock()
	for _, tc := range detecting {
		_ = tc.Close()
	}
}

// open returns the connections, so that their methods can be called without the lock.
func (s *Server) open() []protocol.ServerConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]protocol.ServerConn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// checkGone closes parted if the server is stopping and has no connection left, and gone if it has no call left either.
// The lock is held.
func (s *Server) checkGone() {
	if !s.stopping || s.accepting > 0 || len(s.detecting) > 0 || len(s.conns) > 0 {
		return
	}
	closeOnce(s.parted)
	// A call can outlive its connection, if its client left and its handler did not notice.
	if s.load.close() {
		closeOnce(s.gone)
	}
}

// closeOnce closes c if it is open; the lock is held.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

func (s *Server) isDraining() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// end is the last step: without connections there is nothing to watch.
func (s *Server) end() error {
	s.keeper.Close()
	s.watch.Close()
	return nil
}

// cut closes what is left. The watch stays until all is gone: it frees the reading roles of handlers that do not
// return.
func (s *Server) cut(ctx context.Context) error {
	select {
	case <-s.gone:
		return s.end()
	default:
	}
	s.dropUndecided()
	conns := s.open()
	err := s.report(ctx, s.underWay(conns))
	for _, c := range conns {
		c.Close(ErrClosed)
	}
	timer := time.NewTimer(cutPatience)
	defer timer.Stop()
	select {
	case <-s.parted:
	case <-timer.C:
		s.cfg.logger.ErrorContext(ctx, "server: connections outlive their Close", "connections", len(s.open()))
	}
	_ = s.end() // always nil
	return err
}
