package check

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/check/lint"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/cmd/internal/project"
)

// settings are those of a check: of its flags, and of fairlead.yaml where there are none.
type settings struct {
	inputs    []string
	roots     []string
	selection lint.Selection
	strict    bool // warnings are errors
	ignored   []ignored
}

// ignored is a part of the project in which rules do not apply.
type ignored struct {
	path  string // absolute
	rules []string
}

// settings puts together what the flags and fairlead.yaml say. A flag counts more than the file; --except adds to it.
func (o *options) settings(cmd *cobra.Command, args []string) (settings, error) {
	s := settings{
		inputs:    args,
		roots:     o.shared.Roots,
		selection: o.selection,
		strict:    o.shared.WarningsAsErrors,
	}
	file, err := loadProject()
	if err != nil || file == nil {
		return withDefaults(s), err
	}
	if gen := file.Gen; gen != nil {
		if len(s.inputs) == 0 {
			s.inputs = inDir(file.Dir(), gen.Inputs)
		}
		if len(s.roots) == 0 {
			s.roots = inDir(file.Dir(), gen.Roots)
		}
	}
	if check := file.Check; check != nil {
		if len(s.selection.Use) == 0 {
			s.selection.Use = check.Rules
		}
		s.selection.Except = slices.Concat(check.Except, s.selection.Except)
		if !cmd.Flags().Changed("warnings-as-errors") {
			s.strict = check.WarningsAsErrors
		}
		for _, i := range check.Ignore {
			s.ignored = append(s.ignored, ignored{filepath.Join(file.Dir(), filepath.FromSlash(i.Path)), i.Rules})
		}
	}
	return withDefaults(s), checkNames(file)
}

func withDefaults(s settings) settings {
	if len(s.inputs) == 0 {
		s.inputs = []string{"."}
	}
	return s
}

// loadProject returns the fairlead.yaml of the working directory, nil without one.
func loadProject() (*project.File, error) {
	path, err := project.Find(".")
	if err != nil || path == "" {
		return nil, err
	}
	return project.Load(path, shorten(path))
}

// shorten returns an absolute path relative to the working directory.
func shorten(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	short, err := filepath.Rel(dir, path)
	if err != nil {
		return path
	}
	return short
}

// inDir returns paths of a file in dir relative to the working directory.
func inDir(dir string, paths []string) []string {
	joined := make([]string, 0, len(paths))
	for _, path := range paths {
		path = filepath.FromSlash(path)
		if !filepath.IsAbs(path) {
			path = idl.Short(shorten(filepath.Join(dir, path)))
		}
		joined = append(joined, path)
	}
	return joined
}

// checkNames reports the rules in the file that are none, with their places.
func checkNames(file *project.File) error {
	if file.Check == nil {
		return nil
	}
	var errs []error
	check := func(names []string, keys ...string) {
		for i, name := range names {
			if slices.Contains(lint.Selectable(), name) {
				continue
			}
			at, _ := file.Place(append(slices.Clip(keys), strconv.Itoa(i))...)
			errs = append(errs, fmt.Errorf("%s:%s: %w", shorten(file.Path), at, unknown(name)))
		}
	}
	check(file.Check.Rules, "check", "rules")
	check(file.Check.Except, "check", "except")
	for i, in := range file.Check.Ignore {
		at := strconv.Itoa(i)
		check(in.Rules, "check", "ignore", at, "rules")
		if in.Path == "" {
			place, _ := file.Place("check", "ignore", at)
			errs = append(errs, fmt.Errorf("%s:%s: check.ignore[%s]: the path is missing", shorten(file.Path), place, at))
		}
	}
	return errors.Join(errs...)
}

// drop returns findings without those that fairlead.yaml does not want.
func (s *settings) drop(findings []finding.Finding) []finding.Finding {
	return slices.DeleteFunc(findings, func(f finding.Finding) bool {
		abs, err := filepath.Abs(f.File)
		return err == nil && slices.ContainsFunc(s.ignored, func(i ignored) bool { return i.covers(abs, &f) })
	})
}

func (i *ignored) covers(path string, f *finding.Finding) bool {
	rel, err := filepath.Rel(i.path, path)
	if err != nil || !filepath.IsLocal(rel) {
		return false
	}
	return len(i.rules) == 0 || slices.ContainsFunc(i.rules, func(name string) bool {
		return name == f.Rule || name == f.Category || name == lint.All
	})
}
