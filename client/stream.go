package client

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
)

// stream finds the true end of a streaming call, whichever comes first: Recv's last error, Close, the end of the
// context or the deadline, also when nobody receives. It is the call's driver as well: what fills in the call's
// metadata then passes through it, and the end functions, which read them, run when none of that is under way.
type stream struct {
	fairlead.Stream

	driver fairlead.Driver
	ctx    context.Context //nolint:containedctx // the stream lives in the context that it was opened with
	call   *fairlead.Call

	stop  func() bool // of the context's end; nil: it has none
	timer *time.Timer // of a deadline that the context does not have; nil: none

	// state is the number of goroutines inside Recv and WaitHeader, and the bit over.
	state atomic.Int32
	final atomic.Pointer[error] // set before over is
	ended atomic.Bool
}

const over = 1 << 30

// watchStream puts a stream around the call's. An error means that the context has ended meanwhile.
func watchStream(ctx context.Context, call *fairlead.Call) error {
	var s *stream
	call.WrapStream(func(inner fairlead.Stream) fairlead.Stream {
		s = &stream{Stream: inner, driver: call.Driver(), ctx: ctx, call: call}
		call.SetDriver(s)
		// Entered until it is complete, so that an end that comes at once waits for it.
		s.enter()
		defer s.leave()
		if ctx.Done() != nil {
			s.stop = context.AfterFunc(ctx, s.giveUp)
		}
		if d, ok := call.Deadline(); ok {
			if own, has := ctx.Deadline(); !has || d.Before(own) {
				s.timer = time.AfterFunc(time.Until(d), s.giveUp)
			}
		}
		return s
	})
	if ctx.Err() == nil {
		return nil
	}
	s.giveUp()
	return *s.final.Load()
}

// Send implements fairlead.Stream. As after any other end of the call it returns io.EOF after the context's; nothing is
// sent then. That the context's end resets the stream is not enough: a goroutine of its own does it, some time later.
func (s *stream) Send(msg any) error {
	if s.ctx.Err() != nil {
		return io.EOF
	}
	err := s.Stream.Send(msg)
	if err == nil && s.ctx.Err() != nil {
		return io.EOF
	}
	return err
}

// CloseSend implements fairlead.Stream. It returns io.EOF as Send does: a server must not take what was sent before the
// call was given up for all that there is.
func (s *stream) CloseSend() error {
	if s.ctx.Err() != nil {
		return io.EOF
	}
	err := s.Stream.CloseSend()
	if err == nil && s.ctx.Err() != nil {
		return io.EOF
	}
	return err
}

// Recv implements fairlead.Stream.
func (s *stream) Recv(msg any) error {
	defer s.leave()
	if !s.enter() {
		return *s.final.Load()
	}
	var err error
	if s.ctx.Err() == nil {
		err = s.Stream.Recv(msg)
	}
	if s.ctx.Err() != nil && (err == nil || errors.Is(err, io.EOF)) {
		s.giveUp()
		return *s.final.Load()
	}
	if err != nil {
		s.finish(explained(s.ctx, s.call, err))
		return *s.final.Load() // the first reason; err may be but its consequence
	}
	return nil
}

// Close implements fairlead.Stream.
func (s *stream) Close() error {
	err := s.Stream.Close()
	s.finish(fairlead.Errorf(fairlead.Canceled, "%s: the stream was closed by the caller", s.call.Method().Path))
	return err
}

// Protocol implements fairlead.Driver.
func (s *stream) Protocol() string { return s.driver.Protocol() }

// SendHeader implements fairlead.Driver. Only servers send one.
func (s *stream) SendHeader(*fairlead.Call) error { return nil }

// WaitHeader implements fairlead.Driver.
func (s *stream) WaitHeader(ctx context.Context, c *fairlead.Call) error {
	defer s.leave()
	if !s.enter() {
		if err := *s.final.Load(); !errors.Is(err, io.EOF) {
			return err
		}
		return nil
	}
	if err := s.waited(ctx); err != nil {
		return err
	}
	if err := s.driver.WaitHeader(ctx, c); err != nil {
		return explained(s.ctx, s.call, err)
	}
	return s.waited(ctx)
}

// waited returns the error of a WaitHeader if the stream's context or its own has ended.
func (s *stream) waited(ctx context.Context) error {
	if err := s.ctx.Err(); err != nil {
		return errEnded(s.ctx, s.call, err)
	}
	if err := ctx.Err(); err != nil {
		return fairlead.Errorf(fairlead.CodeOf(err), "%s: waiting for the header: %w", s.call.Method().Path, err)
	}
	return nil
}

// Draining implements fairlead.Driver.
func (s *stream) Draining() <-chan struct{} { return s.driver.Draining() }

// giveUp ends the stream because the context has ended or the deadline has passed. Those call it in a goroutine of
// their own.
func (s *stream) giveUp() {
	err := s.ctx.Err()
	if err == nil {
		err = context.DeadlineExceeded
	}
	s.finish(errEnded(s.ctx, s.call, err))
	_ = s.Stream.Close() // the wire has noticed the end as well; what it returns is said already
}

// enter says whether the stream is not over; leave must follow in either case.
func (s *stream) enter() bool { return s.state.Add(1)&over == 0 }

func (s *stream) leave() {
	if s.state.Add(-1) == over {
		s.end()
	}
}

// finish marks the end; whoever is last inside completes it.
func (s *stream) finish(err error) {
	s.final.CompareAndSwap(nil, &err)
	if s.state.Or(over) == 0 {
		s.end()
	}
}

func (s *stream) end() {
	if !s.ended.CompareAndSwap(false, true) {
		return
	}
	if s.stop != nil {
		s.stop()
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	err := *s.final.Load()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if p := s.call.Picked(); p != nil {
		if n, ok := p.Node.(*node); ok && n.pool.waiting.Load() > 0 {
			n.pool.callNext()
		}
	}
	s.call.End(s.ctx, err)
}
