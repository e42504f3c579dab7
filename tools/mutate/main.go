// Command mutate measures how much the tests of packages notice: it changes a package in one place at a time, by the
// rules in sites.go, runs the package's own tests on that, and lists the changes that survived all of them.
//
// It takes places by chance, the same ones for the same seed and the same sources. The work tree is not touched: a
// mutant is compiled by go test -overlay. A mutant that does not compile does not count and another one is taken.
//
// It first finds out which tests run which lines, and runs on a mutant only those that run the changed line: the others
// could not notice. A mutant's tests end with the first failure, and when they take several times as long as without
// the change, which is a failure too.
//
//	mutate [flags] FOLDER...
//
// It returns 0 when at least -goal percent of the mutants were killed, 1 when fewer were, 2 when it could not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

type config struct {
	folders []string
	n       int
	seed    uint64
	goal    int
	limit   time.Duration // of the tests of one mutant; 0: by how long they take unchanged
	workers int
	tags    string
	at      string // take all sites of this file or FILE:LINE, in their order
	list    bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	code, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		code = 2
	}
	stop()
	os.Exit(code) //nolint:gocritic // stop is called
}

func run(ctx context.Context, args []string, out, progress io.Writer) (int, error) {
	var cfg config
	fs := flag.NewFlagSet("mutate", flag.ContinueOnError)
	fs.SetOutput(progress)
	fs.IntVar(&cfg.n, "n", 200, "number of mutants that compile")
	fs.Uint64Var(&cfg.seed, "seed", 1, "which mutants are taken")
	fs.IntVar(&cfg.goal, "goal", 80, "percentage to be killed")
	fs.DurationVar(&cfg.limit, "timeout", 0, "limit of a mutant's tests (0: 3 times what they take unchanged, and 10s)")
	fs.IntVar(&cfg.workers, "workers", 2, "number of mutants tested at a time")
	fs.StringVar(&cfg.tags, "tags", "", "build tags for the tests")
	fs.StringVar(&cfg.at, "at", "", "take the mutants of this FILE or FILE:LINE, not random ones")
	fs.BoolVar(&cfg.list, "list", false, "list the mutants that would be taken, without running tests")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0, nil
		}
		return 0, err
	}
	if fs.NArg() == 0 {
		return 0, errors.New("no folder is named")
	}
	for _, folder := range fs.Args() {
		cfg.folders = append(cfg.folders, filepath.Clean(folder))
	}
	if cfg.n < 1 || cfg.workers < 1 || cfg.goal < 0 || cfg.goal > 100 {
		return 0, fmt.Errorf("-n is %d, -workers is %d and -goal is %d, want at least 1, at least 1, and 0 to 100",
			cfg.n, cfg.workers, cfg.goal)
	}
	if cfg.at != "" {
		cfg.at = filepath.ToSlash(filepath.Clean(cfg.at))
	}
	sites, err := collect(cfg.folders)
	if err != nil {
		return 0, err
	}
	if sites = choose(sites, &cfg); len(sites) == 0 {
		return 0, errors.New("there is nothing to change")
	}
	if cfg.list {
		for _, s := range sites[:min(cfg.n, len(sites))] {
			fmt.Fprintf(out, "%s: %s\n%s", s.place(), s.kind, s.diff())
		}
		return 0, nil
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	limitMemory()
	t := &tester{cfg: &cfg, dir: dir, covers: make(map[string]*coverage), progress: progress}
	for _, folder := range cfg.folders {
		begin := time.Now()
		c, err := t.measure(ctx, folder)
		if err != nil {
			return 0, err
		}
		t.covers[folder] = c
		fmt.Fprintf(progress, "%s: %d tests, which were measured in %v\n", folder, len(c.tests),
			time.Since(begin).Round(time.Second))
	}
	r, err := t.all(ctx, sites)
	if r != nil {
		r.print(out)
	}
	if err != nil {
		return 0, err
	}
	if !r.reached(cfg.goal) {
		fmt.Fprintf(out, "that is less than %d %%\n", cfg.goal)
		return 1, nil
	}
	return 0, nil
}

// choose puts the sites in the order in which they are taken.
func choose(sites []*site, cfg *config) []*site {
	if cfg.at == "" {
		r := rand.New(rand.NewPCG(cfg.seed, 0)) //nolint:gosec // it is to be repeatable
		r.Shuffle(len(sites), func(i, j int) { sites[i], sites[j] = sites[j], sites[i] })
		return sites
	}
	var list []*site
	for _, s := range sites {
		if file := filepath.ToSlash(s.file.path); cfg.at == file || strings.HasPrefix(s.place(), cfg.at+":") {
			list = append(list, s)
		}
	}
	return list
}
