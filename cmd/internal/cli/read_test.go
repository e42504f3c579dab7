package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
)

// TestReads: all other packages of the command read files with the functions of this one, which do not wait for ever
// and have limits.
func TestReads(t *testing.T) {
	t.Parallel()
	own := map[string]bool{
		"internal/cli/read.go":                 true,
		"internal/call/input.go":               true, // opens what it reads a message at a time, with Wait
		"internal/bench/load/machine_linux.go": true, // reads /proc/stat
	}
	root := os.DirFS(filepath.Join("..", ".."))
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && entry.Name() == "testdata" {
			return fs.SkipDir
		}
		if err != nil || own[name] || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(root, name)
		for _, call := range []string{"os.ReadFile(", "os.Open(", "os.OpenFile("} {
			if strings.Contains(string(text), call) {
				t.Errorf("%s: %s…) may wait for ever for a FIFO; use cli.ReadFile or cli.ReadSource", name, call)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestReadMemory: a file is read into as much memory as it has bytes.
func TestReadMemory(t *testing.T) { //nolint:paralleltest // what others allocate would count
	if assert.Race {
		t.Skip("the race detector allocates, too")
	}
	const size = 8 << 20
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, read := range []func() ([]byte, error){
		func() ([]byte, error) { return ReadFile(t.Context(), path, Limit{Bytes: size}) },
		func() ([]byte, error) { return ReadSource(path) },
	} {
		if b, err := read(); err != nil || len(b) != size {
			t.Fatalf("got %d bytes, %v", len(b), err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 2*size+size/8 {
		t.Errorf("it takes %d bytes to read %d twice", got, size)
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("1234567890"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		path  string
		limit Limit
		want  string
		err   string
	}{
		{"below the limit", path, Limit{Bytes: 11}, "1234567890", ""},
		{"at the limit", path, Limit{Bytes: 10}, "1234567890", ""},
		{"above the limit", path, Limit{Bytes: 9}, "", path + " has more than 9 bytes, which is the limit"},
		{
			"above a limit with a flag", path, Limit{9, "--size N"}, "",
			path + " has more than 9 bytes, which is the limit; --size N raises it",
		},
		{"missing", path + "x", Limit{Bytes: 9}, "", "no such file"},
	}
	for _, tt := range tests {
		got, err := ReadFile(t.Context(), tt.path, tt.limit)
		if string(got) != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: got %q, %v; want %q, %s", tt.name, got, err, tt.want, tt.err)
		}
	}
	if got, err := ReadAll(t.Context(), strings.NewReader("12345"), "stdin", Limit{Bytes: 4}); err == nil ||
		!strings.HasPrefix(err.Error(), "stdin has more than 4 bytes") {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestReadEnded: what blocks is not waited for when the time is over, or somebody interrupts.
func TestReadEnded(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close() // the goroutine that reads ends
	short, cancel := WithTimeout(t.Context(), "--time", time.Millisecond)
	defer cancel()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, tt := range []struct {
		ctx  context.Context
		want string
	}{{short, "reading stdin: the time of --time 1ms is over"}, {stopped, "interrupted"}} {
		_, err := ReadAll(tt.ctx, r, "stdin", Limit{Bytes: 9})
		var failed *Error
		if err == nil || err.Error() != tt.want || !errors.As(err, &failed) || failed.Code != ExitFailed {
			t.Errorf("got %v, want %s, and that it is no wrong usage", err, tt.want)
		}
	}
	if !errors.Is(Ended(short, ""), context.DeadlineExceeded) {
		t.Error("the end of the time is no context.DeadlineExceeded")
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 bytes", 1000: "1000 bytes", 1 << 10: "1 KiB", 64 << 20: "64 MiB", 2 << 30: "2 GiB", 1<<20 + 1: "1048577 bytes",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
