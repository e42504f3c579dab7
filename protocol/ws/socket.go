package ws

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

const (
	// slack is what a message of the longest kind may have around it: the member of JSON, or the prefix of Connect.
	slack = 64
	// controlMax is the length of the longest message that is no message of the method: metadata, and the end.
	controlMax = 64 << 10
	// closeTime is how long a socket waits until the client has taken the last message and closed it too.
	closeTime = 2 * time.Second
)

// socket is the exchange of a socket, as the streams of package rpcwire see it: Read returns messages in the envelope
// of Connect, and Send takes such. A goroutine of its own reads frames, so that pings are answered and the client's
// Close is seen while the handler does something else.
type socket struct {
	protocol.Exchange // the raw one

	s      *Server
	text   bool
	single bool // the method takes one request, so that what follows it is not a message
	rd     reader
	done   chan struct{} // closed when the reading goroutine has ended

	mu       sync.Mutex
	cond     sync.Cond   // something below has changed
	inbox    *buffer.Buf // a message that nobody has taken
	parsed   *arrived    // what first has found out about it
	taken    *buffer.Buf // what Read returned last
	got      int         // messages returned
	ended    bool        // no message of the method may come
	err      error       // why the reading goroutine has ended
	cause    error       // of Interrupt
	call     *fairlead.Call
	reserved int // bytes, in all
	closing  bool
	heard    time.Time // when something came last
	pinged   bool      // and a ping was sent since
	timer    *time.Timer

	sending bool   // somebody is in the exchange's Send
	queued  []byte // a control frame for who is in Send
	cut     bool   // the exchange was interrupted: only Reply and Finish work
	shut    bool   // a Close frame was sent
}

func newSocket(s *Server, x protocol.Exchange, a *agreement) *socket {
	k := &socket{Exchange: x, s: s, text: a.text, done: make(chan struct{}), heard: time.Now()}
	k.cond.L = &k.mu
	k.single = !x.Head().Route.Method.Kind.ClientStreams()
	k.rd = reader{
		source: k.source, control: k.control, grow: k.grow, expect: x.Expect,
		limit: max(s.recv.Bytes, controlMax) + slack,
	}
	go k.receive()
	if s.ping > 0 {
		k.mu.Lock()
		k.timer = time.AfterFunc(s.ping, k.tick)
		k.mu.Unlock()
	}
	return k
}

// source reads bytes of the client.
func (k *socket) source() ([]byte, error) {
	b, err := k.Exchange.Read()
	k.mu.Lock()
	k.heard, k.pinged = time.Now(), false
	k.mu.Unlock()
	return b, err
}

// grow accounts for the memory of a message. It counts the longest one, because one at a time is held.
func (k *socket) grow(n int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case n <= k.reserved:
		return nil
	case k.closing: // what comes now is dropped
		if n > controlMax {
			return rpcwire.ErrOver()
		}
		return nil
	}
	if err := k.s.d.Reserve(n - k.reserved); err != nil {
		return err
	}
	k.reserved = n
	return nil
}

// receive is the reading goroutine.
func (k *socket) receive() {
	defer close(k.done)
	var err error
	for err == nil {
		var op opcode
		var b *buffer.Buf
		if op, b, err = k.rd.message(); err == nil {
			err = k.deliver(op, b)
		}
	}
	k.mu.Lock()
	k.err = err
	call, over := k.call, k.closing
	k.cond.Broadcast()
	k.mu.Unlock()
	var c *closeError
	switch is := errors.As(err, &c); {
	case is && c.peers:
		k.sendClose(c.code, "")
	case is:
		if !over {
			k.s.d.Limits().Guard.Note(protocol.SocketError)
		}
		k.sendClose(c.code, c.reason)
	default:
		k.mu.Lock()
		k.cut = true // there is nobody, or the exchange was interrupted
		k.mu.Unlock()
	}
	if over {
		return
	}
	k.Interrupt(callError(err))
	if call != nil {
		call.Wire().Cancel(callError(err))
	}
}

// callError returns the error of a call whose socket has ended with err.
func callError(err error) error {
	var c *closeError
	switch {
	case errors.Is(err, io.EOF):
		return fairlead.Errorf(fairlead.Canceled, "the client left without closing the socket")
	case !errors.As(err, &c):
		return rpcwire.PeerError(err)
	case c.peers:
		return fairlead.Errorf(fairlead.Canceled, "%w", err)
	case c.code == statusTooBig:
		return fairlead.Errorf(fairlead.ResourceExhausted, "%w (server.MaxRecvMessage)", err)
	}
	return fairlead.Errorf(fairlead.InvalidArgument, "%w", err)
}

