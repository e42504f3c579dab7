package attack_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/server"
	"golang.org/x/net/http2"
)

// TestHPACKBomb fills the table with an entry and refers to it as often as the block has bytes.
func TestHPACKBomb(t *testing.T) { //nolint:paralleltest // memory is the process's
	const streams = 100
	tg := newTarget(t, server.MaxStreams(streams))
	tg.during(bounds{heap: 32, goroutines: streams + 20}, func() {
		a := tg.attack().start()
		fill := a.head(duplexPath, "x-bomb", strings.Repeat("b", 3900))
		a.open(fill, false)
		// The entry is the newest line, 62 (RFC 7541, section 2.3.3).
		bomb := bytes.Repeat([]byte{0x80 | 62}, 12<<10)
		for range 1000 {
			a.open(bomb, false)
		}
		a.flush()
		eventually(t, "refusals", func() bool { return a.dead() || tg.Stats().Guard[protocol.HeaderListLimit] == 1000 })
	})
	tg.counted(protocol.HeaderListLimit)
}

// TestManyFields sends lists that are just within the limit, of the entries that take most memory for their bytes, on
// as many streams as there may be.
func TestManyFields(t *testing.T) { //nolint:paralleltest // memory is the process's
	const streams = 100
	tg := newTarget(t, server.MaxStreams(streams))
	tg.during(bounds{heap: 32, goroutines: streams + 20}, func() {
		a := tg.attack().start()
		list := append(a.head(duplexPath, "a", ""), bytes.Repeat([]byte{0x80 | 62}, 1800)...)
		for range streams {
			a.open(list, false)
		}
		a.alive()
	})
}

// TestHeaderListLimit sends lists that are too long, in one block and over many frames.
func TestHeaderListLimit(t *testing.T) { //nolint:paralleltest // memory is the process's
	tg := newTarget(t, server.MaxHeaderList(16<<10))
	a := tg.attack().start()
	block := a.head(unaryPath, "x-long", strings.Repeat("x", 20<<10))
	_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: a.id, BlockFragment: block[:100], EndStream: true})
	for rest := block[100:]; len(rest) > 0; {
		n := min(len(rest), 8<<10)
		_ = a.WriteContinuation(a.id, n == len(rest), rest[:n])
		rest = rest[n:]
	}
	a.flush()
	eventually(t, "an answer", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.ended[1]
	})
	a.alive()
	tg.counted(protocol.HeaderListLimit)
	tg.answers()
}

// TestCompressionErrors sends what RFC 7541 forbids: each ends its connection.
func TestCompressionErrors(t *testing.T) { //nolint:paralleltest // memory is the process's
	tg := newTarget(t)
	for _, tt := range []struct {
		name  string
		block []byte
	}{
		{"a table larger than allowed", []byte{0x3f, 0xe2, 0x1f}},           // 4097
		{"a table size behind a field", []byte{0x82, 0x20}},                 //
		{"a line that is not there", []byte{0x80 | 62}},                     //
		{"line 0", []byte{0x80}},                                            //
		{"an integer without an end", bytes.Repeat([]byte{0xff}, 64)},       //
		{"a string longer than the block", []byte{0x00, 0x7f, 0xff, 0xff}},  //
		{"Huffman's end of string", []byte{0x00, 0x84, 255, 255, 255, 255}}, //
		{"a block that is cut off", []byte{0x40, 0x01}},                     //
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := tg.attack().start()
			a.t = t
			a.open(tt.block, true)
			a.flush()
			a.sentAway(http2.ErrCodeCompression, "")
			tg.answers()
		})
	}
}

// TestTableSizeUpdates changes the size of the table as often as a block allows: that is only work in proportion to the
// bytes.
func TestTableSizeUpdates(t *testing.T) { //nolint:paralleltest // memory is the process's
	tg := newTarget(t)
	tg.during(bounds{heap: 16, goroutines: 20}, func() {
		a := tg.attack().start()
		block := bytes.Repeat([]byte{0x20, 0x3f, 0xe1, 0x1f}, 2000) // 0, 4096, …
		block = append(block, a.head(unaryPath)...)
		for range 200 {
			a.open(block, true)
			a.alive()
		}
	})
}

