package protocol

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/fairlead-go/fairlead"
)

// Panics logs and counts the panics of users' functions that a server or a client, and its protocols, have recovered
// from: what a goroutine of the framework calls must not end the process. Servers and clients always give protocols
// one. Protocols that have none, in their own tests, may leave panics alone. It is safe for concurrent use.
type Panics struct {
	side   fairlead.Side
	logger *slog.Logger
	count  atomic.Int64
}

// NewPanics makes the Panics of a server or a client, which logs to logger at error level.
func NewPanics(side fairlead.Side, logger *slog.Logger) *Panics {
	return &Panics{side: side, logger: logger}
}

// Count returns how many there were.
func (p *Panics) Count() int64 { return p.count.Load() }

// Caught logs and counts a panic. The deferred function that recovers calls it, so that the stack of the panic still
// stands. Value is what recover returned, nil for runtime.Goexit; what names the function, "the handler"; m is the
// method it was called for, nil for none. The error is what the call or the operation ends with. It has the code
// Internal and does not hold the value: a server says "internal error" and no more, since its errors go to the peer.
// A nil *Panics panics again with the value.
func (p *Panics) Caught(m *fairlead.Method, what string, value any) *fairlead.Error {
	if p == nil {
		if value != nil {
			panic(value)
		}
		return fairlead.Errorf(fairlead.Internal, "internal error")
	}
	p.count.Add(1)
	how := " panicked"
	attr := slog.Any("panic", value)
	if value == nil {
		how = " called runtime.Goexit"
		attr = slog.Attr{} // which handlers leave out
	}
	stack := string(debug.Stack())
	if !p.log(m, what+how, attr, stack) {
		p.log(m, what+how, slog.String("panic", fmt.Sprintf("a value of type %T", value)), stack)
	}
	if p.side == fairlead.ServerSide {
		return fairlead.Errorf(fairlead.Internal, "internal error")
	}
	return fairlead.Errorf(fairlead.Internal, "%s%s", what, how)
}

// log reports whether the logger took the entry. It may panic itself, for example if methods of the value do.
func (p *Panics) log(m *fairlead.Method, message string, value slog.Attr, stack string) (ok bool) {
	defer func() { _ = recover() }()
	attrs := []slog.Attr{slog.String("side", p.side.String()), value, slog.String("stack", stack)}
	if m != nil {
		attrs = append(attrs, slog.String("method", m.Path))
	}
	p.logger.LogAttrs(context.Background(), slog.LevelError, message, attrs...)
	return true
}
