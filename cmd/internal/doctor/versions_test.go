package doctor

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// TestKnown: each entry of the data can be used, and says where it comes from.
func TestKnown(t *testing.T) {
	t.Parallel()
	list, err := knownFaults()
	if err != nil || len(list) < 10 {
		t.Fatalf("got %d entries, %v", len(list), err)
	}
	seen := make(map[string]bool)
	ranges := func(id string, list []interval) {
		for _, r := range list {
			if r.From != "" && !semver.IsValid(r.From) || r.Fixed != "" && !semver.IsValid(r.Fixed) ||
				r.From != "" && r.Fixed != "" && semver.Compare(r.From, r.Fixed) >= 0 {
				t.Errorf("%s: the range %+v", id, r)
			}
		}
	}
	for _, k := range list {
		if k.ID == "" || seen[k.ID] || strings.TrimSpace(k.What) == "" || len(k.Sources) == 0 ||
			len(k.Go)+len(k.Modules) == 0 || k.Severity != Warn && k.Severity != Fail {
			t.Errorf("got %+v", k)
		}
		seen[k.ID] = true
		for _, source := range k.Sources {
			if !strings.HasPrefix(source, "https://") {
				t.Errorf("%s: source %s", k.ID, source)
			}
		}
		if strings.HasPrefix(k.ID, "GO-") && !slices.Contains(k.Sources, "https://pkg.go.dev/vuln/"+k.ID) {
			t.Errorf("%s: its own page is not among the sources", k.ID)
		}
		ranges(k.ID, k.Go)
		for path, list := range k.Modules {
			if err := module.CheckPath(path); err != nil {
				t.Errorf("%s: %v", k.ID, err)
			}
			ranges(k.ID, list)
			for _, r := range list {
				if r.Fixed == "" {
					t.Errorf("%s: %s has no version to go to", k.ID, path)
				}
			}
		}
		for _, list := range k.With {
			ranges(k.ID, list)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		release string
		modules map[string]string
		want    []string // "ID subject"
	}{
		{"nothing", "go1.26.8", nil, nil},
		{"not known", "devel go1.27-abcdef", map[string]string{"example.com/x": "v1.0.0"}, nil},
		{"an old Go", "go1.21.2", nil, []string{"GO-2026-4918 go1.21.2", "GO-2024-2687 go1.21.2", "GO-2023-2102 go1.21.2"}},
		{"in the range of another branch", "go1.25.9", nil, []string{"GO-2026-4918 go1.25.9"}},
		{"fixed on its branch", "go1.25.10", nil, nil},
		{"the first of a branch", "go1.26", nil, []string{"GO-2026-4918 go1.26"}},
		{"a candidate", "go1.26rc1", nil, []string{"GO-2026-4918 go1.26rc1"}},
		{"a changed release", "go1.26.3 X:nocoverageredesign", nil, nil},
		{"x/net, the last with a fault", "", map[string]string{"golang.org/x/net": "v0.52.0"},
			[]string{"GO-2026-4918 golang.org/x/net v0.52.0"}},
		{"x/net, in the middle of a range", "", map[string]string{"golang.org/x/net": "v0.50.0"},
			[]string{"GO-2026-4918 golang.org/x/net v0.50.0", "GO-2026-4559 golang.org/x/net v0.50.0"}},
		{"x/net, fixed", "", map[string]string{"golang.org/x/net": "v0.53.0"}, nil},
		{"a commit before a release", "", map[string]string{"golang.org/x/net": "v0.0.0-20220812165438-1d4ff48094d1"},
			[]string{
				"GO-2026-4918 golang.org/x/net v0.0.0-20220812165438-1d4ff48094d1",
				"GO-2024-2687 golang.org/x/net v0.0.0-20220812165438-1d4ff48094d1",
				"GO-2023-2102 golang.org/x/net v0.0.0-20220812165438-1d4ff48094d1",
				"GO-2023-1571 golang.org/x/net v0.0.0-20220812165438-1d4ff48094d1",
				"GO-2022-1144 golang.org/x/net v0.0.0-20220812165438-1d4ff48094d1",
			}},
		{"grpc, a range of its own", "", map[string]string{"google.golang.org/grpc": "v1.58.2"}, []string{
			"GO-2026-6061 google.golang.org/grpc v1.58.2", "GO-2026-4762 google.golang.org/grpc v1.58.2",
			"GO-2023-2153 google.golang.org/grpc v1.58.2",
		}},
		{"grpc, fixed", "", map[string]string{"google.golang.org/grpc": "v1.85.0"}, nil},
		{"a pair", "", map[string]string{
			"google.golang.org/genproto":                "v0.0.0-20230410155749-daa745c078e1",
			"google.golang.org/genproto/googleapis/rpc": "v0.0.0-20240903143218-8af14fe29dc1",
		}, []string{"genproto-split google.golang.org/genproto v0.0.0-20230410155749-daa745c078e1"}},
		{"half a pair", "", map[string]string{
			"google.golang.org/genproto": "v0.0.0-20230410155749-daa745c078e1",
		}, nil},
		{"a pair that goes together", "", map[string]string{
			"github.com/golang/protobuf": "v1.5.3", "google.golang.org/protobuf": "v1.32.9",
		}, []string{"GO-2024-2611 google.golang.org/protobuf v1.32.9"}},
	}
	known, err := knownFaults()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &build{release: tt.release, modules: tt.modules}
			f := new(findings)
			for i := range known {
				b.compare(&known[i], f)
			}
			var got []string
			for _, r := range f.list {
				id, _, _ := strings.Cut(r.Reason, ":")
				got = append(got, id+" "+r.Subject)
			}
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestModule(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "go.mod", `module example.com/shop

go 1.26

require (
	golang.org/x/net v0.10.0
	google.golang.org/grpc v1.50.0 // indirect
	google.golang.org/protobuf v1.30.0
)

replace (
	golang.org/x/net => golang.org/x/net v0.62.0
	google.golang.org/grpc v1.50.0 => ../grpc
	google.golang.org/protobuf v1.29.0 => google.golang.org/protobuf v1.36.0
)
`)
	sub := filepath.Join(dir, "internal", "x")
	if err := os.MkdirAll(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	x := examine(t, func(o *options) { o.module = sub })
	compare(t, results(t, x, "versions"), want{Fail, "google.golang.org/protobuf v1.30.0: GO-2024-2611"})

	// Our own.
	x = examine(t, func(o *options) { o.module = "." })
	compare(t, results(t, x, "versions"), want{OK, "github.com/fairlead-go/fairlead/cmd: go1."})

	broken := t.TempDir()
	write(t, broken, "go.mod", "module x\n\nrequire a\n")
	x = examine(t, func(o *options) { o.module = broken })
	compare(t, results(t, x, "versions"), want{Fail, "go.mod:3: "})
	x = examine(t, func(o *options) { o.module = string(filepath.Separator) })
	compare(t, results(t, x, "versions"), want{Skipped, "is not in a Go module"})
}

// TestBinary reads a program of ours.
func TestBinary(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../protoc-gen-fairlead")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := binaryBuild(t.Context(), program)
	if err != nil || b.modules["google.golang.org/protobuf"] == "" || !strings.HasPrefix(b.release, "go1.") {
		t.Errorf("got %+v, %v", b, err)
	}
	x := examine(t, func(o *options) { o.binary = program })
	compare(t, results(t, x, "versions"), want{OK, ": go1."})
	x = examine(t, func(o *options) { o.binary = write(t, t.TempDir(), "text", "text") })
	compare(t, results(t, x, "versions"), want{Fail, "--binary: "})
}
