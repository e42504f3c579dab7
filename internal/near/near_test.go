package near

import (
	"slices"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	t.Parallel()
	names := []string{"shop.v1.Cart", "shop.v2.Cart", "shop.v1.Stock", "SayHello", "Stream", "Chat", "Chat"}
	tests := []struct {
		name string
		want []string
	}{
		{"shop.v1.Crat", []string{"shop.v1.Cart", "shop.v2.Cart", "Chat"}},
		{"shop.v3.Stock", []string{"shop.v1.Stock"}},
		{"sayhelo", []string{"SayHello"}},
		{"Hello", []string{"SayHello"}},
		{"Caht", []string{"Chat", "shop.v1.Cart", "shop.v2.Cart"}},
		{"nothing like it", nil},
		{"", nil},
		{strings.Repeat("x", 10_000), nil},
	}
	for _, tt := range tests {
		if got := Names(tt.name, names); !slices.Equal(got, tt.want) {
			t.Errorf("Names(%.20q): got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"a", "", 1},
		{"", "abc", 3},
		{"kitten", "sitting", 3},
		{"form", "from", 1},
		{"abc", "abc", 0},
	}
	for _, tt := range tests {
		if got := Distance(tt.a, tt.b); got != tt.want {
			t.Errorf("Distance(%q, %q): got %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for want, names := range map[string][]string{"": nil, "a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}} {
		if got := List(names); got != want {
			t.Errorf("List(%q): got %q, want %q", names, got, want)
		}
	}
}