// deliver gives a message to who calls Read, once the one before was taken. It owns the buffer.
func (k *socket) deliver(op opcode, b *buffer.Buf) error {
	if (op == opText) != k.text {
		buffer.Put(b)
		if k.text {
			return &closeError{code: 1003, reason: "the messages of this subprotocol are text"}
		}
		return &closeError{code: 1003, reason: "the messages of this subprotocol are binary"}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.inbox != nil && !k.closing && k.cause == nil {
		k.cond.Wait()
	}
	switch {
	case k.closing || k.cause != nil:
		buffer.Put(b)
	case k.ended:
		m, err := parse(k.text, b)
		buffer.Put(b)
		if err != nil || m.kind != kindEnd {
			return &closeError{code: statusPolicy, reason: "a message after the last one of the call"}
		}
	default:
		k.inbox = b
		k.cond.Broadcast()
	}
	return nil
}

// first waits for the first message. If that is the call's metadata, first takes it; otherwise the next Read has it.
func (k *socket) first() (opening, error) {
	if d := k.s.first(); d > 0 {
		t := time.AfterFunc(d, func() {
			k.Interrupt(fairlead.Errorf(fairlead.DeadlineExceeded, "the client did not send a message within %v", d))
		})
		defer t.Stop()
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-k.s.d.Draining():
			k.Interrupt(errDraining())
		case <-stop:
		}
	}()
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.inbox == nil {
		if err := k.failure(); err != nil {
			return opening{}, err
		}
		k.cond.Wait()
	}
	m, err := parse(k.text, k.inbox)
	if err != nil || m.kind != kindHeader {
		k.parsed = &m
		return opening{}, err
	}
	buffer.Put(k.inbox)
	k.inbox = nil
	k.cond.Broadcast()
	return m.opening, nil
}

func errDraining() error {
	return fairlead.Errorf(fairlead.Unavailable, "the server is shutting down")
}

// failure returns why nothing more can be read, nil if something may come. The lock is held.
func (k *socket) failure() error {
	if k.cause != nil {
		return k.cause
	}
	if k.err != nil {
		return callError(k.err)
	}
	return nil
}

// Read implements protocol.Pipe.
func (k *socket) Read() ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	buffer.Put(k.taken)
	k.taken = nil
	for {
		switch {
		case k.ended, k.single && k.got > 0:
			k.ended = true
			return nil, io.EOF
		case k.inbox != nil:
			return k.take()
		}
		if err := k.failure(); err != nil {
			return nil, err
		}
		k.cond.Wait()
	}
}

// take returns the message in the inbox. The lock is held.
func (k *socket) take() ([]byte, error) {
	b := k.inbox
	k.inbox = nil
	k.cond.Broadcast()
	var m arrived
	var err error
	if k.parsed != nil {
		m, k.parsed = *k.parsed, nil
	} else {
		m, err = parse(k.text, b)
	}
	switch {
	case err != nil:
	case m.kind == kindEnd:
		k.ended = true
		err = io.EOF
	case m.kind == kindHeader:
		err = fairlead.Errorf(fairlead.InvalidArgument, "metadata is sent once, and first")
	default:
		k.got++
		k.taken = b
		return m.envelope, nil
	}
	buffer.Put(b)
	return nil, err
}

// Expect implements protocol.Exchange. The reading goroutine does what it is for.
func (k *socket) Expect(bool) {}

// Interrupt implements protocol.Pipe.
func (k *socket) Interrupt(cause error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cause != nil {
		return
	}
	k.cause = cause
	if k.sending {
		k.cut = true
		k.Exchange.Interrupt(cause)
	}
	k.cond.Broadcast()
}

// Send implements protocol.Pipe: it sends a message of the method.
func (k *socket) Send(m *protocol.Message, _ bool) error {
	b, err := k.frame(m)
	if err != nil {
		return err
	}
	defer buffer.Put(b)
	return k.write(b.B, false)
}

// frame makes the frame of a message. The header is put before it when its length is known.
func (k *socket) frame(m *protocol.Message) (*buffer.Buf, error) {
	b := buffer.Get(headerMax + slack + max(m.Size, len(m.Bytes)))
	b.B = append(b.B, make([]byte, headerMax)...)
	if k.text {
		b.B = append(b.B, messageHead...)
	} else {
		b.B = append(b.B, m.Flags, 0, 0, 0, 0)
	}
	at := len(b.B)
	var err error
	switch {
	case m.Value == nil:
		b.B = append(b.B, m.Bytes...)
	case m.Sizer != nil:
		b.B, err = m.Sizer.AppendSized(b.B, m.Value, m.Size)
	default:
		b.B, err = m.Codec.AppendMarshal(b.B, m.Value)
	}
	if err != nil {
		buffer.Drop(b)
		return nil, err
	}
	if k.text {
		b.B = append(b.B, messageTail...)
	} else {
		putLength(b.B[at-rpcwire.PrefixSize:at], len(b.B)-at)
	}
	k.head(b)
	return b, nil
}

