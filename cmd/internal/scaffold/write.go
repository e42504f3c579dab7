package scaffold

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// action is one of the things that are done with a file of the project.
type action string

const (
	create    action = "create"
	replace   action = "replace" // what was there is kept under another name
	update    action = "update"  // lines are added to what is there
	keep      action = "keep"    // what is there belongs to other services of the module, too
	unchanged action = "unchanged"
)

// step is a file and what is done with it.
type step struct {
	file
	action action
	old    []byte // of replace and update
}

// keptSuffix is appended to the name of a file that was replaced.
const keptSuffix = ".orig"

// plan compares files with what is in dir. A directory with anything in it is refused unless force is set; so is, in
// any case, what stands in the way and could not be kept.
//
// With adds the module in dir gets one more service: of what is there nothing is replaced. The files that addTo has
// merged are updated, all others are kept.
func plan(dir string, files []file, force, adds bool) ([]step, error) {
	if err := checkTarget(dir, force); err != nil {
		return nil, err
	}
	steps := make([]step, 0, len(files))
	var errs []error
	for _, f := range files {
		s, err := planFile(dir, f, adds)
		if err != nil {
			errs = append(errs, err)
		}
		steps = append(steps, s)
	}
	return steps, errors.Join(errs...)
}

func planFile(dir string, f file, adds bool) (step, error) {
	at := filepath.Join(dir, filepath.FromSlash(f.path))
	old, err := cli.ReadSource(at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return step{f, create, nil}, nil
	case err != nil:
		return step{}, err
	case bytes.Equal(old, f.content):
		return step{f, unchanged, nil}, nil
	case f.merged:
		return step{f, update, old}, nil
	case adds && f.fixed:
		return step{}, fmt.Errorf("%s: is there already and differs from %s; another contract of the module has a file or "+
			"a Go package of that name", at, f.origin)
	case adds:
		return step{f, keep, nil}, nil
	}
	if _, err := os.Lstat(at + keptSuffix); err == nil {
		return step{}, fmt.Errorf("%s: would be replaced, and there is a %s already; remove one of them", at,
			filepath.Base(at)+keptSuffix)
	}
	return step{f, replace, old}, nil
}

// checkTarget returns an error that says why a project cannot be made in dir.
func checkTarget(dir string, force bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
			return fmt.Errorf("%s: is a file; choose another directory with --dir", dir)
		}
		return err
	case force:
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.Name() != ".git" { // a repository that is new
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil
	}
	const shown = 3
	list := strings.Join(names[:min(len(names), shown)], ", ")
	if more := len(names) - shown; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("%s: is not empty (%s); choose another directory with --dir, or have files added and replaced, "+
		"the old ones kept as NAME%s, with --force", dir, list, keptSuffix)
}

// perform writes the files in dir. When one cannot be written, or ctx ends, everything is as it was before.
func perform(ctx context.Context, dir string, steps []step) (err error) {
	var undo []func() error
	defer func() {
		if err == nil {
			return
		}
		for i := len(undo) - 1; i >= 0; i-- {
			err = errors.Join(err, undo[i]())
		}
	}()
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.action == unchanged || s.action == keep {
			continue
		}
		at := filepath.Join(dir, filepath.FromSlash(s.path))
		made, err := makeDirs(filepath.Dir(at))
		for _, d := range made {
			undo = append(undo, func() error { return os.Remove(d) })
		}
		if err != nil {
			return err
		}
		switch s.action {
		case replace:
			if err := keepOld(at, s.old); err != nil {
				return err
			}
			undo = append(undo, func() error { return os.Remove(at + keptSuffix) },
				func() error { return cli.WriteFile(at, s.old, 0o644) })
		case update:
			undo = append(undo, func() error { return cli.WriteFile(at, s.old, 0o644) })
		case create, keep, unchanged:
			undo = append(undo, func() error {
				if err := os.Remove(at); !errors.Is(err, fs.ErrNotExist) {
					return err
				}
				return nil
			})
		}
		if err := cli.WriteFile(at, s.content, permissions(s.program)); err != nil {
			return err
		}
	}
	return nil
}

func permissions(program bool) fs.FileMode {
	if program {
		return 0o755
	}
	return 0o644
}

// keepOld writes the old content of a file beside it.
func keepOld(at string, old []byte) error {
	perm := fs.FileMode(0o644)
	if info, err := os.Stat(at); err == nil {
		perm = info.Mode().Perm()
	}
	return cli.WriteFile(at+keptSuffix, old, perm)
}

// makeDirs makes a directory and those above it that are missing, and returns the ones that it made, outermost first.
func makeDirs(dir string) (made []string, err error) {
	var missing []string
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		missing = append(missing, at)
		if at == filepath.Dir(at) {
			break
		}
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if err := os.Mkdir(missing[i], 0o755); err != nil { //nolint:gosec // source code is for all to read
			return made, err
		}
		made = append(made, missing[i])
	}
	return made, nil
}
