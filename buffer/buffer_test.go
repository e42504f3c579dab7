package buffer

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead-go/fairlead/internal/assert"
)

func TestGetHasRoom(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ n, capacity int }{
		{-1, 512},
		{0, 512},
		{1, 512},
		{512, 512},
		{513, 1024},
		{32 << 10, 32 << 10},
		{32<<10 + 1, 64 << 10},
		{1 << 20, 1 << 20},
		{1<<20 + 1, 1<<20 + 1},
		{16<<20 + 5, 16<<20 + 5},
	} {
		b := Get(tt.n)
		if len(b.B) != 0 || cap(b.B) < tt.capacity {
			t.Errorf("Get(%d): got length %d and capacity %d, want 0 and at least %d", tt.n, len(b.B), cap(b.B), tt.capacity)
		}
		if cap(b.B) >= 2*tt.capacity {
			t.Errorf("Get(%d): got capacity %d, more than twice what is needed", tt.n, cap(b.B))
		}
		Put(b)
	}
}

// Whatever a buffer's owner did to it, its class must keep its promise to the next one.
func TestHome(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ capacity, home int }{
		{0, -1},
		{511, -1},
		{512, 0},
		{1023, 0},
		{1024, 1},
		{1 << 19, 10},
		{1<<20 - 1, 10},
		{1 << 20, 11},
		{1<<20 + 1, -1},
		{16 << 20, -1},
	} {
		if got := home(tt.capacity); got != tt.home {
			t.Errorf("home(%d): got %d, want %d", tt.capacity, got, tt.home)
		}
		if c := home(tt.capacity); c >= 0 && 1<<(c+minBits) > tt.capacity {
			t.Errorf("home(%d): class %d promises %d bytes", tt.capacity, c, 1<<(c+minBits))
		}
	}
	for n := 1; n <= 1<<maxBits; n = n*5/4 + 1 {
		if c := class(n); 1<<(c+minBits) < n || c > 0 && 1<<(c-1+minBits) >= n {
			t.Errorf("class(%d): got %d", n, c)
		}
	}
}

func TestGrow(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		have, more int
		least      int
	}{
		{"there is room", 100, 412, 512},
		{"doubles", 512, 1, 1024},
		{"more than double", 512, 5000, 5512},
		{"not pooled any more", 1 << 20, 1, 2 << 20},
		{"nothing", 512, 0, 512},
		{"negative", 512, -1, 512},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := Get(tt.have)
			content := bytes.Repeat([]byte("x"), tt.have)
			b.B = append(b.B, content...)
			b.Grow(tt.more)
			if cap(b.B) < tt.least || cap(b.B)-len(b.B) < tt.more {
				t.Errorf("got capacity %d, want at least %d", cap(b.B), tt.least)
			}
			if !bytes.Equal(b.B, content) {
				t.Error("the content changed")
			}
			Put(b)
		})
	}
}

func TestConcurrentOwnersDoNotShare(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for id := range byte(8) {
		wg.Go(func() {
			for i := range 2000 {
				b := Get(i)
				for range 64 {
					b.B = append(b.B, id)
				}
				if i%7 == 0 {
					b.Grow(4096)
				}
				for _, got := range b.B {
					if got != id {
						t.Errorf("got a byte of owner %d, want %d", got, id)
						return
					}
				}
				Put(b)
			}
		})
	}
	wg.Wait()
}

func TestCount(t *testing.T) { //nolint:paralleltest // the count is the process's
	before := Get(10)
	Count(true)
	defer Count(false)
	if got := Out(); got != 0 {
		t.Errorf("got %d at the start, want 0", got)
	}
	a, b, c := Get(10), Get(1000), Get(4<<20)
	a.Grow(5000)
	b.B = append(b.B, make([]byte, 4000)...)
	if got := Out(); got != 3 {
		t.Errorf("got %d, want 3", got)
	}
	if text := Leaks(); !strings.Contains(text, "buffer.TestCount") {
		t.Errorf("got %q, want the test's name in it", text)
	}
	Put(a)
	Put(b)
	Drop(c)
	Put(before)
	Put(nil)
	Drop(nil)
	if got, text := Out(), Leaks(); got != 0 || text != "" {
		t.Errorf("got %d and %q at the end, want 0 and nothing", got, text)
	}
	Get(1)
	Count(false)
	if got := Out(); got != 0 {
		t.Errorf("got %d after counting, want 0", got)
	}
}

func TestCountingPoisons(t *testing.T) { //nolint:paralleltest // the count is the process's
	Count(true)
	defer Count(false)
	b := Get(10)
	b.B = append(b.B, "secret"...)
	late := b.B
	Put(b)
	if assert.Race {
		return // it would, rightly, find the next line at fault if somebody got the buffer meanwhile
	}
	if string(late) == "secret" {
		t.Error("the content is still there after Put")
	}
}

func TestPutTwice(t *testing.T) { //nolint:paralleltest // the count is the process's
	if !Poisoning {
		b := Get(300 << 10)
		Put(b)
		Put(b)
		if first, second := Get(300<<10), Get(300<<10); first == second {
			t.Error("two owners got the same buffer")
		}
		Count(true)
		defer Count(false)
	}
	b := Get(1)
	Put(b)
	defer func() {
		if recover() == nil {
			t.Error("the second Put was not noticed")
		}
	}()
	Put(b)
}

// What the tag poison does.
func TestPoisoned(t *testing.T) {
	t.Parallel()
	if !Poisoning {
		t.Skip("built without the tag poison")
	}
	b := Get(10)
	b.B = append(b.B, "secret"...)
	late := b.B
	b.Grow(1000)
	again := b.B
	Put(b)
	for range 100 { // nobody gets it any more
		if other := Get(10); &other.B[:1][0] == &late[0] || &other.B[:1][0] == &again[0] {
			t.Error("a buffer that was put back is used again")
		}
	}
	if string(late) != venom[:6] || string(again) != venom[:6] {
		t.Errorf("got %q and %q after Put, want poison", late, again)
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ length, written int }{
		{1, 0}, {3, 2}, {8, 7}, {9, 8}, {512, 0}, {512, 300}, {1000, 999}, {3, -1}, {513, -1}, {0, -1},
	} {
		array := make([]byte, tt.length)
		poison(array)
		if tt.written >= 0 {
			array[tt.written] = 'x'
		}
		noticed := func() (yes bool) {
			defer func() { yes = recover() != nil }()
			inspect(array)
			return false
		}()
		if noticed != (tt.written >= 0) {
			t.Errorf("%d bytes, one written at %d: noticed %v", tt.length, tt.written, noticed)
		}
	}
}

func TestAllocs(t *testing.T) { //nolint:paralleltest // it counts allocations
	if Poisoning {
		t.Skip("nothing is pooled with the tag poison")
	}
	assert.Allocs(t, 0, func() {
		b := Get(32 << 10)
		b.B = append(b.B, "some bytes"...)
		b.Grow(40 << 10)
		Put(b)
	})
}
