package dial

import (
	"crypto/tls"
	"slices"
	"sync"
	"time"
)

// Attempt is one attempt to connect.
type Attempt struct {
	Network, Addr string        // "tcp", "10.0.0.7:443"
	Begun         time.Time     //
	Connect       time.Duration // until the connection was there, or failed
	Handshake     time.Duration // of TLS, until it was complete or failed; 0: there was none
	State         *tls.ConnectionState
	Err           error // nil: connected
}

// Took returns how long the attempt took.
func (a *Attempt) Took() time.Duration { return a.Connect + a.Handshake }

// Resolution is how the addresses behind a target were found.
type Resolution struct {
	Took  time.Duration
	Addrs []string
	Err   error // the last one, when there are no addresses
}

// trace collects what happens while a client connects. Safe for concurrent use.
type trace struct {
	mu        sync.Mutex
	resolved  *Resolution
	attempts  []*Attempt
	first     map[string][]byte // the first bytes from each address
	marked    bool              // the next response is waited for
	firstByte time.Time         // of the response since mark
}

func (t *trace) resolution(r Resolution) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.resolved == nil || len(t.resolved.Addrs) == 0 {
		t.resolved = &r
	}
}

func (t *trace) begin(network, addr string) *Attempt {
	a := &Attempt{Network: network, Addr: addr, Begun: time.Now()}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.attempts = append(t.attempts, a)
	return a
}

// change changes an attempt.
func (t *trace) change(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// received notes the first bytes from an address.
func (t *trace) received(addr string, b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.first == nil {
		t.first = make(map[string][]byte)
	}
	if _, ok := t.first[addr]; !ok {
		t.first[addr] = slices.Clone(b[:min(len(b), 48)])
	}
}

// responded notes that a response has begun.
func (t *trace) responded() {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.marked {
		t.marked, t.firstByte = false, now
	}
}

// Resolution returns how the addresses were found; false: it has not begun or not ended.
func (s *Server) Resolution() (Resolution, bool) {
	t := s.trace
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.resolved == nil {
		return Resolution{}, false
	}
	return *t.resolved, true
}

// Attempts returns the attempts to connect so far, in their order.
func (s *Server) Attempts() []Attempt {
	t := s.trace
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]Attempt, len(t.attempts))
	for i, a := range t.attempts {
		list[i] = *a
	}
	return list
}

// Mark is called when a call begins: FirstByte is about its response.
func (s *Server) Mark() {
	t := s.trace
	t.mu.Lock()
	defer t.mu.Unlock()
	t.marked, t.firstByte = true, time.Time{}
}

// FirstByte returns when the response's head arrived, the first since Mark. False: it has not, or Options.Watch is not
// set.
func (s *Server) FirstByte() (time.Time, bool) {
	t := s.trace
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.firstByte, !t.firstByte.IsZero()
}
