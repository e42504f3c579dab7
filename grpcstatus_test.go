package fairlead

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
)

// The types below have the methods of grpc-go's. Module contrib/grpcgo has a test with grpc-go's own.

type fakeStatus struct{ p *fakeProto }

func (s *fakeStatus) Proto() *fakeProto {
	if s == nil {
		return nil
	}
	return s.p
}

type fakeProto struct {
	code    int32
	message string
	details []*fakeAny
}

func (p *fakeProto) GetCode() int32 {
	if p == nil {
		return 0
	}
	return p.code
}

func (p *fakeProto) GetMessage() string {
	if p == nil {
		return ""
	}
	return p.message
}

func (p *fakeProto) GetDetails() []*fakeAny {
	if p == nil {
		return nil
	}
	return p.details
}

type fakeAny struct {
	url   string
	value []byte
}

func (a *fakeAny) GetTypeUrl() string { return a.url } //nolint:revive // as protoc-gen-go names it
func (a *fakeAny) GetValue() []byte   { return a.value }

type statusError struct{ st *fakeStatus }

func (e *statusError) Error() string           { return "rpc error: " + e.st.Proto().GetMessage() }
func (e *statusError) GRPCStatus() *fakeStatus { return e.st }

// Errors whose methods are not what their names say.

type oddError struct{}

func (oddError) Error() string            { return "odd" }
func (oddError) GRPCStatus(int) *oddError { return nil }
func (oddError) Proto() (string, error)   { return "", nil }

type anyError struct{ v any }

func (anyError) Error() string     { return "any" }
func (e anyError) GRPCStatus() any { return e.v }

type textError struct{}

func (textError) Error() string      { return "text" }
func (textError) GRPCStatus() string { return "not found" }

func TestErrorOfStatus(t *testing.T) {
	t.Parallel()
	details := []Detail{{Type: "t", Value: []byte("v")}, {Type: "u", Value: nil}}
	st := &statusError{&fakeStatus{&fakeProto{5, "no such ship", []*fakeAny{{"t", []byte("v")}, {"u", nil}}}}}
	tests := []struct {
		name    string
		err     error
		code    Code
		message string
		details []Detail
	}{
		{"itself", st, NotFound, "no such ship", details},
		{"wrapped", fmt.Errorf("loading: %w", st), NotFound, "loading: rpc error: no such ship", details},
		{"joined", errors.Join(io.EOF, st), NotFound, "EOF\nrpc error: no such ship", details},
		{"with an Error", errors.Join(st, Errorf(Aborted, "x")), Aborted, "rpc error: no such ship\nABORTED: x", nil},
		{"a code without a name", &statusError{&fakeStatus{&fakeProto{code: 99}}}, 99, "", nil},
		{"no status", &statusError{}, Unknown, "rpc error: ", nil},
		{"OK", &statusError{&fakeStatus{&fakeProto{message: "fine"}}}, Unknown, "rpc error: fine", nil},
		{"another method", oddError{}, Unknown, "odd", nil},
		{"another result", textError{}, Unknown, "text", nil},
		{"no result", anyError{}, Unknown, "any", nil},
		{"a result of another type", anyError{oddError{}}, Unknown, "any", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := ErrorOf(tt.err)
			if e.Code != tt.code || e.Message != tt.message || !reflect.DeepEqual(e.Details, tt.details) || e.FromPeer() {
				t.Errorf("got %+v, want %v %q %v", e, tt.code, tt.message, tt.details)
			}
			if got := CodeOf(tt.err); got != tt.code {
				t.Errorf("CodeOf: got %v, want %v", got, tt.code)
			}
			if tt.name != "with an Error" && !errors.Is(e, tt.err) {
				t.Error("the cause is lost")
			}
		})
	}
}
