package scaffold

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
	"github.com/fairlead-go/fairlead/internal/assert"
)

// offline is the environment of the go command without a network, in which nothing but the module cache can help.
func offline(extra ...string) []string {
	return append(os.Environ(), append([]string{"GOWORK=off", "GOPROXY=off", "GOFLAGS=-mod=mod"}, extra...)...)
}

// goRun runs the go command in a project.
func goRun(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = dir, offline()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// newProject runs fairlead new in a temporary directory and returns that of the project.
func newProject(t *testing.T, name string, args ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	got := clitest.Run(t, New(), nil, append([]string{name, "--dir", dir, "--no-git"}, args...)...)
	if got.Code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", got.Code, got.Err)
	}
	return dir
}

// caller is a program that a user might write next.
const caller = `package main

import (
	"context"
	"fmt"
	"os"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/preset"

	shopv1 "example.com/shop/api/shop/v1"
)

func main() {
	conn, err := preset.NewClient(os.Args[1])
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	shop, ctx := shopv1.NewShopServiceClient(conn), context.Background()
	created, err := shop.CreateItem(ctx, &shopv1.CreateItemRequest{Name: "lamp"})
	if err != nil {
		panic(err)
	}
	_, err = shop.CreateItem(ctx, &shopv1.CreateItemRequest{})
	watch, watchErr := shop.WatchItems(ctx, &shopv1.WatchItemsRequest{})
	if watchErr != nil {
		panic(watchErr)
	}
	first, watchErr := watch.Recv()
	fmt.Println(created.Item.Name, fairlead.CodeOf(err), first.GetItem().GetName(), watchErr)
}
`

// TestProject does what a user does first, without a network: build, vet, test, run, call, stop.
func TestProject(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds and runs a project")
	}
	dir := newProject(t, "shop")
	mod, sum := contentOf(t, dir, "go.mod"), contentOf(t, dir, "go.sum")
	if err := cli.WriteFile(filepath.Join(dir, "cmd", "caller", "main.go"), []byte(caller), 0o600); err != nil {
		t.Fatal(err)
	}
	goRun(t, dir, "build", "-o", "bin/", "./...")
	goRun(t, dir, "vet", "./...")
	goRun(t, dir, "test", "./...")
	goRun(t, dir, "mod", "tidy")
	if contentOf(t, dir, "go.mod") != mod || contentOf(t, dir, "go.sum") != sum {
		t.Errorf("go changed go.mod or go.sum:\n%s\n%s", contentOf(t, dir, "go.mod"), contentOf(t, dir, "go.sum"))
	}

	server := exec.CommandContext(t.Context(), filepath.Join(dir, "bin", "shop"))
	server.Dir = dir
	server.Env = append(os.Environ(), "SHOP_LISTEN=127.0.0.1:0", "SHOP_ADMIN_LISTEN=127.0.0.1:0")
	log, err := server.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	address := ""
	for address == "" && lines.Scan() {
		_, rest, ok := strings.Cut(lines.Text(), "msg=serving address=")
		if ok {
			address, _, _ = strings.Cut(rest, " ")
		}
	}
	if address == "" {
		t.Fatal("the server did not say where it serves")
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "bin", "caller"), address).CombinedOutput()
	if want := "lamp INVALID_ARGUMENT lamp <nil>\n"; err != nil || string(out) != want {
		t.Errorf("got %q, %v, want %q", out, err, want)
	}
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	last := ""
	for lines.Scan() {
		last = lines.Text()
	}
	if err := server.Wait(); err != nil || !strings.Contains(last, "msg=stopped") {
		t.Errorf("ended with %v, and said last %q", err, last)
	}
}

// docker stands for the command of that name: it builds what the image has, of what it gets, as the Dockerfile says.
const docker = `#!/bin/sh
set -e
[ "$1" = build ] && grep -q "go build .* ./cmd/shop" Dockerfile && [ -f vendor/modules.txt ]
cd "$(eval echo \$$#)"
CGO_ENABLED=0 GOFLAGS=-mod=vendor go build -o "$IMAGE" ./cmd/shop
`

