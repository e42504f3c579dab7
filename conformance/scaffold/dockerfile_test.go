package scaffold

import (
	"bufio"
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// stages parses the Dockerfile.
func stages(t *testing.T) []instructions.Stage {
	t.Helper()
	parsed, err := parser.Parse(strings.NewReader(read(t, "Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Errorf("the parser warns: %s", w.Short)
	}
	list, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 {
		t.Fatalf("got %d stages", len(list))
	}
	return list
}

// find returns the commands of one kind.
func find[T any](s instructions.Stage) (list []T) {
	for _, c := range s.Commands {
		if v, ok := c.(T); ok {
			list = append(list, v)
		}
	}
	return list
}

func TestImage(t *testing.T) {
	list := stages(t)
	build, image := list[0], list[1]
	if want := "golang:" + strings.TrimPrefix(runtime.Version(), "go"); build.BaseName != want {
		t.Errorf("it is built in %s, want %s", build.BaseName, want)
	}
	if image.BaseName != "gcr.io/distroless/static-debian12:nonroot" {
		t.Errorf("it runs in %s", image.BaseName)
	}
	if got := find[*instructions.RunCommand](image); len(got) > 0 {
		t.Errorf("without a shell there is no %v", got[0])
	}
	if got := find[*instructions.UserCommand](image); len(got) != 1 || got[0].User != "65532:65532" {
		t.Errorf("got USER %+v", got)
	}
	entry := find[*instructions.EntrypointCommand](image)
	if len(entry) != 1 || entry[0].PrependShell || !slices.Equal(entry[0].CmdLine,
		[]string{"/usr/local/bin/order-history", "-config", "/etc/order-history/config.yaml"}) {
		t.Errorf("got ENTRYPOINT %+v", entry)
	}
	targets := make(map[string]string)
	for _, c := range find[*instructions.CopyCommand](image) {
		targets[c.DestPath] = c.From + ":" + c.SourcePaths[0]
	}
	if targets[entry[0].CmdLine[0]] != "build:/out/order-history" || targets[entry[0].CmdLine[2]] != ":config.yaml" {
		t.Errorf("got COPY %v", targets)
	}
}

// TestImageBuild runs the line that builds the program, on what the builder would be sent after "make image" has got
// the modules, with the framework's checkout out of reach.
func TestImageBuild(t *testing.T) {
	var line string
	for _, r := range find[*instructions.RunCommand](stages(t)[0]) {
		if text := strings.Join(r.CmdLine, " "); strings.Contains(text, "go build") {
			line = text
			if err := r.Expand(func(word string) (string, error) { return word, nil }); err != nil { // parses the flags
				t.Fatal(err)
			}
			if mounts := instructions.GetMounts(r); len(mounts) != 2 || mounts[0].Type != instructions.MountTypeCache ||
				mounts[1].Type != instructions.MountTypeCache {
				t.Errorf("got mounts %+v", mounts)
			}
		}
	}
	if !strings.Contains(line, "-o /out/order-history ") {
		t.Fatalf("got RUN %q", line)
	}
	runIn(t, linked, nil, "go", "mod", "vendor")
	dir := buildContext(t)
	away := link + ".away"
	if err := os.Rename(link, away); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Rename(away, link) }()
	out := t.TempDir()
	runIn(t, dir, []string{"TARGETOS=linux", "TARGETARCH=" + runtime.GOARCH, "VERSION=1.2.3", "GOFLAGS="},
		"sh", "-c", strings.ReplaceAll(line, "/out/", out+"/"))
	program := filepath.Join(out, "order-history")
	if runtime.GOOS == "linux" {
		checkStatic(t, program)
		checkRuns(t, program, filepath.Join(dir, "config.yaml"))
	}
}

// buildContext copies what .dockerignore leaves of the project.
func buildContext(t *testing.T) string {
	t.Helper()
	patterns, err := ignorefile.ReadAll(strings.NewReader(read(t, ".dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	err = filepath.WalkDir(linked, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(linked, path)
		if err != nil {
			return err
		}
		if skip, err := ignored.MatchesOrParentMatches(rel); skip || err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, rel)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// checkStatic: an image without a shell has no loader of shared libraries either.
func checkStatic(t *testing.T, program string) {
	t.Helper()
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program needs a loader of shared libraries")
		}
	}
}

func checkRuns(t *testing.T, program, config string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, "-config", config)
	cmd.Env = []string{"ORDER_HISTORY_LISTEN=127.0.0.1:0", "ORDER_HISTORY_ADMIN_LISTEN=", "ORDER_HISTORY_LOG_FORMAT=json"}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := ""
	for lines := bufio.NewScanner(log); lines.Scan(); {
		said += lines.Text() + "\n"
		if strings.Contains(lines.Text(), `"msg":"serving"`) {
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(said, `"version":"1.2.3"`) {
		t.Errorf("it ended with %v, and said\n%s", err, said)
	}
}
