//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// TestFIFO: no command waits for ever for a FIFO to which nobody writes. It ends when its time is over or when it is
// interrupted, or refuses what is no regular file.
func TestFIFO(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"fifo", "a.proto", "a.binpb"} {
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fifo, proto, set := filepath.Join(dir, "fifo"), filepath.Join(dir, "a.proto"), filepath.Join(dir, "a.binpb")
	const failed = cli.ExitFailed
	over := ": the time of --timeout 50ms is over"
	step := ": the time of --connect-timeout 50ms is over"
	tests := []struct {
		args        string // with | for a space within one
		interrupted bool
		code        int
		want        string
	}{
		{args: "call :1 a.B/C -H @" + fifo + " --timeout 50ms", code: failed, want: "reading " + fifo + over},
		{args: "call :1 a.B/C -H @" + fifo + " --connect-timeout 50ms", code: failed, want: "reading " + fifo + step},
		{args: "list :1 --ca " + fifo + " --connect-timeout 50ms", code: failed, want: "reading " + fifo + step},
		{args: "list --descriptor-set " + set + " --connect-timeout 50ms", code: failed, want: "reading " + set + step},
		{args: "describe --descriptor-set " + set + " a", interrupted: true, code: failed, want: "interrupted"},
		{args: "describe --proto " + proto + " a", code: failed, want: "not a regular file"},
		{args: "bench :1 a.B/C -d @" + fifo + " --connect-timeout 50ms", code: failed, want: "reading " + fifo + step},
		{args: "bench :1 a.B/C -d @" + fifo, interrupted: true, code: failed, want: "interrupted"},
		{args: "bench :1 a.B/C --cert " + fifo + " --connect-timeout 50ms", code: failed, want: "reading " + fifo + step},
		{
			args: `bench :1 a.B/C -H a:{{file|"` + fifo + `"}} --connect-timeout 50ms`, code: failed,
			want: "reading the files of templates" + step,
		},
		{args: "bench compare " + fifo + " " + fifo, interrupted: true, code: failed, want: "interrupted"},
		{
			args: "doctor --only tls-files --ca " + fifo + " --connect-timeout 50ms", code: cli.ExitFound,
			want: "reading " + fifo + step,
		},
		{
			args: "doctor --only tls-files,files --ca " + fifo + " --timeout 50ms", code: cli.ExitFound,
			want: "not finished" + over,
		},
		{args: "doctor --ca " + fifo, interrupted: true, code: failed, want: "interrupted"},
		{args: "doctor --binary " + fifo, code: failed, want: fifo + " is not a regular file"},
		{args: "gen " + proto, code: failed, want: "not a regular file"},
		{args: "check " + proto, code: failed, want: "not a regular file"},
		{args: "check breaking --against " + set + " " + set, interrupted: true, code: failed, want: "interrupted"},
		{args: "new x --no-git --dir " + dir + "/x --contract " + proto, code: failed, want: "not a regular file"},
	}
	for _, tt := range tests {
		ctx, cancel := context.WithCancel(t.Context())
		if tt.interrupted {
			cancel()
		}
		args := strings.Fields(tt.args)
		for i, a := range args {
			args[i] = strings.ReplaceAll(a, "|", " ")
		}
		var out bytes.Buffer
		root := newRoot()
		root.SetIn(new(bytes.Buffer))
		root.SetOut(&out)
		root.SetErr(&out)
		code := cli.Run(ctx, root, args)
		cancel()
		if code != tt.code || !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: exit code %d, want %d, and %q:\n%s", tt.args, code, tt.code, tt.want, out.String())
		}
	}
	for _, path := range []string{fifo, set} { // what was left waiting ends now
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
}
