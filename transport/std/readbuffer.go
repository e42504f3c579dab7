package std

import (
	"sync/atomic"

	"github.com/fairlead-go/fairlead/buffer"
)

// Sizes in bytes.
const (
	// probeSize is the buffer in which a connection waits that cannot wait without one.
	probeSize = 512
	// readSize is the buffer for bytes that flow: some frames of HTTP/2 at once.
	readSize = 32 << 10
	// least is the room that a read should find, so that a nearly full buffer does not lead to many small reads.
	least = 2 << 10
	// eager is the size up to which a buffer is made as long as Peek asks. Beyond it grows with what has arrived,
	// since the peer need not send what it announced.
	eager = 256 << 10
)

// readBuffer holds what was read and not yet discarded. The goroutine with the reading role uses it, except for close,
// which any may call.
type readBuffer struct {
	// view is the unread bytes, a part of held's array.
	view []byte
	// held is the buffer, nil when there is none. Whoever takes it out owns it: the reader then puts it back; close
	// cannot know whether the reader still looks at it, and leaves it to the garbage collector.
	held atomic.Pointer[buffer.Buf]
	// closed is set by Close, before it takes the buffer.
	closed atomic.Bool
}

// room returns free space behind the unread bytes, for at least n more and usually readSize; the bytes may move to the
// front of the buffer or to a larger one.
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
	// close has taken old meanwhile. The reader is about to notice; until then it has a buffer to work on.
	r.held.Store(b)
}

// wanted returns for how many more bytes to make room when Peek asks for n in all.
func (r *readBuffer) wanted(n int) int {
	have := len(r.view)
	return max(min(n, max(eager, 4*have))-have, least)
}

// took adds the n bytes that were read into what room returned.
func (r *readBuffer) took(n int) { r.view = r.view[:len(r.view)+n] }

// release puts the buffer back, with what is in it.
func (r *readBuffer) release() {
	r.view = nil
	if b := r.held.Swap(nil); b != nil {
		buffer.Put(b)
	}
}

// idle prepares for a wait of unknown length: it holds no buffer for nothing, nor a large one for the few bytes of a
// frame whose rest the peer keeps back.
func (r *readBuffer) idle() {
	if len(r.view) == 0 {
		r.release()
		return
	}
	if b := r.held.Load(); b != nil && len(r.view) <= probeSize && cap(b.B) > least {
		r.move(b, len(r.view))
	}
}

// close gives the buffer up, after closed was set. Any goroutine may call it.
func (r *readBuffer) close() {
	if b := r.held.Swap(nil); b != nil {
		buffer.Drop(b)
	}
}

// ended says whether the connection was closed, and puts back what the reader still held or took after that.
func (r *readBuffer) ended() bool {
	if !r.closed.Load() {
		return false
	}
	r.release()
	return true
}

// discard drops n unread bytes.
func (r *readBuffer) discard(n int) { r.view = r.view[n:] }
