package scaffold

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// core is the path of the framework's module.
const core = "github.com/fairlead-go/fairlead"

// framework says where a project gets the framework from.
type framework struct {
	version  string
	checkout string // absolute path; "" for none
}

// replacedVersion is the version of a module that is replaced by a directory: Go wants one, and does not look at it.
const replacedVersion = "v0.0.0"

// findFramework returns the checkout in dir; with dir "" the version that the command was built with if that is a
// release, and else the first of tried, which candidates returns, that is a checkout.
func findFramework(dir string, tried []string) (framework, error) {
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err == nil {
			err = checkCheckout(abs)
		}
		if err != nil {
			return framework{}, fmt.Errorf("--fairlead %s: %w", dir, err)
		}
		return framework{replacedVersion, abs}, nil
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		if version := released(info); version != "" {
			return framework{version: version}, nil
		}
	}
	for _, at := range tried {
		if checkCheckout(at) == nil {
			return framework{replacedVersion, at}, nil
		}
	}
	return framework{}, fmt.Errorf("the framework has no release yet, and its checkout was not found (looked in %s); "+
		"name it with --fairlead DIR", cmp.Or(strings.Join(tried, ", "), "no directory"))
}

// released returns the framework's version when the program was built with one that others can get, "" otherwise.
func released(info *debug.BuildInfo) string {
	for _, dep := range info.Deps {
		if dep.Path != core || dep.Replace != nil || !semver.IsValid(dep.Version) {
			continue
		}
		if t, err := module.PseudoVersionTime(dep.Version); err == nil && t.Year() <= 1 {
			return "" // what go mod tidy writes for a module that is replaced
		}
		return dep.Version
	}
	return ""
}

// candidates returns the directories that may be the checkout that the command was built from: that of its source, as
// the compiler noted it, and those above the program itself.
func candidates() []string {
	var list []string
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) { // with -trimpath it is a package's path
		list = append(list, filepath.Join(filepath.Dir(file), "..", "..", ".."))
	}
	program, err := os.Executable()
	if err != nil {
		return list
	}
	for at := filepath.Dir(program); ; at = filepath.Dir(at) {
		list = append(list, at)
		if at == filepath.Dir(at) || len(list) > 3 {
			return list
		}
	}
}

// checkCheckout returns an error that says why dir is not the root of a checkout of the framework.
func checkCheckout(dir string) error {
	content, err := cli.ReadSource(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	if got := modfile.ModulePath(content); got != core {
		return fmt.Errorf("it holds the module %q, not %s", got, core)
	}
	if _, err := os.Stat(filepath.Join(dir, "cmd", "go.mod")); err != nil {
		return errors.New("it has no directory cmd with the command's module")
	}
	return nil
}

// goVersion returns the Go release that the command was built with, as the tags of container images have it.
func goVersion() string {
	v, ok := strings.CutPrefix(runtime.Version(), "go")
	if v, _, _ = strings.Cut(v, " "); !ok || strings.Trim(v, "0123456789.") != "" {
		return oldestGo // a compiler that is no release
	}
	return v
}

// oldestGo is the release from which on the framework works.
const oldestGo = "1.26"
