package breaking

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

const (
	goMod  = "module example.com/shop\n\ngo 1.26.0\n"
	oldAPI = `syntax = "proto3";

package shop.v1;

import "api/shop/v1/types.proto";

message Item {
  string name = 1;
  Price price = 2;
  string color = 3;
}
`
	oldTypes = `syntax = "proto3";

package shop.v1;

message Price {
  int64 cents = 1;
}
`
)

// newAPI is oldAPI without a field.
func newAPI() string { return strings.Replace(oldAPI, "  string color = 3;\n", "", 1) }

// write writes files below dir.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// inGit runs git in dir, with an identity and a configuration of its own.
func inGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_AUTHOR_DATE=2026-01-02T03:04:05Z",
		"GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com", "GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// newRepository makes a repository with a first version, tagged v1, and a change of it in the work tree, and makes it
// the working directory.
func newRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"go.mod":                  goMod,
		"api/shop/v1/shop.proto":  oldAPI,
		"api/shop/v1/types.proto": oldTypes,
		"web/app.js":              "",
	})
	inGit(t, dir, "init", "--quiet", "--initial-branch", "main")
	inGit(t, dir, "add", ".")
	inGit(t, dir, "commit", "--quiet", "--message", "first")
	inGit(t, dir, "tag", "v1")
	write(t, dir, map[string]string{"api/shop/v1/shop.proto": newAPI()})
	t.Chdir(dir)
	return dir
}

func check(t *testing.T, args ...string) clitest.Result {
	t.Helper()
	return clitest.Run(t, New(), nil, args...)
}

