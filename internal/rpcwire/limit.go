package rpcwire

import (
	"math"

	"github.com/fairlead-go/fairlead"
)

// Limit is the length in bytes of the longest message in one direction. Its errors name the option that changes it.
type Limit struct {
	Bytes  int
	owner  string // "server"
	option string // "server.MaxRecvMessage"
}

// NewLimit returns a limit. The owner, "server", and its option, "server.MaxRecvMessage", are for errors. With 0 or
// less bytes only the limit of the envelope holds, 4 GiB.
func NewLimit(bytes int, owner, option string) Limit {
	if bytes <= 0 || int64(bytes) > math.MaxUint32 {
		// The prefix of a message has four bytes for its length.
		bytes = int(min(int64(math.MaxInt), math.MaxUint32))
	}
	return Limit{Bytes: bytes, owner: owner, option: option}
}

// Received returns the error for a message of n bytes that arrives.
func (l *Limit) Received(n int64) error {
	return fairlead.Errorf(fairlead.ResourceExhausted, "received message of %d bytes exceeds the %s's limit of %d (%s)",
		n, l.owner, l.Bytes, l.option)
}

// Longer returns the error for a message that turns out to be too long while it arrives.
func (l *Limit) Longer() error {
	return fairlead.Errorf(fairlead.ResourceExhausted, "received message exceeds the %s's limit of %d bytes (%s)",
		l.owner, l.Bytes, l.option)
}

// Decompressed returns the error for a message that is too long once it is decompressed.
func (l *Limit) Decompressed() error {
	return fairlead.Errorf(fairlead.ResourceExhausted,
		"received message exceeds the %s's limit of %d bytes once decompressed (%s)", l.owner, l.Bytes, l.option)
}

// Sent returns the error for a message of n bytes that is to be sent.
func (l *Limit) Sent(n int) error {
	return fairlead.Errorf(fairlead.ResourceExhausted,
		"message to be sent has %d bytes and exceeds the %s's limit of %d (%s)", n, l.owner, l.Bytes, l.option)
}
