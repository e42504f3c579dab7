package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// bufCommand is where "make .tools/buf" puts buf's command.
const bufCommand = "../../../../.tools/buf"

// TestOracle sees that buf's command finds the same as the rules that have buf's names, in all of testdata.
func TestOracle(t *testing.T) {
	t.Parallel()
	if raceEnabled {
		t.Skip("what is compared runs in one goroutine; the tests without the race detector do it")
	}
	buf, err := filepath.Abs(bufCommand)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(buf); err != nil {
		if os.Getenv("FAIRLEAD_CI") != "" {
			t.Fatalf("buf's command is missing: run make .tools/buf (%v)", err)
		}
		t.Skip("NOT COMPARED WITH BUF: its command is missing; run make .tools/buf")
	}
	together, apart := modules(t)
	for _, dir := range append(apart, together) {
		t.Run(filepath.Base(filepath.Dir(dir))+"/"+filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			got := ourVerdicts(t, dir)
			want := bufVerdicts(t, buf, dir)
			for rule := range got {
				for place, times := range got[rule] {
					if want[rule][place] != times {
						t.Errorf("%s: we find %s %d times, buf %d times", place, rule, times, want[rule][place])
					}
				}
			}
			for rule := range want {
				for place, times := range want[rule] {
					if got[rule][place] == 0 {
						t.Errorf("%s: buf finds %s %d times, we do not", place, rule, times)
					}
				}
			}
		})
	}
}

// modules puts most of testdata into one directory, each directory of it as a package of its own, since starting buf
// takes longer than what it does. It returns that, and the directories that cannot be part of it, since packages are
// what they are about.
func modules(t *testing.T) (together string, apart []string) {
	t.Helper()
	together = filepath.Join(t.TempDir(), "together")
	for _, rule := range Rules() {
		for _, kind := range []string{"bad", "good"} {
			dir := filepath.Join("testdata", rule.ID, kind)
			files := make(map[string]string)
			single, foreign := true, false
			eachFile(t, dir, func(name, text string) {
				single = single && strings.Contains(text, "package shop.v1;") && !strings.Contains(name, "/")
				foreign = foreign || strings.Contains(text, `import "google/api/`) ||
					strings.Contains(text, `import "google/rpc/`) || strings.Contains(text, `import "buf/`) ||
					strings.Contains(text, `import "fairlead/`)
				files[name] = text
			})
			switch {
			case foreign && !rule.Buf: // buf does not have what is imported
			case !single || foreign:
				apart = append(apart, dir)
			default:
				pkg := strings.ToLower(rule.ID) + "_" + kind
				for name, text := range files {
					text = strings.NewReplacer("package shop.v1;", "package "+pkg+".v1;",
						`"other.proto"`, `"`+pkg+`/v1/other.proto"`).Replace(text)
					// To buf this is a comment about the declaration.
					text = regexp.MustCompile(`// fairlead:ignore.*`).ReplaceAllString(text, "")
					write(t, filepath.Join(together, pkg, "v1", name), text)
				}
			}
		}
	}
	return together, apart
}

func eachFile(t *testing.T, dir string, do func(name, text string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		do(filepath.ToSlash(name), string(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// verdicts count findings, by rule and then by "file:line".
type verdicts map[string]map[string]int

// add adds a finding. For rules about files there is only one place: buf has its findings on the first line where
// something is missing, and ours are on that of the syntax.
func (v verdicts) add(rule, file string, line int) {
	if strings.HasPrefix(rule, "PACKAGE_") || strings.HasPrefix(rule, "DIRECTORY_") || strings.HasPrefix(rule, "FILE_") {
		line = 1
	}
	if v[rule] == nil {
		v[rule] = make(map[string]int)
	}
	v[rule][fmt.Sprintf("%s:%d", file, line)]++
}

// ourVerdicts are about the line on which a declaration begins where it has several.
func ourVerdicts(t *testing.T, dir string) verdicts {
	t.Helper()
	shared := make(map[string]bool)
	for _, r := range Rules() {
		shared[r.ID] = r.Buf
	}
	linter, err := New(Config{Selection: Selection{Use: []string{All}}, RootsNamed: true})
	if err != nil {
		t.Fatal(err)
	}
	sources, err := idl.Find([]string{dir}, []string{dir})
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := idl.Compile(t.Context(), sources[0])
	if err != nil {
		t.Fatal(err)
	}
	v := make(verdicts)
	for _, f := range linter.apply(newContract(compiled, true)) {
		if shared[f.Rule] {
			name, _ := filepath.Rel(dir, f.File)
			line := f.Line
			if f.Category == Comments {
				line = f.begin
			}
			v.add(f.Rule, filepath.ToSlash(name), line)
		}
	}
	return v
}

func bufVerdicts(t *testing.T, buf, dir string) verdicts {
	t.Helper()
	var use []string
	for _, r := range Rules() {
		if r.Buf {
			use = append(use, r.ID)
		}
	}
	config, err := json.Marshal(map[string]any{"version": "v2", "lint": map[string]any{
		"use": use, "disallow_comment_ignores": true,
		"rpc_allow_google_protobuf_empty_requests":  true,
		"rpc_allow_google_protobuf_empty_responses": true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), buf, "lint", ".", "--config", string(config), "--error-format", "json")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "BUF_CACHE_DIR="+t.TempDir())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 100 {
			t.Fatalf("%v: %s%s", err, out.String(), errs.String())
		}
	}
	v := make(verdicts)
	for line := range bytes.Lines(out.Bytes()) {
		var found struct {
			Path string `json:"path"`
			Line int    `json:"start_line"`
			Type string `json:"type"`
		}
		if err := json.Unmarshal(line, &found); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if !slices.Contains(use, found.Type) {
			t.Fatalf("buf found something else: %s", line)
		}
		v.add(found.Type, found.Path, found.Line)
	}
	return v
}
