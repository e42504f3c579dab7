package http2_test

import (
	"fmt"
	"testing"
)

// TestConnect sends requests with CONNECT, well formed (RFC 9113, section 8.5, and RFC 8441, section 4) and not.
func TestConnect(t *testing.T) {
	t.Parallel()
	const malformed = "reset PROTOCOL_ERROR"
	tunnel := []string{":method", "CONNECT", ":protocol", "x", ":scheme", "http", ":path", "/stream", ":authority", "x"}
	without := func(name string) (kv []string) {
		for i := 0; i < len(tunnel); i += 2 {
			if tunnel[i] != name {
				kv = append(kv, tunnel[i], tunnel[i+1])
			}
		}
		return kv
	}
	for _, tt := range []struct {
		name string
		off  bool // extended CONNECT is not allowed
		do   func(f *foreign)
		want []string
	}{
		{"tunnel", false, func(f *foreign) {
			f.headers(1, false, f.block(tunnel...))
			f.data(1, false, "a")
			f.data(1, true, "")
		}, []string{"head 200", "data a", "end"}}, // and not the trailer that the protocol sends
		{"refused", false, func(f *foreign) {
			f.headers(1, false, f.block(append(without(":path"), ":path", "/drop")...))
		}, []string{"head 200", "end", "reset NO_ERROR"}},
		{"trailer", false, func(f *foreign) {
			f.headers(1, false, f.block(tunnel...))
			f.data(1, false, "a")
			f.exchange(2)
			f.headers(1, true, f.block("x", "y"))
		}, []string{malformed}},
		{"no path", false, func(f *foreign) { f.headers(1, false, f.block(without(":path")...)) }, []string{malformed}},
		{"no scheme", false, func(f *foreign) { f.headers(1, false, f.block(without(":scheme")...)) }, []string{malformed}},
		{"another method", false, func(f *foreign) {
			f.headers(1, false, f.block(append([]string{":method", "GET"}, without(":method")...)...))
		}, []string{malformed}},
		{"empty protocol", false, func(f *foreign) {
			f.headers(1, false, f.block(append([]string{":protocol", ""}, without(":protocol")...)...))
		}, []string{malformed}},
		{"not allowed", true, func(f *foreign) { f.headers(1, false, f.block(tunnel...)) }, []string{malformed}},
		{"plain with a path", true, func(f *foreign) {
			f.headers(1, false, f.block(":method", "CONNECT", ":path", "/stream", ":authority", "x:1"))
		}, []string{malformed}},
		{"plain with a scheme", true, func(f *foreign) {
			f.headers(1, false, f.block(":method", "CONNECT", ":scheme", "http", ":authority", "x:1"))
		}, []string{malformed}},
		{"plain without a host", true, func(f *foreign) {
			f.headers(1, false, f.block(":method", "CONNECT"))
		}, []string{malformed}},
		{"setting of 2", true, func(f *foreign) {
			f.frame(typeSettings, 0, 0, setting(8, 2))
		}, []string{"goaway PROTOCOL_ERROR"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.mu.Lock() // connections are made after it
			r.cfg.ExtendedConnect = !tt.off
			r.mu.Unlock()
			f := toServer(t, r)
			tt.do(f)
			if got := f.exchange(len(tt.want)); fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
