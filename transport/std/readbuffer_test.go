package std

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/fairlead-go/fairlead/buffer"
)

// FuzzReadBuffer has a connection's life play out by seed: reads of all sizes, discards, waits.
func FuzzReadBuffer(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		var r readBuffer
		var want []byte // the unread bytes
		next := byte(0)
		for range 500 {
			switch rnd.IntN(4) {
			case 0:
				n := rnd.IntN(1 << rnd.IntN(18))
				size := []int{probeSize, readSize}[rnd.IntN(2)]
				room := r.room(r.wanted(n), size)
				if need := n - len(want); len(room) < min(need, eager) {
					t.Fatalf("got room for %d bytes, want at least %d", len(room), need)
				}
				k := rnd.IntN(len(room) + 1)
				for i := range room[:k] {
					room[i] = next
					want = append(want, next)
					next++
				}
				r.took(k)
			case 1:
				n := rnd.IntN(len(want) + 1)
				r.discard(n)
				want = want[n:]
			case 2:
				r.discard(len(want))
				want = nil
			case 3:
				r.idle()
				if b := r.held.Load(); len(want) == 0 && b != nil {
					t.Fatal("it waits with a buffer although nothing is unread")
				}
			}
			if !bytes.Equal(r.view, want) {
				t.Fatalf("got %d unread bytes, want %d, or others", len(r.view), len(want))
			}
		}
		r.closed.Store(true)
		r.close()
		if !r.ended() || r.held.Load() != nil || r.view != nil {
			t.Error("something is held after the end")
		}
	})
}

func TestIdleKeepsASmallBufferForFewBytes(t *testing.T) {
	t.Parallel()
	var r readBuffer
	r.room(1, readSize)[0] = 'x'
	r.took(1)
	if got := cap(r.held.Load().B); got < readSize {
		t.Fatalf("got a buffer of %d bytes, want %d", got, readSize)
	}
	r.idle()
	if got := cap(r.held.Load().B); got > probeSize || string(r.view) != "x" {
		t.Errorf("got a buffer of %d bytes with %q, want %d with %q", got, r.view, probeSize, "x")
	}
	r.release()
}

func TestALargeBufferIsNotKeptForSmallReads(t *testing.T) {
	t.Parallel()
	var r readBuffer
	r.took(len(r.room(2*eager, readSize)))
	if got := cap(r.held.Load().B); got < 2*eager {
		t.Fatalf("got a buffer of %d bytes, want %d", got, 2*eager)
	}
	r.discard(len(r.view))
	r.room(1, readSize)
	if got := cap(r.held.Load().B); got > readSize {
		t.Errorf("got a buffer of %d bytes, want %d", got, readSize)
	}
	r.release()
}

// A peer may announce a message that it never sends.
func TestWantedFollowsWhatArrives(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ have, peek, want int }{
		{0, 9, least},
		{0, 100_000, 100_000},
		{0, 16 << 20, eager},
		{5, 16 << 20, eager - 5},
		{eager, 16 << 20, 3 * eager},
		{8 << 20, 16 << 20, 8 << 20},
		{100, 50, least},
	} {
		r := readBuffer{view: make([]byte, tt.have)}
		if got := r.wanted(tt.peek); got != tt.want {
			t.Errorf("with %d bytes of %d: got room for %d more, want %d", tt.have, tt.peek, got, tt.want)
		}
	}
}

// Close may come between any two steps of the reader.
func TestCloseTakesTheBuffer(t *testing.T) { //nolint:paralleltest // the count is the process's
	steps := []func(r *readBuffer){
		func(r *readBuffer) { r.took(copy(r.room(10, readSize), "some bytes")) },
		func(r *readBuffer) { r.discard(5) },
		func(r *readBuffer) { r.idle() },
		func(r *readBuffer) { r.took(copy(r.room(100_000, readSize), "more")) },
		func(r *readBuffer) { r.discard(9) },
		func(r *readBuffer) { r.idle() },
		func(r *readBuffer) { r.took(copy(r.room(10, probeSize), "more")) },
	}
	for at := range len(steps) + 1 {
		buffer.Count(true)
		var r readBuffer
		for i, step := range steps {
			if i == at {
				r.closed.Store(true)
				r.close()
			}
			step(&r)
		}
		if at == len(steps) {
			r.closed.Store(true)
			r.close()
		}
		if !r.ended() {
			t.Errorf("closed before step %d: the reader does not notice", at)
		}
		if n := buffer.Out(); n != 0 {
			t.Errorf("closed before step %d: %d buffers are left:\n%s", at, n, buffer.Leaks())
		}
	}
	buffer.Count(false)
}
