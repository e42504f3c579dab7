// Package codectest is a test suite for implementations of codec.Codec.
package codectest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/fairlead-go/fairlead/codec"
)

// Subject is a codec together with messages of one type.
type Subject struct {
	// Name is the name of the subtest.
	Name string
	// Codec is the codec for the type, or a codec.PerType.
	Codec codec.Codec
	// New makes an empty message, which the codec can marshal.
	New func() any
	// Equal compares two messages.
	Equal func(a, b any) bool
	// Messages are examples, which differ from an empty message. They are not changed.
	Messages []any
}

// rounds is how many damaged encodings of each message are decoded.
const rounds = 300

// Run runs the suite in parallel subtests.
func Run(t *testing.T, s Subject) {
	t.Helper()
	t.Run(s.Name, func(t *testing.T) {
		t.Parallel()
		bound, err := codec.For(s.Codec, s.New())
		if err != nil {
			t.Fatalf("ForType(%T): %v", s.New(), err)
		}
		r := &runner{Subject: s, bound: bound}
		t.Run("Name", r.name)
		t.Run("Type", r.foreignType)
		t.Run("RoundTrip", r.roundTrip)
		t.Run("Append", r.appends)
		t.Run("Size", r.size)
		t.Run("Replace", r.replaces)
		t.Run("NoReference", r.keepsNoReference)
		t.Run("Damaged", r.damaged)
		t.Run("Concurrent", r.concurrent)
	})
}

// runner is a Subject with the codec for its type.
type runner struct {
	Subject

	bound codec.Codec
}

func (r *runner) name(t *testing.T) {
	t.Parallel()
	if r.Codec.Name() == "" {
		t.Error("Name: got none")
	}
	if got, want := r.bound.Name(), r.Codec.Name(); got != want {
		t.Errorf("Name of the bound codec: got %q, want %q", got, want)
	}
}

// foreignType passes a type that no codec can carry.
func (r *runner) foreignType(t *testing.T) {
	t.Parallel()
	msg := new(chan int)
	if b, ok := r.Codec.(codec.PerType); ok {
		if _, err := b.ForType(msg); !errors.Is(err, codec.ErrType) {
			t.Errorf("ForType(%T): got error %v, want codec.ErrType", msg, err)
		}
	}
	if _, err := r.bound.AppendMarshal(nil, msg); err == nil {
		t.Errorf("AppendMarshal(%T): got no error", msg)
	}
	if err := r.bound.Unmarshal(nil, msg); err == nil {
		t.Errorf("Unmarshal(%T): got no error", msg)
	}
}

func (r *runner) marshal(t *testing.T, msg any) []byte {
	t.Helper()
	b, err := r.bound.AppendMarshal(nil, msg)
	if err != nil {
		t.Fatalf("AppendMarshal(%v): %v", msg, err)
	}
	return b
}

// unmarshal decodes src into msg and compares it with want.
func (r *runner) unmarshal(t *testing.T, src []byte, msg, want any) {
	t.Helper()
	if err := r.bound.Unmarshal(src, msg); err != nil {
		t.Errorf("Unmarshal(%x): %v", src, err)
		return
	}
	if !r.Equal(msg, want) {
		t.Errorf("Unmarshal(%x):\n got %v\nwant %v", src, msg, want)
	}
}

func (r *runner) roundTrip(t *testing.T) {
	t.Parallel()
	for _, want := range r.Messages {
		r.unmarshal(t, r.marshal(t, want), r.New(), want)
	}
}

// appends checks that the bytes in dst stay, whether dst has more room or not.
func (r *runner) appends(t *testing.T) {
	t.Parallel()
	for _, want := range r.Messages {
		for _, room := range []int{0, 1, 1 << 16} {
			dst := make([]byte, 0, 8+room)
			dst = append(dst, "previous"...)
			out, err := r.bound.AppendMarshal(dst, want)
			if err != nil {
				t.Fatalf("AppendMarshal(%v): %v", want, err)
			}
			if string(dst) != "previous" || !bytes.HasPrefix(out, dst) {
				t.Fatalf("AppendMarshal with room for %d bytes: %q was changed to %q", room, "previous", out[:min(8, len(out))])
			}
			r.unmarshal(t, out[len(dst):], r.New(), want)
		}
	}
}