// TestGit compares with commits of a real repository.
func TestGit(t *testing.T) { //nolint:paralleltest // it changes the working directory
	dir := newRepository(t)
	t.Setenv("TMPDIR", t.TempDir())
	const found = "api/shop/v1/shop.proto:7:1: FIELD_NO_DELETE: field color = 3 of message shop.v1.Item was deleted; " +
		"what is stored or sent under the number is misread when the number is used again, and " +
		"code that reads or sets it no longer compiles\n    api/shop/v1/shop.proto:10:3: before, at %s\n"
	for _, ref := range []string{"main", "git:main", "HEAD", "v1", "git:refs/tags/v1"} {
		got := check(t, "--against", ref)
		want := strings.Replace(found, "%s", strings.TrimPrefix(ref, "git:"), 1)
		if got.Code != cli.ExitFound || got.Out != want || got.Err != "2 files against "+ref+": 1 error\n" {
			t.Errorf("against %s: exit code %d, printed\n%swant\n%serrors %q", ref, got.Code, got.Out, want, got.Err)
		}
	}
	if got := inGit(t, dir, "status", "--porcelain"); got != " M api/shop/v1/shop.proto\n" {
		t.Errorf("git status is %q", got)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left in the temporary directory, %v", left, err)
	}

	t.Run("narrower", func(t *testing.T) {
		for _, args := range []string{"api", "api/shop/v1/shop.proto", filepath.Join(dir, "api", "shop")} {
			if got := check(t, "--against", "main", args); got.Code != cli.ExitFound || !strings.Contains(got.Out, "color") {
				t.Errorf("%s: exit code %d, printed %q, errors %q", args, got.Code, got.Out, got.Err)
			}
		}
		for _, args := range []string{
			"api/shop/v1/types.proto", "--level wire --except FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED api",
		} {
			if got := check(t, append([]string{"--against", "main"}, strings.Fields(args)...)...); got.Code != cli.ExitOK ||
				got.Out != "" || !strings.Contains(got.Err, "nothing found") {
				t.Errorf("%s: exit code %d, printed %q, errors %q", args, got.Code, got.Out, got.Err)
			}
		}
	})

	t.Run("below the root", func(t *testing.T) {
		t.Chdir(filepath.Join(dir, "api"))
		got := check(t, "--against", "main")
		if got.Code != cli.ExitFound || !strings.HasPrefix(got.Out, "shop/v1/shop.proto:7:1: ") ||
			!strings.Contains(got.Out, "\n    shop/v1/shop.proto:10:3: before, at main\n") {
			t.Errorf("exit code %d, printed %q, errors %q", got.Code, got.Out, got.Err)
		}
		if got := check(t, "--against", "main", "-I", "..", "shop/v1"); got.Code != cli.ExitFound {
			t.Errorf("with a root: exit code %d, printed %q, errors %q", got.Code, got.Out, got.Err)
		}
	})

	t.Run("inputs of fairlead.yaml", func(t *testing.T) {
		write(t, dir, map[string]string{
			"fairlead.yaml": "version: 1\ngen:\n  inputs: [api]\n  roots: [.]\n",
			"junk/a.proto":  "nonsense\n",
		})
		defer os.RemoveAll(filepath.Join(dir, "junk"))
		defer os.Remove(filepath.Join(dir, "fairlead.yaml"))
		for _, at := range []string{".", "web"} {
			t.Chdir(filepath.Join(dir, at))
			got := check(t, "--against", "main")
			if got.Code != cli.ExitFound || !strings.Contains(got.Out, "shop.proto:7:1: FIELD_NO_DELETE") {
				t.Errorf("in %s: exit code %d, printed %q, errors %q", at, got.Code, got.Out, got.Err)
			}
		}
		t.Chdir(dir)
	})

	t.Run("outside", func(t *testing.T) {
		elsewhere := t.TempDir()
		write(t, elsewhere, map[string]string{"a.proto": "syntax = \"proto3\";\n"})
		got := check(t, "--against", "main", elsewhere)
		if got.Code != cli.ExitFailed || !strings.Contains(got.Err, "lies outside the git repository") {
			t.Errorf("exit code %d, printed %q, errors %q", got.Code, got.Out, got.Err)
		}
	})

	t.Run("silenced", func(t *testing.T) {
		const reason = "// fairlead:ignore FIELD_NO_DELETE Nobody ever set it.\n"
		write(t, dir, map[string]string{
			"api/shop/v1/shop.proto": strings.Replace(newAPI(), "message Item", reason+"message Item", 1),
		})
		defer write(t, dir, map[string]string{"api/shop/v1/shop.proto": newAPI()})
		if got := check(t, "--against", "main"); got.Code != cli.ExitOK || got.Out != "" {
			t.Errorf("exit code %d, printed %q, errors %q", got.Code, got.Out, got.Err)
		}
	})

	t.Run("new directory", func(t *testing.T) {
		write(t, dir, map[string]string{"fresh/a.proto": "syntax = \"proto3\";\npackage fresh;\n"})
		defer os.RemoveAll(filepath.Join(dir, "fresh"))
		got := check(t, "--against", "main", "fresh")
		if got.Code != cli.ExitOK || !strings.Contains(got.Err, "fresh: nothing of it was there at main") {
			t.Errorf("exit code %d, printed %q, errors %q", got.Code, got.Out, got.Err)
		}
	})

	t.Run("branch that is behind", func(t *testing.T) {
		later := strings.Replace(oldAPI, "message Item {", "message Later {\n  string a = 1;\n}\n\nmessage Item {", 1)
		inGit(t, dir, "stash", "--quiet")
		inGit(t, dir, "branch", "topic")
		write(t, dir, map[string]string{"api/shop/v1/shop.proto": later})
		inGit(t, dir, "commit", "--quiet", "--all", "--message", "later")
		inGit(t, dir, "switch", "--quiet", "topic")
		inGit(t, dir, "stash", "pop", "--quiet")
		if got := check(t, "--against", "main"); !strings.Contains(got.Out, "message shop.v1.Later was deleted") {
			t.Errorf("against main: printed %q, errors %q", got.Out, got.Err)
		}
		got := check(t, "--against", "main...")
		if strings.Contains(got.Out, "Later") || strings.Count(got.Out, "FIELD_NO_DELETE") != 1 {
			t.Errorf("against main...: printed %q, errors %q", got.Out, got.Err)
		}
		if got := check(t, "--against", "absent..."); !strings.Contains(got.Err, `git has no commit "absent"`) {
			t.Errorf("errors %q", got.Err)
		}
		inGit(t, dir, "branch", "--force", "main", "v1")
	})

	t.Run("deleted file", func(t *testing.T) {
		write(t, dir, map[string]string{"api/shop/v1/shop.proto": strings.NewReplacer(
			"import \"api/shop/v1/types.proto\";\n", "", "Price price = 2", "int64 price = 2").Replace(newAPI())})
		defer write(t, dir, map[string]string{"api/shop/v1/shop.proto": newAPI(), "api/shop/v1/types.proto": oldTypes})
		if err := os.Remove(filepath.Join(dir, "api/shop/v1/types.proto")); err != nil {
			t.Fatal(err)
		}
		got := check(t, "--against", "main", "--level", "file")
		if got.Code != cli.ExitFound || !strings.Contains(got.Out,
			"api/shop/v1/types.proto: FILE_NO_DELETE: file api/shop/v1/types.proto was deleted; ") {
			t.Errorf("exit code %d, printed %q, errors %q", got.Code, got.Out, got.Err)
		}
	})

	t.Run("formats", func(t *testing.T) {
		got := check(t, "--against", "main", "--format", "json")
		var report struct {
			Errors   int `json:"errors"`
			Findings []struct {
				Rule    string `json:"rule"`
				File    string `json:"file"`
				Line    int    `json:"line"`
				Related []struct {
					File    string `json:"file"`
					Line    int    `json:"line"`
					Message string `json:"message"`
				} `json:"related"`
			} `json:"findings"`
		}
		if err := json.Unmarshal([]byte(got.Out), &report); err != nil {
			t.Fatalf("%v in %s", err, got.Out)
		}
		if report.Errors != 1 || len(report.Findings) != 1 || report.Findings[0].Rule != "FIELD_NO_DELETE" ||
			len(report.Findings[0].Related) != 1 || report.Findings[0].Related[0].Line != 10 {
			t.Errorf("printed %s", got.Out)
		}
		got = check(t, "--against", "main", "--format", "github")
		if !strings.HasPrefix(got.Out, "::error file=api/shop/v1/shop.proto,line=7") ||
			!strings.Contains(got.Out, "%0Aapi/shop/v1/shop.proto:10:3: before, at main") {
			t.Errorf("printed %s", got.Out)
		}
		got = check(t, "--against", "main", "--format", "sarif")
		if !strings.Contains(got.Out, `"ruleId": "FIELD_NO_DELETE"`) || !strings.Contains(got.Out, `"relatedLocations"`) {
			t.Errorf("printed %s", got.Out)
		}
	})
}

