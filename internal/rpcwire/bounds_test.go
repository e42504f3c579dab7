package rpcwire

import (
	"encoding/base64"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
)

// The tests here are of values at the bounds of what is accepted, and one beyond.

// TestFaultBounds: the characters of names and values.
func TestFaultBounds(t *testing.T) {
	t.Parallel()
	const inNames = "abcdefghijklmnopqrstuvwxyz0123456789_-."
	for c := range 256 {
		one := string([]byte{byte(c)})
		ok := strings.Contains(inNames, one)
		if got := Fault("x"+one, "", reserved); (got == "") != ok {
			t.Errorf("a name with %q: got %q, want ok %v", one, got, ok)
		}
		ok = c >= 0x20 && c <= 0x7e
		if got := Fault("x", "a"+one, reserved); (got == "") != ok {
			t.Errorf("a value with %q: got %q, want ok %v", one, got, ok)
		}
		if got := Fault("x-bin", one, reserved); got != "" {
			t.Errorf("a binary value with %q: got %q", one, got)
		}
	}
}

// TestReservedNames: the fields of HTTP are no metadata.
func TestReservedNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"te", "content-type", "content-length", "user-agent", "host", "connection", "keep-alive", "proxy-connection",
		"transfer-encoding", "upgrade", "trailer",
	} {
		if !ReservedByHTTP(name) || ReservedByHTTP(name+"s") {
			t.Errorf("%s is not reserved, or %[1]ss is", name)
		}
	}
}

// TestTrims: values keep their spaces except at the ends, and one that is nothing else becomes empty.
func TestTrims(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", " ": "", " a": "a", "a ": "a", "a b": "a b", "  a  b  ": "a  b"} {
		var md fairlead.Metadata
		md.Add("a", in)
		got := Sendable(&md, reserved, func(key, why string) { t.Errorf("%s: %s", key, why) })
		if got.Get("a") != want || (got == &md) != (in == want) {
			t.Errorf("%q: got %q, a copy: %v, want %q", in, got.Get("a"), got != &md, want)
		}
	}
}