// head puts the header of a frame before its payload, for which headerMax bytes were left.
func (k *socket) head(b *buffer.Buf) {
	op := opBinary
	if k.text {
		op = opText
	}
	var h [headerMax]byte
	n := len(appendHeader(h[:0], op, len(b.B)-headerMax))
	copy(b.B[headerMax-n:], h[:n])
	b.B = b.B[headerMax-n:]
}

// write sends frames, after those that somebody else is sending, and then what was queued meanwhile.
func (k *socket) write(b []byte, last bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for k.sending {
		k.cond.Wait()
	}
	if k.cause != nil && !last || k.cut {
		return k.cause
	}
	if k.shut {
		return fairlead.Errorf(fairlead.Canceled, "the socket is closed")
	}
	k.shut = last
	return k.exclusive(b)
}

// exclusive sends frames, and what is queued meanwhile. Nobody else is sending; the lock is held, and released while it
// waits.
func (k *socket) exclusive(b []byte) (err error) {
	k.sending = true
	for {
		k.mu.Unlock()
		e := k.Exchange.Send(&protocol.Message{Bytes: b}, false)
		k.mu.Lock()
		if err == nil {
			err = e
		}
		if b = k.queued; b == nil || e != nil {
			break
		}
		k.queued = nil
	}
	k.sending = false
	k.cond.Broadcast()
	return err
}

// control answers a ping. It is called by the reading goroutine.
func (k *socket) control(op opcode, payload []byte) error {
	if op == opPing {
		k.sendControl(appendControl(nil, opPong, payload), false)
	}
	return nil
}

// sendClose sends a Close frame, if none was sent.
func (k *socket) sendClose(code int, reason string) {
	k.sendControl(appendClose(nil, code, reason), true)
}

// sendControl sends a control frame, or leaves it to who is sending. Of pongs only the last one has to be sent (RFC
// 6455, section 5.5.3).
func (k *socket) sendControl(b []byte, last bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.shut || k.cut {
		return
	}
	k.shut = last
	if k.sending {
		k.queued = b
		return
	}
	_ = k.exclusive(b) // the reading goroutine learns of it
}

// tick looks whether the client is there.
func (k *socket) tick() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closing || k.shut {
		return
	}
	silent := time.Since(k.heard)
	switch {
	case k.inbox != nil || silent < k.s.ping: // it is this side that does not read
		k.pinged = false
	case !k.pinged:
		k.pinged = true
		if !k.sending { // if it is, the client does not read, which is seen by itself
			go k.sendControl(appendControl(nil, opPing, nil), false)
		}
	case silent >= 2*k.s.ping:
		k.cut = true
		go k.Exchange.Interrupt(fairlead.Errorf(fairlead.Canceled, "the client did not answer a ping within %v", k.s.ping))
		return
	}
	next := k.s.ping
	switch {
	case k.pinged:
		next = 2*k.s.ping - silent
	case k.inbox == nil:
		next -= silent
	}
	k.timer.Reset(next)
}

// settle returns the number of bytes that were reserved, which is final: what comes from now on is dropped.
func (k *socket) settle() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closing = true
	k.cond.Broadcast()
	return k.reserved
}

// close ends the socket: it sends the last frames and waits until the client has closed it, but not for long. Nothing
// else sends any more.
func (k *socket) close(frames []byte) {
	k.settle()
	k.mu.Lock()
	if k.timer != nil {
		k.timer.Stop()
	}
	k.mu.Unlock()
	t := time.AfterFunc(closeTime, func() {
		k.mu.Lock()
		k.cut = true
		k.mu.Unlock()
		k.Exchange.Interrupt(rpcwire.ErrOver())
	})
	defer t.Stop()
	err := k.write(frames, true)
	k.mu.Lock()
	late := k.cut
	k.mu.Unlock()
	if late || err != nil {
		k.Exchange.Interrupt(rpcwire.ErrOver())
	}
	<-k.done
	k.mu.Lock()
	buffer.Put(k.inbox)
	buffer.Put(k.taken)
	k.inbox, k.taken = nil, nil
	unsent := k.cut && !k.shut
	k.mu.Unlock()
	if unsent {
		// Bytes need no codec, so Reply cannot fail.
		_ = k.Reply(&protocol.Reply{Message: protocol.Message{Bytes: frames}})
		return
	}
	k.Finish(protocol.Section{})
}
