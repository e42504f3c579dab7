package fairlead

import (
	"errors"
	"io"
	"iter"
)

// Stream carries the messages of one streaming call, untyped. One goroutine may send while another receives; Close may
// be called from any.
type Stream interface {
	// Send returns when msg is encoded; it blocks on flow control and keeps nothing of msg. When the peer has ended the
	// call it returns io.EOF, and Recv returns the reason.
	Send(msg any) error
	// Recv decodes the next message into msg and returns io.EOF when the peer has sent all of them and, on the client,
	// the call succeeded.
	Recv(msg any) error
	// CloseSend says that no more messages follow. It returns nil as well when the peer has ended the call or the
	// connection is lost: Recv returns the reason. When this side has given the call up, by its context, its deadline or
	// Close, nothing is sent, and it returns the error that Recv returns. Client side; a server ends the call by
	// returning.
	CloseSend() error
	// Close gives the call up if it is not over, and frees what it holds. Client side; it may be called more than once.
	Close() error
}

// Inbound receives messages of type T: a server's view of a client-streaming call, a client's of a server-streaming
// one.
type Inbound[T any] struct{ c *Call }

// Recv returns the next message, and io.EOF after the last one.
func (s *Inbound[T]) Recv() (*T, error) { return recv[T](s.c) }

// RecvInto decodes the next message into m, for callers that reuse one.
func (s *Inbound[T]) RecvInto(m *T) error { return s.c.stream.Recv(m) }

// All ranges over the messages until the last one or an error, which comes with a nil message. Leaving the loop early
// on a client gives the call up.
func (s *Inbound[T]) All() iter.Seq2[*T, error] { return all[T](s.c) }

// Close gives the call up if it is not over. Client side.
func (s *Inbound[T]) Close() error { return s.c.stream.Close() }

// Call returns the call, for its metadata.
func (s *Inbound[T]) Call() *Call { return s.c }

// Outbound sends messages of type T: a server's view of a server-streaming call.
type Outbound[T any] struct{ c *Call }

// Send sends m and keeps nothing of it; it blocks while the client does not read.
func (s *Outbound[T]) Send(m *T) error { return s.c.stream.Send(m) }

// Call returns the call, for its metadata.
func (s *Outbound[T]) Call() *Call { return s.c }

// Bidi sends messages of type S and receives messages of type R. One goroutine may send while another receives.
type Bidi[S, R any] struct{ c *Call }

// Send sends m and keeps nothing of it; it blocks while the peer does not read. After the peer ended the call it
// returns io.EOF; Recv says why.
func (s *Bidi[S, R]) Send(m *S) error { return s.c.stream.Send(m) }

// Recv returns the next message, and io.EOF after the last one.
func (s *Bidi[S, R]) Recv() (*R, error) { return recv[R](s.c) }

// RecvInto decodes the next message into m, for callers that reuse one.
func (s *Bidi[S, R]) RecvInto(m *R) error { return s.c.stream.Recv(m) }

// All ranges over the messages received, as Inbound.All does.
func (s *Bidi[S, R]) All() iter.Seq2[*R, error] { return all[R](s.c) }

// CloseSend says that no more messages follow. It returns nil as well after the peer has ended the call; Recv says why.
// After this side has given the call up, by its context, its deadline or Close, it returns Recv's error. Client side.
func (s *Bidi[S, R]) CloseSend() error { return s.c.stream.CloseSend() }

// Close gives the call up if it is not over. Client side.
func (s *Bidi[S, R]) Close() error { return s.c.stream.Close() }

// Call returns the call, for its metadata.
func (s *Bidi[S, R]) Call() *Call { return s.c }

// ClientStream is a client's view of a client-streaming call: it sends messages of type Req and gets one Resp.
type ClientStream[Req, Resp any] struct{ c *Call }

// Send sends m and keeps nothing of it. After the server ended the call it returns io.EOF; CloseAndRecv says why.
func (s *ClientStream[Req, Resp]) Send(m *Req) error { return s.c.stream.Send(m) }

// CloseAndRecv says that no more messages follow and returns the response.
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
	// The status follows the one message; only with it is the call a success.
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

// Close gives the call up if it is not over.
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
