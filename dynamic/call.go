package dynamic

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/fairlead-go/fairlead"
)

// Unary calls a unary method made by this package and returns its response.
func Unary(
	ctx context.Context, b fairlead.Binder, m *fairlead.Method, request proto.Message, opts ...fairlead.CallOption,
) (*dynamicpb.Message, error) {
	if m.Kind != fairlead.Unary {
		return nil, errKind(m)
	}
	c := fairlead.NewCall(m, request, opts...)
	return fairlead.Result[dynamicpb.Message](c, b.Bind(m)(ctx, c))
}

// Open opens a stream to a streaming method made by this package. A server-streaming call sends req; for others it is
// nil, and their requests are sent with Send.
func Open(
	ctx context.Context, b fairlead.Binder, m *fairlead.Method, request proto.Message, opts ...fairlead.CallOption,
) (*Stream, error) {
	if m.Kind == fairlead.Unary {
		return nil, errKind(m)
	}
	var first any // not a proto.Message that is nil
	if request != nil {
		first = request
	}
	c := fairlead.NewCall(m, first, opts...)
	if err := b.Bind(m)(ctx, c); err != nil {
		return nil, err
	}
	return &Stream{call: c}, nil
}

func errKind(m *fairlead.Method) error {
	return fairlead.Errorf(fairlead.Internal, "dynamic: %s is %s", m.Path, m.Kind).WithReach(fairlead.NotSent)
}

// Stream is a call of any kind of streaming method. One goroutine may send while another receives; Close may be called
// from any goroutine.
type Stream struct{ call *fairlead.Call }

// Send sends m and keeps no reference to it. It blocks while the server does not read. If the server has ended the call
// it returns io.EOF, and Recv returns the reason.
func (s *Stream) Send(m proto.Message) error { return s.call.Stream().Send(m) }

// CloseSend tells the server that no more messages follow, like CloseSend of fairlead.Stream. A server-streaming call
// does not need it.
func (s *Stream) CloseSend() error { return s.call.Stream().CloseSend() }

// Recv returns the next message, and io.EOF after the last one if the call has succeeded. A client-streaming call has
// one message.
func (s *Stream) Recv() (*dynamicpb.Message, error) {
	m := NewResponse(s.call.Method())
	if m == nil {
		return nil, fairlead.Errorf(fairlead.Internal, "dynamic: %s is not a method of this package", s.call.Method().Path)
	}
	if err := s.call.Stream().Recv(m); err != nil {
		return nil, err
	}
	return m, nil
}

// All returns an iterator over the messages. It ends after the last message, or after an error, which comes with a nil
// message. Leaving the loop early cancels the call.
func (s *Stream) All() iter.Seq2[*dynamicpb.Message, error] {
	return func(yield func(*dynamicpb.Message, error) bool) {
		for {
			m, err := s.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(m, err) || err != nil {
				_ = s.Close()
				return
			}
		}
	}
}

// WaitHeader waits until the response's header has arrived, for Call().ResponseHeader(), or the stream has ended.
func (s *Stream) WaitHeader(ctx context.Context) error {
	if d := s.call.Wire().Driver(); d != nil {
		return d.WaitHeader(ctx, s.call)
	}
	return nil
}

// Close cancels the call if it is not over. It may be called more than once.
func (s *Stream) Close() error { return s.call.Stream().Close() }

// Call returns the call, for its metadata.
func (s *Stream) Call() *fairlead.Call { return s.call }
