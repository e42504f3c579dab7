package soak_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead"
)

// patience is the deadline of calls that are not meant to meet it: one that does hung.
const patience = time.Minute

// worker makes one call after another.
type worker struct {
	run    *run
	name   string // of the kind of client
	caller caller
	rand   *rand.Rand
	ids    uint64
}

// fate is what is to happen to a call, and what may then come of it.
type fate struct {
	deadline time.Duration // 0: patience
	cancel   time.Duration // after the beginning; 0: never
	abandon  bool          // a stream is closed before it is over
	code     fairlead.Code // what the server is to answer
	panics   bool
}

// outcomes are the codes that a call with that fate may end with. Unavailable is always among them, since its
// connection may be cut, and so is success, but for the calls that are to fail.
func (f *fate) outcomes() []fairlead.Code {
	codes := []fairlead.Code{fairlead.Unavailable}
	if f.code == fairlead.OK && !f.panics {
		codes = append(codes, fairlead.OK)
	}
	if f.code != fairlead.OK {
		codes = append(codes, f.code)
	}
	if f.panics {
		codes = append(codes, fairlead.Internal)
	}
	if f.deadline > 0 {
		codes = append(codes, fairlead.DeadlineExceeded)
	}
	if f.cancel > 0 || f.abandon {
		codes = append(codes, fairlead.Canceled)
	}
	return codes
}

// draw draws the fate of a call.
func (w *worker) draw() *fate {
	f := new(fate)
	r := w.rand
	if r.IntN(10) == 0 {
		f.deadline = time.Duration(1 + r.IntN(100_000_000))
	}
	if r.IntN(10) == 0 {
		f.cancel = time.Duration(1 + r.IntN(30_000_000))
	}
	f.abandon = r.IntN(10) == 0
	switch r.IntN(40) {
	case 0, 1, 2:
		f.code = []fairlead.Code{fairlead.NotFound, fairlead.Aborted, fairlead.ResourceExhausted}[r.IntN(3)]
	case 3:
		f.panics = true
	}
	return f
}

// order draws a request. With last the fate's failure is in it.
func (w *worker) order(f *fate, last bool) (*message, *order) {
	r := w.rand
	if f.code == fairlead.OK && !f.panics && r.IntN(30) == 0 {
		return new(message), new(order)
	}
	w.ids++
	o := &order{id: w.ids, size: sizeOf(r), count: uint8(r.IntN(8))}
	if r.IntN(20) == 0 {
		o.pause = uint8(r.IntN(20))
	}
	if last {
		o.code, o.panics = uint8(f.code), f.panics
	}
	return encode(o, sizeOf(r), r.Uint32()), o
}

// work makes calls until the end of the run.
func (w *worker) work(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		f := w.draw()
		limit := patience
		if f.deadline > 0 {
			limit = f.deadline
		}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		var timer *time.Timer
		if f.cancel > 0 {
			timer = time.AfterFunc(f.cancel, cancel)
		}
		kind, err := w.call(ctx, f)
		if timer != nil {
			timer.Stop()
		}
		cancel()
		code := w.caller.code(err)
		w.run.count(w.name, kind, code)
		if !slices.Contains(f.outcomes(), code) {
			w.run.faultf("%s, %s, %+v: got %v", w.name, kind, *f, err)
		}
	}
}

// call makes one call, of a kind that is drawn, and checks what it returns.
func (w *worker) call(ctx context.Context, f *fate) (kind string, err error) {
	switch w.rand.IntN(8) {
	case 0:
		return "server stream", w.down(ctx, f)
	case 1:
		return "client stream", w.up(ctx, f)
	case 2:
		return "ping-pong", w.pingPong(ctx, f)
	case 3:
		return "duplex", w.duplex(ctx, f)
	default:
		return "unary", w.unary(ctx, f)
	}
}

// bad says that a response is not what it should be.
func (w *worker) bad(what string, err error) {
	if err != nil {
		w.run.faultf("%s, %s: %v", w.name, what, err)
	}
}

func (w *worker) unary(ctx context.Context, f *fate) error {
	in, o := w.order(f, true)
	out, err := w.caller.unary(ctx, w.rand, in)
	if err == nil {
		w.bad("unary", isAnswer(o, out))
	}
	return err
}

