// Package brotli is the compressor "br" (RFC 7932), for peers that have nothing better than browsers have. zstd, which
// the core has, is faster both ways.
//
//	br, err := brotli.New()
//	srv, err := preset.NewServer(":8080", server.Compressor(br), server.Service(impl))
package brotli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/fairlead-go/fairlead/compress"
)

// Compressor compresses with Brotli. It is safe for concurrent use; make it with New. Its state is pooled.
type Compressor struct {
	options brotli.WriterOptions
	writers sync.Pool // of *writer
	readers sync.Pool // of *reader
}

var _ compress.Compressor = (*Compressor)(nil)

// Option changes how New makes a Compressor.
type Option interface{ apply(c *config) }

type config struct{ level, window int }

type optionFunc func(c *config)

func (f optionFunc) apply(c *config) { f(c) }

// Level sets the effort, from 0 (fast) to 11 (small and slow). Default: 4.
func Level(n int) Option { return optionFunc(func(c *config) { c.level = n }) }

// Window sets how many bytes back a repetition is found, as a power of two: from 10 (1 KiB) to 24 (16 MiB). A
// compressor in use takes several times as much memory, and so does the peer's decompressor. Default: 18 (256 KiB).
func Window(bits int) Option { return optionFunc(func(c *config) { c.window = bits }) }

// New makes a Compressor.
func New(opts ...Option) (*Compressor, error) {
	cfg := config{level: 4, window: 18}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("brotli: nil Option")
		}
		o.apply(&cfg)
	}
	if cfg.level < brotli.BestSpeed || cfg.level > brotli.BestCompression {
		return nil, fmt.Errorf("brotli: Level is %d, want %d to %d", cfg.level, brotli.BestSpeed, brotli.BestCompression)
	}
	if cfg.window < 10 || cfg.window > 24 {
		return nil, fmt.Errorf("brotli: Window is %d, want 10 to 24", cfg.window)
	}
	return &Compressor{options: brotli.WriterOptions{Quality: cfg.level, LGWin: cfg.window}}, nil
}

// Name returns "br".
func (*Compressor) Name() string { return "br" }

// writer compresses into b.
type writer struct {
	b appender
	w *brotli.Writer
}

// appender is an io.Writer that appends.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

// AppendCompress appends src as one stream to dst.
func (c *Compressor) AppendCompress(dst, src []byte) ([]byte, error) {
	w, ok := c.writers.Get().(*writer)
	if !ok {
		w = new(writer)
		w.w = brotli.NewWriterOptions(&w.b, c.options)
	}
	w.b = dst
	w.w.Reset(&w.b)
	_, err := w.w.Write(src)
	if err == nil {
		err = w.w.Close()
	}
	out := w.b
	w.b = nil
	if err != nil {
		return dst, fmt.Errorf("brotli: %w", err) // the writer is not used again
	}
	c.writers.Put(w)
	return out, nil
}

// reader decompresses from in.
type reader struct {
	in bytes.Reader
	r  *brotli.Reader
}

// AppendDecompress appends the content of the stream src. Bytes after its end are an error. It takes as much memory as
// the stream's window besides, 16 MiB at most, since every decoder must have that.
func (c *Compressor) AppendDecompress(dst, src []byte, limit int) ([]byte, error) {
	r, ok := c.readers.Get().(*reader)
	if !ok {
		r = new(reader)
		r.r = brotli.NewReader(nil)
	}
	r.in.Reset(src)
	if err := r.r.Reset(&r.in); err != nil {
		return dst, fmt.Errorf("brotli: %w", err)
	}
	defer func() {
		r.in.Reset(nil)
		c.readers.Put(r)
	}()
	out, room := dst, max(limit, 0)
	for {
		// One byte more than the limit allows tells too long from exactly as long.
		out = slices.Grow(out, min(max(len(out)-len(dst), 512), room)+1)
		free := out[len(out):min(cap(out), len(out)+room+1)]
		n, err := r.r.Read(free)
		if n > room {
			return dst, compress.ErrTooLarge
		}
		out, room = out[:len(out)+n], room-n
		switch {
		case err == io.EOF && r.in.Len() == 0: //nolint:errorlint // the reader returns it bare
			return out, nil
		case err == io.EOF: //nolint:errorlint // as above
			return dst, errors.New("brotli: corrupt input: bytes behind the end of the stream")
		case err != nil:
			return dst, fmt.Errorf("brotli: corrupt input: %w", err)
		}
	}
}
