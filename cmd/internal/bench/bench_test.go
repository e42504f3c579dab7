package bench

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/bench/result"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

// run runs fairlead bench and decodes the JSON that it prints.
func run(t *testing.T, args ...string) (*result.Result, clitest.Result) {
	t.Helper()
	got := clitest.Run(t, New(), nil, append(args, "--format", "json")...)
	if got.Out == "" {
		return nil, got
	}
	r, err := result.Decode([]byte(got.Out))
	if err != nil {
		t.Fatalf("%v in %.300s", err, got.Out)
	}
	return r, got
}

// Every kind of method, with constant data and with templates, with the contract from reflection and from a file.
func TestKinds(t *testing.T) {
	t.Parallel()
	e := new(echo)
	addr := e.serve(t)
	tests := []struct {
		name, method, data string
		flags              []string
		sent, received     float64 // messages of a call
		first, turns       bool
	}{
		{name: "unary", method: "Say", data: `{"text": "a"}`},
		{name: "unary, template", method: "Echo/Say", data: `{"text": "t{{seq}}", "number": {{randInt 1 9}}}`},
		{name: "unary, checked", method: "echo.v1.Echo.Say", data: `{"text": "a"}`, flags: []string{"--check-response"}},
		{name: "unary, connections", method: "Say", flags: []string{"--connections", "3"}},
		{name: "server stream", method: "Repeat", data: `{"number": 5}`, sent: 1, received: 5, first: true},
		{name: "server stream, cut", method: "Repeat", data: `{"number": 500}`, flags: []string{"--messages", "2"},
			sent: 1, received: 2, first: true},
		{name: "client stream", method: "Collect", data: `[{"text": "x"}, {"text": "{{message}}"}]`, sent: 2, received: 1},
		{name: "client stream, longer", method: "Collect", data: `[{"text": "x"}, {"text": "{{message}}"}]`,
			flags: []string{"--messages", "7"}, sent: 7, received: 1},
		{name: "duplex", method: "Chat", data: `{"text": "{{message}}"}`, flags: []string{"--messages", "6"},
			sent: 6, received: 6, first: true},
		{name: "ping-pong", method: "Chat", data: `{"text": "x"}`, flags: []string{"--messages", "6", "--ping-pong"},
			sent: 6, received: 6, turns: true},
	}
	for _, source := range [][]string{
		nil, {"--proto", protoFile}, {"--protocol", "connect"}, {"--protocol", "connect", "--http1"},
	} {
		for _, tt := range tests {
			t.Run(tt.name+" "+strings.Join(source, " "), func(t *testing.T) {
				t.Parallel()
				args := append([]string{addr, tt.method, "-n", "120", "-c", "6", "-d", tt.data, "--timeout", "30s"}, tt.flags...)
				r, got := run(t, append(args, source...)...)
				if got.Code != cli.ExitOK {
					t.Fatalf("exit code %d: %s", got.Code, got.Err)
				}
				if r.Calls.Total != 120 || r.Calls.Succeeded != 120 || r.Latency.Count != 120 || len(r.Errors) > 0 {
					t.Errorf("got calls %+v, %d latencies, errors %v", r.Calls, r.Latency.Count, r.Errors)
				}
				if s, p50 := r.Rates, r.Latency.Percentiles; s.Calls <= 0 || len(p50) == 0 || p50[0].Value <= 0 {
					t.Errorf("got rates %+v, percentiles %v", s, p50)
				}
				for what, pair := range map[string][2]float64{
					"sent":     {r.Rates.MessagesSent / r.Rates.Calls, tt.sent},
					"received": {r.Rates.MessagesReceived / r.Rates.Calls, tt.received},
				} {
					// The server may have sent more than the client wanted.
					if pair[0] < pair[1]*0.99 || pair[0] > pair[1]*1.01 {
						t.Errorf("got %.3f messages %s a call, want %v", pair[0], what, pair[1])
					}
				}
				if (r.FirstMessage != nil) != tt.first || (r.Turns != nil) != tt.turns {
					t.Errorf("got first messages %v, turns %v", r.FirstMessage, r.Turns)
				}
				if r.Turns != nil && r.Turns.Count != 720 {
					t.Errorf("got %d turns, want 720", r.Turns.Count)
				}
			})
		}
	}
}

