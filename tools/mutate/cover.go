package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// coverage is which tests of a folder run which parts of its files.
type coverage struct {
	tests  []*test            // the quickest first
	blocks map[string][]block // by the names of the files
}

// test is a test, an example, or a fuzz test with its seeds.
type test struct {
	name   string
	took   time.Duration
	always bool // it fails when it runs alone, so nothing is known of it
}

// block is a part of a file that a test runs.
type block struct {
	from, to position
	test     *test // nil: of one that does not run it
}

func (b *block) has(p position) bool { return !p.before(b.from) && p.before(b.to) }

type position struct{ line, column int }

func (p position) before(o position) bool {
	return p.line < o.line || p.line == o.line && p.column < o.column
}

// of returns the tests that run the place of s, the quickest first. Where no block has the place, as with the
// conditions of a switch, they are the tests that run anything of the function, and outside of functions all.
func (c *coverage) of(s *site) []*test {
	at := position{s.line, s.column}
	if s.fn[1].line == 0 {
		return c.tests
	}
	hit, inFunc, known := make(map[*test]bool), make(map[*test]bool), false
	for _, b := range c.blocks[filepath.Base(s.file.path)] {
		if b.has(at) {
			known = true
			hit[b.test] = true
		}
		if !b.from.before(s.fn[0]) && b.from.before(s.fn[1]) {
			inFunc[b.test] = true
		}
	}
	if !known {
		hit = inFunc
	}
	var list []*test
	for _, t := range c.tests {
		if hit[t] || t.always {
			list = append(list, t)
		}
	}
	return list
}

// measure runs each test of a folder by itself. All of them together must pass.
func (t *tester) measure(ctx context.Context, folder string) (*coverage, error) {
	bin, err := filepath.Abs(filepath.Join(t.dir, "cover.test"))
	if err != nil {
		return nil, err
	}
	if out, err := t.command(ctx, folder, "go", "test", "-c", "-cover", "-covermode", "atomic", "-vet", "off",
		"-tags", t.cfg.tags, "-o", bin, "."); err != nil {
		return nil, fmt.Errorf("building the tests of %s: %w\n%s", folder, err, out)
	}
	if out, err := t.command(ctx, folder, bin, "-test.timeout", "30m"); err != nil {
		return nil, fmt.Errorf("the tests of %s fail without a change: %w\n%s", folder, err, out)
	}
	out, err := t.command(ctx, folder, bin, "-test.list", ".")
	if err != nil {
		return nil, fmt.Errorf("listing the tests of %s: %w", folder, err)
	}
	c := &coverage{blocks: make(map[string][]block)}
	for name := range strings.Lines(out) {
		if name = strings.TrimSpace(name); isTest.MatchString(name) {
			c.tests = append(c.tests, &test{name: name})
		}
	}
	var mu sync.Mutex // guards c.blocks
	work := make(chan int)
	var wg sync.WaitGroup
	for range t.cfg.workers {
		wg.Go(func() {
			for i := range work {
				profile := filepath.Join(t.dir, "profile"+strconv.Itoa(i))
				blocks := t.run(ctx, folder, bin, c.tests[i], profile)
				mu.Lock()
				for file, list := range blocks {
					c.blocks[file] = append(c.blocks[file], list...)
				}
				mu.Unlock()
			}
		})
	}
	for i := range c.tests {
		work <- i
	}
	close(work)
	wg.Wait()
	slices.SortStableFunc(c.tests, func(a, b *test) int { return int(a.took - b.took) })
	return c, ctx.Err()
}

var isTest = regexp.MustCompile("^(Test|Example|Fuzz)")

// run runs one test and returns what it runs, by the names of the files.
func (t *tester) run(ctx context.Context, folder, bin string, one *test, profile string) map[string][]block {
	begin := time.Now()
	_, err := t.command(ctx, folder, bin, "-test.run", "^"+one.name+"$", "-test.timeout", "10m",
		"-test.coverprofile", profile)
	one.took = time.Since(begin)
	var blocks map[string][]block
	if err == nil {
		blocks, err = readProfile(profile, one)
	}
	one.always = err != nil
	return blocks
}

var profileLine = regexp.MustCompile(`^(.*):(\d+)\.(\d+),(\d+)\.(\d+) \d+ (\d+)$`)

func readProfile(path string, of *test) (map[string][]block, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	blocks := make(map[string][]block)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		m := profileLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		var n [4]int
		for i := range n {
			n[i], _ = strconv.Atoi(m[2+i]) // it is digits
		}
		name := filepath.Base(m[1])
		b := block{position{n[0], n[1]}, position{n[2], n[3]}, of}
		if m[6] == "0" {
			b.test = nil
		}
		blocks[name] = append(blocks[name], b)
	}
	return blocks, nil
}
