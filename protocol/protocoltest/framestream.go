package protocoltest

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
)

// frameStream is one stream, on either side. The reader adds what arrives and never waits; credit keeps the queue
// short.
type frameStream struct {
	w         *writer
	id        uint32
	side      fairlead.Side
	protocol  string
	in, out   codec.Codec
	codecName string
	sendLimit int
	recvLimit int // client; 0: the connection's
	call      *fairlead.Call
	abandon   func() // client: takes the call from the connection's list, if it has not ended

	mu         sync.Mutex
	cond       sync.Cond
	queue      [][]byte
	err        error // what Recv returns behind the queue; io.EOF for an orderly end
	credit     int   // messages that may still be sent
	consumed   int   // messages received for which no credit went back yet
	closedSend bool
	givenUp    bool // client: this side ended the call, for what err says
	over       bool // no more frames are sent for the call
	header     fairlead.Metadata
	trailer    fairlead.Metadata
	headed     bool   // header is there, or the stream ended without
	shown      bool   // the call has the header
	release    func() // client: stops what watches the context and the deadline
	head       chan struct{}
}

func newFrameStream(w *writer, id uint32, side fairlead.Side, call *fairlead.Call) *frameStream {
	s := &frameStream{
		w: w, id: id, side: side, call: call, credit: window,
		head: make(chan struct{}),
	}
	s.cond.L = &s.mu
	return s
}

// ---- what the reader does

func (s *frameStream) push(payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	if len(s.queue) >= window {
		s.end(fairlead.Errorf(fairlead.Internal, "the peer sent more messages than it had credit for"))
		return
	}
	s.queue = append(s.queue, append([]byte(nil), payload...))
	s.cond.Broadcast()
}

// finish ends the stream with its last error; the queue is still delivered.
func (s *frameStream) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(err)
}

// status ends a client's stream with the server's status.
func (s *frameStream) status(st *status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	s.trailer = st.trailer
	if !s.headed {
		s.header = st.header
	}
	err := st.err
	if err == nil {
		err = io.EOF
	}
	s.end(err)
}

// halfClose records that the client sends no more; the server's stream stays open.
func (s *frameStream) halfClose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = io.EOF
		s.cond.Broadcast()
	}
}

// cut ends a server's stream on which nothing can be sent any more: its call was canceled or its connection lost.
func (s *frameStream) cut(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over, s.err = true, err
	s.cond.Broadcast()
}

func (s *frameStream) addCredit(n uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.credit = min(s.credit+int(n), window)
	s.cond.Broadcast()
}

func (s *frameStream) gotHeader(md fairlead.Metadata) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.headed {
		s.header, s.headed = md, true
		close(s.head)
	}
}

// end sets the last error; the lock is held.
func (s *frameStream) end(err error) {
	if s.err == nil {
		s.err = err
	}
	if s.side == fairlead.ClientSide && !s.over {
		s.over = true
		if !s.headed {
			s.headed = true
			close(s.head)
		}
		if s.release != nil {
			s.release()
		}
	}
	s.cond.Broadcast()
}

// ---- fairlead.Stream

// Send implements fairlead.Stream.
func (s *frameStream) Send(msg any) error {
	b, err := encode(s.out, nil, msg, s.sendLimit)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.credit == 0 && !s.over {
		s.cond.Wait()
	}
	switch {
	case s.closedSend:
		return fairlead.Errorf(fairlead.Internal, "Send after CloseSend")
	case s.over && s.side == fairlead.ClientSide:
		return io.EOF
	case s.over:
		return s.err
	}
	s.credit--
	if s.side == fairlead.ServerSide {
		s.sendHeader()
	}
	if err := s.w.frame(s.id, frameMessage, func(p []byte) []byte { return append(p, b...) }); err != nil {
		return lost(err)
	}
	return nil
}

// sendHeader sends the response's header, once; the lock is held.
func (s *frameStream) sendHeader() {
	if !s.headed {
		s.headed = true
		_ = s.w.frame(s.id, frameHeader, func(p []byte) []byte { return appendMetadata(p, s.call.ResponseHeader()) })
	}
}

