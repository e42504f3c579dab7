package protocol

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/fairlead-go/fairlead"
)

// Panics logs and counts panics of users' functions that a server or a client, or its protocols, have recovered from: a
// function that a goroutine of the framework calls must not end the process. Servers and clients always pass a Panics
// to their protocols. Protocols without one, in their own tests, may not recover. It is safe for concurrent use.
type Panics struct {
	side   fairlead.Side
	logger *slog.Logger
	count  atomic.Int64
}

// NewPanics makes the Panics of a server or a client. It logs to logger at error level.
func NewPanics(side fairlead.Side, logger *slog.Logger) *Panics {
	return &Panics{side: side, logger: logger}
}

// Count returns the number of panics.
func (p *Panics) Count() int64 { return p.count.Load() }

// Caught logs and counts a panic. It is called by the deferred function that recovers, so that the stack of the panic
// can be logged. Value is the result of recover, nil for runtime.Goexit; what names the function, "the handler"; m is
// the method for which it was called, nil for none. Caught returns the error with which the call or the operation ends.
// The error has the code Internal and does not contain the value: a server's errors go to the peer, so they say only
// "internal error". A nil *Panics panics again with the value.
func (p *Panics) Caught(m *fairlead.Method, what string, value any) *fairlead.Error {
	return p.caught(m, what, value, false)
}

// CaughtLocked is Caught for one who holds a lock: it does not wait for the logger.
func (p *Panics) CaughtLocked(m *fairlead.Method, what string, value any) *fairlead.Error {
	return p.caught(m, what, value, true)
}

func (p *Panics) caught(m *fairlead.Method, what string, value any, locked bool) *fairlead.Error {
	if p == nil {
		if value != nil {
			panic(value)
		}
		return fairlead.Errorf(fairlead.Internal, "internal error")
	}
	p.count.Add(1)
	message := what + " panicked"
	if value == nil {
		message = what + " called runtime.Goexit"
	}
	stack := string(debug.Stack())
	if locked {
		go p.log(m, message, value, stack)
	} else {
		p.log(m, message, value, stack)
	}
	if p.side == fairlead.ServerSide {
		return fairlead.Errorf(fairlead.Internal, "internal error")
	}
	return fairlead.Errorf(fairlead.Internal, "%s", message)
}

// log makes an entry, without the value if the logger panics, which it may do because methods of the value do.
func (p *Panics) log(m *fairlead.Method, message string, value any, stack string) {
	attr := slog.Any("panic", value)
	if value == nil {
		attr = slog.Attr{} // handlers leave it out
	}
	if !p.try(m, message, attr, stack) {
		p.try(m, message, slog.String("panic", fmt.Sprintf("a value of type %T", value)), stack)
	}
}

// try reports whether the logger took the entry. Otherwise it has panicked.
func (p *Panics) try(m *fairlead.Method, message string, value slog.Attr, stack string) (ok bool) {
	defer func() { _ = recover() }()
	attrs := []slog.Attr{slog.String("side", p.side.String()), value, slog.String("stack", stack)}
	if m != nil {
		attrs = append(attrs, slog.String("method", m.Path))
	}
	p.logger.LogAttrs(context.Background(), slog.LevelError, message, attrs...)
	return true
}
