package http1

import (
	"errors"
	"io"
	"sync"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/combine"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/transport"
)

// ClientConn is a Conn in the client's role. It carries one exchange at a time.
type ClientConn struct{ *Conn }

var _ protocol.HTTPConn = ClientConn{}

// clientState is what only a client's connection has. The connection's lock guards what is not a channel.
type clientState struct {
	closing chan struct{} // closed when no new calls are taken
	freed   chan struct{} // has a value when the connection may be free again
	failed  chan struct{} // closed when the reading goroutine has ended

	serial protocol.Ticket // of the exchange that was begun last
	handed protocol.Ticket // of the last one that was given to the transport
	pushed stream          // the exchange that Do has begun
	known  *protocol.Block // that target was made of
	target target

	recvMu sync.Mutex // held while a receiver is called
}

// target is what the pseudo-fields of a request come to.
type target struct{ verb, path, authority, protocol string }

// NewClient takes over a dialled connection and starts its reading goroutine, which ends with the connection.
func NewClient(tc transport.Conn, cfg *Config) ClientConn {
	c := newConn(tc, cfg)
	c.client = true
	c.cl = &clientState{
		closing: make(chan struct{}), freed: make(chan struct{}, 1), failed: make(chan struct{}),
	}
	go c.readClient()
	return ClientConn{c}
}

// stopTaking closes the channel that says that a client's connection takes no new calls.
func (c *Conn) stopTaking() {
	c.w.Lock()
	defer c.w.Unlock()
	select {
	case <-c.cl.closing:
	default:
		close(c.cl.closing)
	}
}

// Drain implements protocol.HTTPConn.
func (c ClientConn) Drain() {
	c.w.Lock()
	c.draining = true
	idle := c.cur == nil
	c.w.Unlock()
	c.stopTaking()
	if idle {
		c.Conn.Close(errDone)
	}
}

// Close implements protocol.HTTPConn; it waits for the reading goroutine, which fails the call under way.
func (c ClientConn) Close(cause error) {
	c.Conn.Close(cause)
	<-c.cl.failed
}

// Freed implements protocol.HTTPConn.
func (c ClientConn) Freed() <-chan struct{} { return c.cl.freed }

// Closed implements protocol.HTTPConn.
func (c ClientConn) Closed() <-chan struct{} { return c.cl.closing }

// Done implements protocol.HTTPConn.
func (c ClientConn) Done() <-chan struct{} { return c.cl.failed }

// Err implements protocol.HTTPConn.
func (c ClientConn) Err() error {
	c.w.Lock()
	defer c.w.Unlock()
	return c.err
}

// Free implements protocol.HTTPConn.
func (c ClientConn) Free() int {
	c.w.Lock()
	defer c.w.Unlock()
	if c.draining || c.err != nil || c.cur != nil {
		return 0
	}
	return 1
}

// Do implements protocol.HTTPConn.
func (c ClientConn) Do(req *protocol.Request, r protocol.Receiver) (protocol.Ticket, error) {
	beside, err := c.encodeRequest(req)
	if err != nil {
		return 0, err
	}
	c.w.Lock()
	if !c.takes() {
		c.w.Unlock()
		buffer.Put(beside)
		return 0, protocol.ErrFull
	}
	s := &c.cl.pushed
	*s = stream{c: c.Conn, left: -1, inform: req.Inform, recv: r}
	if err := c.begin(s, req, true, beside); err != nil {
		c.w.Unlock()
		return 0, err
	}
	t := s.ticket
	c.w.UnlockFlush(combine.Now)
	return t, nil
}

// Open implements protocol.HTTPConn.
func (c ClientConn) Open(req *protocol.Request) (protocol.ClientExchange, error) {
	beside, err := c.encodeRequest(req)
	if err != nil {
		return nil, err
	}
	s := &stream{c: c.Conn, left: -1, inform: req.Inform}
	s.pull()
	s.p.headReady = make(chan struct{})
	c.w.Lock()
	if !c.takes() {
		c.w.Unlock()
		buffer.Put(beside)
		return nil, protocol.ErrFull
	}
	if err := c.begin(s, req, req.Last, beside); err != nil {
		c.w.Unlock()
		return nil, err
	}
	how := combine.Spawn
	if req.Last {
		how = combine.Now
	}
	c.w.UnlockFlush(how)
	return clientExchange{s}, nil
}

