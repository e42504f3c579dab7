package std

import (
	"sync/atomic"

	"github.com/fairlead-go/fairlead/buffer"
)

// Sizes in bytes.
const (
	// probeSize is the size of the buffer of a connection that cannot wait without one.
	probeSize = 512
	// readSize is the size of the buffer for data: several frames of HTTP/2.
	readSize = 32 << 10
	// least is the least room for a read, so that a nearly full buffer does not lead to many small reads.
	least = 2 << 10
	// eager is the size up to which a buffer is made as large as Peek requires. Beyond that it grows with what has
	// arrived, since the peer need not send what it announced.
	eager = 256 << 10
)

// readBuffer holds the bytes that were read and not yet discarded. It is for the goroutine with the reading role,
// except close, which any goroutine may call.
type readBuffer struct {
	// view is the unread bytes, a part of held's array.
	view []byte
	// held is the buffer, nil if there is none. The goroutine that takes it out owns it. The reader then puts it back;
	// close does not know whether the reader still uses it, and leaves it to the garbage collector.
	held atomic.Pointer[buffer.Buf]
	// closed is set by Close, before it takes the buffer.
	closed atomic.Bool
}

// room returns free space after the unread bytes, for at least n more and usually readSize; it may move the bytes to
// the front of the buffer or to a larger one.
func (r *readBuffer) room(n, size int) []byte {
	b := r.held.Load()
	have := len(r.view)
	switch {
	case b == nil:
		r.move(nil, max(have+n, size))
	case have == 0 && cap(b.B) >= max(n, size) && cap(b.B) <= eager:
		r.view = b.B[:0]
	case have == 0:
		// Too short, or so long that it was for a single large message.
		r.view = nil
		r.move(b, max(n, size))
	case cap(r.view)-have >= n:
	case cap(b.B)-have >= n:
		r.view = b.B[:copy(b.B[:have], r.view)]
	default:
		r.move(b, max(have+n, size))
	}
	return r.view[len(r.view):cap(r.view)]
}

// move moves the unread bytes to a buffer of at least size bytes and puts old back.
func (r *readBuffer) move(old *buffer.Buf, size int) {
	b := buffer.Get(size)
	r.view = append(b.B, r.view...)
	if r.held.CompareAndSwap(old, b) {
		buffer.Put(old)
		return
	}
	// close has taken old in the meantime. The reader is about to notice; until then it has a buffer to use.
	r.held.Store(b)
}

// wanted returns for how many more bytes to make room when Peek needs n in all.
func (r *readBuffer) wanted(n int) int {
	have := len(r.view)
	return max(min(n, max(eager, 4*have))-have, least)
}

// took adds the n bytes that were read into the result of room.
func (r *readBuffer) took(n int) { r.view = r.view[:len(r.view)+n] }

// release puts the buffer back, with its content.
func (r *readBuffer) release() {
	r.view = nil
	if b := r.held.Swap(nil); b != nil {
		buffer.Put(b)
	}
}

// idle prepares for a wait of unknown length: it releases an empty buffer, and replaces a large one that holds only the
// few bytes of a frame whose rest the peer has not sent.
func (r *readBuffer) idle() {
	if len(r.view) == 0 {
		r.release()
		return
	}
	if b := r.held.Load(); b != nil && len(r.view) <= probeSize && cap(b.B) > least {
		r.move(b, len(r.view))
	}
}

// close releases the buffer, after closed was set. Any goroutine may call it.
func (r *readBuffer) close() {
	if b := r.held.Swap(nil); b != nil {
		buffer.Drop(b)
	}
}

// ended reports whether the connection was closed, and puts back what the reader still held or took after that.
func (r *readBuffer) ended() bool {
	if !r.closed.Load() {
		return false
	}
	r.release()
	return true
}

// discard drops n unread bytes.
func (r *readBuffer) discard(n int) { r.view = r.view[n:] }
