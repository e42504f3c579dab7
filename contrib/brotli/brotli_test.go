package brotli_test

import (
	"bytes"
	"strings"
	"testing"

	stock "github.com/andybalholm/brotli"
	"github.com/fairlead-go/fairlead/compress/compresstest"
	"github.com/fairlead-go/fairlead/contrib/brotli"
)

func newCompressor(t testing.TB, opts ...brotli.Option) *brotli.Compressor {
	t.Helper()
	c, err := brotli.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSuite(t *testing.T) { //nolint:paralleltest // memory is measured
	if raceEnabled {
		t.Skip("memory is not what it is with the race detector, and compressing takes a minute")
	}
	for _, tt := range []struct {
		name string
		opts []brotli.Option
	}{
		{"default", nil},
		{"fast", []brotli.Option{brotli.Level(0), brotli.Window(10)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			compresstest.Run(t, compresstest.Subject{Compressor: newCompressor(t, tt.opts...)})
		})
	}
}

// TestStock: the library reads what is written, with the window that was asked for, and its streams are read.
func TestStock(t *testing.T) {
	t.Parallel()
	text := []byte(strings.Repeat("fairlead carries lines; ", 1000))
	c := newCompressor(t)
	packed, err := c.AppendCompress(nil, text)
	if err != nil || len(packed) > len(text)/10 {
		t.Fatalf("got %d bytes, %v", len(packed), err)
	}
	var got bytes.Buffer
	if _, err := got.ReadFrom(stock.NewReader(bytes.NewReader(packed))); err != nil || !bytes.Equal(got.Bytes(), text) {
		t.Errorf("got %d bytes, %v", got.Len(), err)
	}
	got.Reset()
	w := stock.NewWriterLevel(&got, 9)
	_, _ = w.Write(text)
	_ = w.Close()
	if plain, err := c.AppendDecompress(nil, got.Bytes(), len(text)); err != nil || !bytes.Equal(plain, text) {
		t.Errorf("got %d bytes, %v", len(plain), err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []brotli.Option{nil, brotli.Level(-1), brotli.Level(12), brotli.Window(9), brotli.Window(25)} {
		if _, err := brotli.New(o); err == nil || !strings.HasPrefix(err.Error(), "brotli: ") {
			t.Errorf("got %v", err)
		}
	}
}

// FuzzDecompress: nothing panics, and nothing is longer than the limit.
func FuzzDecompress(f *testing.F) {
	c := newCompressor(f)
	packed, err := c.AppendCompress(nil, []byte(strings.Repeat("x", 1000)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed, 1000)
	f.Add(packed, 999)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, src []byte, limit int) {
		limit = min(limit, 1<<20)
		out, err := c.AppendDecompress([]byte("before"), src, limit)
		if err == nil && len(out)-len("before") > max(limit, 0) {
			t.Errorf("got %d bytes, want %d at most", len(out), limit)
		}
	})
}
