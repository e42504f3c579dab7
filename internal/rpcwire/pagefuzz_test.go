package rpcwire

import (
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/fairlead-go/fairlead"
)

// FuzzPage tells whatever arrives: what can be printed of it, and not too much.
func FuzzPage(f *testing.F) {
	f.Add("text/html", []byte(nginxPage))
	f.Add("text/html", []byte("<script>İİİ</SCRIPT ><!--K--><style"))
	f.Add("text/plain", []byte("a\x00\x1b[31mb\xff\u202ec"))
	f.Add("", []byte("<"))
	f.Fuzz(func(t *testing.T, ct string, body []byte) {
		p := NewPage(ct, "")
		if p == nil {
			return
		}
		for len(body) > 0 {
			n := min(len(body), 1000)
			if !p.Add(body[:n]) {
				break
			}
			body = body[n:]
		}
		e := p.Tell(fairlead.Errorf(fairlead.Unknown, "x"))
		text, quoted := strings.CutPrefix(e.Message, "x; its text begins with ")
		if !quoted {
			if e.Message != "x" {
				t.Errorf("got %q", e.Message)
			}
			return
		}
		words, err := strconv.Unquote(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if len(words) > maxWords+len("…") {
			t.Errorf("got %d bytes, want %d at most", len(words), maxWords)
		}
		for _, r := range words {
			if !unicode.IsPrint(r) {
				t.Errorf("%q cannot be printed", r)
			}
		}
	})
}

// nginxPage is the page that nginx sends when it does not reach the server behind it.
const nginxPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n" +
	"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
