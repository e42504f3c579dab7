package cli

import (
	"errors"
	"fmt"
)

// The exit codes of all subcommands. A subcommand that has more of them says so in its help.
const (
	ExitOK     = 0
	ExitFailed = 1 // something could not be done
	ExitUsage  = 2 // flags or arguments were wrong
	ExitFound  = 3 // a check found something: code that is not up to date, a breaking change, a slower result
)

// Error is how a subcommand ended, when it was not called wrongly. All other errors that a subcommand returns count as
// wrong usage.
type Error struct {
	Code int
	Err  error // nil: all was said already
}

// Error returns the cause's text.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Failed returns err as an Error with the code ExitFailed, nil for nil. What is an Error already stays as it is.
func Failed(err error) error { return Exit(ExitFailed, err) }

// Exit returns err as an Error with that code, nil for nil. What is an Error already stays as it is.
func Exit(code int, err error) error {
	if err == nil {
		return nil
	}
	if already, ok := errors.AsType[*Error](err); ok {
		return already
	}
	return &Error{Code: code, Err: err}
}
