package outline

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestMistakes has mistakes that beginners make, one or more in each file, and what is said about them.
func TestMistakes(t *testing.T) {
	t.Parallel()
	const golden = "testdata/mistakes.txt"
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for section := range strings.SplitSeq(string(want), "=== ") {
		name, rest, ok := strings.Cut(section, "\n")
		if !ok {
			continue
		}
		source, _, _ := strings.Cut(rest, "\n--- said\n")
		fmt.Fprintf(&got, "=== %s\n%s\n--- said\n", name, source)
		for _, p := range Parse(source).Problems {
			fmt.Fprintln(&got, describe(source, p))
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got.String() != string(want) {
		t.Errorf("what is said differs from %s; see what -update makes of it:\n%s", golden, got.String())
	}
}

// describe returns the problem with the text that it is about.
func describe(source string, p Problem) string {
	line := 1 + strings.Count(source[:p.At.Start], "\n")
	about := source[p.At.Start:min(p.At.End, len(source))]
	text := fmt.Sprintf("%d %q: %s", line, about, p.Text)
	if p.Help != "" {
		text += "; " + p.Help
	}
	return text
}
