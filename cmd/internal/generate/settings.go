package generate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/cmd/internal/implement"
	"github.com/fairlead-go/fairlead/cmd/internal/plugin"
	"github.com/fairlead-go/fairlead/cmd/internal/project"
)

// settings say what to generate: what the flags and arguments say, or else fairlead.yaml, or else the defaults. Paths
// are relative to the working directory.
type settings struct {
	inputs   []string
	roots    []string
	out      string
	paths    string
	module   string
	packages map[string]string

	messages, vt, stubs, validate, jsonCode, openAPI, grpc, strict bool

	plugins   []plugin.Plugin
	implement []implement.Target
}

// newSettings returns the settings of a run. The file is nil when there is none.
func newSettings(f *genFlags, flags *pflag.FlagSet, args []string, file *project.File) (*settings, error) {
	s := &settings{
		inputs: args, roots: f.roots, out: f.out, paths: f.paths, module: f.module, packages: f.packages,
		messages: f.messages, vt: f.vt, stubs: f.stubs, validate: f.validate, jsonCode: f.json,
		openAPI: f.openAPI, grpc: f.grpc, strict: f.strict,
	}
	if file != nil && file.Gen != nil {
		s.remember(file, flags)
	}
	if len(s.inputs) == 0 {
		s.inputs = []string{"."}
		if file != nil {
			s.inputs[0] = relative(file, ".")
		}
	}
	if err := s.flagPlugins(f, flags); err != nil {
		return nil, err
	}
	if flags.Changed("implement") {
		s.implement = nil
		for _, text := range f.implement {
			target, ok := parseTarget(text)
			if !ok {
				return nil, fmt.Errorf("--implement %s: write DIR, DIR=TYPE, DIR:SERVICE or DIR=TYPE:SERVICE", text)
			}
			s.implement = append(s.implement, target)
		}
	}
	if err := s.check(flags, file); err != nil {
		return nil, err
	}
	return s, nil
}

// serviceInTarget matches the service at the end of the flag --implement: a name, with or without its package. What
// stands behind the colon of C:\dir is none.
var serviceInTarget = regexp.MustCompile(`:([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)$`)

// parseTarget reads the flag --implement: DIR[=TYPE][:SERVICE].
func parseTarget(text string) (implement.Target, bool) {
	var t implement.Target
	if m := serviceInTarget.FindStringSubmatch(text); m != nil {
		t.Service, text = m[1], strings.TrimSuffix(text, m[0])
	}
	var typed bool
	t.Dir, t.Type, typed = strings.Cut(text, "=")
	wrong := strings.HasSuffix(t.Dir, ":") || strings.Contains(t.Type, ":")
	return t, !wrong && t.Dir != "" && typed == (t.Type != "")
}

