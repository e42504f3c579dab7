package rpcwire

import (
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

func TestReservedByHTTP(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{":path": true, ":": true, "": true, "te": true, "tea": false, "x": false} {
		if got := ReservedByHTTP(name); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
}

// TestReceiveMalformed: the name of a malformed value is told, and what came before it is there.
func TestReceiveMalformed(t *testing.T) {
	t.Parallel()
	var fields, md fairlead.Metadata
	fields.Add("a", "1")
	fields.Add("grpc-status", "0")
	fields.Add("bad-bin", "***")
	key, ok := Receive(&md, &fields, reserved)
	if key != "bad-bin" || ok || md.Len() != 1 || md.Get("a") != "1" {
		t.Errorf("got %q, %v, %v", key, ok, md)
	}
}

// TestStatusShortened: what the message of a shortened status says was left out.
func TestStatusShortened(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 500)
	one := []fairlead.Detail{{Type: "t/a.B", Value: make([]byte, 2000)}}
	tests := []struct {
		name    string
		message string
		details []fairlead.Detail
		want    string
	}{
		{"whole", "short", nil, ""},
		{"the text", long, nil, "bytes; the client takes header lists of 300 bytes]"},
		{"a detail", "short", one, "[cut: 1 details; the client"},
		{"both", long, one, "bytes and 1 details; the client"},
	}
	for _, tt := range tests {
		md := new(fairlead.Metadata)
		e := fairlead.Errorf(fairlead.NotFound, "%s", tt.message)
		e.Details = tt.details
		if whole := AddStatus(md, e, 300, 300); whole != (tt.want == "") {
			t.Errorf("%s: whole: %v", tt.name, whole)
		}
		if got := DecodeMessage(md.Get(FieldMessage)); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q in it", tt.name, got, tt.want)
		}
	}
}

// TestStatusDetailsAgree: details are taken if they are about the same code, and dropped otherwise.
func TestStatusDetailsAgree(t *testing.T) {
	t.Parallel()
	md := new(fairlead.Metadata)
	e := fairlead.Errorf(fairlead.NotFound, "none")
	e.Details = []fairlead.Detail{{Type: "t/a.B", Value: []byte{1}}}
	if !AddStatus(md, e, 1<<20, 1<<20) {
		t.Fatal("the status was shortened")
	}
	details := base64.RawStdEncoding.EncodeToString([]byte(md.Get(FieldDetails)))
	for code, want := range map[string]int{"5": 1, "6": 0} {
		fields := new(fairlead.Metadata)
		fields.Add(FieldStatus, code)
		fields.Add(FieldDetails, details)
		got, found := StatusOf(fields)
		if !found || len(got.Details) != want {
			t.Errorf("code %s: got %+v, %v, want %d details", code, got, found, want)
		}
	}
}

// TestPageWords: what is told of a page of HTML.
func TestPageWords(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"a comment with a tag", "<p>a<!-- <b>no</b> > -->b", `"a b"`},
		{"a comment without an end", "a<!-- b", `"a"`},
		{"a script", "a<script>x > y</script>b", `"a b"`},
		{"a style in capitals", "a<STYLE>x > y</STYLE>b", `"a b"`},
		{"a tag that begins like one", "a<scripture>b</scripture>c", `"a b c"`},
		{"a sign that is no tag", "1 < 2 <3 <[x", `"1 < 2 <3 <[x"`},
		{"tags", "<a>x<Z>y</z>z", `"x y z"`},
	}
	for _, tt := range tests {
		p := NewPage("text/html; charset=utf-8", "")
		p.Add([]byte(tt.text))
		got := p.Tell(fairlead.Errorf(fairlead.Unavailable, "503")).Message
		if want := "503; its text begins with " + tt.want; got != want {
			t.Errorf("%s: got %s, want %s", tt.name, got, want)
		}
	}
	p := NewPage("text/plain", "")
	if !p.Add(make([]byte, maxPage-1)) || p.Add(make([]byte, 5)) || len(p.text) != maxPage {
		t.Errorf("got %d bytes of a page, want %d", len(p.text), maxPage)
	}
}

// TestChoose: a handler's choice of a compressor.
func TestChoose(t *testing.T) {
	t.Parallel()
	cs := NewCompressors("enc", press{})
	n := Negotiation{Accept: "press"}
	if err := n.Choose(cs, "press"); err != nil || n.Compressor(cs) != 0 {
		t.Errorf("got %v, %d", err, n.Compressor(cs))
	}
	if err := n.Choose(cs, Identity); err != nil || n.Compressor(cs) != -1 {
		t.Errorf("none: got %v, %d", err, n.Compressor(cs))
	}
	wantError(t, n.Choose(cs, "zip"), fairlead.Internal, "is not one of the server's (identity,press)")
	n.Accept = "other"
	wantError(t, n.Choose(cs, "press"), fairlead.FailedPrecondition, "does not accept")
}

// TestEncodedLen is of what is sent as it is, and of what is not.
func TestEncodedLen(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "plain", " at the ends ", "100 %", "ä€", "a\x00b", "~"} {
		got, least := encodedLen(text), len(EncodeMessage(text))
		if got < least || got > least+4 {
			t.Errorf("%q: got %d, want %d to %d", text, got, least, least+4)
		}
	}
}

// TestHeadThatEnds: the head of a response that consists of it alone is its trailer.
func TestHeadThatEnds(t *testing.T) {
	t.Parallel()
	for _, ends := range []bool{true, false} {
		x := newExchange().answered(io.EOF)
		x.ends, x.trailer = ends, new(protocol.Head)
		st := opened(t, fairlead.BidiStreaming, x)
		if err := st.Recv(new(protocoltest.Msg)); err != io.EOF { //nolint:errorlint // streams return it bare
			t.Errorf("got %v", err)
		}
		want := x.trailer
		if ends {
			want = x.head
		}
		if st.trailer != want {
			t.Errorf("ends %v: got the trailer %p, want %p", ends, st.trailer, want)
		}
	}
}

// TestWatchTells: who watches a stream is told of its deadline, also if that has passed already.
func TestWatchTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, before := range []bool{true, false} {
			st := new(call)
			x := newExchange()
			if err := openTimed(t, &conn{next: []*exchange{x}}, st, time.Second); err != nil {
				t.Fatal(err)
			}
			told := make(chan struct{}, 2) // once for the deadline, and for the context at the end of the test
			if !before {
				time.Sleep(2 * time.Second)
			}
			if !st.Watch(t.Context(), st.call, func() { told <- struct{}{} }) {
				t.Fatal("the stream does not watch its own deadline")
			}
			<-told
			if want := "DEADLINE_EXCEEDED"; x.cause == nil || !strings.Contains(x.cause.Error(), want) {
				t.Errorf("got the cause %v, want %s", x.cause, want)
			}
			if !slices.Equal(x.sent, nil) {
				t.Errorf("got %q sent", x.sent)
			}
		}
	})
}
