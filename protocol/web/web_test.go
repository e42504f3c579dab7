package web

import (
	"strings"
	"testing"
)

func TestRefuse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		first string
		want  bool
	}{
		{"GET / HTTP/1.1\r\nHost: x\r\n", true},
		{"GET /a", true},
		{"OPTIONS * HTTP/1.0\r\n", true},
		{"GET http://x/ HTTP/1.1\r\n", true},
		{"PRI * HTTP/2.0\r\n\r\nXX", false},
		{"get / HTTP/1.1", false},
		{"GET", false},
		{"GET ", false},
		{" /", false},
		{"\x16\x03\x01 /", false},
		{"", false},
	} {
		got := string(new(Server).Refuse([]byte(tt.first)))
		if (got != "") != tt.want || tt.want && !strings.HasPrefix(got, "HTTP/1.1 505 ") {
			t.Errorf("%q: got %q, want an answer: %v", tt.first, got, tt.want)
		}
	}
}
