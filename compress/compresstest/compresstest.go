// Package compresstest is a test suite for implementations of compress.Compressor.
package compresstest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead-go/fairlead/compress"
)

// Subject is a compressor, and what the suite needs to know of its format.
type Subject struct {
	Compressor compress.Compressor
	// Concatenates reports whether a sequence of compressed messages decompresses to the sequence of the messages.
	Concatenates bool
}

// Run runs the suite. The test that calls it must not be parallel, since memory is measured.
func Run(t *testing.T, s Subject) {
	t.Helper()
	if s.Compressor.Name() == "" {
		t.Error("Name: got none")
	}
	t.Run("Bomb", s.bomb)
	for name, f := range map[string]func(*testing.T){
		"RoundTrip":  s.roundTrip,
		"Append":     s.appends,
		"Limit":      s.limit,
		"Sequence":   s.sequence,
		"Truncated":  s.truncated,
		"Trailing":   s.trailing,
		"Damaged":    s.damaged,
		"Concurrent": s.concurrent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t)
		})
	}
}

// messages returns the messages to compress, by name.
func messages() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a reproducible test
	random := make([]byte, 100_000)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	words := make([]byte, 0, 300_000)
	for len(words) < cap(words)-16 {
		words = append(words, "fairlead "[:1+r.IntN(9)]...)
	}
	return map[string][]byte{
		"empty":  {},
		"byte":   {'x'},
		"text":   []byte(strings.Repeat("one contract, one handler, every protocol\n", 30)),
		"random": random,
		"zeros":  make([]byte, 1<<20),
		"words":  words,
	}
}

func (s *Subject) compress(t *testing.T, src []byte) []byte {
	t.Helper()
	kept := bytes.Clone(src)
	out, err := s.Compressor.AppendCompress(nil, src)
	if err != nil {
		t.Fatalf("AppendCompress: %v", err)
	}
	if !bytes.Equal(src, kept) {
		t.Fatal("AppendCompress changed its input")
	}
	return out
}

func (s *Subject) roundTrip(t *testing.T) {
	for name, want := range messages() {
		src := s.compress(t, want)
		kept := bytes.Clone(src)
		got, err := s.Compressor.AppendDecompress(nil, src, len(want)+1)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: got %d bytes and error %v, want %d as they were", name, len(got), err, len(want))
		}
		if !bytes.Equal(src, kept) {
			t.Errorf("%s: AppendDecompress changed its input", name)
		}
	}
}

// appends checks that the bytes in dst stay, whether dst has more room or not.
func (s *Subject) appends(t *testing.T) {
	want := messages()["text"]
	plain := s.compress(t, want)
	for _, room := range []int{0, 1, 100, 1 << 16} {
		dst := append(make([]byte, 0, 8+room), "previous"...)
		packed, err := s.Compressor.AppendCompress(dst, want)
		if err != nil || !bytes.HasPrefix(packed, []byte("previous")) {
			t.Fatalf("AppendCompress with room for %d: got error %v and %.20q", room, err, packed)
		}
		if !bytes.Equal(packed[8:], plain) {
			t.Errorf("AppendCompress with room for %d bytes: the result differs", room)
		}
		dst = append(make([]byte, 0, 8+room), "previous"...)
		got, err := s.Compressor.AppendDecompress(dst, plain, len(want))
		if err != nil || string(got) != "previous"+string(want) {
			t.Errorf("AppendDecompress with room for %d: got error %v and %.20q", room, err, got)
		}
		_, _ = s.Compressor.AppendDecompress(dst, plain, len(want)-1)
		_, _ = s.Compressor.AppendDecompress(dst, plain[:len(plain)/2], len(want))
		if string(dst) != "previous" {
			t.Errorf("a failed AppendDecompress changed what was in dst to %q", dst)
		}
	}
}