// Templates reach the server: in requests and in headers.
func TestTemplates(t *testing.T) {
	t.Parallel()
	e := new(echo)
	addr := e.serve(t)
	_, got := run(t, addr, "Say", "-n", "200", "-c", "4", "-d", `{"text": "user-{{seq}}"}`,
		"-H", "x-id: id-{{worker}}", "-H", `authorization: Bearer {{choice "a"}}`)
	if got.Code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", got.Code, got.Err)
	}
	texts, header := e.seen()
	if len(texts) != 200 || texts["user-0"] != 1 || texts["user-199"] != 1 {
		t.Errorf("got %d texts, want user-0 to user-199 once each", len(texts))
	}
	sum := 0
	for id, n := range header {
		if !slices.Contains([]string{"id-0", "id-1", "id-2", "id-3"}, id) {
			t.Errorf("got the header %q", id)
		}
		sum += n
	}
	if sum != 200 {
		t.Errorf("got %d headers, want 200", sum)
	}
	if strings.Contains(got.Out, "Bearer") {
		t.Error("the result has a header's value, which may be a secret")
	}
}

func TestLoops(t *testing.T) {
	t.Parallel()
	addr := new(echo).serve(t)
	tests := map[string]struct {
		flags []string
		check func(r *result.Result) bool
	}{
		"rate": {[]string{"--rate", "500", "-z", "300ms", "--warmup", "100ms"}, func(r *result.Result) bool {
			return r.Load.Loop == "open" && r.Open != nil && r.Open.Due == 150 && r.Load.Warmup == 0.1 &&
				r.Load.Arrivals == "uniform" && r.Load.Concurrency == defaultLimit
		}},
		"poisson": {[]string{"--rate", "500", "-n", "50", "--poisson", "--seed", "1"}, func(r *result.Result) bool {
			return r.Load.Arrivals == "poisson" && r.Calls.Total == 50 && r.Load.Seed == 1
		}},
		"ramp of rate": {[]string{"--ramp-rate", "0:400:200ms,400:100ms", "--warmup", "0"}, func(r *result.Result) bool {
			return r.Open.Due == 80 && len(r.Load.Stages) == 2 && r.Load.Stages[1].Seconds == 0.1
		}},
		"ramp of workers": {[]string{"--ramp-concurrency", "1:4:200ms", "-z", "400ms", "--warmup", "0"},
			func(r *result.Result) bool {
				return r.Load.Loop == "closed" && r.Client.Workers == 4 && len(r.Load.Stages) == 2
			}},
		"duration": {[]string{"-z", "200ms", "--warmup", "50ms", "--interval", "50ms", "--name", "mine"},
			func(r *result.Result) bool {
				return r.Name == "mine" && len(r.Series) > 0 && r.Seconds > 0 && r.Load.Stages[0].Seconds == 0.2
			}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, got := run(t, append([]string{addr, "Say"}, tt.flags...)...)
			if got.Code != cli.ExitOK || !tt.check(r) {
				t.Errorf("exit code %d, %s: got %.2000s", got.Code, got.Err, got.Out)
			}
		})
	}
}

