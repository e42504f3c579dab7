package static

import (
	"net"
	"slices"
	"strings"
	"testing"
)

// FuzzParse reads arbitrary lists of addresses; what is taken can be dialled as far as its form goes.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"a:1", "a:1,b:2", " [::1]:8080 , a:1 ", "", ",", "a:1,a:1", "a:0", "[a]:1", "a/b:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		addrs, err := parse(s)
		if (err == nil) != (Resolver{}.Check(s) == nil) {
			t.Errorf("Check(%q): got nil and an error", s)
		}
		if err != nil {
			return
		}
		if len(addrs) != strings.Count(s, ",")+1 {
			t.Errorf("parse(%q): got %q", s, addrs)
		}
		for i, a := range addrs {
			host, port, err := net.SplitHostPort(a)
			if err != nil || host == "" || port == "" || slices.Index(addrs, a) != i {
				t.Errorf("parse(%q): got %q", s, addrs)
			}
		}
	})
}
