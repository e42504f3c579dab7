package breaking

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

const corpusDir = "testdata/corpus"

// corpusCase is one edit of one of the corpus' contracts.
type corpusCase struct {
	name, base string
	steps      []corpusStep
	level      string   // "" for that of the test
	want       []string // findings, where the file says so
}

// corpusStep is one line of an edit.
type corpusStep struct{ verb, text string }

// readEdits reads a file of edits; that of the corpus says itself how it is to be read.
func readEdits(t testing.TB, path string) []corpusCase {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []corpusCase
	for number, line := range strings.Split(string(content), "\n") {
		verb, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case verb == "case":
			name, base, _ := strings.Cut(rest, " ")
			cases = append(cases, corpusCase{name: name, base: base})
		case len(cases) == 0:
			t.Fatalf("%s:%d: before the first case", path, number+1)
		case strings.HasPrefix(line, "-"), strings.HasPrefix(line, "+"), strings.HasPrefix(line, "="):
			last := &cases[len(cases)-1]
			last.steps = append(last.steps, corpusStep{line[:1], strings.TrimSpace(line[1:])})
		case verb == "in" || verb == "rm" || verb == "mv" || verb == "new":
			last := &cases[len(cases)-1]
			last.steps = append(last.steps, corpusStep{verb, rest})
		case verb == "level":
			cases[len(cases)-1].level = rest
		case verb == "want":
			cases[len(cases)-1].want = append(cases[len(cases)-1].want, rest)
		default:
			t.Fatalf("%s:%d: %q is no step", path, number+1, line)
		}
	}
	return cases
}

// readFiles reads the files of a contract that edits begin with.
func readFiles(t testing.TB, root string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, relErr := filepath.Rel(root, path)
		files[filepath.ToSlash(name)] = string(content)
		return errors.Join(err, relErr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// apply returns the files after the edit.
func (c corpusCase) apply(files map[string]string) (map[string]string, error) {
	files = maps.Clone(files)
	in := ""
	for i := 0; i < len(c.steps); i++ {
		step := c.steps[i]
		switch step.verb {
		case "in":
			in = step.text
		case "new":
			in = step.text
			files[in] = ""
		case "rm":
			delete(files, step.text)
		case "mv":
			from, to, _ := strings.Cut(step.text, " ")
			files[to] = files[from]
			delete(files, from)
		default:
			end := i
			var was, is []string
			for ; end < len(c.steps) && c.steps[end].verb == step.verb && step.verb != "+"; end++ {
				was = append(was, c.steps[end].text)
				if step.verb == "=" {
					is = append(is, c.steps[end].text)
				}
			}
			for ; end < len(c.steps) && c.steps[end].verb == "+"; end++ {
				is = append(is, c.steps[end].text)
			}
			text, err := replaceLines(files[in], was, is)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", in, err)
			}
			files[in] = text
			i = end - 1
		}
	}
	return files, nil
}

// replaceLines replaces the only place at which lines stand in a row, white space aside.
func replaceLines(text string, was, is []string) (string, error) {
	lines := strings.Split(text, "\n")
	if len(was) == 0 {
		return strings.TrimPrefix(text+"\n"+strings.Join(is, "\n"), "\n") + "\n", nil
	}
	first, last := -1, -1
	for i := range lines {
		end, ok := i, strings.TrimSpace(lines[i]) == was[0]
		for _, want := range was {
			for end < len(lines) && strings.TrimSpace(lines[end]) == "" {
				end++
			}
			ok = ok && end < len(lines) && strings.TrimSpace(lines[end]) == want
			end++
		}
		if ok && first >= 0 {
			return "", fmt.Errorf("%q stands there more than once", was)
		}
		if ok {
			first, last = i, end
		}
	}
	if first < 0 {
		return "", fmt.Errorf("%q does not stand there", was)
	}
	return strings.Join(slices.Concat(lines[:first], is, lines[last:]), "\n"), nil
}

// compileFiles writes files below a directory and compiles them.
func compileFiles(t testing.TB, files map[string]string) *idl.Contract {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src := idl.Source{Dir: root, Roots: []string{root}, Files: slices.Sorted(maps.Keys(files))}
	contract, err := idl.CompileLinked(t.Context(), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	return contract
}

// withPlaces returns the files of a contract with their places.
func withPlaces(t testing.TB, contract *idl.Contract) []*descriptorpb.FileDescriptorProto {
	t.Helper()
	files, err := contract.Whole(contract.Files, idl.AllPlaces)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func newTestContract(t testing.TB, compiled *idl.Contract) *Contract {
	t.Helper()
	c, err := fromCompiled(compiled, ContractConfig{Own: compiled.Names})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// corpusPair is the two sides of one case.
type corpusPair struct {
	corpusCase
	old, now *idl.Contract
}

// skipUnderRace skips a test that compiles hundreds of contracts in one goroutine, where there is nothing to race.
func skipUnderRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("it runs in one goroutine; the tests without the race detector do it")
	}
}

// compileCorpus compiles both sides of all cases, or of those with one base.
func compileCorpus(t testing.TB, base string) []corpusPair {
	t.Helper()
	bases := make(map[string]map[string]string)
	compiled := make(map[string]*idl.Contract)
	var pairs []corpusPair
	seen := make(map[string]bool)
	for _, c := range readEdits(t, filepath.Join(corpusDir, "edits.txt")) {
		if seen[c.name] {
			t.Fatalf("case %s stands there twice", c.name)
		}
		seen[c.name] = true
		if base != "" && c.base != base {
			continue
		}
		if bases[c.base] == nil {
			bases[c.base] = readFiles(t, filepath.Join(corpusDir, c.base))
			compiled[c.base] = compileFiles(t, bases[c.base])
		}
		files, err := c.apply(bases[c.base])
		if err != nil {
			t.Fatalf("case %s: %v", c.name, err)
		}
		pairs = append(pairs, corpusPair{c, compiled[c.base], compileFiles(t, files)})
	}
	return pairs
}

// TestCorpus compares all that is found in the corpus with verdicts.txt: of each finding the levels at which it is made
// (wire, json, source, file), the rule, the place and the text.
func TestCorpus(t *testing.T) {
	t.Parallel()
	skipUnderRace(t)
	var b strings.Builder
	for _, pair := range compileCorpus(t, "") {
		fmt.Fprintf(&b, "case %s\n", pair.name)
		old, now := newTestContract(t, pair.old), newTestContract(t, pair.now)
		levels := make(map[string]Level)
		for _, level := range []Level{Wire, JSON, Package, File} {
			for _, f := range Compare(old, now, Config{Level: level}) {
				line := fmt.Sprintf("%s: %s: %s", f.Rule, f.At, f.Text)
				levels[line] |= level
			}
		}
		for _, line := range slices.Sorted(maps.Keys(levels)) {
			mark := func(level Level, letter byte) byte {
				if levels[line]&level != 0 {
					return letter
				}
				return '-'
			}
			fmt.Fprintf(&b, "  %c%c%c%c %s\n", mark(Wire, 'w'), mark(JSON, 'j'), mark(Package, 's'), mark(File, 'f'), line)
		}
	}
	golden := filepath.Join(corpusDir, "verdicts.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	got, wanted := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(got), len(wanted)) {
		if got[i] != wanted[i] {
			t.Fatalf("%s:%d: is\n%s\nand was\n%s\n(go test ./internal/check/breaking -run TestCorpus -update accepts it)",
				golden, i+1, got[i], wanted[i])
		}
	}
	if len(got) != len(wanted) {
		t.Errorf("%s has %d lines, want %d", golden, len(wanted), len(got))
	}
}
