package dns

import (
	"net"
	"strconv"
	"testing"
)

// FuzzParse reads arbitrary endpoints; what is taken says the same when it is put together again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"greeter:8080", "[::1]:8080", ":1", "", "::1", "a:0", "a:65536", "//8.8.8.8/a:1", "[::ffff:1.2.3.4]:1", "[::1%lo]:1",
		"1.2.3.4:1", "a b:1", "[a]:1", "a:http", "a.:1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parse(s)
		if err != nil {
			return
		}
		if got.host == "" || got.port == 0 || got.addr.IsValid() && got.addr.Is4In6() {
			t.Fatalf("parse(%q): got %+v", s, got)
		}
		again, err := parse(net.JoinHostPort(got.host, strconv.Itoa(int(got.port))))
		if err != nil || again != got {
			t.Errorf("parse(%q): got %+v, which reads as %+v, %v", s, got, again, err)
		}
	})
}
