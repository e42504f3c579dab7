package doctor

import (
	"bytes"
	"context"
	"debug/buildinfo"
	_ "embed" // for the data
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/gomod"
)

//go:embed known.yaml
var knownData []byte

// fault is an entry of known.yaml.
type fault struct {
	ID       string                `yaml:"id"`
	What     string                `yaml:"what"`
	Go       []interval            `yaml:"go"`
	Modules  map[string][]interval `yaml:"modules"`
	With     map[string][]interval `yaml:"with"`
	Severity Status                `yaml:"severity"`
	Sources  []string              `yaml:"sources"`
}

// interval is a range of versions: not before From, and before Fixed. Empty: without that bound.
type interval struct {
	From  string `yaml:"from"`
	Fixed string `yaml:"fixed"`
}

func (i interval) contains(version string) bool {
	return (i.From == "" || semver.Compare(version, i.From) >= 0) &&
		(i.Fixed == "" || semver.Compare(version, i.Fixed) < 0)
}

// within returns the range that version is in.
func within(version string, ranges []interval) (interval, bool) {
	i := slices.IndexFunc(ranges, func(r interval) bool { return r.contains(version) })
	if i < 0 {
		return interval{}, false
	}
	return ranges[i], true
}

func knownFaults() ([]fault, error) {
	var list []fault
	d := yaml.NewDecoder(bytes.NewReader(knownData))
	d.KnownFields(true)
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("known.yaml: %w", err)
	}
	return list, nil
}

// build describes what a program is built with, or would be.
type build struct {
	subject string            // "the module in ."
	release string            // of Go, "go1.26.0"; "" when it is not known
	modules map[string]string // versions by path
	binary  bool
}

// checkVersions compares what a module or a program is made of with known faults.
func checkVersions(ctx context.Context, x *examination, f *findings) {
	b, err := x.build(ctx)
	switch {
	case errors.Is(err, errNoModule):
		f.skipf("%s is not in a Go module; name one with --module, or a program with --binary", x.module)
		return
	case err != nil:
		f.failf("", "", "%v", err)
		return
	}
	known, err := knownFaults()
	if err != nil {
		f.failf("", "", "%v", err)
		return
	}
	for i := range known {
		b.compare(&known[i], f)
	}
	if len(f.list) == 0 {
		release := orElse(b.release, "a Go release that is not known")
		f.okf(b.subject, "%s and %d %s have none of %d known faults", release, len(b.modules),
			plural(len(b.modules), "module"), len(known))
	}
}

// compare adds the results about one fault.
func (b *build) compare(k *fault, f *findings) {
	report := func(what, remedy string) {
		f.addf(k.Severity, what, remedy, "%s: %s", k.ID, strings.TrimSpace(k.What))
		f.list[len(f.list)-1].Sources = k.Sources
	}
	if version, ok := releaseVersion(b.release); ok {
		if r, bad := within(version, k.Go); bad {
			remedy := fmt.Sprintf("build with Go %s or newer", strings.TrimPrefix(r.Fixed, "v"))
			if !b.binary {
				remedy += fmt.Sprintf("; go get go@%s asks for it in go.mod", strings.TrimPrefix(r.Fixed, "v"))
			}
			report(b.release, remedy)
		}
	}
	if len(k.With) > 0 && !b.hasAny(k.With) {
		return
	}
	for _, path := range slices.Sorted(maps.Keys(k.Modules)) {
		version := b.modules[path]
		r, bad := within(version, k.Modules[path])
		if version == "" || !bad {
			continue
		}
		remedy := fmt.Sprintf("go get %s@%s", path, r.Fixed)
		if b.binary {
			remedy += ", and build again"
		}
		report(path+" "+version, remedy)
	}
}

func (b *build) hasAny(modules map[string][]interval) bool {
	for path, ranges := range modules {
		if version := b.modules[path]; version != "" {
			if _, ok := within(version, ranges); ok {
				return true
			}
		}
	}
	return false
}

// releaseForm is a release of Go, such as go1.21, go1.26.3, go1.27rc1, and what others append: go1.26.3-custom,
// go1.26.3 X:nocoverageredesign.
var releaseForm = regexp.MustCompile(`^go(1\.[0-9]+)(\.[0-9]+)?((?:rc|beta)[0-9]+)?`)

// releaseVersion returns the semantic version of a release of Go.
func releaseVersion(release string) (string, bool) {
	m := releaseForm.FindStringSubmatch(release)
	if m == nil {
		return "", false
	}
	version := "v" + m[1] + orElse(m[2], ".0")
	if m[3] != "" {
		version += "-" + m[3]
	}
	return version, semver.IsValid(version)
}

var errNoModule = errors.New("not in a Go module")

// build reads a program's or a module's parts.
func (x *examination) build(ctx context.Context) (*build, error) {
	if x.binary != "" {
		return binaryBuild(ctx, x.binary)
	}
	return moduleBuild(ctx, x.module)
}

func binaryBuild(ctx context.Context, path string) (*build, error) {
	info, err := cli.Wait(ctx, func() (*buildinfo.BuildInfo, error) { return buildinfo.ReadFile(path) })
	if err != nil {
		return nil, fmt.Errorf("--binary: %w", err)
	}
	b := &build{subject: path, release: info.GoVersion, modules: make(map[string]string), binary: true}
	for _, dep := range info.Deps {
		m := dep
		if m.Replace != nil {
			m = m.Replace
		}
		if m.Version != "" { // a directory has none
			b.modules[dep.Path] = m.Version
		}
	}
	return b, nil
}

// maxModule is the size of the largest go.mod that is read, in bytes.
const maxModule = 16 << 20

// moduleBuild reads the go.mod of dir or above. From Go 1.17 on that lists all modules that a build needs, in the
// versions that it takes.
func moduleBuild(ctx context.Context, dir string) (*build, error) {
	root := gomod.Root(dir)
	if root == "" {
		return nil, errNoModule
	}
	path := filepath.Join(root, gomod.File)
	content, err := cli.ReadFile(ctx, path, cli.Limit{Bytes: maxModule})
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse(path, content, nil)
	if err != nil {
		return nil, err
	}
	b := &build{subject: path, modules: make(map[string]string)}
	if file.Module != nil {
		b.subject = file.Module.Mod.Path
	}
	for _, r := range file.Require {
		b.modules[r.Mod.Path] = r.Mod.Version
	}
	for _, r := range file.Replace {
		if _, required := b.modules[r.Old.Path]; required && (r.Old.Version == "" || r.Old.Version == b.modules[r.Old.Path]) {
			b.modules[r.Old.Path] = r.New.Version // "" for a directory
		}
	}
	maps.DeleteFunc(b.modules, func(_, version string) bool { return version == "" })
	b.release = goRelease(ctx, root)
	return b, nil
}

// goRelease returns the release that would build the module in dir, in which its go.mod may have a say; "" when there
// is no Go.
func goRelease(ctx context.Context, dir string) string {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
