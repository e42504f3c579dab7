package gzip_test

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/compress/compresstest"
	"github.com/fairlead-go/fairlead/compress/gzip"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func newCompressor(t testing.TB, opts ...gzip.Option) *gzip.Compressor {
	t.Helper()
	c, err := gzip.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSuite(t *testing.T) { //nolint:paralleltest // memory is measured
	for _, tt := range []struct {
		name string
		opts []gzip.Option
	}{
		{"default", nil},
		{"fast", []gzip.Option{gzip.Level(1)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			compresstest.Run(t, compresstest.Subject{Compressor: newCompressor(t, tt.opts...), Concatenates: true})
		})
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	if got := newCompressor(t).Name(); got != "gzip" {
		t.Errorf("Name: got %q, want gzip", got)
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	want := strings.Repeat("hello ", 1000)
	for n := range 10 {
		c := newCompressor(t, gzip.Level(n))
		packed, err := c.AppendCompress(nil, []byte(want))
		if err != nil {
			t.Fatal(err)
		}
		if small := len(packed) < len(want)/10; small != (n > 0) {
			t.Errorf("level %d: %d bytes became %d", n, len(want), len(packed))
		}
		if got, err := c.AppendDecompress(nil, packed, len(want)); err != nil || string(got) != want {
			t.Errorf("level %d: got %d bytes and error %v, want %d", n, len(got), err, len(want))
		}
	}
}

func TestLevelIsChecked(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, 10} {
		if _, err := gzip.New(nil); err == nil || !strings.Contains(err.Error(), "nil Option") {
			t.Errorf("New(nil): got error %v", err)
		}
		if _, err := gzip.New(gzip.Level(n)); err == nil || !strings.Contains(err.Error(), "Level") {
			t.Errorf("New(Level(%d)): got error %v, want one that names Level", n, err)
		}
	}
}

// TestStandardLibrary exchanges messages with compress/gzip.
func TestStandardLibrary(t *testing.T) {
	t.Parallel()
	c := newCompressor(t)
	want := strings.Repeat("hello ", 1000)
	packed, err := c.AppendCompress(nil, []byte(want))
	if err != nil {
		t.Fatal(err)
	}
	r, err := stdgzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != want {
		t.Errorf("compress/gzip reads %d bytes and error %v, want %d", len(got), err, len(want))
	}
	var b bytes.Buffer
	w := stdgzip.NewWriter(&b)
	w.Name, w.Comment, w.Extra = "name", "comment", []byte("extra")
	if _, err := io.WriteString(w, want); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := c.AppendDecompress(nil, b.Bytes(), len(want)); err != nil || string(got) != want {
		t.Errorf("AppendDecompress: got %d bytes and error %v, want %d", len(got), err, len(want))
	}
}

func TestCorruptIsNotTooLarge(t *testing.T) {
	t.Parallel()
	c := newCompressor(t)
	packed, err := c.AppendCompress(nil, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	packed[len(packed)-5] ^= 1 // the checksum
	for name, src := range map[string][]byte{"checksum": packed, "empty": nil, "no gzip": []byte("hello, how are you?")} {
		if _, err := c.AppendDecompress(nil, src, 5); err == nil || errors.Is(err, compress.ErrTooLarge) {
			t.Errorf("%s: got error %v, want one that is not compress.ErrTooLarge", name, err)
		}
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
	}
	f.Add([]byte("\x1f\x8b\x08\x1f"))
	f.Fuzz(func(t *testing.T, src []byte) {
		const limit = 1 << 16
		got, err := c.AppendDecompress(nil, src, limit)
		if err != nil {
			return
		}
		if len(got) > limit {
			t.Fatalf("got %d bytes with limit %d", len(got), limit)
		}
		r, err := stdgzip.NewReader(bytes.NewReader(src))
		if err != nil {
			t.Fatalf("compress/gzip: %v", err)
		}
		if want, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("got %d bytes, compress/gzip %d and error %v", len(got), len(want), err)
		}
	})
}
