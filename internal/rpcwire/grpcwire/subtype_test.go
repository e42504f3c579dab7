package grpcwire

import (
	"strings"
	"testing"
)

func TestSubtype(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in, codec string
		ok        bool
	}{
		{"application/grpc", "proto", true},
		{"application/grpc+proto", "proto", true},
		{"application/grpc+json", "json", true},
		{"application/grpc+json;charset=utf-8", "json", true},
		{"application/grpc+json ; charset=utf-8", "json", true},
		{"application/grpc;charset=utf-8", "proto", true},
		{"application/grpc-web", "", false},
		{"application/grpc-web+proto", "", false},
		{"application/grpcx", "", false},
		{"application/json", "", false},
		{"", "", false},
	}
	for _, tt := range tests {
		if got, ok := dialect.subtype(tt.in); got != tt.codec || ok != tt.ok {
			t.Errorf("subtype(%q): got %q, %v, want %q, %v", tt.in, got, ok, tt.codec, tt.ok)
		}
	}
}

// TestReserved: the protocol's own names and HTTP's are no metadata, but for those that middleware uses.
func TestReserved(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"x-id": false, "grpc": false, "grpc-trace-bin": false, "grpc-tags-bin": false, "grpc-retry-pushback-ms": false,
		"grpc-previous-rpc-attempts": false, "grpc-timeout": true, "grpc-new": true, "grpc-": true,
		"te": true, "content-type": true, "": true, ":path": true,
	} {
		if got := isReserved(name); got != want {
			t.Errorf("isReserved(%q): got %v, want %v", name, got, want)
		}
	}
}

// FuzzSubtype reads content types.
func FuzzSubtype(f *testing.F) {
	f.Add("application/grpc+json ; charset=utf-8", "json")
	f.Add("application/grpc+", "application/grpc-web")
	f.Fuzz(func(t *testing.T, tail, name string) {
		for _, ct := range []string{tail, contentType + tail, dialect.contentTypeFor(name)} {
			codecName, ok := dialect.subtype(ct)
			if ok && !strings.HasPrefix(ct, contentType) || !ok && codecName != "" || strings.Contains(codecName, ";") {
				t.Errorf("subtype(%q): got %q, %v", ct, codecName, ok)
			}
		}
		if !strings.Contains(name, ";") && strings.TrimSpace(name) == name && name != "" {
			if got, ok := dialect.subtype(dialect.contentTypeFor(name)); !ok || got != name {
				t.Errorf("subtype of %q: got %q, %v", dialect.contentTypeFor(name), got, ok)
			}
		}
	})
}
