package peer

import (
	"context"
	"crypto/tls"
	"sync/atomic"
	"time"
)

// DialConfig is what a client program makes its connections with.
type DialConfig struct {
	Addr     string
	TLS      *tls.Config   // nil: plaintext
	Size     int           // bytes of a message's text
	Deadline time.Duration // of each unary call, set as a user of the framework would; 0: none
	Metadata bool          // send RequestIDKey with RequestID in each call
}

// What Metadata sends.
const (
	RequestIDKey = "x-request-id"
	RequestID    = "6f1b0c5e-5d0c-4b7e-9f53-0d1f4c1c9a11"
)

// Dial makes a client with one connection. The connection may be made at the first call.
type Dial func(ctx context.Context, cfg *DialConfig) (Channel, error)

// Channel is a client with one connection. Safe for concurrent use.
type Channel interface {
	// Caller makes a caller, whose unary requests carry action (see Act).
	Caller(action string) Caller
	Close() error
}

// Caller makes calls, one at a time, and checks that the answers are right. It makes its request once: what counts is
// what the framework does with it.
type Caller interface {
	Unary(ctx context.Context) error
	// Receive opens a server stream of n messages and reads it to its end; it adds to got for each message.
	Receive(ctx context.Context, n int, got *atomic.Int64) error
	// Send opens a client stream, sends n messages and reads the answer, which counts them; it adds to sent for each.
	Send(ctx context.Context, n int, sent *atomic.Int64) error
	// Chat opens a bidirectional stream.
	Chat(ctx context.Context) (Chat, error)
}

// Chat is a bidirectional stream.
type Chat interface {
	// Turn sends a message and reads the answer.
	Turn() error
	// Close ends the stream from this side and reads the end of the other.
	Close() error
}
