package grpc

import (
	"context"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// FuzzShorten adds a status for which there is so much room: what is added fits, unless not even the code does, and is
// whole, or a beginning of it with a mark.
func FuzzShorten(f *testing.F) {
	f.Add(uint32(5), "no such note", 3, 10, 500)
	f.Add(uint32(5), strings.Repeat("é%", 500), 0, 0, 400)
	f.Add(uint32(9), " \xff text ", 20, 100, 900)
	f.Add(uint32(99), strings.Repeat("a", 3000), 1, 3000, 2000)
	f.Add(uint32(13), "", 2, 200, 300)
	f.Add(uint32(13), "text", 2, 200, 0)
	f.Add(uint32(13), "text", 2, 200, -1000)
	f.Fuzz(func(t *testing.T, code uint32, message string, details, each, room int) {
		if code == 0 || details < 0 || details > 50 || each < 0 || each > 1000 || room < -1<<20 || room > 1<<20 {
			return
		}
		e := &fairlead.Error{Code: fairlead.Code(code), Message: message}
		for range details {
			e.Details = append(e.Details, fairlead.Detail{Type: "t/x.Y", Value: make([]byte, each)})
		}
		var md fairlead.Metadata
		whole := addStatus(&md, e, room, 1234)
		least := 0
		if int(code) >= namedCodes {
			least = fieldSize(fieldStatus, len(md.Get(fieldStatus)))
		}
		if got := protocol.FieldsSize(&md, true); got > max(room, least) {
			t.Errorf("got %d bytes, want %d at most", got, max(room, least))
		}
		text := decodeMessage(md.Get(fieldMessage))
		valid := strings.ToValidUTF8(message, "\uFFFD")
		var got []fairlead.Detail
		if md.Has(fieldDetails) {
			c, _, ds, ok := parseStatus([]byte(md.Get(fieldDetails)))
			if !ok || c != e.Code && code <= 1<<31-1 {
				if code <= 1<<31-1 {
					t.Errorf("details cannot be read: code %v, %v", c, ok)
				}
			}
			got = ds
		}
		begin, _, marked := strings.Cut(text, " [cut: ")
		switch {
		case whole && (text != valid || len(got) != details && code <= 1<<31-1):
			t.Errorf("got %q with %d details, want all", text, len(got))
		case !whole && !marked && text != "":
			t.Errorf("got %q, want a mark", text)
		case !whole && len(got) >= max(details, 1):
			t.Errorf("got %d of %d details after shortening", len(got), details)
		case !whole && marked && utf8.ValidString(message) && !strings.Contains(message, " [cut: ") &&
			!strings.HasPrefix(message, begin):
			t.Errorf("got %q, want a beginning of %q", begin, message)
		}
		if room > 1<<19 && len(message) < 1<<16 && !whole {
			t.Errorf("shortened although there is room for %d bytes", room)
		}
	})
}

// TestShortenedIsCounted: the code arrives whatever the client takes, and what was left out is counted.
func TestShortenedIsCounted(t *testing.T) {
	t.Parallel()
	for _, m := range []*fairlead.Method{mUnary, mServer, mClient, mBidi} {
		for _, limit := range []int{1, 100, 400, 1000} {
			d := newDispatcher()
			d.limits.Guard = new(protocol.Guard)
			d.handle(m, func(context.Context, *fairlead.Call) error {
				e := fairlead.Errorf(fairlead.NotFound, "%s", strings.Repeat("no such note ", 100))
				e.Details = []fairlead.Detail{{Type: "t/x.Y", Value: make([]byte, 1000)}}
				return e
			})
			x := raw{path: m.Path, parts: [][]byte{frame(0, "hi")}, limit: limit}.send(t, attach(t, d), d)
			code, message, md := x.status()
			if code != "5" || md.Has(fieldDetails) {
				t.Errorf("%s with %d bytes: got the code %q, %q and %v", m.Path, limit, code, message, md)
			}
			if got := d.limits.Guard.Counts()[protocol.PeerHeaderLimit]; got != 1 {
				t.Errorf("%s with %d bytes: got %d counted, want 1", m.Path, limit, got)
			}
		}
	}
}
