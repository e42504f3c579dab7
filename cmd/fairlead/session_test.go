package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/internal/assert"
)

// The sessions in testdata/sessions are what a user sees at a terminal. Each is a txtar archive: first the session,
// then the files that lie in the working directory at its beginning. In a session
//
//   - a line that begins with "$ " is a command, run by bash, in which fairlead is the command under test;
//   - the lines below it are what it prints, standard output and error output as they come;
//   - a line "[exit 3]" follows when the command ended with another code than 0;
//   - a line that begins with "# " is a remark;
//   - a line "# server" at the top has a service as `fairlead new shop` writes it run at $ADDR, with its operators'
//     address $ADMIN.
//
// What differs from run to run stands as <time>, <port>, <version> or <number>. `go test ./fairlead -run Sessions
// -update` rewrites the sessions.
var update = flag.Bool("update", false, "write the golden sessions") //nolint:gochecknoglobals // a flag

// runAsCommand has the test binary act as fairlead itself.
const runAsCommand = "FAIRLEAD_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runAsCommand) != "" {
		os.Exit(cli.Run(context.Background(), newRoot(), os.Args[1:]))
	}
	os.Exit(m.Run())
}

func TestSessions(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("*** sessions are not tested: there is no bash ***")
	}
	files, err := filepath.Glob(filepath.Join("testdata", "sessions", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sessions: %v", err)
	}
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "fairlead")); err != nil {
		t.Fatal(err)
	}
	service := &shop{dir: t.TempDir()}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newSession(t, bin, service, archive).play(t, string(archive.Comment))
			if got == string(archive.Comment) {
				return
			}
			if !*update {
				t.Errorf("%s: the session is now\n%s\nand was\n%s\n(go test ./fairlead -run Sessions -update accepts it)",
					file, got, archive.Comment)
				return
			}
			archive.Comment = []byte(got)
			if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// session is a working directory with a shell in it.
type session struct {
	dir, home string
	env       []string
	hide      []replacement
}

type replacement struct {
	what *regexp.Regexp
	with string
}

func newSession(t *testing.T, bin string, service *shop, archive *txtar.Archive) *session {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &session{dir: filepath.Join(root, "work"), home: root}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		path := filepath.Join(s.dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.env = append(os.Environ(),
		runAsCommand+"=1", "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "GOWORK=off", "LC_ALL=C.UTF-8",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=a",
		"GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
	)
	s.replace(regexp.QuoteMeta(root), "~")
	if slices.Contains(strings.Split(string(archive.Comment), "\n"), "# server") {
		addr, admin := service.serve(t)
		s.env = append(s.env, "ADDR="+addr, "ADMIN="+admin)
		s.replace(regexp.QuoteMeta(addr)+"|"+regexp.QuoteMeta(admin), "127.0.0.1:<port>")
	}
	s.replace(`\b\d+(\.\d+)?(ns|µs|ms|s|m\d+(\.\d+)?s)\b`, "<time>")
	s.replace(`\b(v|go)\d+\.\d+(\.\d+)?(-[0-9a-z.]+)?\b`, "<version>")
	return s
}

func (s *session) replace(what, with string) {
	s.hide = append(s.hide, replacement{regexp.MustCompile(what), with})
}

// play runs the commands of a session and returns it with what they printed this time.
func (s *session) play(t *testing.T, script string) string {
	t.Helper()
	var b strings.Builder
	printed := false // the lines that follow are what a command printed, up to the next that begins otherwise
	for line := range strings.Lines(script) {
		command, isCommand := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "$ ")
		switch {
		case isCommand:
			b.WriteString(line + s.run(t, command))
			printed = true
		case strings.HasPrefix(line, "# ") || !printed:
			if printed {
				b.WriteString("\n")
			}
			b.WriteString(line)
			printed = false
		}
	}
	return b.String()
}

func (s *session) run(t *testing.T, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(2*time.Minute))
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", command) //nolint:gosec // the sessions are ours
	cmd.Dir, cmd.Env = s.dir, s.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	text := out.String()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		text += fmt.Sprintf("[exit %d]\n", exit.ExitCode())
	case err != nil:
		t.Fatalf("%s: %v", command, err)
	}
	for _, r := range s.hide {
		text = r.what.ReplaceAllString(text, r.with)
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}
