package bench

import (
	"context"
	"errors"
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/bench/load"
)

func (w *caller) unary(ctx context.Context, t *load.Turn) error {
	if w.changes() {
		w.state.Next()
	}
	request, err := w.request(0)
	if err != nil {
		return err
	}
	c, err := w.newCall(t, request)
	if err != nil {
		return err
	}
	if err := w.call(ctx, c); err != nil {
		t.Exchanged(len(request.Data), 0)
		return err
	}
	t.Exchanged(len(request.Data), size(c.Response()))
	return nil
}

// serverStream receives all messages, or as many as are wanted.
func (w *caller) serverStream(ctx context.Context, t *load.Turn) error {
	w.state.Next()
	request, err := w.request(0)
	if err != nil {
		return err
	}
	s, err := w.open(ctx, t, request)
	if err != nil {
		return err
	}
	t.Sent(len(request.Data))
	for n := 1; ; n++ {
		err := w.receive(s, t, n == 1)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case n == w.messages:
			_ = s.Close() // the rest is not wanted
			return nil
		}
	}
}

// open opens a stream.
func (w *caller) open(ctx context.Context, t *load.Turn, request *fairlead.Raw) (fairlead.Stream, error) {
	c, err := w.newCall(t, request)
	if err != nil {
		return nil, err
	}
	if err := w.call(ctx, c); err != nil {
		return nil, err
	}
	return c.Stream(), nil
}

// receive receives a message.
func (w *caller) receive(s fairlead.Stream, t *load.Turn, first bool) error {
	if err := s.Recv(w.reply); err != nil {
		return err
	}
	if first {
		t.First()
	}
	t.Received(size(w.reply))
	return nil
}

// send sends message n of the stream. It returns io.EOF when the server has ended the call.
func (w *caller) send(s fairlead.Stream, t *load.Turn, n int) error {
	w.state.SetMessage(n)
	m, err := w.request(n)
	if err != nil {
		return err
	}
	if err := s.Send(m); err != nil {
		return err
	}
	t.Sent(len(m.Data))
	return nil
}

// sendAll sends the messages of a stream, and says that no more follow.
func (w *caller) sendAll(s fairlead.Stream, t *load.Turn) error {
	for n := range w.count() {
		if err := w.send(s, t, n); errors.Is(err, io.EOF) {
			return nil // Recv has the reason
		} else if err != nil {
			_ = s.Close() // err says why
			return err
		}
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	return nil
}

// count is the number of messages to send in a stream.
func (w *caller) count() int {
	if w.messages > 0 {
		return w.messages
	}
	return len(w.constant)
}

// clientStream sends the messages and receives the response.
func (w *caller) clientStream(ctx context.Context, t *load.Turn) error {
	w.state.Next()
	s, err := w.open(ctx, t, nil)
	if err != nil {
		return err
	}
	if err := w.sendAll(s, t); err != nil {
		return err
	}
	if err := s.Recv(w.reply); err != nil {
		return noEnd(w.method, err)
	}
	t.Received(size(w.reply))
	// The status follows the one message; only with it is the call a success.
	err = s.Recv(w.reply)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	_ = s.Close() // the error is what matters
	return fairlead.Errorf(fairlead.Internal, "%s: the server sent more than one response", w.method.Path)
}

// noEnd is the error for a response that did not come.
func noEnd(m *fairlead.Method, err error) error {
	if errors.Is(err, io.EOF) {
		return fairlead.Errorf(fairlead.Internal, "%s: the server ended the call without a response", m.Path)
	}
	return err
}

// duplex sends the messages while it receives what comes.
func (w *caller) duplex(ctx context.Context, t *load.Turn) error {
	w.state.Next()
	s, err := w.open(ctx, t, nil)
	if err != nil {
		return err
	}
	sent := make(chan error, 1)
	go func() { sent <- w.sendAll(s, t) }()
	for first := true; err == nil; first = false {
		err = w.receive(s, t, first)
	}
	if !errors.Is(err, io.EOF) {
		_ = s.Close() // so that the sender ends
	}
	// What stopped the sender is the reason for what the receiver saw.
	if fault := <-sent; fault != nil {
		return fault
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// conversation sends a message and waits for one, in turns.
func (w *caller) conversation(ctx context.Context, t *load.Turn) error {
	w.state.Next()
	s, err := w.open(ctx, t, nil)
	if err != nil {
		return err
	}
	mark := t.Mark()
	for n := range w.count() {
		if err := w.send(s, t, n); err != nil && !errors.Is(err, io.EOF) {
			_ = s.Close() // err says why
			return err
		}
		if err := s.Recv(w.reply); err != nil {
			return noEnd(w.method, err)
		}
		t.Received(size(w.reply))
		mark = t.Since(mark)
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	for {
		switch err := s.Recv(w.reply); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		t.Received(size(w.reply))
	}
}
