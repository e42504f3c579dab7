package generate

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/cmd/internal/idl/idltest"
)

// TestGrowth holds what fairlead gen allocates for contracts against what it does for a quarter of them.
//
//nolint:paralleltest // it counts what the process allocates
func TestGrowth(t *testing.T) {
	tests := []struct {
		name  string
		write func(root string, n int) error
	}{
		{"messages of a file", func(root string, n int) error {
			return os.WriteFile(filepath.Join(root, "large.proto"), []byte(idltest.File("large.v1", 5*n)), 0o600)
		}},
		{"files", func(root string, n int) error {
			_, err := idltest.Tree(root, 2*n, 10*n)
			return err
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			work := func(n int) uint64 {
				root := tree(t, nil)
				if err := tt.write(root, n); err != nil {
					t.Fatal(err)
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				code, _, stderr := command(t, root, "--check", "--out", "$/out", "$")
				runtime.ReadMemStats(&after)
				if code != cli.ExitFound {
					t.Fatalf("exit code %d: %s", code, stderr)
				}
				return after.TotalAlloc - before.TotalAlloc
			}
			work(2) // what is made once
			small, large := work(10), work(40)
			if large > 5*small {
				t.Errorf("%d bytes are allocated, and %d for four times as much: not more than 5 times as many are allowed",
					small, large)
			}
		})
	}
}

// TestLarge generates code for a tree of as many files as FAIRLEAD_LARGE says, with twenty messages in each, and logs
// what that took, of memory as Linux counts it. The goals for 5000 files are 1.5 GB and three times what the compiler
// takes. It is run by hand:
//
//	FAIRLEAD_LARGE=5000 go test -run TestLarge -v ./internal/generate
//
//nolint:paralleltest // it measures the process
func TestLarge(t *testing.T) {
	files, _ := strconv.Atoi(os.Getenv("FAIRLEAD_LARGE"))
	if files == 0 {
		t.Skip("FAIRLEAD_LARGE says no number of files")
	}
	root := tree(t, nil)
	size, err := idltest.Tree(root, files, 20*files)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := idl.Find([]string{root}, nil)
	if err != nil {
		t.Fatal(err)
	}
	begin, wall := cpuTime(t), time.Now()
	code, _, stderr := command(t, root, "--quiet", "$")
	if code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	took, wallTook := cpuTime(t)-begin, time.Since(wall)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") { // the most that was resident at once
			t.Log(strings.TrimSpace(line))
		}
	}
	debug.SetGCPercent(100) // gen has set another one
	runtime.GC()
	begin, wall = cpuTime(t), time.Now()
	onBoard := func(name string) (protocompile.SearchResult, error) {
		desc, err := protoregistry.GlobalFiles.FindFileByPath(name)
		return protocompile.SearchResult{Desc: desc}, err
	}
	compiler := protocompile.Compiler{Resolver: protocompile.CompositeResolver{
		&protocompile.SourceResolver{ImportPaths: []string{root}}, protocompile.ResolverFunc(onBoard),
	}}
	if _, err := compiler.Compile(t.Context(), sources[0].Files...); err != nil {
		t.Fatal(err)
	}
	link, wallLink := cpuTime(t)-begin, time.Since(wall)
	t.Logf("%d files of %d MB: %v of CPU and %v of time, %.1f and %.1f times what the compiler takes to link them",
		files, size>>20, took, wallTook.Round(time.Millisecond),
		took.Seconds()/link.Seconds(), wallTook.Seconds()/wallLink.Seconds())
}

// cpuTime returns the time that the process has had, as Linux counts it.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Skip(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	ticks := 0
	for _, field := range fields[11:13] { // in user mode and in the kernel
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks*10) * time.Millisecond
}

func TestChunks(t *testing.T) {
	t.Parallel()
	file := func(pkg, goPackage, imports string) string {
		return "syntax = \"proto3\";\npackage " + pkg + ";\n" + imports + "option go_package = \"" + goPackage + "\";\n//" +
			strings.Repeat("x", chunkSize/2) + "\n"
	}
	const options = "import \"fairlead/options.proto\";\n"
	root := tree(t, map[string]string{
		"a.proto": file("a", "example.com/a", ""),
		"b.proto": file("b", "example.com/b", options),
		"c.proto": file("c", "example.com/a", "import \"d.proto\";\n"), // with a: the Go package
		"d.proto": file("d", "example.com/d", ""),
		"e.proto": file("d", "example.com/e", ""),      // with d: the package
		"f.proto": file("f", "example.com/f", options), // with b: the options
	})
	sources, err := idl.Find([]string{root}, nil)
	if err != nil {
		t.Fatal(err)
	}
	contract, err := idl.CompileCompact(t.Context(), sources[0])
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, part := range chunks(contract, goPackages(new(settings), contract)) {
		var read []string
		for _, f := range part.files {
			if _, ok := contract.Text(f.GetName()); ok {
				read = append(read, f.GetName())
			}
		}
		got = append(got, strings.Join(part.names, " ")+": "+strings.Join(read, " "))
	}
	want := "a.proto c.proto: a.proto d.proto c.proto\nb.proto f.proto: b.proto f.proto\nd.proto e.proto: d.proto e.proto"
	if got := strings.Join(got, "\n"); got != want {
		t.Errorf("the chunks and what they read are\n%s\nwant\n%s", got, want)
	}
}
