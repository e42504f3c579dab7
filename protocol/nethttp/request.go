package nethttp

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// fill completes the request that Match has made.
func (v *visit) fill(r *http.Request, h *protocol.Head) {
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
	if h.Version == 1 {
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	}
	r.RequestURI = target(h)
	r.RemoteAddr = v.x.Peer().Addr
	r.TLS, _ = v.x.Peer().Identity.(*tls.ConnectionState)
	r.Header = header(h)
	if names := r.Header["Trailer"]; len(names) > 0 {
		r.Header.Del("Trailer")
		r.Trailer = make(http.Header)
		for _, name := range splitList(names) {
			r.Trailer[http.CanonicalHeaderKey(name)] = nil
		}
	}
	if h.NoBody {
		r.Body = http.NoBody
		return
	}
	r.ContentLength = -1
	if n, err := strconv.ParseInt(h.Fields.Get("content-length"), 10, 64); err == nil {
		r.ContentLength = n
	}
	v.body = &body{x: v.x, req: r, whole: r.ContentLength > 0 && r.ContentLength <= wholeMax}
	r.Body = v.body
}

// header returns the fields of a request as net/http has them.
func header(h *protocol.Head) http.Header {
	to := make(http.Header, h.Fields.Len()+2)
	for name, value := range h.Fields.All() {
		key := http.CanonicalHeaderKey(name)
		if old := to[key]; name == "cookie" && len(old) > 0 {
			old[0] += "; " + value // HTTP/2 may part it (RFC 9113, section 8.2.3)
			continue
		}
		to[key] = append(to[key], value)
	}
	if h.ContentType != "" {
		to["Content-Type"] = []string{h.ContentType}
	}
	if h.UserAgent != "" {
		to["User-Agent"] = []string{h.UserAgent}
	}
	if h.Timeout != nil {
		to.Set(h.TimeoutName, string(h.Timeout))
	}
	if h.Version == 1 && h.Protocol != "" {
		to["Upgrade"], to["Connection"] = []string{h.Protocol}, []string{"Upgrade"}
	}
	return to
}

// splitList returns the members of fields whose values are lists separated by commas.
func splitList(values []string) []string {
	var list []string
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				list = append(list, name)
			}
		}
	}
	return list
}

// wholeMax is the length up to which a body may be on its way as a whole before the handler reads it, since it fits the
// smallest window. Such a body has to come within the server's time for messages, longer ones part by part.
const wholeMax = 64 << 10

// body is the body of a request. Its methods are safe for concurrent use.
type body struct {
	x     protocol.Exchange
	req   *http.Request
	whole bool

	reading sync.Mutex // held by Read
	part    []byte     // what is left of the part read last
	begun   bool
	err     error
	pump    *pump // nil: Read reads by itself

	mu       sync.Mutex
	deadline time.Time
	changed  chan struct{} // closed when the deadline changes; nil: nobody waits
	direct   bool          // Read is in the exchange
	timer    *time.Timer
	closed   bool
	over     bool
}

// pump reads the exchange in a goroutine of its own, so that a Read with a deadline can give up without interrupting
// the response.
type pump struct {
	ask     chan struct{}
	got     chan part
	waiting bool // a part was asked for
}

type part struct {
	b   []byte
	err error
}

func newPump(x protocol.Exchange) *pump {
	p := &pump{ask: make(chan struct{}, 1), got: make(chan part, 1)}
	go func() {
		for range p.ask {
			b, err := x.Read()
			p.got <- part{b, err}
		}
	}()
	return p
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if b.isClosed() {
		return 0, http.ErrBodyReadAfterClose
	}
	if len(p) == 0 {
		return 0, nil
	}
	for len(b.part) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		next, err := b.next()
		switch {
		case err == nil:
			b.part = next
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		default:
			b.finish(err)
		}
	}
	n := copy(p, b.part)
	b.part = b.part[n:]
	return n, nil
}

// finish notes the end of the body.
func (b *body) finish(err error) {
	if b.begun && b.whole {
		b.x.Expect(false)
	}
	switch {
	case err == io.EOF: //nolint:errorlint // Pipe returns it bare
		b.trailer()
		b.err = io.EOF
	case b.isClosed():
		b.err = http.ErrBodyReadAfterClose
	default:
		b.err = rpcwire.PeerError(err)
	}
}

// trailer copies the request's trailer, also what was not announced.
func (b *body) trailer() {
	h := b.x.Trailer()
	if h == nil {
		return
	}
	for name, value := range h.Fields.All() {
		if b.req.Trailer == nil {
			b.req.Trailer = make(http.Header)
		}
		b.req.Trailer.Add(name, value)
	}
}

// next returns the next part, or an error that is os.ErrDeadlineExceeded if the read deadline comes first.
func (b *body) next() ([]byte, error) {
	if b.req.ContentLength > 0 && (!b.begun || !b.whole) {
		b.x.Expect(true)
		b.begun = true
		if !b.whole {
			defer b.x.Expect(false)
		}
	}
	b.mu.Lock()
	if b.pump == nil && b.deadline.IsZero() {
		b.direct = true
		b.mu.Unlock()
		part, err := b.x.Read()
		b.mu.Lock()
		b.direct = false
		b.mu.Unlock()
		return part, err
	}
	b.mu.Unlock()
	return b.pumped()
}

// pumped is next with a goroutine that reads.
func (b *body) pumped() ([]byte, error) {
	if b.pump == nil {
		b.pump = newPump(b.x)
	}
	if !b.pump.waiting {
		b.pump.waiting = true
		b.pump.ask <- struct{}{}
	}
	for {
		b.mu.Lock()
		deadline, over := b.deadline, b.over
		b.changed = make(chan struct{})
		changed := b.changed
		b.mu.Unlock()
		if over {
			return nil, http.ErrBodyReadAfterClose
		}
		var late <-chan time.Time
		if !deadline.IsZero() {
			t := time.NewTimer(time.Until(deadline))
			defer t.Stop()
			late = t.C
		}
		select {
		case got := <-b.pump.got:
			b.pump.waiting = false
			return got.b, got.err
		case <-late:
			return nil, os.ErrDeadlineExceeded
		case <-changed:
		}
	}
}

// setDeadline sets the time at which Read gives up. A Read that began without a deadline ends the exchange then.
func (b *body) setDeadline(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deadline = t
	b.wake()
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
	if b.direct && !t.IsZero() {
		b.timer = time.AfterFunc(time.Until(t), func() { b.x.Interrupt(os.ErrDeadlineExceeded) })
	}
}

// wake makes a Read in pumped look at the deadline again. The lock is held.
func (b *body) wake() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// Close implements io.Closer: nothing more can be read.
func (b *body) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

func (b *body) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed || b.over
}

// end ends the use of the exchange for reading. It waits until nobody reads.
func (b *body) end() {
	b.mu.Lock()
	b.over = true
	b.wake()
	if b.timer != nil {
		b.timer.Stop()
	}
	b.mu.Unlock()
	if !b.reading.TryLock() {
		b.x.Interrupt(errOver)
		b.reading.Lock()
	}
	defer b.reading.Unlock()
	b.part = nil
	if p := b.pump; p != nil {
		if p.waiting {
			b.x.Interrupt(errOver)
			<-p.got
		}
		close(p.ask)
		b.pump = nil
	}
}