// TestPercentBounds: what stands for itself in a message, and what digits are.
func TestPercentBounds(t *testing.T) {
	t.Parallel()
	const hex = "0123456789ABCDEFabcdef"
	for c := range 256 {
		one := string([]byte{byte(c)})
		if c < utf8.RuneSelf {
			plain := c >= ' ' && c <= '~' && c != '%'
			if got := EncodeMessage("x" + one + "x"); (got == "x"+one+"x") != plain {
				t.Errorf("%q: got %q, plain: %v", one, got, plain)
			}
			want := 3
			if !plain {
				want = 2 + 3 + 4
			}
			if got := encodedLen("x" + one + "x"); got != want {
				t.Errorf("encodedLen(%q): got %d, want %d", "x"+one+"x", got, want)
			}
		}
		escape := strings.Contains(hex, one)
		for _, in := range []string{"%4" + one, "%" + one + "4", "a%4" + one + "b"} {
			if got := DecodeMessage(in); (len(got) == len(in)-2) != escape || !escape && got != in {
				t.Errorf("%q: got %q, an escape: %v", in, got, escape)
			}
		}
	}
	for in, want := range map[string]string{"%0f%F0": "\x0f\xf0", "%9A%a9": "\x9a\xa9", "a%41": "aA", "%41%": "A%"} {
		if got := DecodeMessage(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := encodedLen("aä€"); got != 1+6+9+4 {
		t.Errorf("got %d, want three bytes for each byte that is escaped", got)
	}
}

// TestLimits: the longest messages, with their errors.
func TestLimits(t *testing.T) {
	t.Parallel()
	most := int(min(int64(math.MaxInt), math.MaxUint32))
	above := most
	if above < math.MaxInt {
		above++
	}
	for in, want := range map[int]int{-1: most, 0: most, 1: 1, most: most, above: most} {
		if got := NewLimit(in, "", "").Bytes; got != want {
			t.Errorf("NewLimit(%d): got %d, want %d", in, got, want)
		}
	}
	lim := NewLimit(0x01020304, "client", "client.Max")
	if flags, n, err := ParsePrefix([]byte{1, 1, 2, 3, 4}, &lim); flags != 1 || n != lim.Bytes || err != nil {
		t.Errorf("got %d, %d, %v, want a message of the longest length", flags, n, err)
	}
	_, _, err := ParsePrefix([]byte{1, 1, 2, 3, 5}, &lim)
	wantError(t, err, fairlead.ResourceExhausted, "of 16909061 bytes exceeds the client's limit of 16909060 (client.Max)")
	for flags := 2; flags < 256; flags *= 2 {
		_, _, err = ParsePrefix([]byte{byte(flags), 0, 0, 0, 0}, &lim)
		wantError(t, err, fairlead.Internal, "the unknown flags 0x")
	}
	wantError(t, lim.Decompressed(), fairlead.ResourceExhausted, "the client's limit of 16909060 bytes once decompressed")
	wantError(t, lim.Sent(7), fairlead.ResourceExhausted, "has 7 bytes and exceeds the client's limit of 16909060")
}

// TestCodes: the codes of responses without a status, and of exchanges that have failed.
func TestCodes(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]fairlead.Code{
		200: fairlead.Unknown, 400: fairlead.Internal, 401: fairlead.Unauthenticated, 403: fairlead.PermissionDenied,
		404: fairlead.Unimplemented, 429: fairlead.Unavailable, 500: fairlead.Unknown, 502: fairlead.Unavailable,
		503: fairlead.Unavailable, 504: fairlead.Unavailable,
	} {
		if got := CodeOfHTTP(status); got != want {
			t.Errorf("%d: got %v, want %v", status, got, want)
		}
	}
	own := fairlead.Errorf(fairlead.DataLoss, "closed for this")
	tests := []struct {
		failure protocol.Failure
		late    bool
		want    fairlead.Code
	}{
		{protocol.Failure{Kind: protocol.FailedReset, Code: protocol.ResetRefused}, false, fairlead.Unavailable},
		{protocol.Failure{Kind: protocol.FailedReset, Code: protocol.ResetCancel}, false, fairlead.Canceled},
		{protocol.Failure{Kind: protocol.FailedReset, Code: protocol.ResetEnhanceCalm}, false, fairlead.ResourceExhausted},
		{protocol.Failure{Kind: protocol.FailedReset, Code: protocol.ResetInadequateTLS}, false, fairlead.PermissionDenied},
		{protocol.Failure{Kind: protocol.FailedReset, Code: protocol.ResetInternal}, false, fairlead.Internal},
		{protocol.Failure{Kind: protocol.FailedReset, Code: protocol.ResetCancel}, true, fairlead.DeadlineExceeded},
		{protocol.Failure{Kind: protocol.FailedViolation}, true, fairlead.Internal},
		{protocol.Failure{Kind: protocol.FailedClosed, Cause: own}, true, fairlead.DataLoss},
		{protocol.Failure{Kind: protocol.FailedClosed}, true, fairlead.Unavailable},
		{protocol.Failure{Kind: protocol.FailedGoaway}, true, fairlead.Unavailable},
		{protocol.Failure{Kind: protocol.FailedLost}, true, fairlead.Unavailable},
	}
	for i := range tests {
		tt := &tests[i]
		tt.failure.Reach = fairlead.Refused
		err := FailureError(&tt.failure, tt.late)
		wantError(t, err, tt.want, "")
		if got := fairlead.ErrorOf(err); tt.want != fairlead.DataLoss && got.Reach != fairlead.Refused {
			t.Errorf("%v: got the reach %v", err, got.Reach)
		}
	}
	wantError(t, FailureError(own, false), fairlead.DataLoss, "closed for this")
	wantError(t, FailureError(base64.CorruptInputError(1), false), fairlead.Internal, "the exchange failed: ")
}

// TestNegotiates: which compressor a response has when the handler chooses none.
func TestNegotiates(t *testing.T) {
	t.Parallel()
	cs := NewCompressors("enc", nil, press{}, press{bad: "error"})
	if len(cs.List) != 1 || cs.Names != "identity,press" || cs.List[0] != (press{}) {
		t.Errorf("got %v, %q, want the first one", cs.List, cs.Names)
	}
	for encoding, want := range map[string]bool{"": false, Identity: false, "press": false, "zip": true} {
		if got := cs.Unknown(encoding); got != want {
			t.Errorf("%q is unknown: %v", encoding, got)
		}
	}
	tests := []struct {
		encoding, accept string
		want             int
	}{
		{"press", "press", 0},
		{"press", "identity, press ,zip", 0},
		{"press", "", -1},
		{"press", "zip,pres", -1},
		{"", ",press", -1},
		{Identity, "identity", -1},
		{"zip", "zip", -1},
	}
	for _, tt := range tests {
		n := Negotiation{Encoding: tt.encoding, Accept: tt.accept}
		if got := n.Compressor(cs); got != tt.want || n.Chosen() {
			t.Errorf("%q, of which %q are accepted: got %d, chosen %v", tt.encoding, tt.accept, got, n.Chosen())
		}
		if err := n.Choose(cs, Identity); err != nil || !n.Chosen() || n.Compressor(cs) != -1 {
			t.Errorf("none chosen: got %v, %d", err, n.Compressor(cs))
		}
	}
}

// TestStatusFields: statuses in the fields of trailers, well-formed and not.
func TestStatusFields(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		fields []string
		found  bool
		code   fairlead.Code
		text   string
	}{
		{"none", []string{FieldMessage, "text"}, false, fairlead.OK, ""},
		{"success", []string{FieldStatus, "0"}, true, fairlead.OK, ""},
		{"success in two digits", []string{FieldStatus, "00", FieldMessage, "text"}, true, fairlead.OK, ""},
		{"the last one counts", []string{FieldStatus, "5", FieldStatus, "0"}, true, fairlead.OK, ""},
		{"an error", []string{FieldMessage, "a%20b", FieldStatus, "5"}, true, fairlead.NotFound, "a b"},
		{"an unknown code", []string{FieldStatus, "4294967295"}, true, math.MaxUint32, ""},
		{"too large", []string{FieldStatus, "4294967296"}, true, fairlead.Unknown, `malformed grpc-status "4294967296"`},
		{"no number", []string{FieldStatus, "OK"}, true, fairlead.Unknown, `malformed grpc-status "OK"`},
		{"malformed details", []string{FieldStatus, "5", FieldDetails, "*"}, true, fairlead.NotFound, ""},
	}
	for _, tt := range tests {
		var md fairlead.Metadata
		for i := 0; i < len(tt.fields); i += 2 {
			md.Add(tt.fields[i], tt.fields[i+1])
		}
		e, found := StatusOf(&md)
		if found != tt.found || (e == nil) != (tt.code == fairlead.OK) {
			t.Errorf("%s: got %v, %v", tt.name, e, found)
		} else if e != nil {
			wantError(t, e, tt.code, tt.text)
		}
	}
	for code, own := range map[fairlead.Code]bool{fairlead.Unauthenticated: false, fairlead.Unauthenticated + 1: true} {
		var md fairlead.Metadata
		e := fairlead.PeerError(code, "", []fairlead.Detail{{Type: "t/x.Y"}})
		if !AddStatus(&md, e, 1<<10, 1<<10) || md.Has(FieldStatus) != own || md.Has(FieldMessage) || md.Has(FieldDetails) {
			t.Errorf("%d: got %v, want the code alone: %v", code, &md, own)
		}
	}
}

