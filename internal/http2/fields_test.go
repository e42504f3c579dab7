package http2

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// TestValidBytes puts each byte into names and values: tokens in lower case (RFC 9110, section 5.6.2, and RFC 9113,
// section 8.2.1), values without NUL, CR and LF, hosts without what parts them from something else, paths without
// fragments.
func TestValidBytes(t *testing.T) {
	t.Parallel()
	const token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	for i := range 256 {
		c := string([]byte{byte(i)})
		inToken := strings.Contains(token, c)
		for name, want := range map[string]bool{
			c: inToken, "a" + c: inToken, c + "a": inToken || c == ":", "a" + c + "b": inToken, ":" + c: inToken,
		} {
			if got := validName(name); got != want {
				t.Errorf("name %q: got %v, want %v", name, got, want)
			}
		}
		plain := strings.IndexByte("\x00\r\n", byte(i)) < 0
		visible := i > ' ' && i != 0x7f
		host := visible && strings.IndexByte("@/?#\\", byte(i)) < 0
		for name, want := range map[string]bool{
			"x": plain, ":method": plain, ":authority": host, "host": host, ":path": visible && c != "#",
		} {
			for _, value := range []string{c, "a" + c, c + "a"} {
				e := entry{name: name, value: value, kind: kindOf(name)}
				if got := e.validValue(); got != want {
					t.Errorf("%s %q: got %v, want %v", name, value, got, want)
				}
			}
		}
	}
	if validName("") || validName(":") {
		t.Error("an empty name is valid")
	}
	// A path that has a route was looked at when the route was made; one with a query was not.
	r := &protocol.Route{Method: &fairlead.Method{Path: "/a#"}}
	for value, want := range map[string]bool{"/a#": true, "/a#?q": false, "/a#\x00": false} {
		if e := (entry{name: ":path", value: value, kind: kindPath, route: r}); e.validValue() != want {
			t.Errorf("path %q with a route: got %v, want %v", value, !want, want)
		}
	}
}

// TestKinds: the names that mean something to the engine.
func TestKinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind   fieldKind
		pseudo bool
		names  string
	}{
		{kindMethod, true, ":method"},
		{kindScheme, true, ":scheme"},
		{kindPath, true, ":path"},
		{kindAuthority, true, ":authority"},
		{kindProtocol, true, ":protocol"},
		{kindStatus, true, ":status"},
		{kindUnknownPseudo, true, ":x :methods"},
		{kindContentType, false, "content-type"},
		{kindUserAgent, false, "user-agent"},
		{kindTimeout, false, "grpc-timeout connect-timeout-ms"},
		{kindExpect, false, "expect"},
		{kindContentLength, false, "content-length"},
		{kindTE, false, "te"},
		{kindHost, false, "host"},
		{kindForbidden, false, "connection keep-alive proxy-connection transfer-encoding upgrade"},
		{kindOther, false, "x trailer grpc-status method a:b"},
	} {
		for name := range strings.FieldsSeq(tt.names) {
			if got := kindOf(name); got != tt.kind || got.pseudo() != tt.pseudo {
				t.Errorf("%s: got kind %d, pseudo %v; want %d, %v", name, got, got.pseudo(), tt.kind, tt.pseudo)
			}
		}
	}
}

// TestLengths encodes values of the lengths at which their prefixes grow, in all ways there are, twice, so that names
// are taken from the table the second time. Another implementation reads them.
func TestLengths(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 14, 15, 16, 62, 63, 64, 95, 96, 97, 126, 127, 128, 254, 255, 256, 1000, 16511, 20_000} {
		text := strings.Repeat("x", n)
		var md fairlead.Metadata
		md.Add("a", text)
		md.Add("accept", text) // its name is in the static table
		md.Add("cookie", text)
		md.Add("b-bin", text)
		fields := func(e *encoder) []byte {
			b := e.begin(nil)
			b = e.target(b, "PUT", "/"+text, "")
			b = e.target(b, "", "/p", text+"q")
			b = e.block(b, protocol.NewBlock("x-"+text, text, ":method", "POST"))
			b = e.transient(b, "grpc-timeout", []byte(text))
			b = e.metadata(b, &md, true)
			b = e.status(b, 100+n%900)
			return e.length(b, n)
		}
		in64 := base64.RawStdEncoding.EncodeToString([]byte(text))
		want := []string{
			":method=PUT", ":path=/" + text, ":path=/p?" + text + "q", "x-" + text + "=" + text, ":method=POST",
			"grpc-timeout=" + text, "a=" + text, "accept=" + text, "cookie=" + text, "b-bin=" + in64,
			":status=" + string([]byte{byte('1' + n%900/100), byte('0' + n/10%10), byte('0' + n%10)}),
			"content-length=" + strings.TrimLeft(string([]byte{
				byte('0' + n/10000), byte('0' + n/1000%10), byte('0' + n/100%10), byte('0' + n/10%10),
			}), "0") + string([]byte{byte('0' + n%10)}),
		}
		var got []string
		dec := hpack.NewDecoder(decoderTableSize, func(f hpack.HeaderField) {
			got = append(got, f.Name+"="+f.Value)
			if f.Name == "cookie" && !f.Sensitive {
				t.Error("a cookie may be indexed on the way")
			}
		})
		e := newEncoder()
		for round := range 2 {
			got = nil
			if _, err := dec.Write(fields(&e)); err != nil {
				t.Fatalf("%d bytes, round %d: %v", n, round, err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d bytes, round %d: got %.200q, want %.200q", n, round, got, want)
			}
		}
	}
}
