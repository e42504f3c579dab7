package http2

import (
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/protocol"
)

// TestJudge: which header lists are messages (RFC 9113, sections 8.2, 8.3 and 8.5), and what comes of them.
func TestJudge(t *testing.T) {
	t.Parallel()
	const (
		request = 1 << iota
		response
		trailer
		connect // extended CONNECT is allowed
	)
	const good = ":method POST :scheme http :path /x "
	for _, tt := range []struct {
		kind   int
		fields string // names and values, separated by spaces; "-" is an empty value
		bad    string // "": it is well-formed
		check  func(hb *headBuilder) bool
	}{
		{request, good, "", func(hb *headBuilder) bool {
			return hb.h.Verb == "POST" && hb.h.Scheme == "http" && hb.h.Path == "/x" && hb.length == -1 && !hb.regular
		}},
		{request, good + ":authority a host b", "", func(hb *headBuilder) bool { return hb.h.Authority == "a" }},
		{request, good + "host b", "", func(hb *headBuilder) bool {
			return hb.h.Authority == "b" && hb.h.Fields.Len() == 0
		}},
		{request, good + "host a host b", "more than one host", nil},
		{request, ":method POST :scheme http", "without", nil},
		{request, ":method POST :path /x", "without", nil},
		{request, ":scheme http :path /x", "without", nil},
		{request, ":method GET :scheme http :path -", "bad :path", nil},
		{request, ":method GET :scheme http :path x", "bad :path", nil},
		{request, ":method GET :scheme http :path *", "bad :path", nil},
		{request, ":method OPTIONS :scheme http :path *", "", nil},
		{request, ":method OPTIONS :scheme http :path **", "bad :path", nil},
		{request, good + ":method POST", "misplaced", nil},
		{request, good + ":status 200", "misplaced", nil},
		{request, good + ":what x", "misplaced", nil},
		{request, ":method POST :scheme http x y :path /x", "misplaced", nil},
		{request, good + "connection close", "connection-specific", nil},
		{request, good + "te trailers", "", func(hb *headBuilder) bool { return hb.h.Fields.Len() == 0 }},
		{request, good + "te gzip", "te other", nil},
		{request, good + "content-length 5", "", func(hb *headBuilder) bool { return hb.length == 5 }},
		{request, good + "content-length 0", "", func(hb *headBuilder) bool { return hb.length == 0 }},
		{request, good + "content-length 5 content-length 5", "", func(hb *headBuilder) bool { return hb.length == 5 }},
		{request, good + "content-length 0 content-length 5", "content-length", nil},
		{request, good + "content-length 5 content-length 0", "content-length", nil},
		{request, good + "content-length -5", "content-length", nil},
		{request, good + "content-length +5", "content-length", nil},
		{request, good + "content-length 9223372036854775807", "", nil},
		{request, good + "content-length 9223372036854775808", "content-length", nil},
		{request, good + "expect 100-Continue", "", func(hb *headBuilder) bool {
			return hb.h.Expect100 && hb.h.Fields.Len() == 0
		}},
		{request, good + "expect more", "", func(hb *headBuilder) bool {
			return !hb.h.Expect100 && hb.h.Fields.Get("expect") == "more"
		}},
		{request, good + "user-agent me content-type text/x", "", func(hb *headBuilder) bool {
			return hb.h.UserAgent == "me" && hb.h.ContentType == "text/x" && hb.regular
		}},
		{request, good + "grpc-timeout 1S", "", func(hb *headBuilder) bool {
			return string(hb.h.Timeout) == "1S" && hb.h.TimeoutName == "grpc-timeout" && hb.h.Fields.Len() == 0
		}},
		{request, good + "grpc-timeout 1S connect-timeout-ms 5", "", func(hb *headBuilder) bool {
			return string(hb.h.Timeout) == "1S" && hb.h.Fields.Get("connect-timeout-ms") == "5"
		}},
		{request, ":method CONNECT :authority a:1", "", func(hb *headBuilder) bool { return hb.h.Authority == "a:1" }},
		{request, ":method CONNECT", "CONNECT", nil},
		{request, ":method CONNECT :authority a:1 :path /", "CONNECT", nil},
		{request, ":method CONNECT :authority a:1 :scheme http", "CONNECT", nil},
		{request, ":method CONNECT :scheme http :path / :authority a :protocol websocket", "misplaced", nil},
		{request | connect, ":method CONNECT :scheme http :path / :authority a :protocol websocket", "", nil},
		{request | connect, ":method CONNECT :authority a :protocol websocket", "without", nil},
		{request | connect, ":method GET :scheme http :path / :protocol websocket", ":protocol", nil},
		{request | trailer, "x y", "", func(hb *headBuilder) bool { return hb.trailer().Fields.Get("x") == "y" }},
		{request | trailer, "grpc-timeout 1S", "", func(hb *headBuilder) bool {
			h := hb.trailer()
			return h.Timeout == nil && h.TimeoutName == ""
		}},
		{request | trailer, "", "", func(hb *headBuilder) bool { return hb.trailer() == nil }},
		{request | trailer, ":path /x", "pseudo-field in a trailer", nil},
		{response, ":status 200", "", func(hb *headBuilder) bool { return hb.h.Status == 200 }},
		{response, ":status 100", "", func(hb *headBuilder) bool { return hb.h.Status == 100 }},
		{response, ":status 999", "", nil},
		{response, ":status 99", "bad :status", nil},
		{response, ":status 099", "bad :status", nil},
		{response, ":status 2000", "bad :status", nil},
		{response, ":status 20x", "bad :status", nil},
		{response, "x y", "without :status", nil},
		{response, ":status 200 :status 200", "misplaced", nil},
		{response, ":status 200 :method GET", "misplaced", nil},
		{response | trailer, ":status 200", "pseudo-field in a trailer", nil},
		{response | trailer, "x y", "", nil},
	} {
		hb := new(headBuilder)
		hb.reset(&Conn{
			client: tt.kind&response != 0,
			cfg:    &Config{HeaderList: 1 << 10, ExtendedConnect: tt.kind&connect != 0},
		})
		kv := strings.Fields(tt.fields)
		for i := 0; i+1 < len(kv); i += 2 {
			value := strings.TrimPrefix(kv[i+1], "-")
			if kv[i] == "content-length" {
				value = kv[i+1]
			}
			hb.field(&entry{name: kv[i], value: value, kind: kindOf(kv[i])})
		}
		hb.judge(tt.kind&trailer != 0)
		switch {
		case (hb.bad == "") != (tt.bad == ""), !strings.Contains(hb.bad, tt.bad):
			t.Errorf("%q: got %q, want %q", tt.fields, hb.bad, tt.bad)
		case tt.check != nil && !tt.check(hb):
			t.Errorf("%q: got %+v, length %d", tt.fields, hb.h, hb.length)
		}
	}
}

