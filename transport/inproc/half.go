package inproc

import (
	"io"
	"net"
	"os"
	"sync"

	"github.com/fairlead-go/fairlead/buffer"
)

const (
	// limit is how many bytes a writer may be ahead of the reader, like the socket buffers of a kernel.
	limit = 256 << 10
	// first is the least room made for a batch of writes.
	first = 4 << 10
)

// half is one direction of a connection: one end writes, the other reads. The reader takes the buffer of a batch of
// writes, so that bytes are copied once.
type half struct {
	mu       sync.Mutex
	canRead  sync.Cond
	canWrite sync.Cond

	queue *buffer.Buf // written and not yet taken by the reader; nil: nothing
	held  *buffer.Buf // taken by the reader, whose unread bytes are part of it; nil: none

	writerClosed bool
	readerClosed bool
	readBy       deadline
	writeBy      deadline
}

func newHalf() *half {
	h := &half{}
	h.canRead.L, h.canWrite.L = &h.mu, &h.mu
	return h
}

// write appends b to the queue, in parts if it must wait for room.
func (h *half) write(b []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.writerClosed:
			return net.ErrClosed
		case h.readerClosed:
			return io.ErrClosedPipe
		case h.writeBy.passed:
			return os.ErrDeadlineExceeded
		case len(b) == 0:
			return nil
		}
		if h.queue == nil {
			h.queue = buffer.Get(max(first, min(len(b), limit)))
		}
		n := min(len(b), limit-len(h.queue.B))
		if n == 0 {
			h.canWrite.Wait()
			continue
		}
		h.queue.Grow(n)
		h.queue.B = append(h.queue.B, b[:n]...)
		b = b[n:]
		h.canRead.Signal()
	}
}

// fill adds to the reader's unread bytes until there are n, and returns them.
func (h *half) fill(view []byte, n int) ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.readerClosed:
			return nil, net.ErrClosed
		case h.readBy.passed:
			return h.settle(view), os.ErrDeadlineExceeded
		case len(view) >= n:
			return view, nil
		case h.queue != nil:
			view = h.take(view)
			h.canWrite.Signal()
		case h.writerClosed:
			view = h.settle(view)
			if len(view) > 0 {
				return view, io.ErrUnexpectedEOF
			}
			return nil, io.EOF
		default:
			view = h.settle(view)
			h.canRead.Wait()
		}
	}
}

// take moves the queue behind the unread bytes.
func (h *half) take(view []byte) []byte {
	q := h.queue
	h.queue = nil
	if len(view) == 0 {
		buffer.Put(h.held)
		h.held = q
		return q.B
	}
	if cap(view)-len(view) < len(q.B) {
		larger := buffer.Get(max(len(view)+len(q.B), 2*len(view)))
		view = append(larger.B, view...)
		buffer.Put(h.held)
		h.held = larger
	}
	view = append(view, q.B...)
	buffer.Put(q)
	return view
}

// settle puts the reader's buffer back if it has no unread bytes.
func (h *half) settle(view []byte) []byte {
	if len(view) > 0 {
		return view
	}
	buffer.Put(h.held)
	h.held = nil
	return nil
}

// closeWriter ends the direction for the reader, who gets what is queued first.
func (h *half) closeWriter() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writerClosed = true
	h.writeBy.stop()
	h.canRead.Broadcast()
	h.canWrite.Broadcast()
}

// closeReader ends the direction for the writer, and drops what was not read.
func (h *half) closeReader() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readerClosed = true
	h.readBy.stop()
	buffer.Put(h.queue)
	buffer.Drop(h.held) // the reader may still be using it
	h.queue, h.held = nil, nil
	h.canRead.Broadcast()
	h.canWrite.Broadcast()
}
