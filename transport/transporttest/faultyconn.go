package transporttest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fairlead-go/fairlead/transport"
)

// FaultyConn returns c with faults. c belongs to it from now on. Its Info is that of c.
func FaultyConn(c transport.Conn, faults Faults) transport.Conn {
	f := &faultyConn{Conn: c, faults: faults, closed: make(chan struct{}), moved: make(chan struct{})}
	return f
}

// faultyConn is a connection with faults.
type faultyConn struct {
	transport.Conn

	faults Faults
	calls  atomic.Int64

	// The reading role's.
	shown int   // bytes that the last Peek returned and that were not discarded
	taken int64 // bytes discarded

	written int64 // the writer's

	draw sync.Mutex // guards faults.Yields

	mu     sync.Mutex
	readBy time.Time
	moved  chan struct{} // closed when readBy changes
	once   sync.Once
	closed chan struct{}
}

// Peek implements transport.Conn.
func (f *faultyConn) Peek(n int) ([]byte, error) {
	f.count()
	f.yield()
	select {
	case <-f.closed:
		return nil, net.ErrClosed // also when the connection below has bytes left
	default:
	}
	if n > f.shown && f.faults.ReadDelay > 0 {
		t := time.NewTimer(f.faults.ReadDelay)
		err := f.wait(t.C)
		t.Stop()
		if err != nil {
			return nil, err
		}
	}
	want := n
	cut := f.faults.Read
	if cut != nil {
		want = int(min(int64(n), cut.After-f.taken)) // what there is before the cut
	}
	var b []byte
	var err error
	if want > 0 || cut == nil {
		if b, err = f.Conn.Peek(want); err != nil {
			return b, err
		}
		if cut != nil {
			b = b[:min(int64(len(b)), cut.After-f.taken)]
		}
	}
	if want < n {
		return b, f.cutRead(cut, len(b))
	}
	if f.faults.ReadMax > 0 {
		b = b[:min(len(b), max(n, f.shown)+f.faults.ReadMax)]
	}
	f.shown = len(b)
	f.yield()
	return b, nil
}

// cutRead does what a Peek beyond the cut does, which leaves have bytes.
func (f *faultyConn) cutRead(cut *Cut, have int) error {
	switch cut.How {
	case Stall:
		return f.wait(nil)
	case Close:
		_ = f.Close()
	case Fail:
	}
	if errors.Is(cut.Err, io.EOF) && have > 0 {
		return io.ErrUnexpectedEOF
	}
	return f.broken("read", cut)
}

// Discard implements transport.Conn.
func (f *faultyConn) Discard(n int) {
	f.shown -= n
	f.taken += int64(n)
	f.Conn.Discard(n)
}

// Write implements transport.Conn.
func (f *faultyConn) Write(b []byte) error {
	f.count()
	f.yield()
	f.pause(f.faults.WriteDelay)
	cut := f.faults.Write
	if cut == nil || f.written+int64(len(b)) <= cut.After {
		f.written += int64(len(b))
		err := f.Conn.Write(b)
		f.yield()
		return err
	}
	rest := cut.After - f.written
	f.written = cut.After
	if rest > 0 {
		if err := f.Conn.Write(b[:rest]); err != nil {
			return err
		}
	}
	switch cut.How {
	case Stall:
		return nil
	case Close:
		_ = f.Close()
	case Fail:
	}
	return f.broken("write", cut)
}

// broken returns the error of a cut.
func (f *faultyConn) broken(op string, cut *Cut) error {
	if cut.Err != nil {
		return cut.Err
	}
	info := f.Info()
	return &net.OpError{Op: op, Net: "faulty", Source: info.Local, Addr: info.Remote, Err: syscall.ECONNRESET}
}

// SetReadDeadline implements transport.Conn.
func (f *faultyConn) SetReadDeadline(t time.Time) error {
	f.count()
	if f.faults.Deadline != nil {
		return f.faults.Deadline
	}
	f.mu.Lock()
	f.readBy = t
	close(f.moved)
	f.moved = make(chan struct{})
	f.mu.Unlock()
	return f.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements transport.Conn.
func (f *faultyConn) SetWriteDeadline(t time.Time) error {
	f.count()
	if f.faults.Deadline != nil {
		return f.faults.Deadline
	}
	return f.Conn.SetWriteDeadline(t)
}

// Handshake implements transport.Handshaker, for connections that have one.
func (f *faultyConn) Handshake(ctx context.Context) error {
	if h, ok := f.Conn.(transport.Handshaker); ok {
		return h.Handshake(ctx)
	}
	return nil
}

// Close implements transport.Conn.
func (f *faultyConn) Close() error {
	f.once.Do(func() { close(f.closed) })
	return f.Conn.Close()
}

// count counts a call, and closes the connection when it is that one's turn.
func (f *faultyConn) count() {
	if n := f.calls.Add(1); n == f.faults.CloseAt {
		_ = f.Close()
	}
}

// pause waits for d, or until the connection is closed.
func (f *faultyConn) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-f.closed:
	}
}

// wait waits until done has a value, which is no error, or the connection is closed or its read deadline has passed.
func (f *faultyConn) wait(done <-chan time.Time) error {
	for {
		f.mu.Lock()
		by, moved := f.readBy, f.moved
		f.mu.Unlock()
		var late <-chan time.Time
		stop := func() bool { return false }
		if !by.IsZero() {
			t := time.NewTimer(time.Until(by))
			late, stop = t.C, t.Stop
		}
		select {
		case <-done:
			stop()
			return nil
		case <-f.closed:
			stop()
			return net.ErrClosed
		case <-late:
			return os.ErrDeadlineExceeded
		case <-moved:
			stop()
		}
	}
}

// yield gives way to other goroutines, or does not.
func (f *faultyConn) yield() {
	r := f.faults.Yields
	if r == nil {
		return
	}
	f.draw.Lock()
	what, yields, length := r.IntN(4), r.IntN(8), time.Duration(0)
	if f.faults.Jitter > 0 {
		length = time.Duration(r.Int64N(int64(f.faults.Jitter)))
	}
	f.draw.Unlock()
	switch what {
	case 0:
	case 1:
		f.pause(length)
	default:
		for range yields {
			runtime.Gosched()
		}
	}
}
