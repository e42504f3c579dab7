package conformance_test

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/fairlead-go/fairlead/conformance/internal/testtls"
)

// TestGhz runs ghz, a load generator on a grpc-go of 2020: thousands of calls, many at a time, whose requests it makes
// with what the server's reflection says.
func TestGhz(t *testing.T) {
	t.Parallel()
	own := programs(t)
	ghz := toolOf(t, filepath.Join("testdata", "ghz"), "github.com/bojand/ghz/cmd/ghz")
	tests := map[string]struct {
		method, data string
		calls        int
	}{
		"unary": {"UnaryCall", `{"responseSize": 100, "payload": {"body": "AAAA"}}`, 5000},
		"bidirectional": {
			"FullDuplexCall",
			`[{"responseParameters": [{"size": 1}, {"size": 30}]}, {"responseParameters": [{"size": 2}]}]`, 1000,
		},
	}
	for _, secure := range []bool{false, true} {
		serverFlags, clientFlags := []string(nil), []string{"--insecure"}
		if secure {
			c := testtls.New(t)
			serverFlags = []string{"-use_tls", "-tls_cert_file", c.CertFile, "-tls_key_file", c.KeyFile}
			clientFlags = []string{"--cacert", c.CAFile, "--cname", testtls.ServerName}
		}
		for name, tt := range tests {
			if secure {
				name += ", TLS"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				host, port := startServer(t, filepath.Join(own, "interop-server"), serverFlags...)
				out := run(t, ghz, append(clientFlags, "--call", "grpc.testing.TestService/"+tt.method, "--data", tt.data,
					"--concurrency", "50", "--connections", "4", "--total", strconv.Itoa(tt.calls), "--format", "json",
					host+":"+port)...)
				var got struct {
					Count    int            `json:"count"`
					Statuses map[string]int `json:"statusCodeDistribution"` //nolint:tagliatelle // ghz's name
					Errors   map[string]int `json:"errorDistribution"`      //nolint:tagliatelle // ghz's name
				}
				if err := json.Unmarshal([]byte(out), &got); err != nil {
					t.Fatalf("%v in:\n%.1000s", err, out)
				}
				if got.Count != tt.calls || got.Statuses["OK"] != tt.calls || len(got.Errors) > 0 {
					t.Errorf("got %d calls with statuses %v and errors %v, want %d OK", got.Count, got.Statuses, got.Errors,
						tt.calls)
				}
			})
		}
	}
}
