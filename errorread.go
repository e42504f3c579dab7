package fairlead

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
)

// Methods of errors that handlers and middleware return are called after these have returned, in a goroutine of the
// protocol, where no middleware recovers from their panics. All code that reads such errors uses the functions here.

// read makes an Error from any other error, and from an Error with the code OK. Broken reports whether methods of err
// panic; err is then not the Error's cause, so that no other code calls them.
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

// readText is read for an error whose text is text and in whose tree find has found inner, nil if it has found none.
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

// usable returns err, or an Error in its place if methods of err panic. End functions call them.
func usable(err error) error {
	if _, ok := err.(*Error); ok { //nolint:errorlint // the usual case
		return err
	}
	if e, broken := read(err); broken {
		return e
	}
	return err
}

// readCode returns the code of the Error that read makes, and avoids making it.
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

// textOf returns err.Error(). If that panics, it returns a text that says so, and false.
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

// panicText describes the value of a panic. The text goes to the peer, so that it does not include values of the
// program's own types.
func panicText(p any) string {
	if e, ok := p.(runtime.Error); ok {
		if text, ok := textOf(e); ok {
			return text
		}
	}
	return fmt.Sprintf("a panic with a value of type %T", p)
}