// TestStatusTypes: fields of a status that have another type than they should are passed over.
func TestStatusTypes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		code     fairlead.Code
		ok       bool
	}{
		{"the largest code", "\x08\xff\xff\xff\xff\x07", math.MaxInt32, true},
		{"a code that is too large", "\x08\x80\x80\x80\x80\x08", 0, false},
		{"a code in bytes", "\x08\x05\x0a\x01x", 5, true},
		{"a message that is a number", "\x08\x05\x10\x07", 5, true},
		{"details that are a number", "\x08\x05\x18\x07", 5, true},
		{"a detail with a type that is a number", "\x08\x05\x1a\x02\x08\x07", 5, true},
		{"a detail with a value that is a number", "\x08\x05\x1a\x02\x10\x07", 5, true},
	}
	for _, tt := range tests {
		code, message, details, ok := ParseStatus([]byte(tt.in))
		if code != tt.code || ok != tt.ok || message != "" {
			t.Errorf("%s: got %v, %q, %v", tt.name, code, message, ok)
		}
		for _, d := range details {
			if d.Type != "" || d.Value != nil {
				t.Errorf("%s: got the detail %v", tt.name, d)
			}
		}
	}
}

// TestShortenedAsLittleAsPossible adds a status for which there is less and less room: as many details are left as fit,
// and as much of the text if there are none left.
func TestShortenedAsLittleAsPossible(t *testing.T) {
	t.Parallel()
	message := strings.Repeat("text ", 30) + "end"
	var details []fairlead.Detail
	for i := range 4 {
		details = append(details, fairlead.Detail{Type: "t/x.Y", Value: make([]byte, 10+50*i)})
	}
	size := func(text string, kept int) int {
		var md fairlead.Metadata
		md.Append(FieldMessage, EncodeMessage(text))
		if kept > 0 {
			md.Append(FieldDetails, string(EncodeStatus(fairlead.NotFound, text, details[:kept])))
		}
		return protocol.FieldsSize(&md, true)
	}
	for room := size(message, 4); room >= 0; room-- {
		var md fairlead.Metadata
		e := fairlead.Errorf(fairlead.NotFound, "%s", message)
		e.Details = details
		whole := AddStatus(&md, e, room, 700)
		text := DecodeMessage(md.Get(FieldMessage))
		_, _, got, _ := ParseStatus([]byte(md.Get(FieldDetails)))
		want := 4
		if size(message, 4) > room {
			want = 3
			for want > 0 && size(message+mark(message, 0, 4-want, 700), want) > room {
				want--
			}
		}
		left, _, marked := strings.Cut(text, "[cut: ")
		full := left == message || left == message+" "
		fits := want > 0 || size(message+mark(message, 0, 4, 700), 0) <= room
		if len(got) != want || whole != (want == 4) || marked == whole && text != "" || full != fits {
			t.Fatalf("room for %d: got %q and %d details, whole: %v, want %d details", room, text, len(got), whole, want)
		}
		// What is not used is less than the digits of the number of bytes that were cut off.
		if used := protocol.FieldsSize(&md, true); !full && text != "" && room-used > 3 {
			t.Fatalf("room for %d: got %q, which takes %d", room, text, used)
		}
		if least := size(mark("", len(message), 4, 700), 0); text == "" != (room <= least) && room != least {
			t.Fatalf("room for %d: got %q, of which the mark takes %d", room, text, least)
		}
	}
}