// TestHello: what each side says first.
func TestHello(t *testing.T) {
	t.Parallel()
	const (
		three    = "\x00\x00\x12\x04\x00\x00\x00\x00\x00" // SETTINGS with three of them
		four     = "\x00\x00\x18\x04\x00\x00\x00\x00\x00"
		window   = "\x00\x04\x00\x04\x00\x00"                             // SETTINGS_INITIAL_WINDOW_SIZE: 256 KiB
		list     = "\x00\x06\x00\x00\x20\x00"                             // SETTINGS_MAX_HEADER_LIST_SIZE: 8 KiB
		connWide = "\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\xff\x00\x01" // WINDOW_UPDATE to 16 MiB
	)
	for _, tt := range []struct {
		name    string
		client  bool
		connect bool
		want    string
	}{
		{"client", true, false, three + "\x00\x02\x00\x00\x00\x00" + window + list + connWide},
		{"server", false, false, three + "\x00\x03\x00\x00\x00\x64" + window + list + connWide},
		{
			"server with extended CONNECT", false, true,
			four + "\x00\x03\x00\x00\x00\x64" + "\x00\x08\x00\x00\x00\x01" + window + list + connWide,
		},
	} {
		c := &Conn{client: tt.client, cfg: &Config{MaxStreams: 100, HeaderList: 8 << 10, ExtendedConnect: tt.connect}}
		if got := string(c.appendSettings(nil)); got != tt.want {
			t.Errorf("%s: got %x, want %x", tt.name, got, tt.want)
		}
	}
}

// TestWithheld: a connection's window is kept while its streams hold much for their readers, and comes back when they
// hold less than half of the limit.
func TestWithheld(t *testing.T) {
	t.Parallel()
	c := &Conn{cfg: &Config{QueuedBytes: 1000}}
	c.w.Init(nil, sender{c})
	c.w.Cork() // nothing is written: what would be is counted
	at := func(when string, received int64, updates int) {
		t.Helper()
		if got := c.received.Load(); got != received {
			t.Errorf("%s: the peer may send %d bytes, want %d", when, got, received)
		}
		if got, want := c.w.Len(), updates*(frameHeaderLen+4); got != want {
			t.Errorf("%s: %d bytes wait to be written, want %d updates", when, got, updates)
		}
	}
	c.queued.Store(1001)
	c.withhold(10)
	c.withhold(20)
	at("withheld", 0, 0)
	c.release(501)
	at("half of the limit is held", 0, 0)
	c.release(1)
	at("less than half", 30, 1)
	c.release(1)
	at("nothing is withheld", 30, 1)
	c.withhold(5)
	at("the readers have caught up meanwhile", 35, 2)

	s := newStream(c, 1)
	s.pull()
	c.est.window.Store(minStreamWindow)
	for _, tt := range []struct {
		name     string
		queued   int64 // before
		withheld int64
		uncredit int64
		readErr  error
		received int64
		updates  int
	}{
		{"less than a quarter of the window", 400, 0, minStreamWindow/4 - 1, nil, 35, 2},
		{"a quarter of it", 400, 0, minStreamWindow / 4, nil, 35, 3},
		{"a quarter, and no more will come", 400, 0, minStreamWindow / 4, errBad, 35, 3},
		{"withheld, half of the limit is held", 510, 7, 0, nil, 35, 3},
		{"withheld, less than half", 509, 7, 0, nil, 42, 4},
		{"nothing withheld", 100, 0, 0, nil, 42, 4},
		{"both", 509, 7, minStreamWindow / 4, nil, 49, 6},
	} {
		c.queued.Store(tt.queued)
		c.withheld.Store(tt.withheld)
		s.mu.Lock()
		s.uncredit, s.p.readErr = tt.uncredit, tt.readErr
		s.consumed(10)
		s.mu.Unlock()
		at(tt.name, tt.received, tt.updates)
		c.withheld.Store(0)
	}
	c.w.Fail(protocol.ErrFull) // gives the buffer back
}
