package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// tester runs tests on mutants.
type tester struct {
	cfg      *config
	dir      string                   // for mutants
	limits   map[string]time.Duration // of folders
	progress io.Writer
}

// outcome is what became of a mutant.
type outcome int

const (
	killed outcome = iota
	survived
	invalid // it does not compile
)

func (o outcome) String() string { return [...]string{"killed", "SURVIVED", "does not compile"}[o] }

// report is the outcome of a run.
type report struct {
	seed      uint64
	killed    int
	invalid   int
	survivors []*site
}

func (r *report) total() int { return r.killed + len(r.survivors) }

func (r *report) reached(goal int) bool { return 100*r.killed >= goal*r.total() && r.total() > 0 }

func (r *report) print(w io.Writer) {
	for _, s := range r.survivors {
		fmt.Fprintf(w, "%s: %s\n%s\n", s.place(), s.kind, s.diff())
	}
	if r.total() == 0 {
		fmt.Fprintln(w, "no mutant was tested")
		return
	}
	fmt.Fprintf(w, "seed %d: %d of %d mutants were killed (%d %%), %d survived; %d more did not compile\n",
		r.seed, r.killed, r.total(), 100*r.killed/r.total(), len(r.survivors), r.invalid)
}

// baseline runs the tests of a folder unchanged: they have to pass, and their time is the measure of the limit.
func (t *tester) baseline(ctx context.Context, folder string) error {
	t.limits[folder] = 30 * time.Minute
	if _, _, err := t.test(ctx, folder, "-run", "^$"); err != nil { // builds
		return err
	}
	begin := time.Now()
	o, text, err := t.test(ctx, folder, "-count", "1")
	if err != nil {
		return err
	}
	if o != survived {
		return fmt.Errorf("the tests of %s fail without a change:\n%s", folder, text)
	}
	t.limits[folder] = t.cfg.limit
	if t.cfg.limit == 0 {
		t.limits[folder] = 4*time.Since(begin) + 20*time.Second
	}
	fmt.Fprintf(t.progress, "%s: the tests take %v, a mutant's have %v\n", folder,
		time.Since(begin).Round(time.Millisecond), t.limits[folder].Round(time.Second))
	return nil
}

// all tests mutants until there are enough that compile. An error comes with what was found until then.
func (t *tester) all(ctx context.Context, sites []*site) (*report, error) {
	r := &report{seed: t.cfg.seed}
	for _, s := range sites {
		if r.total() == t.cfg.n {
			break
		}
		o, text, err := t.mutant(ctx, s)
		if err != nil {
			return r, err
		}
		switch o {
		case killed:
			r.killed++
		case survived:
			r.survivors = append(r.survivors, s)
		case invalid:
			r.invalid++
			continue
		}
		fmt.Fprintf(t.progress, "%d/%d %s: %s: %s %s\n",
			r.total(), min(t.cfg.n, len(sites)), s.place(), s.kind, o, failing(text))
	}
	return r, nil
}

// failing is the first test that failed, or what else ended the tests.
func failing(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: "); ok {
			return "by " + name
		}
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return "by " + line
		}
	}
	return ""
}

// mutant tests one.
func (t *tester) mutant(ctx context.Context, s *site) (outcome, string, error) {
	changed := filepath.Join(t.dir, filepath.Base(s.file.path))
	if err := os.WriteFile(changed, s.mutant(), 0o600); err != nil {
		return 0, "", err
	}
	original, err := filepath.Abs(s.file.path)
	if err != nil {
		return 0, "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return 0, "", err
	}
	path := filepath.Join(t.dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		return 0, "", err
	}
	return t.test(ctx, filepath.Dir(s.file.path), "-overlay", path, "-failfast")
}

// test runs go test in a folder.
func (t *tester) test(ctx context.Context, folder string, args ...string) (outcome, string, error) {
	limit := t.limits[folder]
	// go test ends the tests at their limit. What holds up go test itself, such as a process that they left, has longer.
	bounded, cancel := context.WithTimeout(ctx, 2*limit+5*time.Minute)
	defer cancel()
	args = append([]string{"test", "-vet", "off", "-timeout", limit.String(), "-tags", t.cfg.tags}, args...)
	cmd := exec.CommandContext(bounded, "go", append(args, ".")...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.WaitDelay = 10 * time.Second
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return 0, "", ctx.Err()
	case err == nil:
		return survived, "", nil
	case strings.Contains(text.String(), "[build failed]") || strings.Contains(text.String(), "[setup failed]"):
		return invalid, text.String(), nil
	case cmd.ProcessState == nil:
		return 0, "", fmt.Errorf("go test in %s: %w", folder, err)
	}
	return killed, text.String(), nil
}