// TestFitting: how much of a message fits, which ends between characters.
func TestFitting(t *testing.T) {
	t.Parallel()
	tests := []struct {
		message string
		room    int
		want    int
	}{
		{"abc", 0, 0},
		{"abc", 2, 2},
		{"abc", 3, 3},
		{" b ", 3, 1},
		{" b ", 4, 2},
		{" b ", 5, 3},
		{"%~\x1f\x7f", 3, 1},
		{"%~\x1f\x7f", 4, 2},
		{"%~\x1f\x7f", 6, 2},
		{"%~\x1f\x7f", 7, 3},
		{"%~\x1f\x7f", 9, 3},
		{"%~\x1f\x7f", 10, 4},
		{"€a", 8, 0},
		{"€a", 9, 3},
		{"\xffa", 8, 0},
		{"\xffa", 9, 1},
		{"\uFFFDa", 10, 4},
	}
	for _, tt := range tests {
		if got := fitting(tt.message, tt.room); got != tt.want {
			t.Errorf("%q in %d: got %d, want %d", tt.message, tt.room, got, tt.want)
		}
	}
}

// TestPages: the responses of which a text can be told, and how much of it.
func TestPages(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]bool{
		"": true, "text/plain": true, "Application/Problem+JSON; x=y": true, "image/svg+xml": true,
		"text/event-stream": false, "text/event-stream; charset=utf-8": false, "image/png": false,
	} {
		if got := NewPage(contentType, ""); (got != nil) != want {
			t.Errorf("%q: got a page: %v", contentType, got != nil)
		}
		if got := NewPage(contentType, Identity); (got != nil) != want {
			t.Errorf("%q in identity: got a page: %v", contentType, got != nil)
		}
		if got := NewPage(contentType, "gzip"); got != nil {
			t.Errorf("%q in gzip: got a page", contentType)
		}
	}
	e := fairlead.Errorf(fairlead.Unavailable, "503")
	for in, want := range map[string]string{
		"":                              "",
		"\x00 \r\n\x00":                 "",
		"a\x00b\nc\xffd":                `"a b c d"`,
		strings.Repeat("x", 200):        `"` + strings.Repeat("x", 200) + `"`,
		strings.Repeat("x", 201):        `"` + strings.Repeat("x", 200) + `…"`,
		strings.Repeat("x", 199) + "ää": `"` + strings.Repeat("x", 199) + `…"`,
		strings.Repeat("x", 198) + "ää": `"` + strings.Repeat("x", 198) + `ä…"`,
		"<p>":                           `"<p>"`,
	} {
		p := NewPage("text/plain", "")
		p.Add([]byte(in))
		got := p.Tell(e)
		if want == "" && got != e || want != "" && got.Message != "503; its text begins with "+want {
			t.Errorf("%q: got %q, want %s", in, got.Message, want)
		}
		if want != "" && (got.Code != e.Code || !got.FromPeer()) {
			t.Errorf("%q: got %v", in, got)
		}
	}
	p := NewPage("text/plain", "")
	if !p.Add(make([]byte, 4095)) || p.Add(make([]byte, 1)) || p.Add(nil) {
		t.Error("a page does not take 4 KiB")
	}
}
