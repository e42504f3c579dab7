package generate

import (
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/fairlead-go/fairlead/cmd/internal/project"
)

// save writes what the arguments and flags say into the file, and nothing else: what the file says already stays.
func (s *settings) save(file *project.File, flags *pflag.FlagSet, args []string) error {
	set := func(flag string, value any, key string) {
		if flags.Changed(flag) {
			file.Set(value, "gen", key)
		}
	}
	if len(args) > 0 || file.Gen == nil || len(file.Gen.Inputs) == 0 {
		file.Set(fromFile(file, s.inputs), "gen", "inputs")
	}
	set("proto-path", fromFile(file, s.roots), "roots")
	set("out", fromFile(file, []string{s.out})[0], "out")
	set("paths", s.paths, "paths")
	set("module", s.module, "module")
	set("map", s.packages, "map")
	set("go", s.messages, "messages")
	set("vt", s.vt, "vt")
	set("stubs", s.stubs, "stubs")
	set("validate", s.validate, "validate")
	set("json", s.jsonCode, "json")
	set("openapi", s.openAPI, "openapi")
	set("beside-grpc", s.grpc, "beside_grpc")
	set("strict", s.strict, "strict")
	if flags.Changed("plugin") || flags.Changed("plugin-out") || flags.Changed("plugin-opt") {
		file.Set(s.savePlugins(file), "gen", "plugins")
	}
	if flags.Changed("implement") {
		all := make([]project.Pairs, 0, len(s.implement))
		for _, t := range s.implement {
			pairs := project.Pairs{{Key: "dir", Value: fromFile(file, []string{t.Dir})[0]}}
			if t.Type != "" {
				pairs = append(pairs, project.Pair{Key: "type", Value: t.Type})
			}
			if t.Service != "" {
				pairs = append(pairs, project.Pair{Key: "service", Value: t.Service})
			}
			all = append(all, pairs)
		}
		file.Set(all, "gen", "implement")
	}
	return file.Save()
}

func (s *settings) savePlugins(file *project.File) []project.Pairs {
	all := make([]project.Pairs, 0, len(s.plugins))
	for _, p := range s.plugins {
		pairs := project.Pairs{{Key: "name", Value: p.Name}}
		if p.Path != "" {
			path := p.Path
			if filepath.Base(path) != path {
				path = "./" + fromFile(file, []string{path})[0]
			}
			if filepath.IsAbs(p.Path) {
				path = p.Path
			}
			pairs = append(pairs, project.Pair{Key: "path", Value: path})
		}
		if p.Out != "" {
			pairs = append(pairs, project.Pair{Key: "out", Value: fromFile(file, []string{p.Out})[0]})
		}
		if len(p.Opts) > 0 {
			pairs = append(pairs, project.Pair{Key: "opts", Value: p.Opts})
		}
		all = append(all, pairs)
	}
	return all
}

// fromFile returns paths as the file has them: relative to its directory, with slashes.
func fromFile(file *project.File, paths []string) []string {
	all := make([]string, len(paths))
	for i, path := range paths {
		all[i] = filepath.ToSlash(path)
		abs, err := filepath.Abs(path)
		if err != nil || path == "" {
			continue
		}
		if rel, err := filepath.Rel(file.Dir(), abs); err == nil {
			all[i] = filepath.ToSlash(rel)
		}
	}
	return all
}
