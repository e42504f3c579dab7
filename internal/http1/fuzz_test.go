package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// headSeeds are heads that parsers have read differently.
//
//nolint:gochecknoglobals // a constant
var headSeeds = []string{
	"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /a/b?c=d%zz HTTP/1.1\r\nHost: a:80\r\nUser-Agent: b\r\nAccept: */*\r\n\r\n",
	"POST http://a/b HTTP/1.1\r\nHost: A\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\n",
	"PUT / HTTP/1.0\r\nConnection: keep-alive, x\r\n\r\n",
	"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
	"OPTIONS * HTTP/1.1\r\nHost: [::1]\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\nExpect: 100-continue\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\ngrpc-timeout: 1S\r\n\r\n",
	"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n",
	"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET /%\r\n\r\n",
}

// FuzzHead: what net/http refuses is refused; what is accepted is read as net/http reads it, and again, from what is
// kept of it, in the same way.
func FuzzHead(f *testing.F) {
	for _, s := range headSeeds {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		var all, bits lines
		n := all.end(b)
		if n == 0 || all.n == 0 {
			return
		}
		b = b[:n]
		got := 0
		for at := 0; got == 0 && at < n; { // it arrives in parts
			at = min(at+int(cut)+1, n)
			got = bits.end(b[:at])
		}
		if got != n {
			t.Fatalf("%q: the head ends at %d, and in parts at %d", b, n, got)
		}
		c := &Conn{scheme: "http"}
		var h requestHead
		fault := h.parse(b, c)
		theirs, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(b)))
		if fault != nil {
			return
		}
		if err != nil {
			t.Fatalf("%q: accepted, and net/http says %v", b, err)
		}
		defer func() { _ = theirs.Body.Close() }()
		first := snapshot(&h)
		compare(t, b, &h, theirs)
		if fault := h.parse(b, c); fault != nil || first != snapshot(&h) {
			t.Fatalf("%q: read again: %v, %q, want %q", b, fault, snapshot(&h), first)
		}
		other := append([]byte("GET /other?x HTTP/1.1\r\n"), b[bytes.IndexByte(b, '\n')+1:]...)
		_ = h.parse(other, c) // the fields are taken over
		if fault := h.parse(b, c); fault != nil || first != snapshot(&h) {
			t.Fatalf("%q: read behind another: %v, %q, want %q", b, fault, snapshot(&h), first)
		}
	})
}

// snapshot is a head as text.
func snapshot(h *requestHead) string {
	p := &h.h
	var s strings.Builder
	for _, v := range []string{p.Verb, p.Scheme, p.Authority, p.Path, p.Query, p.ContentType, p.UserAgent, p.Protocol,
		p.TimeoutName, string(p.Timeout)} {
		s.WriteString(v + "\n")
	}
	for k, v := range p.Fields.All() {
		s.WriteString(k + ": " + v + "\n")
	}
	for _, v := range []bool{p.Expect100, p.NoBody, h.old, h.persists(), h.sec.chunked} {
		if v {
			s.WriteByte('y')
		} else {
			s.WriteByte('n')
		}
	}
	return s.String()
}

// compare holds a head against that of net/http.
func compare(t *testing.T, b []byte, h *requestHead, theirs *http.Request) {
	t.Helper()
	p := &h.h
	chunked := slices.Contains(theirs.TransferEncoding, "chunked")
	switch {
	case p.Verb != theirs.Method, chunked != h.sec.chunked:
		t.Fatalf("%q: got %s, chunked %v, want %s, %v", b, p.Verb, h.sec.chunked, theirs.Method, chunked)
	case h.sec.length > 0 && theirs.ContentLength != h.sec.length:
		t.Fatalf("%q: got the length %d, want %d", b, h.sec.length, theirs.ContentLength)
	case p.Verb != "CONNECT" && p.Query != theirs.URL.RawQuery:
		t.Fatalf("%q: got the query %q, want %q", b, p.Query, theirs.URL.RawQuery)
	case !strings.EqualFold(p.Authority, theirs.Host):
		t.Fatalf("%q: got the host %q, want %q", b, p.Authority, theirs.Host)
	case !h.persists() && !theirs.Close && !h.old:
		t.Fatalf("%q: the connection ends, and goes on with net/http", b)
	}
	for k, v := range p.Fields.All() {
		if vs := theirs.Header[http.CanonicalHeaderKey(k)]; !slices.Contains(vs, v) && k != "trailer" {
			t.Fatalf("%q: got %s: %q, want one of %q", b, k, v, vs)
		}
	}
}

// FuzzBody: a chunked body that net/http refuses is refused, the others are read alike, and it does not matter in which
// parts they arrive.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		"0\r\n\r\n", "4\r\nabcd\r\n0\r\n\r\n", "04;a=b\r\nabcd\r\nA\r\n0123456789\r\n00\r\nSum: 1\r\n\r\n",
		"4\nabcd\n0\n\n", "4 \r\nabcd\r\n0\r\n\r\n", "4\r\nabcde\r\n0\r\n\r\n", "ffffffffffffffff\r\n", "-1\r\n", ";\r\n",
		"1;" + strings.Repeat("a", 300) + "\r\nx\r\n0\r\n\r\n",
	} {
		f.Add([]byte(s), uint8(2))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		got, trailer, fault := decodeParts(b, len(b))
		parts, trailer2, fault2 := decodeParts(b, int(cut)+1)
		if (fault == nil) != (fault2 == nil) || fault == nil && (!bytes.Equal(got, parts) || !maps.Equal(trailer, trailer2)) {
			t.Fatalf("%q: at once %q, %v, in parts of %d %q, %v", b, got, fault, int(cut)+1, parts, fault2)
		}
		if fault != nil {
			return
		}
		const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		theirs, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + string(b))))
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(theirs.Body)
		_ = theirs.Body.Close()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%q: got %q, want %q, %v", b, got, want, err)
		}
	})
}

var errShort = errors.New("the body is not complete")

// decodeParts decodes a chunked body that arrives in parts of n bytes.
func decodeParts(b []byte, n int) (data []byte, trailer map[string]string, err error) {
	d := body{kind: bodyChunked, limit: trailerLimit{64 << 10, 100}}
	off, have := 0, 0
	for {
		have = min(have+max(n, 1), len(b))
		for {
			p, f := d.next(b[off:have])
			if f != nil {
				return nil, nil, f
			}
			off += p.n
			data = append(data, p.data...)
			if p.done {
				trailer = make(map[string]string)
				var ps parser
				h, f := ps.trailer(p.trailer)
				if f != nil {
					return nil, nil, f
				}
				if h != nil {
					maps.Insert(trailer, h.Fields.All())
				}
				return data, trailer, nil
			}
			if p.need > 0 {
				if p.need <= have-off {
					return nil, nil, errors.New("it needs what is there")
				}
				break
			}
		}
		if have == len(b) {
			return nil, nil, errShort
		}
	}
}

// FuzzValues: validValue, which looks at eight bytes at a time, agrees with a look at each.
func FuzzValues(f *testing.F) {
	f.Add([]byte("abc\x7fdefgh\tijk\x00"))
	f.Add([]byte("abcdefgh\x80\xff\x1f "))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, want := validValue(b), validBytes(b); got != want || validText(string(b)) != want {
			t.Errorf("%q: got %v, want %v", b, got, want)
		}
	})
}