// TestGitFails sees what is said when there is nothing to compare with.
func TestGitFails(t *testing.T) { //nolint:paralleltest // it changes the working directory
	dir := newRepository(t)
	const broken = "syntax = \"proto3\";\npackage broken;\nmessage M { Absent a = 1; }\n"
	write(t, dir, map[string]string{"broken/a.proto": broken})
	inGit(t, dir, "add", ".")
	inGit(t, dir, "commit", "--quiet", "--message", "second")
	inGit(t, dir, "tag", "v0-broken")
	write(t, dir, map[string]string{"broken/a.proto": "syntax = \"proto3\";\npackage broken;\n"})
	inGit(t, dir, "update-ref", "refs/remotes/origin/release", "HEAD")
	tests := []struct {
		name, args string
		code       int
		want       string
	}{
		{"no ref", "api", cli.ExitUsage, "--against is missing: name a git ref, a directory or a descriptor set"},
		{
			"unknown ref", "--against maim", cli.ExitFailed,
			`--against maim: neither a file nor a directory, and git has no commit "maim"`,
		},
		{"unknown git ref", "--against git:maim", cli.ExitFailed, `git has no commit "maim"`},
		{"remote branch", "--against release", cli.ExitFailed, `git has no commit "release", but it has origin/release`},
		{"option", "--against=--all", cli.ExitFailed, `git has no commit "--all"`},
		{"absent set", "--against old.binpb", cli.ExitFailed, "old.binpb: there is no such file or directory"},
		{"other file", "--against go.mod", cli.ExitFailed, "go.mod: not a descriptor set: its name ends with none of .binpb"},
		{
			"two meanings", "--against main api", cli.ExitFailed,
			`"main" is a directory and a git ref; write ./main or git:main`,
		},
		{
			"level", "--against main --level wyre", cli.ExitUsage,
			`--level: "wyre" is no level: must be one of wire, json, source, file`,
		},
		{
			"rule", "--against main --except FIELD_NO_DELET", cli.ExitUsage,
			`--except: no rule is called "FIELD_NO_DELET"; did you mean "FIELD_NO_DELETE"?`,
		},
		{"format", "--against main --format xml", cli.ExitUsage, "must be one of text, json, github, sarif"},
		{
			"old side does not compile", "--against v0-broken broken", cli.ExitFailed,
			"the contract to compare with, at v0-broken, does not compile:\nbroken/a.proto:3:13: ",
		},
		{"new side does not compile", "--against git:main bad", cli.ExitFailed, "bad/a.proto:1:1: "},
		{"no such directory", "--against git:main absent", cli.ExitFailed, "absent: there is no such file or directory"},
		{"no contracts", "--against git:main web", cli.ExitFailed, "no .proto files in web"},
	}
	write(t, dir, map[string]string{"bad/a.proto": "nonsense\n"})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "two meanings" {
				if err := os.Mkdir("main", 0o700); err != nil {
					t.Fatal(err)
				}
				defer os.Remove("main")
			}
			got := check(t, strings.Fields(tt.args)...)
			if got.Code != tt.code || got.Out != "" || !strings.Contains(got.Err, tt.want) {
				t.Errorf("exit code %d, want %d; printed %q; errors\n%s\nwant %s", got.Code, tt.code, got.Out, got.Err, tt.want)
			}
		})
	}
	t.Run("no repository", func(t *testing.T) {
		t.Chdir(t.TempDir())
		write(t, ".", map[string]string{"a.proto": "syntax = \"proto3\";\n"})
		got := check(t, "--against", "git:main")
		if got.Code != cli.ExitFailed || !strings.Contains(got.Err, "not a git repository") {
			t.Errorf("exit code %d, errors %q", got.Code, got.Err)
		}
	})
	t.Run("shallow clone", func(t *testing.T) {
		clone := filepath.Join(t.TempDir(), "clone")
		inGit(t, dir, "clone", "--quiet", "--depth", "1", "--no-tags", "file://"+dir, clone)
		t.Chdir(clone)
		got := check(t, "--against", "v1", "api")
		if got.Code != cli.ExitFailed || !strings.Contains(got.Err, "this clone is shallow: fetch more of it") {
			t.Errorf("exit code %d, errors %q", got.Code, got.Err)
		}
	})
}