// TestMake: the targets of the Makefile do without a network, and with a checkout that is elsewhere by now.
func TestMake(t *testing.T) {
	t.Parallel()
	if testing.Short() || assert.Race {
		t.Skip("it builds the command and a project")
	}
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("there is no make")
	}
	dir := newProject(t, "shop")
	moved, programs := filepath.Join(t.TempDir(), "moved"), t.TempDir()
	checkout, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(os.Symlink(checkout, moved),
		cli.WriteFile(filepath.Join(programs, "docker"), []byte(docker), 0o700))
	if err != nil {
		t.Fatal(err)
	}
	goRun(t, dir, "mod", "edit", "-replace="+core+"="+moved)
	before := contentOf(t, dir, "api/shop/v1/shop.fl.go")
	run := func(target string) string {
		cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", target)
		cmd.Dir = dir
		cmd.Env = offline("GOFLAGS=", "IMAGE="+filepath.Join(dir, "image"),
			"PATH="+programs+string(filepath.ListSeparator)+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("make %s: %v\n%s", target, err, out)
		}
		return string(out)
	}
	for _, target := range []string{"help", "gen", "check", "test", "build", "image"} {
		if got := run(target); target == "help" && !strings.Contains(got, "  gen    generate the code of the contract") {
			t.Errorf("make help: %s", got)
		}
	}
	if contentOf(t, dir, "api/shop/v1/shop.fl.go") != before {
		t.Error("make gen made other code than fairlead new")
	}
	for name, want := range map[string]bool{"bin/fairlead": true, "bin/shop": true, "image": true, "vendor": false} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
	run("clean")
	if _, err := os.Stat(filepath.Join(dir, "bin")); !os.IsNotExist(err) {
		t.Errorf("make clean left bin: %v", err)
	}
}

// TestOtherNames: a project of another name and module compiles, its tests too, and is formatted.
func TestOtherNames(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds a project")
	}
	dir := newProject(t, "order-history-service", "--module", "git.example.com/z/orders/v2")
	goRun(t, dir, "vet", "./...")
	out, err := exec.CommandContext(t.Context(), "gofmt", "-l", dir).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("gofmt: %v, %s", err, out)
	}
}

// TestVersions: what go.mod requires is what the command and the framework are built with, and go.sum has the sums of
// just these.
func TestVersions(t *testing.T) {
	t.Parallel()
	dir := newProject(t, "shop")
	project := parseMod(t, filepath.Join(dir, "go.mod"))
	cmd, framework := parseMod(t, "../../go.mod"), parseMod(t, "../../../go.mod")
	if project.Go.Version != framework.Go.Version || oldestGo+".0" != framework.Go.Version {
		t.Errorf("go %s (and %s), want that of the framework, %s", project.Go.Version, oldestGo, framework.Go.Version)
	}
	known := slices.Concat(cmd.Require, framework.Require)
	for _, r := range project.Require {
		if r.Mod.Path == core {
			continue
		}
		i := slices.IndexFunc(known, func(k *modfile.Require) bool { return k.Mod.Path == r.Mod.Path })
		if i < 0 || known[i].Mod.Version != r.Mod.Version {
			t.Errorf("the template of go.mod has %v; correct it, and go.sum", r.Mod)
		}
	}
	for _, r := range framework.Require {
		if !slices.ContainsFunc(project.Require, func(p *modfile.Require) bool { return p.Mod == r.Mod }) {
			t.Errorf("the template of go.mod lacks the framework's %v; add it, and its sums to go.sum", r.Mod)
		}
	}
	sums := contentOf(t, "../../go.sum") + contentOf(t, "../../../go.sum")
	var required []string
	for _, d := range dependencies() {
		required = append(required, d.path+" "+d.version)
		i := slices.IndexFunc(cmd.Require, func(k *modfile.Require) bool { return k.Mod.Path == d.path })
		if i < 0 || cmd.Require[i].Mod.Version != d.version {
			t.Errorf("dependencies has %s %s; correct it, and its sums", d.path, d.version)
		}
	}
	all := files("go.sum", contentOf(t, dir, "go.sum"))
	addSums(all, required)
	for line := range strings.Lines(string(all[0].content)) {
		if !strings.Contains(sums, line) {
			t.Errorf("the template of go.sum has %q, which is not in the command's or the framework's go.sum", line)
		}
	}
}