// takes reports whether the connection can take an exchange. The lock is held.
func (c *Conn) takes() bool {
	return !c.draining && c.err == nil && c.cur == nil && c.w.Err() == nil
}

// encodeRequest encodes the message of a request, if it has one that is not to be encoded in place.
func (c *Conn) encodeRequest(req *protocol.Request) (*buffer.Buf, error) {
	if req.Message == nil {
		return nil, nil //nolint:nilnil // nil is an answer here
	}
	return c.encodeBeside(req.Message)
}

// targetOf returns what the pseudo-fields of a block come to. The lock is held.
func (c *clientState) targetOf(b *protocol.Block) target {
	if b == c.known {
		return c.target
	}
	t := target{}
	if b != nil {
		kv := b.Fields()
		for i := 0; i+1 < len(kv); i += 2 {
			switch kv[i] {
			case ":method":
				t.verb = kv[i+1]
			case ":path":
				t.path = kv[i+1]
			case ":authority":
				t.authority = kv[i+1]
			case ":protocol":
				t.protocol = kv[i+1]
			}
		}
	}
	c.known, c.target = b, t
	return t
}

// begin sends the head of a request and its message. On an error nothing was sent. The lock is held, and beside is
// given over.
func (c *Conn) begin(s *stream, req *protocol.Request, last bool, beside *buffer.Buf) error {
	t := c.cl.targetOf(req.Head)
	if req.Verb != "" {
		t.verb = req.Verb
	}
	if req.Path != "" {
		t.path = req.Path
	}
	s.bare = t.verb == "HEAD"
	s.connect = t.verb == "CONNECT" && t.protocol == ""
	s.tunnels = s.connect || t.protocol != ""
	if t.protocol != "" { // RFC 8441 is HTTP/2's way to say this
		t.verb = "GET"
	}
	if s.connect {
		t.path = t.authority
	}
	if err := t.check(req.Query); err != nil {
		buffer.Put(beside)
		return err
	}
	m := req.Message
	buf := c.w.Buf()
	at := len(buf.B)
	b := append(append(append(buf.B, t.verb...), ' '), t.path...)
	if req.Query != "" {
		b = append(append(b, '?'), req.Query...)
	}
	b = append(append(append(b, " HTTP/1.1\r\nhost: "...), t.authority...), "\r\n"...)
	b = c.requestFields(b, req)
	b = s.requestFraming(b, t, req, last, beside)
	b = append(b, "\r\n"...)
	buf.B = b
	if m != nil {
		if err := s.appendPart(m, beside); err != nil {
			buf.B = buf.B[:at]
			return err
		}
	}
	s.headSent = true
	c.cl.serial++
	s.ticket = c.cl.serial
	c.cur = s
	c.requests.Add(1)
	if last {
		s.endBody(nil)
	}
	return nil
}

// check returns an error for a target that cannot be sent.
func (t *target) check(query string) error {
	switch {
	case !isToken(t.verb):
		return fairlead.Errorf(fairlead.Internal, "%q is no method of HTTP", t.verb)
	case !validTarget([]byte(t.path)) || query != "" && !validTarget([]byte(query)):
		return fairlead.Errorf(fairlead.Internal, "the path %q, or the query %q, has characters that must be escaped",
			t.path, query)
	case t.authority != "" && !validAuthority([]byte(t.authority)):
		return fairlead.Errorf(fairlead.Internal, "%q is no host", t.authority)
	}
	return nil
}