// TestDirectory compares with directories.
func TestDirectory(t *testing.T) { //nolint:paralleltest // it changes the working directory
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"now/go.mod":                  goMod,
		"now/api/shop/v1/shop.proto":  newAPI(),
		"now/api/shop/v1/types.proto": oldTypes,
		"old/go.mod":                  goMod,
		"old/api/shop/v1/shop.proto":  oldAPI,
		"old/api/shop/v1/types.proto": oldTypes,
		"pair/a/x.proto":              "syntax = \"proto3\";\npackage x;\nmessage M { int32 a = 1; }\n",
		"pair/b/x.proto":              "syntax = \"proto3\";\npackage x;\nmessage M { string a = 1; }\n",
		"pair/go.mod":                 goMod,
	})
	tests := []struct {
		name, dir, args, want string
		code                  int
	}{
		{"checkout", "now", "--against ../old", "api/shop/v1/shop.proto:7:1: FIELD_NO_DELETE: ", cli.ExitFound},
		{
			"its old place", "now", "--against ../old",
			"../old/api/shop/v1/shop.proto:10:3: before, in ../old\n", cli.ExitFound,
		},
		{"part of a checkout", "now", "--against ../old api", "FIELD_NO_DELETE: ", cli.ExitFound},
		{"same", "now", "--against .", "", cli.ExitOK},
		{"two directories of a module", "pair", "--against a b", "b/x.proto:3:13: FIELD_SAME_TYPE: ", cli.ExitFound},
		{"outside of the working directory", "old", "--against ../pair/a ../pair/b", "b/x.proto:3:13: FIELD_SAME_TYPE: ",
			cli.ExitFound},
		{"by absolute paths", "old", "--against " + dir + "/pair/a " + dir + "/pair/b", "b/x.proto:3:13: FIELD_SAME_TYPE: ",
			cli.ExitFound},
		{"below the root of a checkout", "now/api", "--against ../../old/api", "shop.proto:7:1: FIELD_NO_DELETE: ",
			cli.ExitFound},
		{
			"a directory without the file", "old", "--against api ../pair/b/x.proto",
			"api: it has no x.proto to compare ../pair/b/x.proto with", cli.ExitFailed,
		},
		{"two files' directory", "pair", "--against a b/x.proto", "b/x.proto:3:13: FIELD_SAME_TYPE: ", cli.ExitFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(filepath.Join(dir, tt.dir))
			got := check(t, strings.Fields(tt.args)...)
			said := got.Out
			if tt.code == cli.ExitFailed {
				said = got.Err
			}
			if got.Code != tt.code || !strings.Contains(said, tt.want) || tt.want == "" && got.Out != "" {
				t.Errorf("exit code %d, want %d; printed %q, want %q; errors %q", got.Code, tt.code, got.Out, tt.want, got.Err)
			}
		})
	}
}