// limit checks that a message may reach the limit, but not exceed it by one byte.
func (s *Subject) limit(t *testing.T) {
	for name, want := range messages() {
		src := s.compress(t, want)
		got, err := s.Compressor.AppendDecompress(nil, src, len(want))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: with its length for a limit: got %d bytes and error %v", name, len(got), err)
		}
		for _, limit := range []int{len(want) - 1, len(want) / 2, 0, -1} {
			if limit >= len(want) || len(want) == 0 {
				continue
			}
			if _, err := s.Compressor.AppendDecompress(nil, src, limit); !errors.Is(err, compress.ErrTooLarge) {
				t.Errorf("%s: %d bytes with limit %d: got error %v, want compress.ErrTooLarge", name, len(want), limit, err)
			}
			// Room in dst is no limit.
			dst := make([]byte, 0, len(want)+100)
			if _, err := s.Compressor.AppendDecompress(dst, src, limit); !errors.Is(err, compress.ErrTooLarge) {
				t.Errorf("%s: %d bytes with limit %d and room: got error %v, want compress.ErrTooLarge",
					name, len(want), limit, err)
			}
		}
	}
}

// bomb checks that decompressing a gigabyte stops at the limit, without memory for the rest.
func (s *Subject) bomb(t *testing.T) {
	const zeros, limit = 64 << 20, 1 << 20
	b := s.compress(t, make([]byte, zeros))
	if s.Concatenates {
		b = bytes.Repeat(b, 1<<30/zeros)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := s.Compressor.AppendDecompress(nil, b, limit)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, compress.ErrTooLarge) {
		t.Errorf("got error %v, want compress.ErrTooLarge", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 8*limit {
		t.Errorf("%d bytes were allocated with a limit of %d", took, limit)
	}
}

func (s *Subject) sequence(t *testing.T) {
	if !s.Concatenates {
		t.Skip("the format does not concatenate")
	}
	one, two := messages()["text"], messages()["random"]
	src := append(s.compress(t, one), s.compress(t, two)...)
	want := append(bytes.Clone(one), two...)
	got, err := s.Compressor.AppendDecompress(nil, src, len(want))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes and error %v, want %d", len(got), err, len(want))
	}
	if _, err := s.Compressor.AppendDecompress(nil, src, len(want)-1); !errors.Is(err, compress.ErrTooLarge) {
		t.Errorf("with limit %d: got error %v, want compress.ErrTooLarge", len(want)-1, err)
	}
}

// truncated checks that no beginning of a compressed message is one.
func (s *Subject) truncated(t *testing.T) {
	want := messages()["text"]
	src := s.compress(t, want)
	for n := range src {
		if _, err := s.Compressor.AppendDecompress(nil, src[:n], len(want)); err == nil {
			t.Errorf("%d bytes of %d: got no error", n, len(src))
		}
	}
}

func (s *Subject) trailing(t *testing.T) {
	want := messages()["text"]
	src := append(s.compress(t, want), "more"...)
	if _, err := s.Compressor.AppendDecompress(nil, src, 2*len(want)); err == nil {
		t.Error("got no error")
	}
}

// damaged checks that changed bytes cause neither a panic nor more output than the limit, and do not affect the next
// message.
func (s *Subject) damaged(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a reproducible test
	all := messages()
	for _, name := range []string{"text", "words"} {
		want := all[name]
		src := s.compress(t, want)
		for range 100 {
			b := bytes.Clone(src)
			for range 1 + r.IntN(4) {
				b[r.IntN(len(b))] = byte(r.Uint32())
			}
			if got, err := s.Compressor.AppendDecompress(nil, b, len(want)); err == nil && len(got) > len(want) {
				t.Errorf("got %d bytes with limit %d", len(got), len(want))
			}
		}
		got, err := s.Compressor.AppendDecompress(nil, src, len(want))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("a sound message afterwards: got %d bytes and error %v", len(got), err)
		}
	}
}

func (s *Subject) concurrent(t *testing.T) {
	want := messages()["text"]
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				src, err := s.Compressor.AppendCompress(nil, want)
				if err != nil {
					t.Errorf("AppendCompress: %v", err)
					return
				}
				got, err := s.Compressor.AppendDecompress(nil, src, len(want))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("got %d bytes and error %v, want %d", len(got), err, len(want))
				}
			}
		})
	}
	wg.Wait()
}