func (w *worker) down(ctx context.Context, f *fate) error {
	in, o := w.order(f, true)
	s, err := w.caller.open(ctx, w.rand, methodDown, in)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		out := new(message)
		err := s.Recv(out)
		if errors.Is(err, io.EOF) {
			if n != int(o.count) {
				w.bad("server stream", fmt.Errorf("got %d responses, want %d", n, o.count))
			}
			return nil
		}
		if err != nil {
			return err
		}
		w.bad("server stream", isAnswer(o, out))
		if f.abandon {
			return abandon(s)
		}
	}
}

// abandon gives a stream up, which is its outcome.
func abandon(s stream) error {
	_ = s.Close()
	err := s.Recv(new(message))
	if err == nil || errors.Is(err, io.EOF) {
		return nil // it was over, or had something left
	}
	return err
}

// final receives the end of a stream.
func (w *worker) final(what string, s stream) error {
	switch err := s.Recv(new(message)); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	w.bad(what, errors.New("got one response too many"))
	return abandon(s)
}

func (w *worker) up(ctx context.Context, f *fate) error {
	s, err := w.caller.open(ctx, w.rand, methodUp, nil)
	if err != nil {
		return err
	}
	n := 1 + w.rand.IntN(8)
	var last *order
	for i := range n {
		in, o := w.order(f, i == n-1)
		last = o
		err := s.Send(in)
		if errors.Is(err, io.EOF) {
			break // Recv says why
		}
		if err != nil {
			_ = s.Close()
			return err
		}
		if f.abandon {
			return abandon(s)
		}
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	out := new(message)
	if err := s.Recv(out); err != nil {
		if errors.Is(err, io.EOF) {
			w.bad("client stream", errors.New("succeeded without a response"))
			return nil
		}
		return err
	}
	w.bad("client stream", isAnswer(last, out))
	return w.final("client stream", s)
}

func (w *worker) pingPong(ctx context.Context, f *fate) error {
	s, err := w.caller.open(ctx, w.rand, methodBoth, nil)
	if err != nil {
		return err
	}
	n := 1 + w.rand.IntN(8)
	for i := range n {
		in, o := w.order(f, i == n-1)
		if err := s.Send(in); err != nil && !errors.Is(err, io.EOF) {
			_ = s.Close()
			return err
		}
		out := new(message)
		if err := s.Recv(out); err != nil {
			if errors.Is(err, io.EOF) {
				w.bad("ping-pong", errors.New("succeeded before its end"))
				return nil
			}
			return err
		}
		w.bad("ping-pong", isAnswer(o, out))
		if f.abandon {
			return abandon(s)
		}
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	return w.final("ping-pong", s)
}

// duplex sends from one goroutine and receives from another.
func (w *worker) duplex(ctx context.Context, f *fate) error {
	s, err := w.caller.open(ctx, w.rand, methodBoth, nil)
	if err != nil {
		return err
	}
	n := 1 + w.rand.IntN(12)
	ins, orders := make([]*message, n), make([]*order, n)
	for i := range n {
		ins[i], orders[i] = w.order(f, i == n-1)
	}
	sent := make(chan error, 1)
	go func() {
		for _, in := range ins {
			if err := s.Send(in); err != nil {
				sent <- err
				return
			}
		}
		sent <- s.CloseSend()
	}()
	err = w.receive(s, f, orders)
	if failed := <-sent; failed != nil && !errors.Is(failed, io.EOF) && !f.abandon {
		if code := w.caller.code(failed); code != fairlead.Canceled && code != w.caller.code(err) {
			w.bad("duplex, sending", failed)
		}
	}
	return err
}

func (w *worker) receive(s stream, f *fate, orders []*order) error {
	for _, o := range orders {
		out := new(message)
		if err := s.Recv(out); err != nil {
			if errors.Is(err, io.EOF) {
				w.bad("duplex", errors.New("succeeded before its end"))
				return nil
			}
			return err
		}
		w.bad("duplex", isAnswer(o, out))
		if f.abandon {
			return abandon(s)
		}
	}
	return w.final("duplex", s)
}
