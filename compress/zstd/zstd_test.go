package zstd_test

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"

	kzstd "github.com/klauspost/compress/zstd"

	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/compress/compresstest"
	"github.com/fairlead-go/fairlead/compress/zstd"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func newCompressor(t testing.TB, opts ...zstd.Option) *zstd.Compressor {
	t.Helper()
	c, err := zstd.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSuite(t *testing.T) { //nolint:paralleltest // memory is measured
	for _, tt := range []struct {
		name string
		opts []zstd.Option
	}{
		{"default", nil},
		{"small", []zstd.Option{zstd.Level(7)}},
		{"window", []zstd.Option{zstd.Window(1 << 10)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			compresstest.Run(t, compresstest.Subject{Compressor: newCompressor(t, tt.opts...), Concatenates: true})
		})
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	if got := newCompressor(t).Name(); got != "zstd" {
		t.Errorf("Name: got %q, want zstd", got)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		opt  zstd.Option
	}{
		{"Level", zstd.Level(0)},
		{"Level", zstd.Level(23)},
		{"Window", zstd.Window(512)},
		{"Window", zstd.Window(3000)},
		{"Window", zstd.Window(16 << 20)},
		{"nil Option", nil},
	} {
		if _, err := zstd.New(tt.opt); err == nil || !strings.Contains(err.Error(), tt.name) {
			t.Errorf("New: got error %v, want one that names %s", err, tt.name)
		}
	}
}

// streamed returns n bytes of what fill gives, compressed by a stream, which does not know the length beforehand.
func streamed(t testing.TB, part []byte, times int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := kzstd.NewWriter(&b, kzstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	for range times {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestUnknownLength decompresses frames that do not say how long they are.
func TestUnknownLength(t *testing.T) {
	t.Parallel()
	c := newCompressor(t)
	for _, tt := range []struct {
		name  string
		part  string
		times int
	}{
		{"short", "hello", 3},
		{"long", strings.Repeat("hello ", 1000), 300},
		{"dense", strings.Repeat("\x00", 1<<16), 300},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			src := streamed(t, []byte(tt.part), tt.times)
			want := strings.Repeat(tt.part, tt.times)
			got, err := c.AppendDecompress([]byte("x"), src, len(want))
			if err != nil || string(got) != "x"+want {
				t.Errorf("got %d bytes and error %v, want %d", len(got)-1, err, len(want))
			}
			if _, err := c.AppendDecompress(nil, src, len(want)-1); !errors.Is(err, compress.ErrTooLarge) {
				t.Errorf("with limit %d: got error %v, want compress.ErrTooLarge", len(want)-1, err)
			}
		})
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestBombOfUnknownLength(t *testing.T) { //nolint:paralleltest // memory is measured
	const limit = 1 << 20
	c := newCompressor(t)
	src := streamed(t, make([]byte, 1<<20), 1<<10)
	took := allocated(func() {
		if _, err := c.AppendDecompress(nil, src, limit); !errors.Is(err, compress.ErrTooLarge) {
			t.Errorf("got error %v, want compress.ErrTooLarge", err)
		}
	})
	if took > 8*limit {
		t.Errorf("%d bytes were allocated with a limit of %d", took, limit)
	}
}

// TestLyingFrame has frames that say that they are long, or need a large window.
func TestLyingFrame(t *testing.T) { //nolint:paralleltest // memory is measured
	for _, tt := range []struct {
		name string
		src  string
	}{
		{"length", "\x28\xb5\x2f\xfd" + "\xa0\x00\x00\x00\x04" + "\x09\x00\x00" + "a"},
		{"length and window", "\x28\xb5\x2f\xfd" + "\x80\x90\x00\x00\x00\x04" + "\x09\x00\x00" + "a"},
		{"eight bytes of length", "\x28\xb5\x2f\xfd" + "\xe0\xff\xff\xff\xff\xff\xff\xff\xff" + "\x09\x00\x00" + "a"},
		{"skippable frame", "\x50\x2a\x4d\x18\xff\xff\xff\xff"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCompressor(t)
			_, _ = c.AppendDecompress(nil, []byte("\x28\xb5\x2f\xfd\x20\x01\x09\x00\x00a"), 1) // fill the pool
			took := allocated(func() {
				if _, err := c.AppendDecompress(nil, []byte(tt.src), 1<<30); err == nil {
					t.Error("got no error")
				}
			})
			if took > 1<<20 {
				t.Errorf("%d bytes were allocated for %d", took, len(tt.src))
			}
		})
	}
}

// TestWindow decompresses a frame that needs a window of 512 MiB, which costs nothing since the content is the window.
func TestWindow(t *testing.T) {
	t.Parallel()
	c := newCompressor(t)
	src := "\x28\xb5\x2f\xfd" + "\x00\x98" + "\x09\x00\x00" + "a"
	if got, err := c.AppendDecompress(nil, []byte(src), 1); err != nil || string(got) != "a" {
		t.Errorf("got %q and error %v, want a", got, err)
	}
}

func TestSkippableFrame(t *testing.T) {
	t.Parallel()
	c := newCompressor(t)
	one, err := c.AppendCompress(nil, []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	src := append([]byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"), one...)
	if got, err := c.AppendDecompress(nil, src, 3); err != nil || string(got) != "one" {
		t.Errorf("got %q and error %v, want one", got, err)
	}
}

func TestAllocations(t *testing.T) { //nolint:paralleltest // allocations are counted
	c := newCompressor(t)
	src := []byte(strings.Repeat("hello ", 1000))
	packed, err := c.AppendCompress(nil, src)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, 0, 1<<14)
	assert.Allocs(t, 0, func() { _, _ = c.AppendCompress(dst, src) })
	assert.Allocs(t, 0, func() { _, _ = c.AppendDecompress(dst, packed, len(src)) })
}

func FuzzDecompress(f *testing.F) {
	c := newCompressor(f)
	for _, s := range []string{"", "a", strings.Repeat("hello ", 100)} {
		b, err := c.AppendCompress(nil, []byte(s))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(append(b, b...))
		f.Add(b[:len(b)-3])
		f.Add(streamed(f, []byte(s), 3))
	}
	f.Add([]byte("\x50\x2a\x4d\x18\x01\x00\x00\x00a"))
	plain, err := kzstd.NewReader(nil, kzstd.WithDecoderConcurrency(1), kzstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		const limit = 1 << 16
		got, err := c.AppendDecompress(nil, src, limit)
		if len(got) > limit {
			t.Fatalf("got %d bytes with limit %d", len(got), limit)
		}
		want, wantErr := plain.DecodeAll(src, nil)
		switch {
		case err == nil && (wantErr != nil || !bytes.Equal(got, want)):
			t.Fatalf("got %d bytes, without a limit %d and error %v", len(got), len(want), wantErr)
		case err != nil && wantErr == nil && len(want) <= limit && len(src) > 0:
			t.Fatalf("got error %v, without a limit there is none and %d bytes", err, len(want))
		}
	})
}
