// Package zstd is the compressor "zstd" (RFC 8878).
package zstd

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/fairlead-go/fairlead/compress"
)

// Compressor compresses with Zstandard. It is safe for concurrent use; make it with New. It runs no goroutines. The
// state of compressing and decompressing (some megabytes) is pooled, and the garbage collector frees it when it is not
// used.
type Compressor struct {
	level    zstd.EncoderLevel
	window   int
	encoders sync.Pool // of *zstd.Encoder
	decoders sync.Pool // of *zstd.Decoder
}

var _ compress.Compressor = (*Compressor)(nil)

// Option changes how New makes a Compressor.
type Option interface{ apply(c *config) }

type config struct{ level, window int }

type optionFunc func(c *config)

func (f optionFunc) apply(c *config) { f(c) }

// The levels of the zstd command.
const minLevel, maxLevel = 1, 22

// Level sets the effort, from 1 (fast) to 22 (small), like the levels of the zstd command; the implementation has four
// steps, which begin at 1, 3, 7 and 10. Default: 1.
func Level(n int) Option { return optionFunc(func(c *config) { c.level = n }) }

// Window sets how many bytes back a repetition is found, a power of two from 1 KiB to 8 MiB, which every decoder must
// support (RFC 8878, section 3.1.1.1.2). A compressor in use takes about twice as much memory. Default: 1 MiB.
func Window(n int) Option { return optionFunc(func(c *config) { c.window = n }) }

// New makes a Compressor.
func New(opts ...Option) (*Compressor, error) {
	cfg := config{level: minLevel, window: 1 << 20}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("zstd: nil Option")
		}
		o.apply(&cfg)
	}
	if cfg.level < minLevel || cfg.level > maxLevel {
		return nil, fmt.Errorf("zstd: Level is %d, want %d to %d", cfg.level, minLevel, maxLevel)
	}
	if cfg.window < 1<<10 || cfg.window > 8<<20 || cfg.window&(cfg.window-1) != 0 {
		return nil, fmt.Errorf("zstd: Window is %d, want a power of two from 1024 to 8388608", cfg.window)
	}
	return &Compressor{level: zstd.EncoderLevelFromZstd(cfg.level), window: cfg.window}, nil
}

// Name returns "zstd".
func (*Compressor) Name() string { return "zstd" }

// AppendCompress appends src as one frame, with its length and a checksum, to dst.
func (c *Compressor) AppendCompress(dst, src []byte) ([]byte, error) {
	e, ok := c.encoders.Get().(*zstd.Encoder)
	if !ok {
		var err error
		e, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
			zstd.WithEncoderLevel(c.level), zstd.WithWindowSize(c.window), zstd.WithZeroFrames(true))
		if err != nil {
			return dst, err
		}
	}
	out := e.EncodeAll(src, dst)
	c.encoders.Put(e)
	return out, nil
}

const (
	// spare room behind the content is the decoder's condition for its fast path.
	spare = 16
	// largest is the greatest length of a block's content (section 3.1.1.2.4).
	largest = 128 << 10
)

// AppendDecompress appends the decompressed content of src's frames. Bytes after the last frame are an error.
func (c *Compressor) AppendDecompress(dst, src []byte, limit int) ([]byte, error) {
	limit = min(max(limit, 0), math.MaxInt-largest-spare)
	most, exact, err := contentSize(src)
	switch {
	case err != nil:
		return dst, corrupt(err)
	case exact && most > limit:
		return dst, compress.ErrTooLarge
	}
	d, ok := c.decoders.Get().(*zstd.Decoder)
	if !ok {
		d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return dst, err
		}
	}
	defer c.decoders.Put(d)
	// Room for one more block than the limit allows tells too large from corrupt: if the decoder stops for lack of room,
	// the blocks before have passed the limit.
	most = min(most, limit+largest)
	room := most
	if !exact {
		// Without the length in the frame there is room for a usual ratio first, then for more, since blocks could be
		// much longer than they are.
		room = min(most, max(4*len(src), 4<<10))
	}
	for {
		dst = slices.Grow(dst, room+spare)
		out, err := d.DecodeAll(src, dst[len(dst):len(dst):len(dst)+room+spare])
		exceeded := errors.Is(err, zstd.ErrDecoderSizeExceeded)
		switch {
		case err != nil && room < most && (exceeded || len(out)+largest > room):
			// For lack of room the decoder returns other errors, too.
			room = min(most, 4*room)
			continue
		case len(out) > limit, exceeded && most > limit:
			return dst, compress.ErrTooLarge
		case err != nil:
			return dst, corrupt(err)
		}
		// This copies nothing: the decoder has written into dst.
		return append(dst, out...), nil
	}
}

func corrupt(err error) error { return fmt.Errorf("zstd: corrupt input: %w", err) }

// contentSize returns the length of the content of src's frames: the exact length if all frames have it, and otherwise
// the most. A frame that claims more than its blocks can hold is corrupt, so that a peer cannot cause allocations for
// nothing.
func contentSize(src []byte) (size int, exact bool, err error) {
	if len(src) == 0 {
		return 0, false, io.ErrUnexpectedEOF
	}
	exact = true
	for len(src) > 0 {
		var h zstd.Header
		if err := h.Decode(src); err != nil {
			return 0, false, err
		}
		if h.Skippable {
			n := h.HeaderSize + int(h.SkippableSize)
			if n > len(src) {
				return 0, false, io.ErrUnexpectedEOF
			}
			src = src[n:]
			continue
		}
		most, rest, ok := blocks(src[h.HeaderSize:])
		if ok && h.HasCheckSum {
			if ok = len(rest) >= 4; ok {
				rest = rest[4:]
			}
		}
		if !ok {
			return 0, false, io.ErrUnexpectedEOF
		}
		if h.HasFCS {
			if h.FrameContentSize > uint64(most) {
				return 0, false, errors.New("the frame is longer than its blocks")
			}
			most = int(h.FrameContentSize)
		} else {
			exact = false
		}
		size += most
		src = rest
	}
	return size, exact, nil
}

// blocks walks the blocks of a frame (RFC 8878, section 3.1.1.2). It returns the most bytes that their content can
// have, and the bytes after them.
func blocks(b []byte) (most int, rest []byte, ok bool) {
	const (
		header = 3
		rle    = 1
		packed = 2
	)
	for {
		if len(b) < header {
			return 0, nil, false
		}
		h := int(b[0]) | int(b[1])<<8 | int(b[2])<<16
		b = b[header:]
		last, kind, size := h&1 != 0, h>>1&3, h>>3
		content := size
		switch kind {
		case rle:
			size = 1
		case packed:
			content = largest
		}
		if size > len(b) {
			return 0, nil, false
		}
		most += content
		b = b[size:]
		if last {
			return most, b, true
		}
	}
}
