package page

import (
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/bench/result"
)

// A shell reads the command line as it was given.
func TestShellLine(t *testing.T) {
	t.Parallel()
	words := []string{
		"fairlead", "bench", "localhost:8080", "a.B/C", "--data", `{"a": "it's $HOME  \\ \` + "`id`" + `"}`, "--header",
		"k: …",
		"--name", "", "--ramp-rate", "1:2:3s,4:5:6s", "--x=#1", "a\nb", "~", "*", "a'b''c", "!!", "-",
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		if os.Getenv("FAIRLEAD_CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("*** NOT READ BY A SHELL: %v ***", err)
	}
	echo := "printf '%s\\0' " + shellLine(words)
	got, err := exec.CommandContext(t.Context(), sh, "-c", echo).Output()
	if err != nil {
		t.Fatalf("the shell does not take the line: %v", err)
	}
	if list := strings.Split(strings.TrimSuffix(string(got), "\x00"), "\x00"); !slices.Equal(list, words) {
		t.Errorf("got %q, want %q", list, words)
	}
	if got, want := shellLine(words[:4]), "fairlead bench localhost:8080 a.B/C"; got != want {
		t.Errorf("got %s, want %s: words that need no quotes have none", got, want)
	}
}

// Where no call was answered there is no latency, and no line.
func TestGaps(t *testing.T) {
	t.Parallel()
	r := &result.Result{Series: []result.Point{{At: 1, P50: 5}, {At: 2}, {At: 3, P50: 7}}}
	for _, s := range overTime(r).Series {
		if !slices.Equal(s.X, []float64{1, 2, 3}) || !math.IsNaN(s.Y[1]) {
			t.Errorf("%s: got %v at %v, want a gap at 2", s.Name, s.Y, s.X)
		}
	}
}
