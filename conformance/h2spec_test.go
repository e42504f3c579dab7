package conformance_test

import (
	"encoding/xml"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
)

// h2specFailures are the cases of h2spec that Fairlead's server is known to fail, each with the reason: what h2spec
// expects, what the server does, and why that is right or when it will change. A case is named by its section and its
// title. Cases that are not run count as failed.
//
// Of 145 cases, and of 146 with the strict ones, grpc-go's server passes 114 and 113 (five are not run, since it does
// not answer with a body), that of net/http 140 and 141.
func h2specFailures() map[string]string { return map[string]string{} }

// The number of cases of h2spec 2.2.1.
const (
	h2specCases  = 145
	h2specStrict = 146
)

// TestH2spec runs h2spec, which speaks HTTP/2 frame by frame, right and wrong, and knows what RFC 7540 and RFC 7541 say
// to it. It sends plain HTTP requests, which no protocol of the server takes.
func TestH2spec(t *testing.T) {
	t.Parallel()
	own := programs(t)
	tests := []struct {
		name  string
		tls   bool
		flags []string
		cases int
	}{
		{"normal", false, nil, h2specCases},
		{"strict", false, []string{"--strict"}, h2specStrict},
		{"TLS, strict", true, []string{"--strict", "--tls", "--insecure"}, h2specStrict},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var flags []string
			if tt.tls {
				c := testtls.New(t)
				flags = []string{"-use_tls", "-tls_cert_file", c.CertFile, "-tls_key_file", c.KeyFile}
			}
			host, port := startServer(t, filepath.Join(own, "interop-server"), flags...)
			outcomes := runH2spec(t, host, port, tt.flags)
			checkH2spec(t, outcomes, tt.cases)
			for name := range h2specFailures() {
				if _, ok := outcomes[name]; !ok && tt.cases == h2specStrict {
					t.Errorf("%s: there is no such case", name)
				}
			}
		})
	}
}

// h2specReport is the part of a JUnit report that says how the cases ended.
type h2specReport struct {
	Suites []struct {
		Section string       `xml:"package,attr"`
		Cases   []h2specCase `xml:"testcase"`
	} `xml:"testsuite"`
}

type h2specCase struct {
	Title   string    `xml:"classname,attr"`
	Failure *string   `xml:"failure"`
	Error   *string   `xml:"error"`
	Skipped *struct{} `xml:"skipped"`
}

// outcome says what became of a case, "" if it passed.
func (c *h2specCase) outcome() string {
	switch {
	case c.Failure != nil:
		return "failed: " + *c.Failure
	case c.Error != nil:
		return "failed, expected and got: " + *c.Error
	case c.Skipped != nil:
		return "not run"
	}
	return ""
}

// runH2spec runs all cases and returns the outcomes by the cases' names.
func runH2spec(t *testing.T, host, port string, flags []string) map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.xml")
	args := append([]string{"--host", host, "--port", port, "--timeout", "3", "--junit-report", file}, flags...)
	begun := time.Now()
	out, _ := try(t, tool(t, "github.com/summerwind/h2spec/cmd/h2spec"), args...) // it fails if a case does
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("h2spec at %s: %v\n%s", net.JoinHostPort(host, port), err, out)
	}
	var r h2specReport
	if err := xml.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	outcomes := make(map[string]string)
	for _, s := range r.Suites {
		for i := range s.Cases {
			outcomes[s.Section+" "+s.Cases[i].Title] = s.Cases[i].outcome()
		}
	}
	t.Logf("h2spec took %v", time.Since(begun).Round(time.Millisecond))
	return outcomes
}

// checkH2spec holds outcomes against those that are known.
func checkH2spec(t *testing.T, outcomes map[string]string, cases int) {
	t.Helper()
	if len(outcomes) != cases {
		t.Errorf("got %d cases, want %d", len(outcomes), cases)
	}
	known := h2specFailures()
	passed := 0
	for _, name := range slices.Sorted(maps.Keys(outcomes)) {
		_, expected := known[name]
		switch outcome := outcomes[name]; {
		case outcome == "" && expected:
			t.Errorf("%s: passes now; take it off the list", name)
		case outcome != "" && !expected:
			t.Errorf("%s: %s", name, outcome)
		}
		if outcomes[name] == "" {
			passed++
		}
	}
	t.Logf("%d of %d cases passed", passed, len(outcomes))
}
