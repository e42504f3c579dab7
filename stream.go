package fairlead

import (
	"errors"
	"io"
	"iter"
)

// Stream carries the messages of one streaming call, untyped. One goroutine may send while another receives; Close may
// be called from any goroutine.
type Stream interface {
	// Send encodes msg and returns; it keeps no reference to msg. It blocks on flow control. If the peer has ended the
	// call it returns io.EOF, and Recv returns the reason.
	Send(msg any) error
	// Recv decodes the next message into msg. It returns io.EOF when the peer has sent all messages and, on a client, the
	// call has succeeded.
	Recv(msg any) error
	// CloseSend tells the server that no more messages follow. It returns nil also if the server has ended the call or the
	// connection is lost: Recv returns the reason. If this side has canceled the call, by its context, its deadline or
	// Close, it sends nothing and returns the error that Recv returns. Client side; a server ends the call by returning.
	CloseSend() error
	// Close cancels the call if it is not over, and frees its resources. Client side; it may be called more than once.
	Close() error
}

// Inbound receives messages of type T: on a server those of a client-streaming call, on a client those of a
// server-streaming call.
type Inbound[T any] struct{ c *Call }

// Recv returns the next message, and io.EOF after the last one.
func (s *Inbound[T]) Recv() (*T, error) { return recv[T](s.c) }

// RecvInto decodes the next message into m, for callers that reuse one.
func (s *Inbound[T]) RecvInto(m *T) error { return s.c.stream.Recv(m) }

// All returns an iterator over the messages. It ends after the last message, or after an error, which comes with a nil
// message. On a client, leaving the loop early cancels the call.
func (s *Inbound[T]) All() iter.Seq2[*T, error] { return all[T](s.c) }

// Close cancels the call if it is not over. Client side.
func (s *Inbound[T]) Close() error { return s.c.stream.Close() }

// Call returns the call, for its metadata.
func (s *Inbound[T]) Call() *Call { return s.c }

// Outbound sends messages of type T: the responses of a server-streaming call, on a server.
type Outbound[T any] struct{ c *Call }

// Send sends m and keeps no reference to it. It blocks while the client does not read.
func (s *Outbound[T]) Send(m *T) error { return s.c.stream.Send(m) }

// Call returns the call, for its metadata.
func (s *Outbound[T]) Call() *Call { return s.c }

// Bidi sends messages of type S and receives messages of type R. One goroutine may send while another receives.
type Bidi[S, R any] struct{ c *Call }

// Send sends m and keeps no reference to it. It blocks while the peer does not read. If the peer has ended the call it
// returns io.EOF, and Recv returns the reason.
func (s *Bidi[S, R]) Send(m *S) error { return s.c.stream.Send(m) }

// Recv returns the next message, and io.EOF after the last one.
func (s *Bidi[S, R]) Recv() (*R, error) { return recv[R](s.c) }

// RecvInto decodes the next message into m, for callers that reuse one.
func (s *Bidi[S, R]) RecvInto(m *R) error { return s.c.stream.Recv(m) }

// All returns an iterator over the messages received, like Inbound.All.
func (s *Bidi[S, R]) All() iter.Seq2[*R, error] { return all[R](s.c) }

// CloseSend tells the server that no more messages follow. It returns nil also if the server has ended the call; Recv
// returns the reason. If this side has canceled the call, by its context, its deadline or Close, it returns the error
// that Recv returns. Client side.
func (s *Bidi[S, R]) CloseSend() error { return s.c.stream.CloseSend() }

// Close cancels the call if it is not over. Client side.
func (s *Bidi[S, R]) Close() error { return s.c.stream.Close() }

// Call returns the call, for its metadata.
func (s *Bidi[S, R]) Call() *Call { return s.c }

// ClientStream is the client's side of a client-streaming call: it sends messages of type Req and receives one Resp.
type ClientStream[Req, Resp any] struct{ c *Call }

// Send sends m and keeps no reference to it. If the server has ended the call it returns io.EOF, and CloseAndRecv
// returns the reason.
func (s *ClientStream[Req, Resp]) Send(m *Req) error { return s.c.stream.Send(m) }

// CloseAndRecv tells the server that no more messages follow, and returns the response.
func (s *ClientStream[Req, Resp]) CloseAndRecv() (*Resp, error) {
	if err := s.c.stream.CloseSend(); err != nil {
		return nil, err
	}
	resp, err := recv[Resp](s.c)
	if errors.Is(err, io.EOF) {
		return nil, Errorf(Internal, "%s: the server ended the call without a response", s.c.method.Path)
	}
	if err != nil {
		return nil, err
	}
	// The status follows the message. Only then has the call succeeded.
	var extra Resp
	switch err := s.c.stream.Recv(&extra); {
	case errors.Is(err, io.EOF):
		return resp, nil
	case err != nil:
		return nil, err
	}
	_ = s.c.stream.Close()
	return nil, Errorf(Internal, "%s: the server sent more than one response", s.c.method.Path)
}

// Close cancels the call if it is not over.
func (s *ClientStream[Req, Resp]) Close() error { return s.c.stream.Close() }

// Call returns the call, for its metadata.
func (s *ClientStream[Req, Resp]) Call() *Call { return s.c }

func recv[T any](c *Call) (*T, error) {
	m := new(T)
	if err := c.stream.Recv(m); err != nil {
		return nil, err
	}
	return m, nil
}

func all[T any](c *Call) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for {
			m, err := recv[T](c)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(m, err) || err != nil {
				_ = c.stream.Close()
				return
			}
		}
	}
}
