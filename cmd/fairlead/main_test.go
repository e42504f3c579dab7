package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, args, want string }{
		{"unknown command", "nonsense", `unknown command "nonsense"`},
		{"arguments", "version now", `unknown command "now"`},
		{"where to look", "version now", "See fairlead version --help."},
		{"nearly a command", "cal", "hint: did you mean fairlead call?"},
		{"the order of grpcurl", "-plaintext localhost:1 list", "hint: the command comes first: fairlead list localhost:1"},
		{"an address alone", "localhost:1", "hint: the command comes first: fairlead list ADDRESS, or fairlead call"},
		{"help for nothing", "help cal", `there is no "cal" below fairlead; did you mean "call"?`},
		{"help for nothing below", "help bench x", `there is no "x" below fairlead bench; there are compare`},
		{"no shell", "completion bahs", `there is no "bahs" below fairlead completion; did you mean "bash"?`},
		{"-version", "-version", "hint: flags have two dashes: --version"},
		{"-plaintext", "call -plaintext a b", "hint: flags have two dashes: --plaintext"},
		{"-insecure", "call a b -insecure", "hint: flags have two dashes: --insecure"},
		{"-proto", "call a b -proto c", "hint: flags have two dashes: --proto"},
		{"-data", "call a b -data {}", "hint: flags have two dashes: --data"},
		{"-rate", "bench a b -rate 5", "hint: flags have two dashes: --rate"},
		{"-emit-defaults", "call a b -emit-defaults=true", "hint: flags have two dashes: --emit-defaults"},
		{"-import-path", "call a b -import-path c", "hint: for -import-path write -I DIR, --proto-path DIR"},
		{"--import-path", "list a --import-path c", "hint: for --import-path write -I DIR, --proto-path DIR"},
		{"-max-time", "call a b -max-time 2", "hint: for -max-time write --timeout TIME"},
		{"-alts", "call a b -alts", "hint: there is nothing like -alts here"},
		{"--rps", "bench a b --rps 5", "hint: for --rps write --rate CALLS"},
		{"--plaintex", "call a b --plaintex", "hint: did you mean --plaintext?"},
		{"--timeot", "list a --timeot 1s", "hint: did you mean --timeout?"},
		{"a time without a unit", "call a b --timeout 2", "hint: a time has a unit: 2s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := clitest.RunRoot(t, newRoot(), nil, strings.Fields(tt.args)...)
			if got.Code != cli.ExitUsage || got.Out != "" || !strings.Contains(got.Err, tt.want) {
				t.Errorf("%s: exit code %d, printed %q, errors %q, want %q", tt.args, got.Code, got.Out, got.Err, tt.want)
			}
		})
	}
}

// Flags that mean something else are no hints: what is in the value of another flag, or behind "--".
func TestNoHint(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"list", "a", "--zzzzzzz"}, {"list", "a", "-vv"}, {"call", "a", "--", "b", "-plaintext", "c"}, {"call", "a"},
		{"version", "--port", "1"}, {"version", "-unix"},
	} {
		got := clitest.RunRoot(t, newRoot(), nil, args...)
		if got.Code != cli.ExitUsage || strings.Contains(got.Err, "hint") {
			t.Errorf("%v: exit code %d, %q, want no hint", args, got.Code, got.Err)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"version", "--version"} {
		got := clitest.RunRoot(t, newRoot(), nil, arg)
		if want := "fairlead " + fairlead.Version + " (go"; got.Code != cli.ExitOK || !strings.HasPrefix(got.Out, want) {
			t.Errorf("%s: exit code %d, printed %q, want %q", arg, got.Code, got.Out, want)
		}
	}
}

// TestFullDisk sees that commands fail whose output cannot be written, whether or not they look at each error.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"", "help", "help call", "list --help", "version", "--version", "completion bash", "completion zsh", "check rules",
		"doctor --only files", "doctor --only files --format json", "__complete call a",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			var errs bytes.Buffer
			root := newRoot()
			root.SetOut(full{})
			root.SetErr(&errs)
			code := cli.Run(t.Context(), root, strings.Fields(args))
			if code != cli.ExitFailed || !strings.Contains(errs.String(), "cannot write the output: no space") {
				t.Errorf("exit code %d, errors %q", code, errs.String())
			}
		})
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

// TestHelp sees that every command explains itself and shows an example.
func TestHelp(t *testing.T) {
	t.Parallel()
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s has the short help %q, want one without a full stop", cmd.CommandPath(), cmd.Short)
		}
		if cmd.Name() != "version" && (cmd.Long == "" || cmd.Example == "") {
			t.Errorf("%s --help does not explain it, or shows no example", cmd.CommandPath())
		}
		for _, below := range cmd.Commands() {
			look(below)
		}
	}
	look(newRoot())
}

// TestMan sees that each command has a page, with an example.
func TestMan(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if got := clitest.RunRoot(t, newRoot(), nil, "man", "--dir", dir); got.Code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", got.Code, got.Err)
	}
	for _, cmd := range newRoot().Commands() {
		page, err := os.ReadFile(filepath.Join(dir, "fairlead-"+cmd.Name()+".1")) //nolint:gosec // in our directory
		if err != nil {
			t.Error(err)
		} else if cmd.Example != "" && !bytes.Contains(page, []byte("EXAMPLE")) {
			t.Errorf("the page of %s has no example", cmd.Name())
		}
	}
}