// TestDescriptorSet compares with descriptor sets, in binary and in JSON, whose names may have another root.
func TestDescriptorSet(t *testing.T) { //nolint:paralleltest // it changes the working directory
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"go.mod":                  goMod,
		"api/shop/v1/shop.proto":  newAPI(),
		"api/shop/v1/types.proto": oldTypes,
	})
	compiled := compileFiles(t, map[string]string{"api/shop/v1/shop.proto": oldAPI, "api/shop/v1/types.proto": oldTypes})
	moved := compileFiles(t, map[string]string{
		"shop/v1/shop.proto": strings.ReplaceAll(oldAPI, "api/shop", "shop"), "shop/v1/types.proto": oldTypes,
	})
	set := &descriptorpb.FileDescriptorSet{File: withPlaces(t, compiled)}
	raw, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	other, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: withPlaces(t, moved)})
	if err != nil {
		t.Fatal(err)
	}
	now, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: withPlaces(t, compileFiles(t, map[string]string{
		"api/shop/v1/shop.proto": newAPI(), "api/shop/v1/types.proto": oldTypes,
	}))})
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{
		"old.binpb": string(raw), "old.json": string(text), "other.pb": string(other), "now.binpb": string(now),
		"empty.binpb": "", "bad.json": "{", "bad.binpb": "nonsense",
	})
	t.Chdir(dir)
	for _, tt := range []struct {
		args, want string
		code       int
	}{
		{"--against old.binpb", "api/shop/v1/shop.proto:10:3: before, in old.binpb\n", cli.ExitFound},
		{"--against old.json", "FIELD_NO_DELETE", cli.ExitFound},
		{"--against other.pb", "shop/v1/shop.proto:10:3: before, in other.pb\n", cli.ExitFound},
		{"--against old.binpb api/shop/v1/shop.proto", "FIELD_NO_DELETE", cli.ExitFound},
		{"--against old.binpb api/shop/v1/types.proto", "", cli.ExitOK},
		{"--against old.binpb now.binpb", "api/shop/v1/shop.proto:7:1: FIELD_NO_DELETE", cli.ExitFound},
		{"now.binpb --against now.binpb", "", cli.ExitOK},
		{"--against empty.binpb", "empty.binpb: not a descriptor set: there are no files in it", cli.ExitFailed},
		{"--against bad.json", "bad.json: not a descriptor set: ", cli.ExitFailed},
		{"--against bad.binpb", "bad.binpb: not a descriptor set: ", cli.ExitFailed},
	} {
		t.Run(tt.args, func(t *testing.T) {
			got := check(t, strings.Fields(tt.args)...)
			if got.Code != tt.code || !strings.Contains(got.Out+got.Err, tt.want) || tt.code == cli.ExitOK && got.Out != "" {
				t.Errorf("exit code %d, want %d; printed %q, want %q; errors %q", got.Code, tt.code, got.Out, tt.want, got.Err)
			}
		})
	}
}
