package protoerr_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protoerr"
)

func TestDetails(t *testing.T) {
	t.Parallel()
	e := fairlead.Errorf(fairlead.ResourceExhausted, "slow down: %w", io.ErrShortBuffer).WithRetryAfter(0)
	why, err := structpb.NewStruct(map[string]any{"queue": 7.0})
	if err != nil {
		t.Fatal(err)
	}
	if got := protoerr.WithDetails(e, durationpb.New(3e9), nil, why, durationpb.New(4e9)); got != e {
		t.Errorf("got %p, want the error itself, %p", got, e)
	}
	if e.Message != "slow down: short buffer" || !errors.Is(e, io.ErrShortBuffer) || len(e.Details) != 4 {
		t.Errorf("got %+v", e)
	}
	if got, want := e.Details[1].Type, "type.googleapis.com/google.protobuf.Duration"; got != want {
		t.Errorf("got type %q, want %q", got, want)
	}
	peers := fairlead.PeerError(e.Code, e.Message, e.Details)
	for name, err := range map[string]error{"itself": e, "wrapped": fmt.Errorf("x: %w", e), "a peer's": peers} {
		if d, ok := protoerr.DetailOf[*durationpb.Duration](err); !ok || d.GetSeconds() != 3 {
			t.Errorf("%s: got %v, %v, want the first duration", name, d, ok)
		}
		if d, ok := protoerr.DetailOf[*structpb.Struct](err); !ok || !proto.Equal(d, why) {
			t.Errorf("%s: got %v, %v, want %v", name, d, ok, why)
		}
		if d, ok := protoerr.DetailOf[*wrapperspb.StringValue](err); ok || d != nil {
			t.Errorf("%s: got %v, which is not there", name, d)
		}
		if after, ok := fairlead.ErrorOf(err).Retryable(); !ok || after != 0 {
			t.Errorf("%s: the retry info is lost", name)
		}
	}
}

func TestDetailOfNothing(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"nil":        nil,
		"no Error":   io.EOF,
		"no details": fairlead.Errorf(fairlead.NotFound, "x"),
		"no URL":     fairlead.Errorf(fairlead.NotFound, "x").WithDetail("google.protobuf.Duration", nil),
		"another":    fairlead.Errorf(fairlead.NotFound, "x").WithDetail("/xgoogle.protobuf.Duration", nil),
		"malformed":  fairlead.Errorf(fairlead.NotFound, "x").WithDetail("/google.protobuf.Duration", []byte{8}),
	} {
		if d, ok := protoerr.DetailOf[*durationpb.Duration](err); ok || d != nil {
			t.Errorf("%s: got %v", name, d)
		}
	}
	e := protoerr.WithDetails(fairlead.Errorf(fairlead.NotFound, "x"), durationpb.New(1))
	if d, ok := protoerr.DetailOf[proto.Message](e); ok || d != nil {
		t.Errorf("no type: got %v", d)
	}
	// A detail that cannot be read does not hide another.
	e = protoerr.WithDetails(
		fairlead.Errorf(fairlead.NotFound, "x").WithDetail("/google.protobuf.Duration", []byte{8}), durationpb.New(5e9))
	if d, ok := protoerr.DetailOf[*durationpb.Duration](e); !ok || d.GetSeconds() != 5 {
		t.Errorf("behind a malformed one: got %v, %v", d, ok)
	}
}

func TestDetailThatCannotBeEncoded(t *testing.T) {
	t.Parallel()
	e := protoerr.WithDetails(fairlead.Errorf(fairlead.NotFound, "no such ship"),
		wrapperspb.String("\xff"), wrapperspb.Int32(1))
	if e.Code != fairlead.NotFound || len(e.Details) != 1 ||
		!strings.HasPrefix(e.Message, "no such ship (the detail google.protobuf.StringValue is missing: ") {
		t.Errorf("got %+v", e)
	}
}
