package breaking

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// TestGitNames sees that names of files are taken as they are, links are followed within the repository only, and
// attributes that leave files out of archives do not count.
func TestGitNames(t *testing.T) { //nolint:paralleltest // it changes the working directory
	dir := t.TempDir()
	const (
		before = "syntax = \"proto3\";\npackage odd;\nmessage M { int32 a = 1; int32 b = 2; }\n"
		after  = "syntax = \"proto3\";\npackage odd;\nmessage M { int32 a = 1; }\n"
	)
	outside := filepath.Join(t.TempDir(), "outside.proto")
	write(t, filepath.Dir(outside), map[string]string{"outside.proto": before})
	names := []string{"with space.proto", "tab\there.proto", "grüße.proto", "quo\"te.proto", "ignored/x.proto"}
	for _, name := range names {
		write(t, dir, map[string]string{name: before})
	}
	write(t, dir, map[string]string{"real/y.proto": before, ".gitattributes": "ignored/** export-ignore\n"})
	links := map[string]string{"linked": "real", "outside.proto": outside, "up.proto": "../../nowhere.proto"}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	inGit(t, dir, "init", "--quiet", "--initial-branch", "main")
	inGit(t, dir, "add", ".")
	inGit(t, dir, "commit", "--quiet", "--message", "first")
	t.Chdir(dir)
	for _, name := range names {
		write(t, dir, map[string]string{name: after})
		if got := check(t, "--against", "main", name); got.Code != cli.ExitFound {
			t.Errorf("%q: exit code %d, printed %q, errors %q", name, got.Code, got.Out, got.Err)
		}
	}
	write(t, dir, map[string]string{"real/y.proto": after})
	if got := check(t, "--against", "main", "linked/y.proto"); got.Code != cli.ExitFound {
		t.Errorf("through a link: exit code %d, printed %q, errors %q", got.Code, got.Out, got.Err)
	}
	write(t, filepath.Dir(outside), map[string]string{"outside.proto": after})
	if got := check(t, "--against", "main", "outside.proto"); got.Code == cli.ExitFound {
		t.Errorf("through a link out of the repository: printed %q, errors %q", got.Out, got.Err)
	}
	if err := os.Remove(filepath.Join(dir, "up.proto")); err != nil {
		t.Fatal(err)
	}
}
