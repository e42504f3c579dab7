package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tester runs tests on mutants.
type tester struct {
	cfg      *config
	dir      string               // for mutants
	covers   map[string]*coverage // by folder
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
	folders   []string
	killed    map[string]int // by folder
	survived  map[string]int
	invalid   int
	survivors []*site
}

func (r *report) total() int { return r.sum(r.killed) + len(r.survivors) }

func (r *report) sum(of map[string]int) (n int) {
	for _, k := range of {
		n += k
	}
	return n
}

func (r *report) reached(goal int) bool {
	return 100*r.sum(r.killed) >= goal*r.total() && r.total() > 0
}

func (r *report) print(w io.Writer) {
	for _, s := range r.survivors {
		fmt.Fprintf(w, "%s: %s\n%s\n", s.place(), s.kind, s.diff())
	}
	if r.total() == 0 {
		fmt.Fprintln(w, "no mutant was tested")
		return
	}
	for _, f := range r.folders {
		if n := r.killed[f] + r.survived[f]; n > 0 && len(r.folders) > 1 {
			fmt.Fprintf(w, "%s: %d of %d mutants were killed (%d %%)\n", f, r.killed[f], n, 100*r.killed[f]/n)
		}
	}
	killed := r.sum(r.killed)
	fmt.Fprintf(w, "seed %d: %d of %d mutants were killed (%d %%), %d survived; %d more did not compile\n",
		r.seed, killed, r.total(), 100*killed/r.total(), len(r.survivors), r.invalid)
}

// result is what became of one of the sites.
type result struct {
	at   int
	o    outcome
	why  string
	took time.Duration
	err  error
}

// all tests mutants until there are enough that compile. Which they are does not depend on the workers: they are the
// first that compile. An error comes with what was found until then.
func (t *tester) all(ctx context.Context, sites []*site) (*report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work, results := make(chan int), make(chan result)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for i := range t.cfg.workers {
		wg.Go(func() { t.work(ctx, i, sites, work, results) })
	}
	r := &report{seed: t.cfg.seed, folders: t.cfg.folders, killed: map[string]int{}, survived: map[string]int{}}
	known := make(map[int]result)
	for next, count, running := 0, 0, 0; ; {
		// What comes after the first n that compile is not begun: of those not counted yet all may compile.
		give := work
		if next == len(sites) || r.total()+next-count >= t.cfg.n {
			give = nil
		}
		if give == nil && running == 0 {
			return r, nil
		}
		select {
		case give <- next:
			next, running = next+1, running+1
		case res := <-results:
			running--
			if res.err != nil {
				return r, res.err
			}
			known[res.at] = res
			for ; ; count++ {
				res, ok := known[count]
				if !ok {
					break
				}
				t.count(r, sites[count], res, min(t.cfg.n, len(sites)))
			}
		case <-ctx.Done():
			return r, ctx.Err()
		}
	}
}

// count adds a result to the report.
func (t *tester) count(r *report, s *site, res result, of int) {
	folder := filepath.Dir(s.file.path)
	switch res.o {
	case killed:
		r.killed[folder]++
	case survived:
		r.survived[folder]++
		r.survivors = append(r.survivors, s)
	case invalid:
		r.invalid++
		return
	}
	fmt.Fprintf(t.progress, "%d/%d %s: %s: %s %s (%v)\n",
		r.total(), of, s.place(), s.kind, res.o, res.why, res.took.Round(100*time.Millisecond))
}

// work is a worker's.
func (t *tester) work(ctx context.Context, worker int, sites []*site, work <-chan int, results chan<- result) {
	for {
		select {
		case at := <-work:
			begin := time.Now()
			o, why, err := t.mutant(ctx, worker, sites[at])
			select {
			case results <- result{at, o, why, time.Since(begin), err}:
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// mutant tests one: it builds the tests with it and runs those that it concerns.
func (t *tester) mutant(ctx context.Context, worker int, s *site) (outcome, string, error) {
	dir := filepath.Join(t.dir, strconv.Itoa(worker))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, "", err
	}
	changed := filepath.Join(dir, filepath.Base(s.file.path))
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
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		return 0, "", err
	}
	folder, bin := filepath.Dir(s.file.path), filepath.Join(dir, "mutant.test")
	if _, err := t.command(ctx, folder, "go", "test", "-c", "-overlay", path, "-vet", "off", "-ldflags", "-s -w",
		"-tags", t.cfg.tags, "-o", bin, "."); err != nil {
		return invalid, "", ctx.Err()
	}
	tests := t.covers[folder].of(s)
	if len(tests) == 0 {
		return survived, "(no test runs it)", nil
	}
	return t.tests(ctx, folder, bin, tests)
}

// tests runs tests on a mutant until one fails.
func (t *tester) tests(ctx context.Context, folder, bin string, tests []*test) (outcome, string, error) {
	names := make([]string, len(tests))
	limit := 10 * time.Second
	for i, one := range tests {
		names[i] = one.name
		limit += 3 * one.took
	}
	if t.cfg.limit > 0 {
		limit = t.cfg.limit
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := command(bounded, folder, bin, "-test.failfast", "-test.timeout", "0",
		"-test.run", "^("+strings.Join(names, "|")+")$")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, "", err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return 0, "", fmt.Errorf("the tests of %s: %w", folder, err)
	}
	why := ""
	for lines := bufio.NewReader(out); why == ""; {
		line, err := lines.ReadString('\n')
		if why = failing(line); why != "" {
			cancel() // one failure is enough
		}
		if err != nil {
			break
		}
	}
	_, _ = io.Copy(io.Discard, out)
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return 0, "", ctx.Err()
	case why != "":
		return killed, "by " + why, nil
	case bounded.Err() != nil:
		return killed, fmt.Sprintf("by its time: more than %v", limit.Round(time.Second)), nil
	case err != nil:
		return killed, "by " + err.Error(), nil
	}
	return survived, "", nil
}

// failing is the test that failed, or what else ended the tests, if a line of output says so.
func failing(line string) string {
	line = strings.TrimRight(line, "\n")
	if name, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: "); ok {
		return name
	}
	if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
		return line
	}
	return ""
}

// command runs a program in a folder and returns what it wrote.
func (t *tester) command(ctx context.Context, folder, name string, args ...string) (string, error) {
	cmd := command(ctx, folder, name, args...)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	err := cmd.Run()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return text.String(), err
}

// command returns a command that is killed, with what it has started, when ctx ends.
func command(ctx context.Context, folder, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.WaitDelay = 10 * time.Second
	killAll(cmd)
	return cmd
}