// Recv implements fairlead.Stream.
func (s *frameStream) Recv(msg any) error {
	s.mu.Lock()
	for len(s.queue) == 0 && s.err == nil {
		s.cond.Wait()
	}
	s.show()
	if len(s.queue) == 0 {
		defer s.mu.Unlock()
		if s.side == fairlead.ClientSide {
			*s.call.ResponseTrailer() = s.trailer
		}
		return s.err
	}
	b := s.queue[0]
	s.queue = s.queue[1:]
	s.consumed++
	if s.consumed >= window/2 && !s.over {
		n := byte(s.consumed) //nolint:gosec // less than window
		s.consumed = 0
		_ = s.w.frame(s.id, frameCredit, func(p []byte) []byte { return append(p, 0, 0, 0, n) })
	}
	s.mu.Unlock()
	err := decode(s.in, s.codecName, b, msg, s.recvLimit)
	if err != nil && s.side == fairlead.ClientSide {
		s.giveUp(err)
	}
	return err
}

// show sets the header that has arrived on the call; the lock is held.
func (s *frameStream) show() {
	if s.side == fairlead.ClientSide && s.headed && !s.shown {
		s.shown = true
		*s.call.ResponseHeader() = s.header.Clone()
	}
}

// CloseSend implements fairlead.Stream.
func (s *frameStream) CloseSend() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closedSend || s.side == fairlead.ServerSide {
		return nil
	}
	s.closedSend = true
	switch {
	case s.givenUp:
		return s.err
	case s.over:
		return nil
	}
	_ = s.w.frame(s.id, frameEnd, nil) // when the connection is lost, Recv says so
	return nil
}

// Close implements fairlead.Stream.
func (s *frameStream) Close() error {
	if s.side == fairlead.ServerSide {
		return nil
	}
	s.giveUp(fairlead.Errorf(fairlead.Canceled, "the stream was closed: %w", context.Canceled))
	s.mu.Lock()
	s.queue = nil
	s.mu.Unlock()
	return nil
}

// giveUp ends a client's stream from this side.
func (s *frameStream) giveUp(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.givenUp = true
		s.end(err)
	}
	s.mu.Unlock()
	s.abandon()
}

// ---- fairlead.Driver of a client's stream

// Protocol implements fairlead.Driver.
func (s *frameStream) Protocol() string { return s.protocol }

// SendHeader implements fairlead.Driver.
func (s *frameStream) SendHeader(*fairlead.Call) error { return nil }

// WaitHeader implements fairlead.Driver.
func (s *frameStream) WaitHeader(ctx context.Context, _ *fairlead.Call) error {
	select {
	case <-s.head:
	case <-ctx.Done():
		return fairlead.ErrorOf(ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.show()
	if s.err != nil && !errors.Is(s.err, io.EOF) && len(s.queue) == 0 {
		return s.err
	}
	return nil
}

// Draining implements fairlead.Driver.
func (s *frameStream) Draining() <-chan struct{} { return nil }

// ---- messages

// encode appends msg, which may be a *fairlead.Raw, to dst. Limit 0 means none.
func encode(c codec.Codec, dst []byte, msg any, limit int) ([]byte, error) {
	at := len(dst)
	if raw, ok := msg.(*fairlead.Raw); ok {
		dst = append(dst, raw.Data...)
	} else {
		var err error
		if dst, err = c.AppendMarshal(dst, msg); err != nil {
			return nil, fairlead.Errorf(fairlead.Internal, "encoding a message: %w", err).WithReach(fairlead.NotSent)
		}
	}
	if n := len(dst) - at; limit > 0 && n > limit {
		return nil, fairlead.Errorf(fairlead.ResourceExhausted, "a message of %d bytes is longer than the limit of %d",
			n, limit).WithReach(fairlead.NotSent)
	}
	return dst, nil
}

// decode decodes b, which it keeps if msg is a *fairlead.Raw. Limit 0 means none.
func decode(c codec.Codec, name string, b []byte, msg any, limit int) error {
	if limit > 0 && len(b) > limit {
		return fairlead.Errorf(fairlead.ResourceExhausted, "a message of %d bytes is longer than the limit of %d",
			len(b), limit)
	}
	if raw, ok := msg.(*fairlead.Raw); ok {
		*raw = fairlead.Raw{Data: b, Codec: name, Decode: c.Unmarshal}
		return nil
	}
	if err := c.Unmarshal(b, msg); err != nil {
		return fairlead.Errorf(fairlead.Internal, "decoding a message: %w", err)
	}
	return nil
}