// Errors are told by code, and decide the exit code.
func TestFailures(t *testing.T) {
	t.Parallel()
	addr := new(echo).serve(t)
	args := []string{addr, "Say", "-n", "200", "-c", "4", "-d", `{"text": "fail", "number": {{seq}}}`}
	r, got := run(t, args...)
	if got.Code != cli.ExitFailed || !strings.Contains(got.Err, "200 of 200 calls failed") {
		t.Errorf("exit code %d: %s", got.Code, got.Err)
	}
	if len(r.Errors) != 2 || r.Errors[0].Count != 100 || r.Errors[1].Count != 100 || r.Calls.ErrorRatio != 1 {
		t.Fatalf("got %+v, ratio %v", r.Errors, r.Calls.ErrorRatio)
	}
	codes := r.Errors[0].Code + r.Errors[1].Code
	messages := r.Errors[0].Message + r.Errors[1].Message
	if !strings.Contains(codes, "NOT_FOUND") || !strings.Contains(codes, "RESOURCE_EXHAUSTED") ||
		!strings.Contains(messages, "no ship ") || !strings.Contains(messages, "enough") {
		t.Errorf("got %+v", r.Errors)
	}

	if _, got = run(t, append(args, "--max-error-ratio", "1")...); got.Code != cli.ExitOK {
		t.Errorf("with all failures allowed: exit code %d: %s", got.Code, got.Err)
	}

	text := clitest.Run(t, New(), nil, args...)
	for _, want := range []string{"200 failed (100 %)", "NOT_FOUND", "no call succeeded"} {
		if !strings.Contains(text.Out, want) {
			t.Errorf("%q is missing in:\n%s", want, text.Out)
		}
	}

	// Calls that run into their deadline are at least that slow.
	r, got = run(t, addr, "Say", "-n", "8", "-c", "8", "-d", `{"text": "sleep"}`, "--timeout", "30ms")
	if got.Code != cli.ExitFailed || len(r.Errors) != 1 || r.Errors[0].Code != "DEADLINE_EXCEEDED" ||
		r.Latency.Min < 29e6 {
		t.Errorf("exit code %d, errors %+v, shortest latency %d ns", got.Code, r.Errors, r.Latency.Min)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	got := clitest.Run(t, New(), nil, addr, "Say", "-z", "1h")
	if got.Code != cli.ExitFailed || !strings.Contains(got.Err, addr) || !strings.Contains(got.Err, "refused") ||
		got.Out != "" {
		t.Errorf("exit code %d, printed %q: %s", got.Code, got.Out, got.Err)
	}
}

// What comes before the calls has an end, and what is no gRPC server is told as fairlead call does.
func TestSetUp(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"": "hint: the server took the connection and said nothing",
		"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00":// SETTINGS, and their acknowledgement
		"for its contract: the time of --timeout 3s is over",
		"HTTP/1.1 400 Bad Request\r\n\r\n": "hint: the server answers in HTTP/1.1",
		"<html></html>\n":                  `hint: the server answers with text, "<html></html>"`,
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = io.WriteString(c, words)
					_, _ = io.Copy(io.Discard, c) // until the client gives up
					_ = c.Close()
				}
			}()
			got := clitest.Run(t, New(), nil, l.Addr().String(), "a.B/C", "-z", "1h", "--timeout", "3s")
			if got.Code != cli.ExitFailed || !strings.Contains(got.Err, want) || got.Out != "" {
				t.Errorf("exit code %d, printed %q: %s", got.Code, got.Out, got.Err)
			}
			_ = l.Close()
			<-done
		})
	}
}

// Streams that are under way at the end are waited for, as calls are.
func TestGrace(t *testing.T) {
	t.Parallel()
	args := []string{
		new(echo).serve(t), "Repeat", "-d", `{"text": "slow", "number": 5}`, "-c", "2", "-z", "500ms", "--warmup", "0",
	}
	r, got := run(t, append(args, "--grace", "1h")...)
	if got.Code != cli.ExitOK || r.Calls.Total != 2 || r.Calls.Unfinished != 0 || r.Latency.Count != 2 {
		t.Errorf("exit code %d, got %+v: %s", got.Code, r.Calls, got.Err)
	}
	r, _ = run(t, append(args, "--grace", "1ms")...)
	if r.Calls.Unfinished != 2 || r.Calls.Failed != 0 {
		t.Errorf("with a short grace: got %+v", r.Calls)
	}
}

