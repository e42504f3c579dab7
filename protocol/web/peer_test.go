package web_test

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/protocol/protocoltest"
	"github.com/fairlead-go/fairlead/transport/std"
)

// TestStandardClient has the standard library's client use what gRPC does not: interim responses, trailers both ways,
// HEAD.
func TestStandardClient(t *testing.T) { //nolint:paralleltest // TestSuite counts goroutines
	s := serve(t, new(protocoltest.Items), std.Network{}, "127.0.0.1:0")
	// Bodies that are announced with Expect are sent when the server asks for them, and not otherwise.
	tr := &http.Transport{Protocols: new(http.Protocols), ExpectContinueTimeout: time.Hour}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	base := "http://" + s.Addr().String()

	type answer struct {
		status          int
		header, trailer http.Header
		length          int64
		body            string
		interim         []int
	}
	do := func(verb, path, body string, expect bool) (a answer) {
		t.Helper()
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
				a.interim = append(a.interim, code)
				return nil
			},
		})
		req, err := http.NewRequestWithContext(ctx, verb, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Body = io.NopCloser(strings.NewReader(body))
			req.Header.Set("Content-Type", "text/plain")
			req.Trailer = http.Header{"Sum": {"42"}}
		}
		if expect {
			req.Header.Set("Expect", "100-continue")
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		a.status, a.header, a.trailer = resp.StatusCode, resp.Header, resp.Trailer
		a.length, a.body = resp.ContentLength, string(got)
		return a
	}

	a := do("PUT", "/items/a?q", "body", false)
	if a.status != 200 || a.body != "q\nbody" || a.header.Get("Sum") != "42" || a.length != 6 {
		t.Errorf("whole: got %+v", a)
	}
	a = do("PUT", "/items/a?streamed", "body", true)
	if a.status != 200 || a.body != "body" || a.trailer.Get("Sum") != "42" || !slices.Equal(a.interim, []int{103, 100}) {
		t.Errorf("streamed: got %+v", a)
	}
	a = do("PUT", "/items/a?q", "body", true)
	if a.status != 200 || a.body != "q\nbody" || !slices.Equal(a.interim, []int{100}) {
		t.Errorf("whole, expecting 100: got %+v", a)
	}
	a = do("PUT", "/elsewhere", "body", true)
	if a.status != 404 || len(a.interim) > 0 {
		t.Errorf("refused, expecting 100: got %+v", a)
	}
	a = do("HEAD", "/items/a?q", "", false)
	if a.status != 200 || a.body != "" || a.length != 2 || a.header.Get("Date") == "" {
		t.Errorf("HEAD: got %+v", a)
	}
	a = do("DELETE", "/items/a", "", false)
	if a.status != 405 || a.header.Get("Allow") != "GET, PUT" {
		t.Errorf("DELETE: got %+v", a)
	}
}
