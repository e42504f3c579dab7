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

func TestArgs(t *testing.T) {
	t.Parallel()
	tests := []struct {
		required    int
		names, args []string
		want        string // "": nothing is wrong
	}{
		{2, []string{"ADDRESS", "METHOD"}, nil, "ADDRESS is missing"},
		{2, []string{"ADDRESS", "METHOD"}, []string{"a"}, "METHOD is missing"},
		{2, []string{"ADDRESS", "METHOD"}, []string{"a", "b"}, ""},
		{2, []string{"ADDRESS", "METHOD"}, []string{"a", "b", "c"}, `unexpected argument "c"`},
		{0, []string{"ADDRESS", "SERVICE"}, nil, ""},
		{2, []string{"FIRST", "SECOND..."}, []string{"a"}, "SECOND is missing"},
		{2, []string{"FIRST", "SECOND..."}, []string{"a", "b", "c"}, ""},
	}
	for _, tt := range tests {
		got := ""
		if err := Args(tt.required, tt.names...)(nil, tt.args); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%v of %v: got %q, want %q", tt.args, tt.names, got, tt.want)
		}
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

	// A link stays one, and what is no file stays what it is.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, []byte("three"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "three" { //nolint:gosec // written above
		t.Errorf("got %q, %v, want what was written to the link", got, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	if err := WriteFile(os.DevNull, []byte("four"), 0o600); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s is a file now: %v, %v", os.DevNull, info.Mode(), err)
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
	// A terminal gets no escape sequences either, but for colours.
	p = &Progress{w: &b}
	p.Set("half\x1b[2J\nmore")
	p.Set("all")
	p.Clear()
	if got, want := b.String(), "\rhalf\ufffd[2J\rall     \r   \r"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	b.Reset()
	if got := (Painter{on: true}).Paint(Red, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("got %q", got)
	}
	if Width(&b) != 80 {
		t.Errorf("got width %d, want 80", Width(&b))
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	if got, want := Clean("a\x1b[2Jb\x00\tc\nd\u009b"), "a\ufffd[2Jb\ufffd\tc\nd\ufffd"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
