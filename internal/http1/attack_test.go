package http1_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/server"
)

// next is a request behind the one that is attacked with. It must not be served: what precedes it may be its head, or a
// body that hides it.
const next = "GET /items/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

const (
	put     = "PUT /items/a HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"
	get     = "GET /items/a HTTP/1.1\r\nHost: a\r\n"
	chunked = put + "Transfer-Encoding: chunked\r\n\r\n"
)

// TestAttacks has malformed requests, and those that are too long, answered with their status on a connection that
// ends.
func TestAttacks(t *testing.T) { //nolint:paralleltest // leakcheck
	k := newKit(t, new(protocoltest.Items), []web.ServerOption{web.RequestBody(1 << 20)})
	many := strings.Repeat("a: b\r\n", 10_000)
	for _, tt := range []struct {
		name, request, status string
	}{
		{"both lengths", put + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"both lengths, the other way round",
			put + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", "400"},
		{"two lengths", put + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd", "400"},
		{"two equal lengths", put + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd", "400"},
		{"a signed length", put + "Content-Length: +4\r\n\r\nabcd", "400"},
		{"a negative length", put + "Content-Length: -4\r\n\r\nabcd", "400"},
		{"a list of lengths", put + "Content-Length: 4, 4\r\n\r\nabcd", "400"},
		{"a length that overflows", put + "Content-Length: 18446744073709551620\r\n\r\nabcd", "400"},
		{"a length in hexadecimal", put + "Content-Length: 0x4\r\n\r\nabcd", "400"},
		{"an empty length", put + "Content-Length:\r\n\r\nabcd", "400"},
		{"a length with an underscore", put + "Content-Length: 1_0\r\n\r\nabcd", "400"},
		{"a long body", put + "Content-Length: 1048577\r\n\r\n", "413"},
		{"a coding in HTTP/1.0",
			"PUT /items/a HTTP/1.0\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"400"},
		{"chunked twice", put + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "400"},
		{"chunked in two fields",
			put + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"a coding that is not chunked", put + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "501"},
		{"gzip", put + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "501"},
		{"identity", put + "Transfer-Encoding: identity\r\n\r\n", "501"},
		{"chunked with a control character", put + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "400"},
		{"chunked in quotes", put + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", "400"},
		{"chunked and a comma", put + "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", "400"},
		{"no coding", put + "Transfer-Encoding:\r\n\r\n0\r\n\r\n", "400"},
		{"space before the colon", put + "Content-Length : 4\r\n\r\nabcd", "400"},
		{"tab before the colon", put + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"a folded line", get + "a: b\r\n c\r\n\r\n", "400"},
		{"a folded first line", "GET /items/a HTTP/1.1\r\n Host: a\r\n\r\n", "400"},
		{"LF ends a line", "GET /items/a HTTP/1.1\nHost: a\r\n\r\n", "400"},
		{"LF ends a field", "GET /items/a HTTP/1.1\r\nHost: a\na: b\r\n\r\n", "400"},
		{"LF ends the head", "GET /items/a HTTP/1.1\r\nHost: a\r\n\n", "400"},
		{"CR within a field", get + "a: b\rc: d\r\n\r\n", "400"},
		{"CR before CRLF", get + "a: b\r\r\n\r\n", "400"},
		{"CR within the request line", "GET /items/a\r HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"NUL in a value", get + "a: b\x00c\r\n\r\n", "400"},
		{"NUL in a name", get + "a\x00: b\r\n\r\n", "400"},
		{"DEL in a value", get + "a: b\x7f\r\n\r\n", "400"},
		{"a field without a name", get + ": b\r\n\r\n", "400"},
		{"a field without a colon", get + "nothing\r\n\r\n", "400"},
		{"a name in brackets", get + "a(b): c\r\n\r\n", "400"},
		{"no host", "GET /items/a HTTP/1.1\r\n\r\n", "400"},
		{"two hosts", get + "Host: b\r\n\r\n", "400"},
		{"two equal hosts", get + "Host: a\r\n\r\n", "400"},
		{"a host with user information", "GET /items/a HTTP/1.1\r\nHost: b@a\r\n\r\n", "400"},
		{"a host with a path", "GET /items/a HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"},
		{"two hosts in a field", "GET /items/a HTTP/1.1\r\nHost: a, b\r\n\r\n", "400"},
		{"another host in the target", "GET http://b/items/a HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"user information in the target", "GET http://b@a/items/a HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"another scheme", "GET ftp://a/items/a HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"a target without a slash", "GET items HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"an asterisk", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"a fragment", "GET /items/a#b HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"a bad escape", "GET /items/%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"a space in the target", "GET /items/a b HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"two spaces", "GET  /items/a HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"a tab", "GET\t/items/a\tHTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"a space behind", "GET /items/a HTTP/1.1 \r\nHost: a\r\n\r\n", "400"},
		{"a byte above ASCII", "GET /items/\xe4 HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"a bad method", "G(T /items/a HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"no version", "GET /items/a\r\nHost: a\r\n\r\n", "400"},
		{"what is not HTTP", "INVALID CONNECTION PREFACE\r\n\r\n", ""},
		{"a long version", "GET /items/a HTTP/1.10\r\nHost: a\r\n\r\n", "400"},
		{"a small version", "GET /items/a http/1.1\r\nHost: a\r\n\r\n", "400"},
		{"HTTP/2 in HTTP/1's clothes", "GET /items/a HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
		{"HTTP/0.9", "GET /items/a HTTP/0.9\r\nHost: a\r\n\r\n", "505"},
		{"empty lines without end", strings.Repeat("\r\n", 9), "400"},
		{"CONNECT without a port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
		{"CONNECT with a body", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 4\r\n\r\nabcd", "400"},
		{"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "501"},
		{"a chunk's size that overflows", chunked + "10000000000000004\r\nabcd\r\n0\r\n\r\n", "400"},
		{"a chunk's size that is negative", chunked + "-4\r\nabcd\r\n0\r\n\r\n", "400"},
		{"a chunk's size with 0x", chunked + "0x4\r\nabcd\r\n0\r\n\r\n", "400"},
		{"a chunk's size with a space", chunked + "4 \r\nabcd\r\n0\r\n\r\n", "400"},
		{"no chunk's size", chunked + "\r\nabcd\r\n0\r\n\r\n", "400"},
		{"LF behind a chunk's size", chunked + "4\nabcd\r\n0\r\n\r\n", "400"},
		{"LF in a chunk's extension", chunked + "4;a\nabcd\r\n0\r\n\r\n", "400"},
		{"CR in a chunk's extension", chunked + "4;a\rb\r\nabcd\r\n0\r\n\r\n", "400"},
		{"LF behind a chunk", chunked + "4\r\nabcd\n0\r\n\r\n", "400"},
		{"a chunk longer than its size", chunked + "2\r\nabcd\r\n0\r\n\r\n", "400"},
		{"an extension without end", chunked + "4;" + strings.Repeat("a", 1000), "400"},
		{"many extensions", chunked +
			strings.Repeat("1;"+strings.Repeat("a", 200)+"\r\nx\r\n", 200) + "0\r\n\r\n", "400"},
		{"a trailer with a length", chunked + "0\r\nContent-Length: 5\r\n\r\n", "400"},
		{"a trailer with a coding", chunked + "0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
		{"a trailer with a host", chunked + "0\r\nHost: b\r\n\r\n", "400"},
		{"a trailer with a credential", chunked + "0\r\nAuthorization: b\r\n\r\n", "400"},
		{"a trailer that is announced",
			put + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
		{"LF in a trailer", chunked + "0\r\na: b\n\r\n", "400"},
		{"a long trailer", chunked + "0\r\n" + many + "\r\n", "431"},
		{"10,000 fields", get + many + "\r\n", "431"},
		{"a field of 100 KiB", get + "cookie: " + strings.Repeat("a=b; ", 20_000) + "\r\n\r\n", "431"},
		{"a head without end", get + "a: " + strings.Repeat("b", 100_000), "431"},
		{"10,000 parameters", "GET /items/a?" + strings.Repeat("a=b&", 10_000) + " HTTP/1.1\r\nHost: a\r\n\r\n", "414"},
		{"a request line without end", "GET /" + strings.Repeat("a", 100_000), "414"},
		{"a body behind an Expect that is not answered", "PUT /elsewhere HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n" +
			"Expect: 100-continue\r\n\r\n", "404"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := k.dial()
			p.t = t
			_ = p.tc.Write([]byte(tt.request + next)) // the server may have enough before the end
			got := p.rest()
			if tt.status == "" && got == "" {
				return
			}
			if statusOf(got) != tt.status || strings.Count(got, "HTTP/1.1 ") != 1 ||
				!strings.Contains(got, "connection: close\r\n") {
				t.Errorf("got %q, want one response with %s and the end of the connection", got, tt.status)
			}
		})
	}
	neighbour := k.dial()
	neighbour.send(head("GET /items/a HTTP/1.1", "Host: a"))
	if got := neighbour.until("\n\n"); statusOf(got) != "200" {
		t.Errorf("a neighbour got %q", got)
	}
	counts := k.server.Stats().Guard
	for _, a := range []protocol.Abuse{protocol.MalformedRequest, protocol.HeaderListLimit, protocol.FloodData} {
		if counts[a] == 0 {
			t.Errorf("nothing was counted as %v", a)
		}
	}
}

// TestAccepted has requests that look odd and are right.
func TestAccepted(t *testing.T) { //nolint:paralleltest // leakcheck
	k := newKit(t, new(protocoltest.Items), nil)
	for _, tt := range []struct {
		name, request, want string
	}{
		{"empty lines before", "\r\n\r\n" + get + "\r\n", "\r\n\r\n\n"},
		{"absolute form", "GET http://A/items/a?q HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\nq\n"},
		{"an empty host", "GET /items/a?q HTTP/1.1\r\nHost:\r\n\r\n", "\r\n\r\nq\n"},
		{"an address of IPv6", "GET /items/a?q HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "\r\n\r\nq\n"},
		{"HTTP/1.0 that goes on",
			"GET /items/a?q HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "connection: keep-alive\r\n\r\nq\n"},
		{"a later version", "GET /items/a?q HTTP/1.2\r\nHost: a\r\n\r\n", "\r\n\r\nq\n"},
		{"chunks",
			put + "Transfer-Encoding: Chunked\r\n\r\n04;a=\"b\"\r\nabcd\r\nA\r\n0123456789\r\n000\r\n\r\n",
			"\r\n\r\n\nabcd0123456789"},
		{"a trailer", chunked + "1\r\nx\r\n0\r\nSum: 42\r\n\r\n", "sum: 42\r\n"},
		{"spaces around a value", get + "a:   \t b \t \r\n\r\n", "\r\n\r\n\n"},
		{"white space and UTF-8 within", get + "a: b\t\xc3\xa4 c\r\nb:\r\n\r\n", "\r\n\r\n\n"},
		{"h2c, which is not taken",
			get + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n", "\r\n\r\n\n"},
		{"a small body", put + "content-length: 3\r\n\r\nabc", "\r\n\r\n\nabc"},
		{"no body", put + "content-length: 0\r\n\r\n", "\r\n\r\n\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{1 << 20, 1, 7} { // sent at once, and bit by bit
				p := k.dial()
				p.t = t
				for s := tt.request; s != ""; {
					n := min(size, len(s))
					p.send(s[:n])
					s = s[n:]
				}
				if got := p.until(tt.want); statusOf(got) != "200" {
					t.Errorf("in parts of %d: got %q", size, got)
				}
				p.send(head("GET /items/a?last HTTP/1.1", "Host: a", "Connection: close"))
				if got := p.rest(); !strings.Contains(got, "HTTP/1.1 200 OK") || !strings.HasSuffix(got, "last\n") {
					t.Errorf("the next request: got %q", got)
				}
			}
		})
	}
}

// TestSlow: what is begun has to come to its end.
func TestSlow(t *testing.T) { //nolint:paralleltest // leakcheck
	k := newKit(t, new(protocoltest.Items), []web.ServerOption{web.FrameTimeout(20 * time.Millisecond)},
		server.HandshakeTimeout(30*time.Millisecond), server.MessageTimeout(20*time.Millisecond))
	for _, tt := range []struct {
		name, request, status string
	}{
		{"no byte", "", ""},
		{"an empty line", "\r\n", ""},
		{"half of a head", "GET /items/a HTT", "408"},
		{"half of a body", put + "Content-Length: 10\r\n\r\nabc", "504"},
		{"half of a chunk", chunked + "4\r\nab", "504"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := k.dial()
			p.t = t
			if tt.request != "" {
				p.send(tt.request)
			}
			if got := p.rest(); statusOf(got) != tt.status {
				t.Errorf("got %q, want the status %q", got, tt.status)
			}
		})
	}
}