// What is wrong with a call is found before any call is made.
func TestUsage(t *testing.T) {
	t.Parallel()
	e := new(echo)
	addr := e.serve(t)
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no method", []string{addr}, cli.ExitUsage, "METHOD is missing"},
		{"unknown method", []string{addr, "Sya"}, cli.ExitFailed, "Say"},
		{"unknown field", []string{addr, "Say", "-d", `{"txt": 1}`}, cli.ExitFailed,
			"--data:1:2: there is no field \"txt\" in echo.v1.Message; did you mean text?\n  {\"txt\": 1}\n   ^\n"},
		{"template", []string{addr, "Say", "-d", `{"text": "{{nonsense}}"}`}, cli.ExitFailed,
			`--data:1: function "nonsense" not defined`},
		{"two messages", []string{addr, "Say", "-d", `{} {}`}, cli.ExitFailed,
			"there are 2 messages, and echo.v1.Echo/Say (unary) takes one"},
		{"no file", []string{addr, "Say", "-d", "@no/such"}, cli.ExitFailed, "no/such"},
		{"header", []string{addr, "Say", "-H", "x: {{nonsense}}"}, cli.ExitUsage, `--header x:1: function "nonsense"`},
		{"several flags", []string{addr, "Say", "-r", "-1", "--ramp-rate", "1:2:1s", "-c", "0", "-n", "0", "-z", "1s"},
			cli.ExitUsage,
			"--rate is -1, want more than 0, 10000000 at most\n--rate and --ramp-rate exclude each other\n--concurrency is 0"},
		{"ramp", []string{addr, "Say", "--ramp-rate", "1:x:1s"}, cli.ExitUsage, `"x" is no number`},
		{"ramp's form", []string{addr, "Say", "--ramp-rate", "5"}, cli.ExitUsage, "want FROM:TO:TIME"},
		{"messages", []string{addr, "Say", "--messages", "3"}, cli.ExitUsage,
			"--messages is for streams, and echo.v1.Echo/Say is unary"},
		{"ping-pong", []string{addr, "Repeat", "--ping-pong"}, cli.ExitUsage, "--ping-pong is for bidirectional streams"},
		{"poisson", []string{addr, "Say", "--poisson"}, cli.ExitUsage, "--poisson needs --rate"},
		{"ratio", []string{addr, "Say", "--max-error-ratio", "2"}, cli.ExitUsage, "--max-error-ratio is 2"},
		{"no ratio", []string{addr, "Say", "--max-error-ratio", "NaN"}, cli.ExitUsage, "--max-error-ratio is NaN"},
		{"no rate", []string{addr, "Say", "--rate", "NaN"}, cli.ExitUsage, "--rate is NaN"},
		{"rate without end", []string{addr, "Say", "--rate", "1e18"}, cli.ExitUsage, "--rate is 1e+18, want"},
		{"ramp without end", []string{addr, "Say", "--ramp-rate", "1:Inf:1s"}, cli.ExitUsage, "levels are 0 to 10000000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := clitest.Run(t, New(), nil, tt.args...)
			if got.Code != tt.code || !strings.Contains(got.Err, tt.want) || got.Out != "" {
				t.Errorf("exit code %d, printed %q, errors %q; want %d and %q", got.Code, got.Out, got.Err, tt.code, tt.want)
			}
		})
	}
	if texts, _ := e.seen(); len(texts) > 0 {
		t.Errorf("calls were made: %v", texts)
	}
}

// Data comes from standard input, and results go to files, which stay whole when that fails.
func TestFiles(t *testing.T) {
	t.Parallel()
	e := new(echo)
	addr := e.serve(t)
	dir := t.TempDir()
	out, html := filepath.Join(dir, "new", "out.json"), filepath.Join(dir, "page.html")
	got := clitest.Run(t, New(), strings.NewReader(`{"text": "from stdin"}`),
		addr, "Say", "-n", "20", "-d", "@-", "--out", out, "--html", html)
	if got.Code != cli.ExitOK || !strings.Contains(got.Err, "wrote "+out) {
		t.Fatalf("exit code %d: %s", got.Code, got.Err)
	}
	if texts, _ := e.seen(); texts["from stdin"] != 20 {
		t.Errorf("got %v", texts)
	}
	r, err := result.Read(t.Context(), out)
	if err != nil || r.Calls.Total != 20 || r.Target.Method != "echo.v1.Echo/Say" || r.Target.Address != addr {
		t.Errorf("got %+v, %v", r, err)
	}
	page, err := os.ReadFile(html)
	if err != nil || !strings.Contains(string(page), "<title>echo.v1.Echo/Say</title>") {
		t.Errorf("got %.200s, %v", page, err)
	}

	blocked := filepath.Join(dir, "page.html", "x.json") // below a file
	got = clitest.Run(t, New(), nil, addr, "Say", "-n", "20", "--out", blocked)
	if got.Code != cli.ExitFailed || !strings.Contains(got.Err, "page.html") || !strings.Contains(got.Out, "calls") {
		t.Errorf("exit code %d, printed %q: %s; want the result in spite of the file", got.Code, got.Out, got.Err)
	}
	if again, _ := os.ReadFile(html); string(again) != string(page) {
		t.Error("the file in the way was changed")
	}
}

// The document that --format json prints is what --out writes.
func TestJSONIsStable(t *testing.T) {
	t.Parallel()
	r, got := run(t, new(echo).serve(t), "Say", "-n", "20")
	if got.Code != cli.ExitOK {
		t.Fatal(got.Err)
	}
	again, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if json.Unmarshal(again, &a) != nil || json.Unmarshal([]byte(got.Out), &b) != nil {
		t.Fatal("not JSON")
	}
	if x, y := keys(a), keys(b); !slices.Equal(x, y) {
		t.Errorf("reading drops fields: got %v, want %v", x, y)
	}
}

// keys lists the names of all objects.
func keys(v any) (list []string) {
	switch v := v.(type) {
	case map[string]any:
		for k, below := range v {
			list = append(list, k)
			list = append(list, keys(below)...)
		}
	case []any:
		for _, below := range v {
			list = append(list, keys(below)...)
		}
	}
	slices.Sort(list)
	return list
}