func parseMod(t *testing.T, path string) *modfile.File {
	t.Helper()
	f, err := modfile.Parse(path, []byte(contentOf(t, path)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReport(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "my shop")
	got := clitest.Run(t, New(), nil, "shop", "--dir", dir, "--no-git", "--format", "json", "--dry-run")
	var r result
	if err := json.Unmarshal([]byte(got.Out), &r); err != nil || got.Code != cli.ExitOK {
		t.Fatalf("exit code %d, %v: %s%s", got.Code, err, got.Out, got.Err)
	}
	if r.Name != "shop" || r.Dir != dir || len(r.Files) < 15 || len(r.Next) != 3 || r.Files[0].Action != create {
		t.Errorf("got %+v", r)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("--dry-run left the directory: %v", err)
	}
	got = clitest.Run(t, New(), nil, "shop", "--dir", dir, "--no-git")
	if got.Code != cli.ExitOK || !strings.Contains(got.Out, "go run ./cmd/shop\n") || got.Err != "" {
		t.Errorf("exit code %d: %s%s", got.Code, got.Out, got.Err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	got = clitest.Run(t, New(), nil, "shop", "--dir", dir, "--no-git")
	if got.Code != cli.ExitFailed || !strings.Contains(got.Err, "is not empty") {
		t.Errorf("exit code %d: %s%s", got.Code, got.Out, got.Err)
	}
	got = clitest.Run(t, New(), nil, "shop", "--dir", dir, "--no-git", "--force")
	if got.Code != cli.ExitOK || !strings.Contains(got.Out, "1 replaced, the old ones kept as NAME.orig") ||
		contentOf(t, dir, "Makefile.orig") != "mine" {
		t.Errorf("exit code %d: %s%s", got.Code, got.Out, got.Err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no name", nil, cli.ExitUsage, "NAME is missing"},
		{"a bad name", []string{"Shop"}, cli.ExitUsage, "such as shop"},
		{"no checkout", []string{"shop", "--fairlead", dir}, cli.ExitFailed, "--fairlead " + dir + ": open "},
		{"another module", []string{"shop", "--fairlead", "../.."}, cli.ExitFailed, "it holds the module"},
		{"no template", []string{"shop", "--template", filepath.Join(dir, "none")}, cli.ExitFailed, "--template: stat"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := clitest.Run(t, New(), nil, append(tt.args, "--dry-run")...)
			if got.Code != tt.code || !strings.Contains(got.Err, tt.want) || got.Out != "" {
				t.Errorf("exit code %d, %q, %q, want %d, %q", got.Code, got.Out, got.Err, tt.code, tt.want)
			}
		})
	}
}

func TestReleased(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		dep  debug.Module
		want string
	}{
		{"a release", debug.Module{Path: core, Version: "v1.2.3"}, "v1.2.3"},
		{"a commit", debug.Module{Path: core, Version: "v0.0.0-20261101120000-abcdefabcdef"},
			"v0.0.0-20261101120000-abcdefabcdef"},
		{"a checkout", debug.Module{Path: core, Version: "v0.0.0-00010101000000-000000000000",
			Replace: &debug.Module{Path: "../"}}, ""},
		{"a workspace", debug.Module{Path: core, Version: "(devel)"}, ""},
		{"no version", debug.Module{Path: core, Version: "v0.0.0-00010101000000-000000000000"}, ""},
		{"another module", debug.Module{Path: core + "/contrib/x", Version: "v1.0.0"}, ""},
	}
	for _, tt := range tests {
		if got := released(&debug.BuildInfo{Deps: []*debug.Module{&tt.dep}}); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestFindFramework(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := findFramework("", []string{empty, root}); err != nil || got.checkout != root {
		t.Errorf("got %+v, %v, want the checkout", got, err)
	}
	if got, err := findFramework("../../..", nil); err != nil || got.checkout != root {
		t.Errorf("got %+v, %v, want the checkout", got, err)
	}
	_, err = findFramework("", []string{empty})
	if err == nil || !strings.Contains(err.Error(), "(looked in "+empty+"); name it with --fairlead DIR") {
		t.Errorf("got %v", err)
	}
	if got := candidates(); len(got) == 0 || got[0] != root {
		t.Errorf("got %q, want the checkout that this test is compiled from first", got)
	}
}

// TestReleasedProject: with a released framework there is no replace line, and the user is told to complete go.sum.
func TestReleasedProject(t *testing.T) {
	t.Parallel()
	v := shop(t)
	v.FairleadVersion, v.Checkout = "v1.2.3", ""
	list, err := render(v, "")
	if err != nil {
		t.Fatal(err)
	}
	mod := find(list, "go.mod").content
	if bytes.Contains(mod, []byte("replace")) || !bytes.Contains(mod, []byte(core+" v1.2.3\n")) {
		t.Errorf("got %s", mod)
	}
	if got := next(v, "shop", nil)[0]; got != "cd shop && go mod tidy" {
		t.Errorf("got %q", got)
	}
	for _, name := range []string{"Makefile", "Dockerfile", "README.md"} {
		text := string(find(list, name).content)
		if strings.Contains(text, "checkout") || strings.Contains(text, "vendor/,") {
			t.Errorf("%s speaks of a checkout:\n%s", name, text)
		}
	}
}

// TestRepository: the project becomes a Git repository, unless it lies in one.
func TestRepository(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	dir := t.TempDir()
	outer := filepath.Join(dir, "outer")
	for _, at := range []string{outer, filepath.Join(outer, "inner")} {
		if got := clitest.Run(t, New(), nil, "shop", "--dir", at, "--force"); got.Code != cli.ExitOK || got.Err != "" {
			t.Fatalf("exit code %d: %s", got.Code, got.Err)
		}
	}
	if _, err := os.Stat(filepath.Join(outer, ".git", "HEAD")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(outer, "inner", ".git")); !os.IsNotExist(err) {
		t.Errorf("a repository in a repository: %v", err)
	}
}
