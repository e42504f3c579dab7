package server

import (
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"slices"
	"sync/atomic"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// Dispatcher returns the server as protocols see it. It is for protocols that do not use the server's connections, such
// as an HTTP handler mounted elsewhere.
func (s *Server) Dispatcher() protocol.Dispatcher { return &s.dispatch }

// Selector returns who answers the server's requests of HTTP, nil if no wire of the server carries HTTP. It is for the
// same use as Dispatcher.
func (s *Server) Selector() protocol.Selector {
	for _, p := range s.cfg.protocols {
		if w, ok := p.(protocol.HTTPCarrier); ok {
			return w.Selector()
		}
	}
	return nil
}

// load counts the calls in progress. Calls and bytes are one word, so that a call costs one atomic addition when it
// begins and one when it ends.
type load struct {
	word         atomic.Int64 // calls<<bytesBits | bytes
	refused      atomic.Int64
	accepted     atomic.Int64
	refusedConns atomic.Int64
}

// bytesBits leaves room for 8 million calls, and for bytes up to sixteen times the largest MaxBytes, since calls that
// are about to be refused are counted for a moment.
const (
	bytesBits = 40
	oneCall   = int64(1) << bytesBits
	bytesMask = oneCall - 1
	// loadClosed is the sign. It is set when Shutdown has seen the last call, so that no call begins after that which was
	// on its way from a connection that has ended.
	loadClosed = math.MinInt64
)

// Stats is a snapshot of the server's load.
type Stats struct {
	Connections        int   // that speak a known protocol
	Detecting          int   // that are not that far yet
	Accepted           int64 // connections in all
	RefusedConnections int64 // by MaxConnections, in all
	Calls              int   // under way
	Bytes              int64 // of their requests
	Refused            int64 // calls refused by MaxBytes or a Gate, in all
	Stolen             int64 // reading roles taken away from slow handlers, in all
	// Panics is the number of panics of users' functions, in all, that the server itself recovered from, each of which
	// was logged: of gates, of codecs, of functions of Call.OnEnd, and of handlers, unless a middleware such as
	// recovery.New has recovered from those.
	Panics int64
	// Guard counts what hostile clients did, in all: Guard[protocol.FloodPing] is the number of connections that ended
	// because of a flood of PINGs. Guard.All ranges over all counts, by their names in docs/security.md.
	Guard protocol.AbuseCounts
}

// Stats returns the server's load. Its fields are read one after another, not at one instant.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	conns, detecting := len(s.conns), len(s.detecting)
	s.mu.Unlock()
	word := s.load.word.Load() &^ loadClosed
	return Stats{
		Connections:        conns,
		Detecting:          detecting,
		Accepted:           s.load.accepted.Load(),
		RefusedConnections: s.load.refusedConns.Load(),
		Calls:              int(word >> bytesBits),
		Bytes:              word & bytesMask,
		Refused:            s.load.refused.Load(),
		Stolen:             s.watch.Stolen(),
		Panics:             s.cfg.panics.Count(),
		Guard:              s.cfg.guard.Counts(),
	}
}

// dispatcher implements protocol.Dispatcher.
type dispatcher struct{ s *Server }

func (d *dispatcher) Lookup(path string) *protocol.Route { return d.s.routes[path] }

// Routes ranges in the order of the Service options.
func (d *dispatcher) Routes() iter.Seq[*protocol.Route] { return slices.Values(d.s.ordered) }

// Fallback implements protocol.Dispatcher.
func (d *dispatcher) Fallback() *protocol.Route { return d.s.fallback }

// NewRoute implements protocol.Dispatcher.
func (d *dispatcher) NewRoute(m *fairlead.Method, h fairlead.Handler) (*protocol.Route, error) {
	if m == nil || h == nil {
		return nil, errors.New("server: NewRoute: nil method or handler")
	}
	r, err := d.s.chain(m, h)
	if err != nil {
		return nil, fmt.Errorf("server: NewRoute: %w", err)
	}
	d.s.ownRoutes = true
	return r, nil
}

// Admit does the cheap check first. Calls on draining connections are admitted: their clients do not know yet.
func (d *dispatcher) Admit(c *fairlead.Call, size int) error {
	s := d.s
	if err := s.load.add(oneCall, int64(size), s.cfg.maxBytes); err != nil {
		s.eased(s.load.word.Load()) // it was counted for a moment
		return err
	}
	if len(s.cfg.gates) > 0 {
		return s.enter(c, size)
	}
	return nil
}

func (d *dispatcher) Reserve(n int) error { return d.s.load.add(0, int64(n), d.s.cfg.maxBytes) }

func (d *dispatcher) Done(c *fairlead.Call, size int) {
	s := d.s
	if n := len(s.cfg.gates); n > 0 {
		s.leave(c, n, size)
		return
	}
	s.unload(size)
}

// unload takes a call off the load.
func (s *Server) unload(size int) { s.eased(s.load.word.Add(-oneCall - int64(size))) }

// eased is called with the load after a call was taken off it: a server that drains may be waiting for that.
func (s *Server) eased(word int64) {
	if word < oneCall && s.isDraining() {
		s.mu.Lock()
		s.checkGone()
		s.mu.Unlock()
	}
}

func (d *dispatcher) Limits() *protocol.Limits { return &d.s.cfg.limits }

func (d *dispatcher) Lease(c protocol.ServerConn) *protocol.Lease { return d.s.watch.Lease(c) }

func (d *dispatcher) Draining() <-chan struct{} { return d.s.draining }

func (d *dispatcher) Logger() *slog.Logger { return d.s.cfg.logger }

// close makes add fail from now on if there is no call. It reports whether there is none.
func (l *load) close() bool {
	for {
		word := l.word.Load()
		if word >= oneCall {
			return false
		}
		if word < 0 || l.word.CompareAndSwap(word, word|loadClosed) {
			return true
		}
	}
}

// add counts calls and bytes, or neither when the bytes exceed limit. A single announcement beyond the limit is not
// added even for a moment: it could spill into the calls.
func (l *load) add(calls, bytes, limit int64) error {
	if bytes <= limit {
		word := l.word.Add(calls + bytes)
		if word >= 0 && word&bytesMask <= limit {
			return nil
		}
		l.word.Add(-calls - bytes)
		if word < 0 {
			return fairlead.Errorf(fairlead.Unavailable, "%w", ErrClosed)
		}
	}
	l.refused.Add(1)
	return fairlead.Errorf(fairlead.ResourceExhausted, "the server has no room for %d more bytes of requests", bytes)
}
