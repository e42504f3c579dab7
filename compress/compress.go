// Package compress defines the compressors of messages. Its subpackages have the algorithms.
package compress

import "errors"

// ErrTooLarge means that a message would be longer than the limit once decompressed.
var ErrTooLarge = errors.New("compress: the message is longer than the limit once decompressed")

// Compressor compresses and decompresses by appending. It must be safe for concurrent use and hold only pooled state.
type Compressor interface {
	// Name returns the encoding's name on the wire, such as "gzip".
	Name() string
	// AppendCompress appends the compressed src to dst.
	AppendCompress(dst, src []byte) ([]byte, error)
	// AppendDecompress appends the decompressed src to dst. It stops with ErrTooLarge before it has appended more than
	// limit bytes, and allocates in proportion to what it has decompressed.
	AppendDecompress(dst, src []byte, limit int) ([]byte, error)
}
