package grpc

import (
	"math"

	"github.com/fairlead-go/fairlead"
)

// limit is the largest size of a message in one direction. Its errors say who set it and how to change it.
type limit struct {
	bytes  int
	owner  string // "server"
	option string // "server.MaxRecvMessage"
}

// newLimit makes a limit; a size that is not positive means that only the wire's own limit holds.
func newLimit(bytes int, owner, option string) limit {
	if bytes <= 0 || int64(bytes) > math.MaxUint32 {
		// The prefix of a message has four bytes for its length.
		bytes = int(min(int64(math.MaxInt), math.MaxUint32))
	}
	return limit{bytes: bytes, owner: owner, option: option}
}

// received is the error for a message of n bytes that arrives.
func (l *limit) received(n uint32) error {
	return fairlead.Errorf(fairlead.ResourceExhausted, "received message of %d bytes exceeds the %s's limit of %d (%s)",
		n, l.owner, l.bytes, l.option)
}

// decompressed is the error for a message that arrives and is too long only once it is decompressed.
func (l *limit) decompressed() error {
	return fairlead.Errorf(fairlead.ResourceExhausted,
		"received message exceeds the %s's limit of %d bytes once decompressed (%s)", l.owner, l.bytes, l.option)
}

// sent is the error for a message of n bytes that is to be sent.
func (l *limit) sent(n int) error {
	return fairlead.Errorf(fairlead.ResourceExhausted,
		"message to be sent has %d bytes and exceeds the %s's limit of %d (%s)", n, l.owner, l.bytes, l.option)
}
