package fairlead

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// quotaError has methods that read its fields, as most errors do: they panic for a nil pointer.
type quotaError struct {
	who string
	err error
}

func (e *quotaError) Error() string { return "no quota for " + e.who }
func (e *quotaError) Unwrap() error { return e.err }

// brokenError has methods that panic with a value of the test's choice, for those that are set.
type brokenError struct{ text, unwrap, is, as, status any }

func raise(p any) {
	if p != nil {
		panic(p)
	}
}

func (e brokenError) Error() string         { raise(e.text); return "a text" }
func (e brokenError) Unwrap() error         { raise(e.unwrap); return nil }
func (e brokenError) Is(error) bool         { raise(e.is); return false }
func (e brokenError) As(any) bool           { raise(e.as); return false }
func (e brokenError) GRPCStatus() *fromGRPC { raise(e.status); return nil }

type fromGRPC struct{}

// halfError holds an Error, and has no text.
type halfError struct{}

func (halfError) Error() string   { panic("secret") }
func (e halfError) Unwrap() error { return Errorf(ResourceExhausted, "inner").With("k", "v") }

// worstError panics with itself, so that not even its panic can be told.
type worstError struct{}

func (e *worstError) Error() string { panic(e) }

// patientError knows nil pointers.
type patientError struct{}

func (e *patientError) Error() string {
	if e == nil {
		return "nothing wrong"
	}
	return "something"
}

func TestErrorOfPanics(t *testing.T) {
	t.Parallel()
	var none *quotaError
	var reason *ReasonError
	var patient *patientError
	tests := []struct {
		name string
		err  error
		code Code
		want []string
	}{
		{"a nil pointer", none, Unknown, []string{"a nil *fairlead.quotaError was returned as an error"}},
		{"a nil pointer to a value's methods", reason, Unknown, []string{"a nil *fairlead.ReasonError was returned"}},
		{"a nil pointer, wrapped", fmt.Errorf("loading: %w", none), Unknown, []string{"loading: ", "runtime error"}},
		{"a nil pointer, joined", errors.Join(errors.New("x"), fmt.Errorf("y: %w", none)), Unknown,
			[]string{"x\ny", "runtime error"}},
		{"a nil pointer with methods", patient, Unknown, []string{"nothing wrong"}},
		{"Error", brokenError{text: "secret"}, Unknown, []string{"fairlead.brokenError", "method Error", "type string"}},
		{"Error, of an Error's holder", halfError{}, ResourceExhausted, []string{"fairlead.halfError", "method Error"}},
		{"Error, wrapped", fmt.Errorf("loading: %w", halfError{}), ResourceExhausted, []string{"loading: "}},
		{"Error, with itself", new(worstError), Unknown, []string{"fairlead.worstError", "method Error"}},
		{"Unwrap", brokenError{unwrap: "secret"}, Unknown, []string{"a text", "fairlead.brokenError", "type string"}},
		{"Is", brokenError{is: errors.New("secret")}, Unknown, []string{"a text", "type *errors.errorString"}},
		{"As", brokenError{as: none}, Unknown, []string{"a text", "type *fairlead.quotaError"}},
		{"GRPCStatus", brokenError{status: "secret"}, Unknown, []string{"a text", "type string"}},
		{"everything", brokenError{"secret", 1, 2, 3, 4}, Unknown, []string{"fairlead.brokenError", "method Error"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := ErrorOf(tt.err)
			if e.Code != tt.code {
				t.Errorf("got %v, want %v", e.Code, tt.code)
			}
			for _, part := range tt.want {
				if !strings.Contains(e.Message, part) {
					t.Errorf("got %q, which has no %q", e.Message, part)
				}
			}
			if tt.err != error(patient) && !strings.Contains(tt.name, "wrapped") && strings.Contains(e.Message, "secret") {
				t.Errorf("got %q, which tells what the panic said", e.Message)
			}
			if got := CodeOf(tt.err); got != tt.code {
				t.Errorf("CodeOf: got %v, want %v", got, tt.code)
			}
			_ = errors.Is(e, context.Canceled) // would call what panics if it were the cause
			_ = fmt.Sprint(ErrorOf(e), errors.Unwrap(e))
		})
	}
	if info, ok := ErrorOf(halfError{}).Info(); !ok || info.Metadata["k"] != "v" {
		t.Errorf("got %+v, want the details that could be read", info)
	}
}

// TestEndOfBrokenErrors has functions be told that a call ended with an error whose methods panic.
func TestEndOfBrokenErrors(t *testing.T) {
	t.Parallel()
	var none *quotaError
	for _, tt := range []struct {
		name string
		err  error
		same bool
	}{
		{"nil", nil, true},
		{"an Error", Errorf(NotFound, "no such ship"), true},
		{"another error", &quotaError{who: "Ann"}, true},
		{"a nil pointer", none, false},
		{"a broken one", brokenError{as: 1}, false},
	} {
		c := NewServerCall(&ServerCall{Method: NewMethod[request, response](Unary, "s", "M")})
		told := false
		c.OnEnd(func(_ context.Context, _ *Call, err error) {
			told = true
			if (err == tt.err) != tt.same { //nolint:errorlint // the very same
				t.Errorf("%s: got %v, want itself: %v", tt.name, err, tt.same)
			}
			if err != nil && err.Error() == "" {
				t.Errorf("%s: got no text", tt.name)
			}
		})
		c.Wire().End(t.Context(), tt.err)
		if !told {
			t.Errorf("%s: nobody was told", tt.name)
		}
	}
}
