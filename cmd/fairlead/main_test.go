package main

import (
	"bytes"
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

func TestVersion(t *testing.T) {
	t.Parallel()
	got := clitest.RunRoot(t, newRoot(), nil, "version")
	if want := "fairlead " + fairlead.Version + " "; got.Code != cli.ExitOK || !strings.HasPrefix(got.Out, want) {
		t.Errorf("exit code %d, printed %q, want %q", got.Code, got.Out, want)
	}
}

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
