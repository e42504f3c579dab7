package connect

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
)

// FuzzEnd reads ends of streams, and what it has read must survive being written and read again.
func FuzzEnd(f *testing.F) {
	for _, s := range []string{
		"{}", "null", "[]", `{"error":null}`, `{"metadata":{"a":"b"}}`,
		`{"error":{"code":"aborted","message":"a"},"metadata":{"A":["1","2"],"b-bin":["/w"]}}`,
		`{"error":{"code":"x","details":[{"type":"a.B","value":"AQA"},{"type":"x/y","value":"?"}]}}`,
		`{"metadata":{"content-type":["x"]}}`, `{"error":`, strings.Repeat(`{"error":`, 20_000),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var md fairlead.Metadata
		status, err := parseEnd(b, &md)
		if err != nil {
			return
		}
		var sent *fairlead.Error
		if status != nil { // as a handler would return it: the details of a peer's are not passed on
			sent = &fairlead.Error{Code: status.Code, Message: status.Message, Details: status.Details}
		}
		again := appendEnd(nil, sent, &md)
		if !json.Valid(again) {
			t.Fatalf("wrote %q", again)
		}
		var md2 fairlead.Metadata
		status2, err := parseEnd(again, &md2)
		if err != nil || (status == nil) != (status2 == nil) || md.Len() != md2.Len() {
			t.Fatalf("got %v, %v, %v of %q", status2, md2, err, again)
		}
		if status != nil && (status2.Code != status.Code || status2.Message != status.Message ||
			len(status2.Details) != len(status.Details)) {
			t.Fatalf("got %v, want %v", status2, status)
		}
	})
}

// FuzzError reads errors.
func FuzzError(f *testing.F) {
	for _, s := range []string{
		"", "{}", "null", `{"code":"aborted","message":"a\u0000","details":[{"type":"a","value":""}]}`, `{"code":1}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, ok := parseError(b, fairlead.Unknown); ok && (e == nil || e.Code == fairlead.OK) {
			t.Fatalf("got %v", e)
		}
	})
}

// FuzzQuery reads queries, and what it has read must survive being written and read again.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"", "connect=v1&encoding=json&message=%7B%7D", "encoding=proto&base64=1&message=AQA", "message=%zz",
		"base64=1&message=+", "&&=&encoding", "compression=gzip&message", "encoding=a%2Bb&message=%ff",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := parseQuery(raw)
		if err != nil {
			return
		}
		if v := encodingIn(raw); v != q.encoding && strings.Count(raw, "encoding") == 1 {
			t.Fatalf("got encoding %q, want %q", v, q.encoding)
		}
		m, err := q.plain()
		if err != nil {
			return
		}
		again := string(appendQuery(nil, q.encoding, q.compression, !q.base64, m))
		if _, err := url.ParseQuery(again); err != nil {
			t.Fatalf("wrote %q: %v", again, err)
		}
		q2, err := parseQuery(again)
		if err != nil || q2.encoding != q.encoding || q2.compression != q.compression {
			t.Fatalf("got %+v, %v, want %+v", q2, err, q)
		}
		if m2, err := q2.plain(); err != nil || string(m2) != string(m) {
			t.Fatalf("got %q, %v, want %q", m2, err, m)
		}
	})
}

// FuzzString compares strings in JSON with encoding/json.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a\"\\\n\x00\x1f\x7f", "☺\u2028", "a\xff\xe2\x98", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := appendString(nil, s)
		var got string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("wrote %q: %v", b, err)
		}
		const bad = "\uFFFD" // one for each byte, where ToValidUTF8 has one for several
		if want := strings.ToValidUTF8(s, bad); got != want && strings.Count(got, bad) < strings.Count(want, bad) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{time.Nanosecond, "1"}, {time.Millisecond, "1"}, {time.Millisecond + 1, "2"}, {time.Hour, "3600000"},
		{maxTimeout, "9999999999"},
	} {
		got := string(appendTimeout(nil, tt.d))
		if got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.d, got, tt.want)
		}
		if d, ok := parseTimeout([]byte(got)); !ok || d < tt.d || d-tt.d >= time.Millisecond {
			t.Errorf("%s: got %v", got, d)
		}
	}
	for _, bad := range []string{"", "-1", "1s", "1.5", "12345678901", " 1"} {
		if d, ok := parseTimeout([]byte(bad)); ok {
			t.Errorf("%q: got %v, want an error", bad, d)
		}
	}
}

func TestMediaType(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"application/json": "application/json", "Application/JSON ; charset=\"utf-8\"": "application/json",
		"application/json;charset=UTF-8;x": "application/json", "application/json; charset=latin1": "", "": "",
	} {
		if got := mediaType(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
