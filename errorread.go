package fairlead

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
)

// The methods of errors that handlers and middleware return are called when these have returned: in the goroutine of a
// protocol, where no middleware recovers from their panics. What reads such an error does so through this file.

// read makes an Error of any other, or of one that says OK. Broken reports that methods of err panic; err is not the
// Error's cause then, so that nobody else meets them.
func read(err error) (e *Error, broken bool) {
	defer func() {
		if p := recover(); p != nil {
			text, ok := textOf(err)
			if ok {
				text += fmt.Sprintf(" (an error of type %T, of which other methods panic: %s)", err, panicText(p))
			}
			e, broken = &Error{Code: Unknown, Message: text}, true
		}
	}()
	inner, itself := find(err)
	if inner == nil && itself {
		return &Error{Code: Unknown, Message: "a nil *fairlead.Error was returned as an error"}, false
	}
	text, ok := textOf(err)
	e = readText(err, inner, itself, text)
	if !ok && e != inner {
		e.cause = nil
	}
	return e, !ok
}

// readText is read for an error with that text, and with inner in its tree if that is not nil.
func readText(err error, inner *Error, itself bool, text string) *Error {
	switch {
	case inner == nil:
		return convert(err, text)
	case inner.Code != OK && (itself || text == inner.Error()):
		return inner // nothing was added
	}
	message := text
	if itself {
		message = inner.Message
	}
	return &Error{
		Code: failure(inner.Code), Message: message, Details: slices.Clone(inner.Details), Reach: inner.Reach,
		fromPeer: inner.fromPeer, cause: err, reason: inner.reason,
	}
}

// usable returns err, or, if methods of it panic, an Error in its place, for those that are told and call them.
func usable(err error) error {
	if _, ok := err.(*Error); ok { //nolint:errorlint // the usual case
		return err
	}
	if e, broken := read(err); broken {
		return e
	}
	return err
}

// readCode returns the code of what read makes, and makes as little as it can.
func readCode(err error) (code Code) {
	defer func() {
		if recover() != nil {
			code = Unknown
		}
	}()
	if e, _ := find(err); e != nil {
		return failure(e.Code)
	}
	e, _ := read(err)
	return e.Code
}

// textOf returns what err's method Error does. False: it panics, and the text says so.
func textOf(err error) (text string, ok bool) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
			text = fmt.Sprintf("a nil %T was returned as an error", err)
		} else {
			text = fmt.Sprintf("an error of type %T, whose method Error panics: %s", err, panicText(p))
		}
	}()
	return err.Error(), true
}

// panicText says what a panic was. It goes to the peer: a value of the program's own stays in this process.
func panicText(p any) string {
	if e, ok := p.(runtime.Error); ok {
		if text, ok := textOf(e); ok {
			return text
		}
	}
	return fmt.Sprintf("a panic with a value of type %T", p)
}
