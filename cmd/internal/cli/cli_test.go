package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestRun(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		code int
		text string
	}{
		{"well", nil, ExitOK, ""},
		{"failed", Failed(errors.New("no such thing")), ExitFailed, "no such thing\n"},
		{"found", Exit(ExitFound, errors.New("something")), ExitFound, "something\n"},
		{"said already", &Error{Code: ExitFound}, ExitFound, ""},
		{"called wrongly", errors.New("--x: no"), ExitUsage, "tool: --x: no\nSee tool --help.\n"},
		{"an Error stays what it is", Failed(Exit(ExitFound, errors.New("x"))), ExitFound, "x\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			root := &cobra.Command{Use: "tool", RunE: func(*cobra.Command, []string) error { return tt.err }}
			root.SetOut(&out)
			root.SetErr(&errs)
			if code := Run(t.Context(), root, nil); code != tt.code || errs.String() != tt.text || out.Len() > 0 {
				t.Errorf("got %d, errors %q, output %q; want %d, %q", code, errs.String(), out.String(), tt.code, tt.text)
			}
		})
	}
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "new", "file")
	for _, text := range []string{"one", "two"} {
		if err := WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path) //nolint:gosec // written above
		if err != nil || string(got) != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want the permissions that it had", info.Mode(), err)
	}

	// What cannot be written leaves the old one, and nothing beside it.
	if err := WriteFile(filepath.Join(path, "below"), nil, 0o600); err == nil {
		t.Error("a file below a file was written")
	}
	if err := os.Mkdir(filepath.Join(dir, "taken"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "taken"), []byte("x"), 0o600); err == nil {
		t.Error("a directory was replaced")
	}
	var names []string
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		names = append(names, strings.TrimPrefix(p, dir))
		return err
	})
	if want := " /new /new/file /taken"; err != nil || strings.Join(names, " ") != want {
		t.Errorf("got %q, %v, want %q", strings.Join(names, " "), err, want)
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ arg, want, err string }{
		{"", "text", ""}, {"--format=json", "json", ""}, {"--format=xml", "text", "must be one of text, json"},
	} {
		cmd := new(cobra.Command)
		f := FormatFlag(cmd, "text", "json")
		err := cmd.ParseFlags(strings.Fields(tt.arg))
		if f.String() != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: got %s, %v, want %s, %q", tt.arg, f, err, tt.want, tt.err)
		}
	}
}

// TestNoTerminal sees that what is no terminal gets neither colours nor progress.
func TestNoTerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if got := PainterFor(&b).Paint(Red, "x"); got != "x" {
		t.Errorf("got %q", got)
	}
	p := NewProgress(&b)
	p.Set("half")
	p.Clear()
	if p.Enabled() || b.Len() > 0 {
		t.Errorf("progress was written: %q", b.String())
	}
	if got := (Painter{on: true}).Paint(Red, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("got %q", got)
	}
	if Width(&b) != 80 {
		t.Errorf("got width %d, want 80", Width(&b))
	}
}