// TestSmuggling sends requests that some other server or proxy might understand otherwise: none reaches a handler.
func TestSmuggling(t *testing.T) { //nolint:paralleltest // the counts are the server's
	tg := newTarget(t)
	pseudo := []string{":method", "POST", ":scheme", "http", ":path", unaryPath, ":authority", "victim"}
	regular := []string{"content-type", "application/grpc", "te", "trailers"}
	with := func(more ...string) []string { return slices.Concat(pseudo, regular, more) }
	replaced := func(name, value string) []string {
		fields := with()
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == name {
				fields[i+1] = value
			}
		}
		return fields
	}
	for _, tt := range []struct {
		name   string
		fields []string
	}{
		{"a name in upper case", with("X-Up", "1")},
		{"connection", with("connection", "x-hop")},
		{"keep-alive", with("keep-alive", "5")},
		{"proxy-connection", with("proxy-connection", "keep-alive")},
		{"transfer-encoding", with("transfer-encoding", "chunked")},
		{"upgrade", with("upgrade", "h2c")},
		{"te other than trailers", with("te", "gzip")},
		{"CR in a value", with("x-v", "a\rb")},
		{"LF in a value", with("x-v", "a\nb")},
		{"CRLF and a field in a value", with("x-v", "a\r\nhost: other")},
		{"NUL in a value", with("x-v", "a\x00b")},
		{"LF in a name", with("x-\nv", "a")},
		{"a space in a name", with("x v", "a")},
		{"a colon in a name", with("x:v", "a")},
		{"an empty name", with("", "a")},
		{":method twice", append([]string{":method", "GET"}, with()...)},
		{":path twice", append([]string{":path", "/admin"}, with()...)},
		{":authority twice", append([]string{":authority", "other"}, with()...)},
		{":scheme twice", append([]string{":scheme", "https"}, with()...)},
		{"a pseudo-field behind the others", with(":path", "/admin")},
		{"an unknown pseudo-field", append([]string{":extra", "1"}, with()...)},
		{":status in a request", append([]string{":status", "200"}, with()...)},
		{"no :method", with()[2:]},
		{"an empty :path", replaced(":path", "")},
		{":path without a slash", replaced(":path", "admin")},
		{":path of another form", replaced(":path", "http://victim"+unaryPath)},
		{":path with a request in it", replaced(":path", unaryPath+" HTTP/1.1\r\nhost: other")},
		{":path with a space", replaced(":path", "/a b")},
		{":path with a fragment", replaced(":path", unaryPath+"#x")},
		{":path with a control character", replaced(":path", "/a\x01b")},
		{":authority with user information", replaced(":authority", "user@victim")},
		{":authority with a path", replaced(":authority", "victim/other")},
		{":authority with a space", replaced(":authority", "victim other")},
		{"host twice", with("host", "victim", "host", "victim")},
		{"host with user information", with("host", "user@victim")},
		{"CONNECT", replaced(":method", "CONNECT")},
		{"content-length twice", with("content-length", "5", "content-length", "6")},
		{"content-length below zero", with("content-length", "-1")},
		{"content-length with a sign", with("content-length", "+5")},
		{"content-length without a number", with("content-length", "5, 5")},
		{"content-length longer than the body", with("content-length", "6")},
		{"content-length shorter than the body", with("content-length", "4")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := tg.Stats().Guard[protocol.MalformedRequest]
			a := tg.attack().start()
			a.t = t
			id := a.open(a.block(tt.fields...), false)
			_ = a.WriteData(id, true, make([]byte, 5))
			a.flush()
			a.reset(id, http2.ErrCodeProtocol)
			a.alive()
			if got := tg.Stats().Guard[protocol.MalformedRequest]; got <= before {
				t.Errorf("got %d malformed requests, want more than %d", got, before)
			}
		})
	}
	tg.answers()
}

// TestTrailerSmuggling sends trailers that are none.
func TestTrailerSmuggling(t *testing.T) { //nolint:paralleltest // as TestSmuggling
	tg := newTarget(t)
	for _, tt := range []struct {
		name   string
		fields []string
		end    bool
	}{
		{"pseudo-field", []string{":path", "/admin"}, true},
		{"connection field", []string{"transfer-encoding", "chunked"}, true},
		{"a name in upper case", []string{"X-Up", "1"}, true},
		{"no end", []string{"x-v", "1"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := tg.attack().start()
			a.t = t
			id := a.open(a.head(unaryPath), false)
			_ = a.WriteData(id, false, make([]byte, 5))
			_ = a.WriteHeaders(http2.HeadersFrameParam{
				StreamID: id, BlockFragment: a.block(tt.fields...), EndStream: tt.end, EndHeaders: true,
			})
			a.flush()
			a.reset(id, http2.ErrCodeProtocol)
			a.alive()
		})
	}
	tg.answers()
}

// TestHost is no attack: proxies send "host" instead of ":authority", or beside it with a name of their own. The call's
// authority is that of the pseudo-field, if there is one.
func TestHost(t *testing.T) { //nolint:paralleltest // as TestSmuggling
	seen := make(chan string, 1)
	tg := newTargetWithoutClient(t, server.Use(func(_ fairlead.Site, next fairlead.Handler) fairlead.Handler {
		return func(ctx context.Context, c *fairlead.Call) error {
			seen <- c.Authority() + " " + c.RequestHeader().Get("host")
			return next(ctx, c)
		}
	}))
	request := []string{":method", "POST", ":scheme", "http", ":path", unaryPath}
	rest := []string{"content-type", "application/grpc", "te", "trailers"}
	for _, tt := range []struct {
		name              string
		authority, fields []string
		want              string
	}{
		{"host alone", nil, []string{"host", "my.example"}, "my.example "},
		{"the same", []string{":authority", "a.example"}, []string{"host", "a.example"}, "a.example "},
		{"another port", []string{":authority", "a.example"}, []string{"host", "a.example:80"}, "a.example "},
		{"another", []string{":authority", "a.example"}, []string{"host", "b.example"}, "a.example "},
		{"neither", nil, nil, " "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := tg.attack().start()
			a.t = t
			for range 4 { // the later ones by their indices
				id := a.open(a.block(slices.Concat(request, tt.authority, rest, tt.fields)...), false)
				_ = a.WriteData(id, true, make([]byte, 5))
				a.flush()
				timer := time.NewTimer(assert.Patience(patience))
				select {
				case got := <-seen:
					if got != tt.want {
						t.Errorf("got %q, want %q", got, tt.want)
					}
				case <-timer.C:
					t.Fatal("got no call")
				}
				timer.Stop()
			}
		})
	}
}
