package validate

import (
	"errors"
	"strconv"
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/middleware/validate/rules"
)

// Violation is one rule that a message breaks.
type Violation = rules.Violation

// Error is the error of an invalid message. The middleware's errors are of type *fairlead.Error and wrap one on the
// side where the rules were applied; Fields works on both sides.
type Error struct {
	// Violations has at least one element.
	Violations []Violation
	// Stopped reports whether there may be more violations, because the limit was reached (see Limit).
	Stopped bool
}

// Error names the first violation and counts the others.
func (e *Error) Error() string {
	if len(e.Violations) == 0 {
		return "no violations"
	}
	first := &e.Violations[0]
	var b strings.Builder
	if first.Field != "" {
		b.WriteString(first.Field)
		if first.ForKey {
			b.WriteString(" (key)")
		}
		b.WriteString(": ")
	}
	b.WriteString(first.Message)
	switch more := len(e.Violations) - 1; {
	case more == 1:
		b.WriteString("; and 1 more violation")
	case more > 1:
		b.WriteString("; and " + strconv.Itoa(more) + " more violations")
	}
	return b.String()
}

// invalid returns the error of a call whose message breaks rules.
func invalid(code fairlead.Code, what string, broken *Error) *fairlead.Error {
	e := fairlead.Errorf(code, "%s%w", what, broken)
	e.Details = []fairlead.Detail{{Type: badRequestType, Value: encodeBadRequest(broken.Violations)}}
	return e
}

// Fields returns the violations in err: those found on this side, or those in the google.rpc.BadRequest details of an
// error that arrived. It returns nil if there are none.
func Fields(err error) []Violation {
	if own, ok := errors.AsType[*Error](err); ok {
		return own.Violations
	}
	e, ok := errors.AsType[*fairlead.Error](err)
	if !ok {
		return nil
	}
	var all []Violation
	for i := range e.Details {
		// The sender may choose what is before the last slash (google/protobuf/any.proto).
		if strings.HasSuffix(e.Details[i].Type, "/"+badRequestName) {
			all = append(all, parseBadRequest(e.Details[i].Value)...)
		}
	}
	return all
}