// requestFields appends the fields of a request.
func (c *Conn) requestFields(b []byte, req *protocol.Request) []byte {
	if req.Head != nil {
		b = append(b, req.Head.Text()...)
	}
	if req.Name != "" {
		at := len(b)
		b = append(append(append(append(b, req.Name...), ": "...), req.Value...), "\r\n"...)
		if !isToken(req.Name) || !validValue(req.Value) {
			b = b[:at]
		}
	}
	if req.Extra != nil && req.Extra.Len() > 0 {
		b = appendMetadata(b, req.Extra, req.Base64)
	}
	return b
}

// requestFraming appends the fields that say how long the body is.
func (s *stream) requestFraming(b []byte, t target, req *protocol.Request, last bool, beside *buffer.Buf) []byte {
	declared := declaredLength(&protocol.Section{Block: req.Head, Extra: req.Extra})
	switch {
	case s.connect:
		return b
	case s.tunnels:
		return append(append(append(b, "connection: upgrade\r\nupgrade: "...), t.protocol...), "\r\n"...)
	case last:
		n := 0
		switch {
		case beside != nil:
			n = len(beside.B)
		case req.Message != nil:
			n = bodyLen(req.Message)
		}
		s.out, s.left = bodyLength, int64(n)
		if n == 0 && req.Message == nil {
			switch t.verb {
			case "POST", "PUT", "PATCH":
			default:
				return b
			}
		}
		return appendLength(b, int64(n))
	case declared >= 0:
		s.out, s.left = bodyLength, declared
		return appendLength(b, declared)
	}
	s.out = bodyChunked
	return append(b, "transfer-encoding: chunked\r\n"...)
}

// errGivenUp is why a connection ends whose exchange was given up: HTTP/1 has no other way.
var errGivenUp = errors.New("http1: the exchange was given up")

// Cancel implements protocol.HTTPConn.
func (c ClientConn) Cancel(t protocol.Ticket, _ protocol.ResetCode) bool {
	c.w.Lock()
	s := c.cur
	if s == nil || s.ticket != t || s.p != nil || s.over.Load() {
		c.w.Unlock()
		return false
	}
	s.over.Store(true)
	c.draining = true
	c.w.Unlock()
	c.cl.recvMu.Lock() // waits for the reading goroutine, if it is in the receiver
	s.recv = nil
	c.cl.recvMu.Unlock()
	c.Conn.Close(errGivenUp)
	return true
}

// giveUp ends a client's exchange, and releases the lock, which is held.
func (s *stream) giveUp(cause error) {
	c := s.c
	s.over.Store(true)
	if s.sendErr == nil {
		s.sendErr = cause
	}
	s.p.canSend.Broadcast()
	s.endRead(cause)
	s.dropBody(false)
	c.draining = true
	c.w.Unlock()
	c.Close(errGivenUp)
}

// dropUnread gives up what has arrived of a response that is complete. Read returns cause if anything is lost. The lock
// is held.
func (s *stream) dropUnread(cause error) {
	if p := s.p; p != nil && len(p.parts) > 0 {
		p.readErr = cause
		p.canRead.Broadcast()
	}
	s.dropBody(false)
}

// clientExchange is a pulled stream as a client's protocols see it.
type clientExchange struct{ *stream }

var _ protocol.ClientExchange = clientExchange{}

// HeadReady implements protocol.ClientExchange.
func (x clientExchange) HeadReady() <-chan struct{} { return x.p.headReady }

// Head implements protocol.ClientExchange.
func (x clientExchange) Head() (h *protocol.Head, headEnds bool) {
	x.c.w.Lock()
	defer x.c.w.Unlock()
	return x.p.head, x.p.headEnds
}

// Trailer implements protocol.ClientExchange.
func (x clientExchange) Trailer() *protocol.Head {
	x.c.w.Lock()
	defer x.c.w.Unlock()
	if x.p.readErr != io.EOF { //nolint:errorlint // it is bare
		return nil
	}
	return x.after
}

// Finish implements protocol.ClientExchange.
func (x clientExchange) Finish(t protocol.Section) error {
	c := x.c
	c.w.Lock()
	if err := x.mayNotSend(); err != nil {
		c.w.Unlock()
		return err
	}
	x.endBody(&t)
	c.w.UnlockFlush(combine.Spawn)
	return nil
}
