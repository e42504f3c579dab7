package protocoltest

import (
	"io"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// ReadAll returns what is left of a pipe's body, appended to dst; more than limit bytes are an error. The bytes up to
// an error are returned with it.
func ReadAll(dst []byte, p protocol.Pipe, limit int) ([]byte, error) {
	for {
		b, err := p.Read()
		if err == io.EOF { //nolint:errorlint // Pipe returns it bare
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
		if len(b) > limit {
			return dst, fairlead.Errorf(fairlead.ResourceExhausted, "the body is longer than its limit")
		}
		limit -= len(b)
		dst = append(dst, b...)
	}
}
