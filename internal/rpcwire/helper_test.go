package rpcwire

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
)

// reserved are the names that a protocol like gRPC keeps for itself.
func reserved(name string) bool {
	return strings.HasPrefix(name, "grpc-") && name != "grpc-trace-bin" && name != "grpc-previous-rpc-attempts" ||
		ReservedByHTTP(name)
}

// frame is a message as it travels.
func frame(flags byte, payload string) []byte {
	b := []byte{flags, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(b[1:], uint32(len(payload)))
	return append(b, payload...)
}

// wantError checks code and part of the message of an error.
func wantError(t *testing.T, err error, code fairlead.Code, part string) {
	t.Helper()
	if got := fairlead.CodeOf(err); got != code {
		t.Errorf("got code %v, want %v: %v", got, code, err)
	}
	if err != nil && !strings.Contains(err.Error(), part) {
		t.Errorf("got error %q, want %q in it", err, part)
	}
}

// TestMain counts buffers: one that is not put back fails the tests, and one that is used afterwards is spoilt.
func TestMain(m *testing.M) {
	buffer.Count(true)
	code := m.Run()
	if n := buffer.Out(); n != 0 && code == 0 {
		fmt.Fprintf(os.Stderr, "%d buffers were not put back:\n%s", n, buffer.Leaks())
		code = 1
	}
	os.Exit(code) //nolint:forbidigo // this is main
}
