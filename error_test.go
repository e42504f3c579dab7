package fairlead

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"testing"
)

func TestErrorOf(t *testing.T) {
	t.Parallel()
	own := Errorf(NotFound, "no such user")
	gone := &Reason{Domain: "test", Name: "GONE", Code: NotFound, Message: "it is gone"}
	var none *Error
	tests := []struct {
		name    string
		err     error
		code    Code
		message string
	}{
		{"own", own, NotFound, "no such user"},
		{"wrapped", fmt.Errorf("loading: %w", own), NotFound, "loading: NOT_FOUND: no such user"},
		{"wrapped twice", fmt.Errorf("a: %w", fmt.Errorf("b: %w", own)), NotFound, "a: b: NOT_FOUND: no such user"},
		{"wrapped without words", fmt.Errorf("%w", own), NotFound, "no such user"},
		{"wrapped by a type", struct{ error }{fmt.Errorf("x: %w", own)}, Unknown, "x: NOT_FOUND: no such user"},
		{"joined", errors.Join(io.EOF, own), NotFound, "EOF\nNOT_FOUND: no such user"},
		{"a reason", gone, NotFound, "it is gone"},
		{"a wrapped reason", fmt.Errorf("loading: %w", gone), NotFound, "loading: NOT_FOUND: it is gone"},
		{"a type that stands for one", standInError{own}, NotFound, "no such user"},
		{"a wrapped failure that says OK", fmt.Errorf("x: %w", &Error{Message: "y"}), Unknown, "x: OK: y"},
		{"canceled", context.Canceled, Canceled, "context canceled"},
		{"deadline", fmt.Errorf("query: %w", context.DeadlineExceeded), DeadlineExceeded,
			"query: context deadline exceeded"},
		{"other", io.ErrUnexpectedEOF, Unknown, "unexpected EOF"},
		{"a failure that says OK", &Error{Code: OK, Message: "confused"}, Unknown, "confused"},
		{"a nil pointer", none, Unknown, "a nil *fairlead.Error was returned as an error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := ErrorOf(tt.err)
			if e.Code != tt.code || e.Message != tt.message {
				t.Errorf("got %v %q, want %v %q", e.Code, e.Message, tt.code, tt.message)
			}
			if got := CodeOf(tt.err); got != tt.code {
				t.Errorf("CodeOf: got %v, want %v", got, tt.code)
			}
			if e.FromPeer() {
				t.Error("a local error claims to be the peer's")
			}
		})
	}
	if got := ErrorOf(nil); got != nil {
		t.Errorf("got %v for nil", got)
	}
	if got := CodeOf(nil); got != OK {
		t.Errorf("got %v for nil, want OK", got)
	}
	if got := ErrorOf(own); got != own {
		t.Errorf("got %p, want the error itself, %p", got, own)
	}
}

// TestErrorOfOK: an Error that says OK keeps all else that it says.
func TestErrorOfOK(t *testing.T) {
	t.Parallel()
	confused := PeerError(OK, "confused", []Detail{{Type: "t/x.Y", Value: []byte("v")}}).WithReach(Refused)
	for _, err := range []error{confused, fmt.Errorf("x: %w", confused)} {
		e := ErrorOf(err)
		if e.Code != Unknown || e.Reach != Refused || !e.FromPeer() || !slices.ContainsFunc(e.Details, func(d Detail) bool {
			return d.Type == "t/x.Y" && string(d.Value) == "v"
		}) {
			t.Errorf("got %+v for %v", e, err)
		}
	}
}

// standInError is an error that counts as another, whatever its own text.
type standInError struct{ e *Error }

func (s standInError) Error() string { return "rpc error: " + s.e.Error() }
func (s standInError) Unwrap() error { return s.e }
func (s standInError) As(target any) bool {
	t, ok := target.(**Error)
	if ok {
		*t = s.e
	}
	return ok
}

// TestErrorOfWrapped sees that wrapping takes nothing from an error, and that the two do not share what can be changed.
func TestErrorOfWrapped(t *testing.T) {
	t.Parallel()
	reason := &Reason{Domain: "test", Name: "GONE", Code: NotFound}
	inner := reason.Errorf("no such ship").With("id", "7").WithReach(Refused)
	outer := ErrorOf(fmt.Errorf("%w: loading: %w", fs.ErrNotExist, inner))
	if !errors.Is(outer, reason) || !errors.Is(outer, fs.ErrNotExist) || outer.Reach != Refused {
		t.Errorf("got %+v", outer)
	}
	if info, _ := outer.With("id", "8").Info(); info.Metadata["id"] != "8" {
		t.Errorf("got %+v, want id 8", info)
	}
	if info, _ := inner.Info(); info.Metadata["id"] != "7" {
		t.Errorf("got %+v, want id 7 as before", info)
	}
	// What a peer has sent goes on without its details.
	if e := ErrorOf(fmt.Errorf("asking: %w", PeerError(Aborted, "busy", nil))); !e.FromPeer() {
		t.Errorf("got %+v, which is not the peer's", e)
	}
}

func TestErrorf(t *testing.T) {
	t.Parallel()
	e := Errorf(Unavailable, "reading %s: %w", "x", fs.ErrNotExist)
	if !errors.Is(e, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
	if got, want := e.Error(), "UNAVAILABLE: reading x: file does not exist"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (&Error{Code: Aborted}).Error(), "ABORTED"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if e.Reach != Unknowable || e.WithReach(NotSent) != e || e.Reach != NotSent {
		t.Errorf("got reach %v", e.Reach)
	}
	details := []Detail{{Type: "t", Value: []byte("v")}}
	p := PeerError(Internal, "there", details)
	if !p.FromPeer() || p.Unwrap() != nil || len(p.Details) != 1 {
		t.Errorf("got %+v", p)
	}
}

func TestErrorfSeveralCauses(t *testing.T) {
	t.Parallel()
	e := Errorf(Internal, "%w and %w", fs.ErrExist, io.EOF)
	if !errors.Is(e, fs.ErrExist) || !errors.Is(e, io.EOF) {
		t.Errorf("got %v, which is not both of its causes", e)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for got, want := range map[fmt.Stringer]string{
		OK: "OK", Canceled: "CANCELLED", Unauthenticated: "UNAUTHENTICATED", Code(17): "CODE(17)",
		Code(1 << 31): "CODE(2147483648)",
		Unary:         "unary", ClientStreaming: "client streaming", ServerStreaming: "server streaming",
		BidiStreaming: "bidirectional streaming",
		ServerSide:    "server", ClientSide: "client",
		Unknowable: "unknowable", NotSent: "not sent", Refused: "refused",
	} {
		if got.String() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for c := range codeCount {
		if codeNames[c] == "" {
			t.Errorf("code %d has no name", c)
		}
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind][2]bool{
		Unary: {false, false}, ClientStreaming: {true, false}, ServerStreaming: {false, true}, BidiStreaming: {true, true},
	} {
		if got := [2]bool{kind.ClientStreams(), kind.ServerStreams()}; got != want {
			t.Errorf("%v: got %v, want %v", kind, got, want)
		}
	}
}