// size checks that Size is exact.
func (r *runner) size(t *testing.T) {
	t.Parallel()
	s, ok := r.bound.(codec.Sizer)
	if !ok {
		t.Skip("no codec.Sizer")
	}
	for _, want := range append([]any{r.New()}, r.Messages...) {
		size := s.Size(want)
		if again := s.Size(want); again != size {
			t.Errorf("Size(%v): got %d and then %d", want, size, again)
		}
		dst := append(make([]byte, 0, 8), "previous"...)
		out, err := s.AppendSized(dst, want, size)
		if err != nil {
			t.Fatalf("AppendSized(%v): %v", want, err)
		}
		if !bytes.HasPrefix(out, dst) {
			t.Errorf("AppendSized: %q was changed to %q", dst, out[:min(8, len(out))])
		}
		if got := len(out) - len(dst); got != size {
			t.Errorf("AppendSized(%v): got %d bytes, Size says %d", want, got, size)
		}
		r.unmarshal(t, out[len(dst):], r.New(), want)
	}
}

// replaces checks that nothing remains of a message's former content.
func (r *runner) replaces(t *testing.T) {
	t.Parallel()
	msg := r.New()
	empty := r.marshal(t, r.New())
	for _, want := range r.Messages {
		src := r.marshal(t, want)
		for range 2 {
			r.unmarshal(t, src, msg, want)
		}
	}
	r.unmarshal(t, empty, msg, r.New())
}

// keepsNoReference checks that a decoded message does not change with the bytes that it was decoded from.
func (r *runner) keepsNoReference(t *testing.T) {
	t.Parallel()
	for _, want := range r.Messages {
		src := r.marshal(t, want)
		kept := bytes.Clone(src)
		msg := r.New()
		r.unmarshal(t, src, msg, want)
		if !bytes.Equal(src, kept) {
			t.Errorf("Unmarshal changed its input from %x to %x", kept, src)
		}
		for i := range src {
			src[i] ^= 0xff
		}
		if !r.Equal(msg, want) {
			t.Errorf("the message changed with the bytes that it was decoded from:\n got %v\nwant %v", msg, want)
		}
	}
}

// damaged decodes bytes that are not an encoding, or the encoding of something else: there may be an error but no
// panic, and the message can hold a sound one afterwards.
func (r *runner) damaged(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a reproducible test
	for _, want := range r.Messages {
		src := r.marshal(t, want)
		msg := r.New()
		for range rounds {
			b := damage(rnd, src)
			if r.bound.Unmarshal(b, msg) != nil {
				continue
			}
			if _, err := r.bound.AppendMarshal(nil, msg); err != nil {
				t.Errorf("AppendMarshal of what Unmarshal(%x) gave: %v", b, err)
			}
		}
		r.unmarshal(t, src, msg, want)
	}
}

func damage(rnd *rand.Rand, src []byte) []byte {
	if rnd.IntN(4) == 0 {
		b := make([]byte, rnd.IntN(64))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	b := bytes.Clone(src)
	for range 1 + rnd.IntN(4) {
		if len(b) == 0 {
			break
		}
		i := rnd.IntN(len(b))
		if rnd.IntN(3) == 0 {
			b = b[:i]
		} else {
			b[i] = byte(rnd.Uint32())
		}
	}
	return b
}

// concurrent encodes the same messages, and decodes the same bytes, in several goroutines, for the race detector.
func (r *runner) concurrent(t *testing.T) {
	t.Parallel()
	srcs := make([][]byte, len(r.Messages))
	for i, m := range r.Messages {
		srcs[i] = r.marshal(t, m)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, want := range r.Messages {
				r.unmarshal(t, srcs[i], r.New(), want)
				b, err := r.bound.AppendMarshal(nil, want)
				if err != nil {
					t.Errorf("AppendMarshal(%v): %v", want, err)
					continue
				}
				r.unmarshal(t, b, r.New(), want)
			}
		})
	}
	wg.Wait()
}
