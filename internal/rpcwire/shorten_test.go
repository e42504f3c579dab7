package rpcwire

import (
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
	f.Add(uint32(31), " \xcf", 35, 82, 165) // room for the mark alone
	f.Fuzz(func(t *testing.T, code uint32, message string, details, each, room int) {
		if code == 0 || details < 0 || details > 50 || each < 0 || each > 1000 || room < -1<<20 || room > 1<<20 {
			return
		}
		e := &fairlead.Error{Code: fairlead.Code(code), Message: message}
		for range details {
			e.Details = append(e.Details, fairlead.Detail{Type: "t/x.Y", Value: make([]byte, each)})
		}
		var md fairlead.Metadata
		whole := AddStatus(&md, e, room, 1234)
		least := 0
		if int(code) >= NamedCodes {
			least = fieldSize(FieldStatus, len(md.Get(FieldStatus)))
		}
		if got := protocol.FieldsSize(&md, true); got > max(room, least) {
			t.Errorf("got %d bytes, want %d at most", got, max(room, least))
		}
		text := DecodeMessage(md.Get(FieldMessage))
		valid := strings.ToValidUTF8(message, "\uFFFD")
		var got []fairlead.Detail
		if md.Has(FieldDetails) {
			c, _, ds, ok := ParseStatus([]byte(md.Get(FieldDetails)))
			if !ok || c != e.Code && code <= 1<<31-1 {
				if code <= 1<<31-1 {
					t.Errorf("details cannot be read: code %v, %v", c, ok)
				}
			}
			got = ds
		}
		begin, _, marked := strings.Cut(text, "[cut: ")
		begin = strings.TrimSuffix(begin, " ")
		switch {
		case whole && (text != valid || len(got) != details && code <= 1<<31-1):
			t.Errorf("got %q with %d details, want all", text, len(got))
		case !whole && !marked && text != "":
			t.Errorf("got %q, want a mark", text)
		case !whole && len(got) >= max(details, 1):
			t.Errorf("got %d of %d details after shortening", len(got), details)
		case !whole && marked && utf8.ValidString(message) && !strings.Contains(message, "[cut: ") &&
			!strings.HasPrefix(message, begin):
			t.Errorf("got %q, want a beginning of %q", begin, message)
		}
		if room > 1<<19 && len(message) < 1<<16 && !whole {
			t.Errorf("shortened although there is room for %d bytes", room)
		}
	})
}
