// Package gzip is the compressor "gzip" (RFC 1952).
package gzip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/fairlead-go/fairlead/compress"
)

// Compressor compresses with gzip. It is safe for concurrent use; make it with New. The state of compressing and
// decompressing (up to a megabyte, and 50 KiB) is pooled, and the garbage collector frees it when it is not used.
type Compressor struct {
	level   int
	writers sync.Pool // of *writer
	readers sync.Pool // of *reader
}

var _ compress.Compressor = (*Compressor)(nil)

// Option changes how New makes a Compressor.
type Option interface{ apply(c *config) }

type config struct{ level int }

type optionFunc func(c *config)

func (f optionFunc) apply(c *config) { f(c) }

// Level sets the effort, from 1 (fast) to 9 (small), or 0 to store without compressing. Default: 5.
func Level(n int) Option { return optionFunc(func(c *config) { c.level = n }) }

// New makes a Compressor.
func New(opts ...Option) (*Compressor, error) {
	cfg := config{level: 5}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("gzip: nil Option")
		}
		o.apply(&cfg)
	}
	if cfg.level < gzip.NoCompression || cfg.level > gzip.BestCompression {
		return nil, fmt.Errorf("gzip: Level is %d, want %d to %d", cfg.level, gzip.NoCompression, gzip.BestCompression)
	}
	return &Compressor{level: cfg.level}, nil
}

// Name returns "gzip".
func (*Compressor) Name() string { return "gzip" }

// AppendCompress appends src as one gzip member to dst.
func (c *Compressor) AppendCompress(dst, src []byte) ([]byte, error) {
	w, ok := c.writers.Get().(*writer)
	if !ok {
		w = new(writer)
		z, err := gzip.NewWriterLevel(w, c.level)
		if err != nil {
			return dst, err
		}
		w.gzip = z
	}
	w.out = dst
	w.gzip.Reset(w)
	_, err := w.gzip.Write(src)
	if err == nil {
		err = w.gzip.Close()
	}
	out := w.out
	w.out = nil
	c.writers.Put(w)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// writer is pooled: a gzip writer and the slice that it appends to.
type writer struct {
	gzip *gzip.Writer
	out  []byte
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	return len(p), nil
}

// AppendDecompress appends the decompressed content of src, which has one gzip member or several (RFC 1952, section
// 2.2). Bytes after the last member are an error.
func (c *Compressor) AppendDecompress(dst, src []byte, limit int) ([]byte, error) {
	r, ok := c.readers.Get().(*reader)
	if !ok {
		r = new(reader)
	}
	defer func() {
		r.src.Reset(nil)
		c.readers.Put(r)
	}()
	r.src.Reset(src)
	if err := r.open(); err != nil {
		return dst, corrupt(err)
	}
	out, err := r.appendAll(slices.Grow(dst, expected(src, limit)), limit)
	switch {
	case err == nil:
		return out, nil
	case errors.Is(err, compress.ErrTooLarge):
		return dst, err
	default:
		return dst, corrupt(err)
	}
}

// expected returns the length that src claims for its content, modulo 2^32, as far as that is plausible.
func expected(src []byte, limit int) int {
	const trailer = 4 // ISIZE
	if len(src) < trailer {
		return 0
	}
	n := uint64(binary.LittleEndian.Uint32(src[len(src)-trailer:]))
	return int(min(n, 8*uint64(len(src)), uint64(max(limit, 0))))
}

// reader is pooled: a gzip reader and its source, which is an io.ByteReader so that the gzip reader needs no buffer.
type reader struct {
	gzip gzip.Reader
	src  bytes.Reader
}

// open reads the header of a member.
func (r *reader) open() error {
	if err := r.gzip.Reset(&r.src); err != nil {
		return err
	}
	// The gzip reader would go on to the next member itself, but takes some members that are cut off for the end.
	r.gzip.Multistream(false)
	return nil
}

// read reads on, from the next member if there is one after this one. It returns io.EOF after the last.
func (r *reader) read(p []byte) (int, error) {
	for {
		n, err := r.gzip.Read(p)
		if err != io.EOF || r.src.Len() == 0 { //nolint:errorlint // io.Reader returns it bare
			return n, err
		}
		if err := r.open(); err != nil {
			return n, unexpected(err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// appendAll appends what it reads, at most limit bytes. It takes at most about twice the memory of what it has read.
func (r *reader) appendAll(dst []byte, limit int) ([]byte, error) {
	for start := len(dst); ; {
		left := limit - (len(dst) - start)
		if left <= 0 {
			return dst, r.end()
		}
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, min(512, left))
		}
		n, err := r.read(dst[len(dst):min(cap(dst), len(dst)+left)])
		dst = dst[:len(dst)+n]
		if err == io.EOF { //nolint:errorlint // read returns it bare
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// end reads on at the limit, where there may be trailers and empty members but nothing else.
func (r *reader) end() error {
	var one [1]byte
	for {
		n, err := r.read(one[:])
		switch {
		case n > 0:
			return compress.ErrTooLarge
		case err == io.EOF: //nolint:errorlint // read returns it bare
			return nil
		case err != nil:
			return err
		}
	}
}

// unexpected returns err, io.ErrUnexpectedEOF for io.EOF.
func unexpected(err error) error {
	if err == io.EOF { //nolint:errorlint // the gzip reader returns it bare
		return io.ErrUnexpectedEOF
	}
	return err
}

// corrupt explains an error of the gzip reader.
func corrupt(err error) error { return fmt.Errorf("gzip: corrupt input: %w", unexpected(err)) }
