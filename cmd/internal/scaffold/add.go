package scaffold

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/project"
)

// moduleIn returns the path of the module that dir is the root of, "" for none.
func moduleIn(dir string) (string, error) {
	content, err := cli.ReadSource(filepath.Join(dir, "go.mod"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	name := modfile.ModulePath(content)
	if name == "" {
		return "", fmt.Errorf("%s: names no module", filepath.Join(dir, "go.mod"))
	}
	return name, nil
}

// settle decides where the files of a service go when dir is a module already. It reports whether the service is one
// more in that module.
func settle(v *Variables, dir string) (adds bool) {
	at := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		return err == nil
	}
	own := path.Join("internal", strings.ReplaceAll(v.Name, "-", ""))
	adds = at("go.mod") && !at(path.Join("cmd", v.Name))
	// A service that was added before is written again where it is.
	if adds && (at("internal/service") || at("internal/config") || at(v.ConfigFile)) ||
		at("go.mod") && !adds && at(path.Join(own, "config")) {
		v.Internal = own
		v.ConfigFile = "config-" + v.Name + ".yaml"
		v.Dockerfile = "Dockerfile." + v.Name
		v.Deploy = path.Join(v.Deploy, v.Name)
		v.takePorts(dir)
	}
	return adds
}

// takePorts gives a service ports that the others of its module do not begin with.
func (v *Variables) takePorts(dir string) {
	const pair = 2
	programs, err := os.ReadDir(filepath.Join(dir, "cmd"))
	if err != nil {
		return // there are no others
	}
	others := slices.DeleteFunc(programs, func(e fs.DirEntry) bool { return !e.IsDir() || e.Name() == v.Name })
	v.setPorts(port + pair*len(others))
}

// addTo merges files with those of the module in dir that belong to all its services: go.mod and go.sum get what they
// lack, and fairlead.yaml the directory in which the service is implemented.
func addTo(dir string, files []file) error {
	for i := range files {
		f := &files[i]
		old, err := cli.ReadSource(filepath.Join(dir, filepath.FromSlash(f.path)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		switch f.path {
		case "go.mod":
			f.content, err = mergeMod(old, f.content)
		case "go.sum":
			f.content, err = mergeSum(old, f.content), nil
		case project.Name:
			f.content, err = mergeProject(filepath.Join(dir, project.Name), old, f.content)
		default:
			continue
		}
		if err != nil {
			return err
		}
		f.merged = true
	}
	return nil
}

// mergeMod adds what a go.mod lacks of another: requirements, their versions where they are older, and replacements.
func mergeMod(old, add []byte) ([]byte, error) {
	into, err := modfile.Parse("go.mod", old, nil)
	if err != nil {
		return nil, err
	}
	from, err := modfile.Parse("go.mod", add, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range from.Require {
		i := slices.IndexFunc(into.Require, func(have *modfile.Require) bool { return have.Mod.Path == r.Mod.Path })
		switch {
		case i < 0:
			into.AddNewRequire(r.Mod.Path, r.Mod.Version, r.Indirect)
		case semver.Compare(into.Require[i].Mod.Version, r.Mod.Version) < 0:
			if err := into.AddRequire(r.Mod.Path, r.Mod.Version); err != nil {
				return nil, err
			}
		}
	}
	for _, r := range from.Replace {
		if !slices.ContainsFunc(into.Replace, func(have *modfile.Replace) bool { return have.Old.Path == r.Old.Path }) {
			if err := into.AddReplace(r.Old.Path, r.Old.Version, r.New.Path, r.New.Version); err != nil {
				return nil, err
			}
		}
	}
	if from.Go != nil && (into.Go == nil || semver.Compare("v"+into.Go.Version, "v"+from.Go.Version) < 0) {
		if err := into.AddGoStmt(from.Go.Version); err != nil {
			return nil, err
		}
	}
	into.Cleanup()
	return into.Format()
}

// mergeSum adds the lines that a go.sum lacks of another.
func mergeSum(old, add []byte) []byte {
	lines := strings.Split(strings.TrimSpace(string(old)), "\n")
	for line := range strings.Lines(string(add)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
	slices.Sort(lines)
	return []byte(strings.Join(slices.Compact(lines), "\n") + "\n")
}

// mergeProject adds to a fairlead.yaml what it lacks of another: roots, inputs, packages and implementations.
func mergeProject(path string, old, add []byte) ([]byte, error) {
	into, err := project.Parse(old, path, path)
	if err != nil {
		return nil, err
	}
	from, err := project.Parse(add, project.Name, project.Name)
	if err != nil {
		return nil, err
	}
	have, more := cmp.Or(into.Gen, new(project.Gen)), cmp.Or(from.Gen, new(project.Gen))
	setIfMore(into, have.Roots, more.Roots, "roots")
	setIfMore(into, have.Inputs, more.Inputs, "inputs")
	if len(more.Map) > 0 {
		all := make(map[string]string)
		maps.Copy(all, more.Map)
		maps.Copy(all, have.Map)
		into.Set(all, "gen", "map")
		if have.Paths == "" {
			into.Set(more.Paths, "gen", "paths")
			into.Set(more.Module, "gen", "module")
		}
	}
	var list []project.Pairs
	for _, im := range slices.Concat(have.Implement, more.Implement) {
		pairs := project.Pairs{{Key: "dir", Value: im.Dir}}
		if im.Type != "" {
			pairs = append(pairs, project.Pair{Key: "type", Value: im.Type})
		}
		if im.Service != "" {
			pairs = append(pairs, project.Pair{Key: "service", Value: im.Service})
		}
		if !slices.ContainsFunc(list, func(p project.Pairs) bool { return slices.Equal(p, pairs) }) {
			list = append(list, pairs)
		}
	}
	if len(list) > len(have.Implement) {
		into.Set(list, "gen", "implement")
	}
	return saved(into, old)
}

// setIfMore sets a list of fairlead.yaml that lacks some of what is needed. What lies below an entry is there already.
func setIfMore(f *project.File, have, need []string, key string) {
	all := slices.Clone(have)
	for _, n := range need {
		there := func(h string) bool { return h == n || key == "inputs" && strings.HasPrefix(n, h+"/") }
		if !slices.ContainsFunc(all, there) {
			all = append(all, n)
		}
	}
	if len(all) > len(have) {
		f.Set(all, "gen", key)
	}
}

// saved returns what a fairlead.yaml whose content was old becomes.
func saved(f *project.File, old []byte) (content []byte, err error) {
	dir, err := os.MkdirTemp("", "fairlead-new-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f.Path = filepath.Join(dir, project.Name)
	if err := cli.WriteFile(f.Path, old, 0o600); err != nil { // its blank lines are kept
		return nil, err
	}
	if err := f.Save(); err != nil {
		return nil, err
	}
	return cli.ReadSource(f.Path)
}
