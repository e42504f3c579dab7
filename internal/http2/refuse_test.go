package http2_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/web"
)

// Requests that no protocol takes are answered when they are complete, and judged as others are.
func TestServerRefuses(t *testing.T) {
	t.Parallel()
	full := []string{"head 404", "data This server has nothing at this path.\n", "end"}
	cut := append(slices.Clone(full), "reset NO_ERROR")
	tests := []struct {
		name string
		do   func(f *foreign)
		want []string
	}{
		{"no body", func(f *foreign) { f.headers(1, true, f.request("/nowhere")) }, full},
		{"HEAD", func(f *foreign) {
			f.headers(1, true, f.block(":method", "HEAD", ":scheme", "http", ":path", "/nowhere"))
		}, []string{"head 404", "end"}},
		{"content type", func(f *foreign) { f.headers(1, true, f.request("/unary", "content-type", "text/plain")) },
			[]string{"head 415", "data None of this server's protocols takes a request with this content type.\n", "end"}},
		{"method", func(f *foreign) {
			f.headers(1, true, f.block(":method", "GET", ":scheme", "http", ":path", "/unary"))
		}, []string{"head 405 allow POST", "data This path is not served with the request's method.\n", "end"}},
		{"OPTIONS", func(f *foreign) {
			f.headers(1, true, f.block(":method", "OPTIONS", ":scheme", "http", ":path", "/unary"))
		}, []string{"head 204 allow POST", "end"}},
		{"unknown method", func(f *foreign) {
			f.headers(1, true, f.block(":method", "BREW", ":scheme", "http", ":path", "/unary"))
		}, []string{"head 501", "data This server does not know the request's method.\n", "end"}},
		{"body", func(f *foreign) {
			f.headers(1, false, f.request("/nowhere", "content-length", "2"))
			f.data(1, false, "a")
			f.data(1, true, "b")
		}, full},
		{"trailer", func(f *foreign) {
			f.headers(1, false, f.request("/nowhere"))
			f.data(1, false, "a")
			f.headers(1, true, f.block("x", "y"))
		}, full},
		{"body without end", func(f *foreign) {
			f.headers(1, false, f.request("/nowhere"))
			f.data(1, false, "a")
		}, cut},
		{"long body", func(f *foreign) {
			f.headers(1, false, f.request("/nowhere"))
			for range 5 {
				f.data(1, false, strings.Repeat("a", 16<<10))
			}
		}, cut},
		{"content-length wrong", func(f *foreign) {
			f.headers(1, false, f.request("/nowhere", "content-length", "1"))
			f.data(1, true, "abc")
		}, []string{"reset PROTOCOL_ERROR"}},
		{"pseudo-field in a trailer", func(f *foreign) {
			f.headers(1, false, f.request("/nowhere"))
			f.headers(1, true, f.block(":path", "/"))
		}, []string{"reset PROTOCOL_ERROR"}},
		{"window update of 0", func(f *foreign) {
			f.headers(1, false, f.request("/nowhere"))
			f.frame(typeWindowUpdate, 0, 1, make([]byte, 4))
		}, []string{"reset PROTOCOL_ERROR"}},
		{"window overflow", func(f *foreign) {
			f.headers(1, false, f.request("/nowhere"))
			f.frame(typeWindowUpdate, 0, 1, u32(1<<31-1))
		}, []string{"reset FLOW_CONTROL_ERROR"}},
		{"no window", func(f *foreign) {
			f.frame(typeSettings, 0, 0, setting(4, 3))
			f.headers(1, true, f.request("/nowhere"))
			f.frame(typeWindowUpdate, 0, 1, u32(100))
		}, full},
	}
	r := newRig(t)
	r.d.limits = protocol.Limits{Streams: 100, HeaderList: 16 << 10}
	wire := web.NewServer(grpc.NewServer())
	if err := wire.Attach(r.d); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.wire = wire
	r.mu.Unlock()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := toServer(t, r)
			f.t = t
			tt.do(f)
			got := f.exchange(len(tt.want))
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// exchange reads n events of the only stream: its head, its data as one, its end, its reset.
func (f *foreign) exchange(n int) []string {
	f.t.Helper()
	var events []string
	for len(events) < n {
		typ, flags, _, p, err := f.read()
		f.must(err)
		switch typ {
		case typeHeaders:
			fields, err := f.dec.DecodeFull(p)
			f.must(err)
			event := "head " + fields[0].Value
			for _, h := range fields {
				if h.Name == "allow" {
					event += " allow " + h.Value
				}
			}
			events = append(events, event)
		case typeData:
			if last := len(events) - 1; last >= 0 && strings.HasPrefix(events[last], "data ") {
				events[last] += string(p)
			} else {
				events = append(events, "data "+string(p))
			}
		case typeReset:
			events = append(events, "reset "+codeNames[binary.BigEndian.Uint32(p)])
		case typeGoaway:
			events = append(events, "goaway "+codeNames[binary.BigEndian.Uint32(p[4:])])
		}
		if flags&flagEnd != 0 && (typ == typeHeaders || typ == typeData) {
			events = append(events, "end")
		}
	}
	return events
}