// remember takes what the file says and no flag does.
func (s *settings) remember(file *project.File, flags *pflag.FlagSet) {
	g := file.Gen
	text := func(flag string, to *string, value string) {
		if !flags.Changed(flag) && value != "" {
			*to = value
		}
	}
	paths := func(values []string) []string {
		all := make([]string, len(values))
		for i, v := range values {
			all[i] = relative(file, v)
		}
		return all
	}
	toggle := func(flag string, to, value *bool) {
		if !flags.Changed(flag) && value != nil {
			*to = *value
		}
	}
	chosen := len(s.inputs) > 0
	if !chosen {
		s.inputs = paths(g.Inputs)
	}
	if !flags.Changed("proto-path") && len(g.Roots) > 0 {
		s.roots = paths(g.Roots)
	}
	if g.Out != "" {
		text("out", &s.out, relative(file, g.Out))
	}
	text("paths", &s.paths, g.Paths)
	text("module", &s.module, g.Module)
	if !flags.Changed("map") && len(g.Map) > 0 {
		s.packages = g.Map
	}
	toggle("go", &s.messages, g.Messages)
	toggle("vt", &s.vt, g.VT)
	toggle("stubs", &s.stubs, g.Stubs)
	toggle("validate", &s.validate, g.Validate)
	toggle("json", &s.jsonCode, g.JSON)
	toggle("openapi", &s.openAPI, g.OpenAPI)
	toggle("beside-grpc", &s.grpc, g.BesideGRPC)
	toggle("strict", &s.strict, g.Strict)
	if s.paths == "import" && s.out == "" && !flags.Changed("out") {
		s.out = relative(file, ".")
	}
	for _, p := range g.Plugins {
		one := plugin.Plugin{Name: p.Name, Path: p.Path, Opts: p.Opts}
		if strings.ContainsAny(p.Path, `/\`) {
			one.Path = relative(file, p.Path)
		}
		if one.Name == "" && p.Path != "" {
			one.Name = plugin.NameOf(p.Path)
		}
		if p.Out != "" {
			one.Out = relative(file, p.Out)
		}
		s.plugins = append(s.plugins, one)
	}
	for _, i := range g.Implement {
		s.implement = append(s.implement, implement.Target{
			Dir: relative(file, i.Dir), Type: i.Type, Service: i.Service,
			Existing: chosen, // the contracts may be others than those that the file is about
		})
	}
}

// relative returns a path of the file as one from the working directory.
func relative(file *project.File, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	full := filepath.Join(file.Dir(), filepath.FromSlash(path))
	dir, err := os.Getwd()
	if err != nil {
		return full
	}
	short, err := filepath.Rel(dir, full)
	if err != nil || strings.Count(short, "..") > 3 {
		return full
	}
	return short
}

// flagPlugins applies the flags for plugins.
func (s *settings) flagPlugins(f *genFlags, flags *pflag.FlagSet) error {
	if flags.Changed("plugin") {
		s.plugins = nil
		for _, text := range f.plugins {
			p, err := parsePlugin(text)
			if err != nil {
				return err
			}
			s.plugins = append(s.plugins, p)
		}
	}
	at := func(flag, text string) (*plugin.Plugin, string, error) {
		name, value, ok := strings.Cut(text, "=")
		name = strings.TrimPrefix(name, plugin.Prefix)
		i := slices.IndexFunc(s.plugins, func(p plugin.Plugin) bool { return p.Name == name })
		switch {
		case !ok || name == "":
			return nil, "", fmt.Errorf("--%s %s: write NAME=%s", flag, text, strings.ToUpper(strings.TrimPrefix(flag,
				"plugin-")))
		case i < 0:
			return nil, "", fmt.Errorf("--%s %s: there is no plugin %s; name it with --plugin", flag, text, name)
		}
		return &s.plugins[i], value, nil
	}
	for _, text := range f.pluginOuts {
		p, value, err := at("plugin-out", text)
		if err != nil {
			return err
		}
		p.Out = value
	}
	fresh := make(map[string]bool)
	for _, text := range f.pluginOpts {
		p, value, err := at("plugin-opt", text)
		if err != nil {
			return err
		}
		if !fresh[p.Name] { // flags replace what the file says
			fresh[p.Name], p.Opts = true, nil
		}
		p.Opts = append(p.Opts, value)
	}
	return nil
}

// parsePlugin reads the value of a flag --plugin: NAME, PATH or NAME=PATH.
func parsePlugin(text string) (plugin.Plugin, error) {
	name, path, named := strings.Cut(text, "=")
	if !named && strings.ContainsAny(text, `/\`) {
		name, path = plugin.NameOf(text), text
	}
	name = strings.TrimPrefix(name, plugin.Prefix)
	if name == "" || named && path == "" {
		return plugin.Plugin{}, fmt.Errorf("--plugin %s: write NAME, PATH or NAME=PATH", text)
	}
	return plugin.Plugin{Name: name, Path: path}, nil
}

// check finds what does not go together.
func (s *settings) check(flags *pflag.FlagSet, file *project.File) error {
	// by names where a value comes from: its flag, or its place in the file.
	by := func(flag, key string) string {
		if file != nil && !flags.Changed(flag) {
			if at, ok := file.Place("gen", key); ok {
				return display(file) + ":" + at + ": " + key
			}
		}
		return "--" + flag
	}
	var errs []error
	if s.paths != "source_relative" && s.paths != "import" {
		errs = append(errs, fmt.Errorf("%s %s: must be source_relative or import", by("paths", "paths"), s.paths))
	}
	if s.module != "" && s.paths != "import" {
		errs = append(errs, fmt.Errorf("%s needs --paths import", by("module", "module")))
	}
	if !s.writesGo() && !s.openAPI && len(s.plugins) == 0 {
		errs = append(errs, errors.New(
			"nothing to generate: --go, --stubs, --validate, --json, --vt and --openapi are all off"))
	}
	if len(s.implement) > 0 && !s.stubs {
		errs = append(errs, fmt.Errorf("%s needs the stubs, and --stubs is off", by("implement", "implement")))
	}
	seen := make(map[string]bool)
	for i, p := range s.plugins {
		where := "--plugin"
		if file != nil && !flags.Changed("plugin") {
			if at, ok := file.Place("gen", "plugins", strconv.Itoa(i)); ok {
				where = display(file) + ":" + at + ": plugin"
			}
		}
		if p.Name == "" {
			errs = append(errs, fmt.Errorf("%s: it has neither a name nor a path", where))
		} else if seen[p.Name] {
			errs = append(errs, fmt.Errorf("%s: the name %s is there twice; write NAME=PATH to tell them apart", where, p.Name))
		}
		seen[p.Name] = true
	}
	return errors.Join(errs...)
}

// checkRoots finds roots that are not there.
func (s *settings) checkRoots(flags *pflag.FlagSet, file *project.File) error {
	var errs []error
	for i, root := range s.roots {
		info, err := os.Stat(root)
		if err == nil && info.IsDir() {
			continue
		}
		where := "--proto-path " + root
		if file != nil && !flags.Changed("proto-path") {
			if at, ok := file.Place("gen", "roots", strconv.Itoa(i)); ok {
				where = display(file) + ":" + at + ": the root " + root
			}
		}
		errs = append(errs, fmt.Errorf("%s: there is no such directory", where))
	}
	return errors.Join(errs...)
}

// display returns the file's path for messages.
func display(file *project.File) string {
	dir, err := os.Getwd()
	if err != nil {
		return file.Path
	}
	if rel, err := filepath.Rel(dir, file.Path); err == nil && filepath.IsAbs(file.Path) && strings.Count(rel, "..") < 4 {
		return rel
	}
	return idl.Short(file.Path)
}
