package client

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// stream is put around the stream of a call to find the call's end: the last error of Recv, Close, the end of the
// context, or the deadline, whichever comes first, even if nobody receives. It is the driver of the call as well. Recv
// and WaitHeader fill in the call's metadata, and both pass through it; the end functions, which read the metadata, run
// when neither is in progress.
type stream struct {
	fairlead.Stream

	driver fairlead.Driver
	ctx    context.Context //nolint:containedctx // the stream lives in the context that it was opened with
	call   *fairlead.Call
	panics *protocol.Panics

	// What the stream watches itself if the protocol does not.
	stop  func() bool // of the context's end; nil: it is not watched
	timer *time.Timer // of a deadline that the context does not have; nil: it is not watched

	// state is the number of goroutines inside Recv and WaitHeader, and the bit over.
	state atomic.Int32
	final atomic.Pointer[outcome] // set before over is
	ended atomic.Bool
}

const over = 1 << 30

// outcome is how a stream ended.
type outcome struct {
	err  error // what Recv returns from then on
	ours bool  // this side gave the call up
}

// succeeded is the outcome of streams that have ended properly.
var succeeded = outcome{err: io.EOF} //nolint:gochecknoglobals // read-only

// watchStream puts a stream around the call's. It returns an error if the context has ended meanwhile.
func (c *Client) watchStream(ctx context.Context, call *fairlead.Call) error {
	s := &stream{driver: call.Wire().Driver(), ctx: ctx, call: call, panics: c.cfg.panics}
	call.WrapStream(func(inner fairlead.Stream) fairlead.Stream {
		s.Stream = inner
		return s
	})
	call.Wire().SetDriver(s)
	// Entered until it is complete, so that the call does not end before that.
	s.enter()
	s.watch()
	s.leave()
	if ctx.Err() == nil {
		return nil
	}
	s.giveUp()
	return s.final.Load().err
}

// watch calls giveUp when the context or the deadline ends. A protocol that watches both does that itself.
func (s *stream) watch() {
	giveUp := s.giveUp
	if w, ok := s.driver.(protocol.Watching); ok && w.Watch(s.ctx, s.call, giveUp) {
		return
	}
	if s.ctx.Done() != nil {
		s.stop = context.AfterFunc(s.ctx, giveUp)
	}
	if d, ok := s.call.Deadline(); ok {
		if own, has := s.ctx.Deadline(); !has || d.Before(own) {
			s.timer = time.AfterFunc(time.Until(d), giveUp)
		}
	}
}

// Send implements fairlead.Stream. After the end of the context it sends nothing and returns io.EOF, as after any other
// end of the call. The context's end resets the stream, too, but in a goroutine of its own, some time later.
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

// CloseSend implements fairlead.Stream. After the end of the context it sends nothing: the server would take what was
// sent before for all that there is.
func (s *stream) CloseSend() error {
	var err error
	if s.ctx.Err() == nil {
		err = s.Stream.CloseSend()
	}
	if s.ctx.Err() != nil {
		s.giveUp()
	}
	if end := s.final.Load(); end != nil {
		if end.ours {
			return end.err
		}
		return nil // Recv has returned why
	}
	if err != nil {
		return explained(s.ctx, s.call, err)
	}
	return nil
}

// Recv implements fairlead.Stream. It asks for the context's end once something was received: if there is nothing to
// receive, that end resets the stream, at most a moment later.
func (s *stream) Recv(msg any) error {
	defer s.leave()
	if !s.enter() {
		return s.final.Load().err
	}
	err := s.Stream.Recv(msg)
	if err == nil && s.ctx.Err() == nil {
		return nil
	}
	return s.last(err)
}

// last ends the stream with what Recv has received last. It returns the stream's error, which is the first reason for
// its end; err may be a consequence of that.
func (s *stream) last(err error) error {
	switch {
	case (err == nil || errors.Is(err, io.EOF)) && s.ctx.Err() != nil:
		s.giveUp()
	case err == io.EOF: //nolint:errorlint // the usual case, without an allocation
		s.finish(&succeeded)
	default:
		e, ok := errors.AsType[*fairlead.Error](err)
		late := ok && e.Code == fairlead.DeadlineExceeded && !e.FromPeer()
		s.finish(&outcome{err: explained(s.ctx, s.call, err), ours: late})
	}
	return s.final.Load().err
}

// Close implements fairlead.Stream.
func (s *stream) Close() error {
	err := s.Stream.Close()
	s.finish(&outcome{
		err:  fairlead.Errorf(fairlead.Canceled, "%s: the stream was closed by the caller", s.call.Method().Path),
		ours: true,
	})
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
		if err := s.final.Load().err; !errors.Is(err, io.EOF) {
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

// giveUp ends the stream because the context has ended or the deadline has passed. It is mostly called by a goroutine
// of its own.
func (s *stream) giveUp() {
	err := s.ctx.Err()
	if err == nil {
		err = context.DeadlineExceeded
	}
	// Deferred, because the deadline's note and end functions may leave the goroutine.
	defer s.closeInner()
	end := &outcome{err: fairlead.Errorf(fairlead.CodeOf(err), "%s: %w", s.call.Method().Path, err), ours: true}
	defer s.finish(end)
	end.err = explained(s.ctx, s.call, end.err)
}

// closeInner closes the stream that s is around. The wire has noticed the end as well, and what Close returns is said
// already. A panic of a wrapper that middleware has put around the stream ends there.
func (s *stream) closeInner() {
	defer func() {
		if p := recover(); p != nil {
			_ = s.ReportPanic(s.call, "Close of a stream", p)
		}
	}()
	_ = s.Stream.Close()
}

// ReportPanic implements fairlead.PanicReporter.
func (s *stream) ReportPanic(c *fairlead.Call, what string, value any) *fairlead.Error {
	return s.panics.Caught(c.Method(), what, value)
}

// enter reports whether the stream is not over; leave must follow in either case.
func (s *stream) enter() bool { return s.state.Add(1)&over == 0 }

func (s *stream) leave() {
	if s.state.Add(-1) == over {
		s.end()
	}
}

// finish sets how the stream ends, unless that is set. The last goroutine inside then ends the call.
func (s *stream) finish(end *outcome) {
	s.final.CompareAndSwap(nil, end)
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
	err := s.final.Load().err
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if p := s.call.Wire().Picked(); p != nil {
		if n, ok := p.Node.(*node); ok && n.pool.waiting.Load() > 0 {
			n.pool.callNext()
		}
	}
	_ = s.call.Wire().End(s.ctx, err) // Recv has returned how the stream has ended
}
