package conformance_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// What the runner says at the end.
var (
	verdict = regexp.MustCompile(`Total cases: (\d+)\n(\d+) passed, (\d+) failed`)
	known   = regexp.MustCompile(`\(Another (\d+) failed as expected`)
)

// TestConnectSuite runs Connect's conformance suite with connect-server, against the suite's clients, and with
// connect-client, against its servers. The runner makes a case of each combination of protocol, version of HTTP, TLS,
// codec and compression in testdata/connect/config.yaml. Cases that are known to fail are in server.txt and client.txt
// there; one of them that passes is a failure as well.
func TestConnectSuite(t *testing.T) {
	t.Parallel()
	own := programs(t)
	runner := toolOf(t, filepath.Join("..", "tools", "connect"), "connectrpc.com/conformance/cmd/connectconformance")
	for mode, cases := range map[string]int{"server": 7288, "client": 8978} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join("testdata", "connect")
			args := []string{
				"--mode", mode, "--conf", filepath.Join(dir, "config.yaml"),
				"--known-failing", "@" + filepath.Join(dir, mode+".txt"),
			}
			cmd := exec.Command(runner, append(args, "--", filepath.Join(own, "connect-"+mode))...)
			out, err := cmd.CombinedOutput()
			said := verdict.FindSubmatch(out)
			if err != nil || said == nil {
				t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
			}
			n := make([]int, len(said))
			for i := range n {
				n[i], _ = strconv.Atoi(string(said[i]))
			}
			asKnown := "0"
			if k := known.FindSubmatch(out); k != nil {
				asKnown = string(k[1])
			}
			t.Logf("%d cases: %d passed, %d failed, %s failed as known", n[1], n[2], n[3], asKnown)
			if n[1] != cases || n[3] > 0 {
				t.Errorf("got %d cases, of which %d failed, want %d and none", n[1], n[3], cases)
			}
		})
	}
}
