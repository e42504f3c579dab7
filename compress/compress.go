// Package compress names what compresses messages. Its children are the algorithms.
package compress

import "errors"

// ErrTooLarge says that a message would be longer than the limit once decompressed.
var ErrTooLarge = errors.New("compress: the message is longer than the limit once decompressed")

// Compressor works by appending. It must be safe for concurrent use and hold no more than pooled state.
type Compressor interface {
	// Name is the encoding's name on the wire, such as "gzip".
	Name() string
	// AppendCompress appends the compressed src to dst.
	AppendCompress(dst, src []byte) ([]byte, error)
	// AppendDecompress appends the decompressed src to dst. It stops with ErrTooLarge before it has appended more than
	// limit bytes, and allocates in proportion to what it really decompressed.
	AppendDecompress(dst, src []byte, limit int) ([]byte, error)
}
