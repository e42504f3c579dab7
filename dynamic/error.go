package dynamic

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead-go/fairlead/internal/near"
)

// ErrNoReflection is wrapped by errors about a server without reflection: neither grpc.reflection.v1 nor
// grpc.reflection.v1alpha is registered there.
var ErrNoReflection = errors.New("the server has no reflection, neither grpc.reflection.v1 nor v1alpha")

// ErrTooLarge is wrapped by errors about a contract that exceeds MaxFiles or MaxBytes.
var ErrTooLarge = errors.New("the contract is larger than its limit")

// NameError is the error of a name that means nothing in a contract, or several things.
type NameError struct {
	What string // "service", "method" or "symbol"
	Name string // as it was given
	In   string // where it was looked up: the server, or the files
	// Near are names that may have been meant, full and sorted by likeness; those of Ambiguous are all that fit.
	Near      []string
	Ambiguous bool
	// Why adds the reason, "" for none.
	Why string
}

// Error returns the name, where it was looked up, and similar names.
func (e *NameError) Error() string {
	var b strings.Builder
	switch {
	case e.Ambiguous:
		fmt.Fprintf(&b, "%s %q in %s is one of several: %s", e.What, e.Name, e.In, strings.Join(e.Near, ", "))
		return b.String()
	case e.Why != "":
		fmt.Fprintf(&b, "%q in %s %s", e.Name, e.In, e.Why)
	default:
		fmt.Fprintf(&b, "there is no %s %q in %s", e.What, e.Name, e.In)
	}
	if len(e.Near) > 0 {
		fmt.Fprintf(&b, "; did you mean %s?", near.List(e.Near))
	}
	return b.String()
}
