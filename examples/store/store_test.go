package store_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/fairlead-go/fairlead/preset" // the programs are built from it as well
)

// TestStore builds the programs, starts both services as processes of their own, and has the client call them.
func TestStore(t *testing.T) {
	t.Parallel()
	changes(t)
	dir, certs := t.TempDir(), t.TempDir()
	output(t, "go", "build", "-o", dir, "./certs", "./inventory", "./orders", "./client")
	output(t, filepath.Join(dir, "certs"), certs)

	inventory := serve(t, filepath.Join(dir, "inventory"), "-addr", "127.0.0.1:0", "-certs", certs)
	orders := serve(t, filepath.Join(dir, "orders"), "-addr", "127.0.0.1:0", "-certs", certs, "-inventory", inventory)
	got := output(t, filepath.Join(dir, "client"), "-orders", orders, "-inventory", inventory, "-certs", certs)
	const want = `in the catalogue: chair
in the catalogue: lamp
ordered: a lamp
out of stock: lamp, of which there are 2 left
refused: lines[0].quantity must be greater than 0 and at most 100
forbidden: PERMISSION_DENIED: customer may not call /store.v1.Inventory/Take
without a certificate: UNAVAILABLE
health: SERVING
`
	if got != want {
		t.Errorf("the client says\n%s\nwant\n%s", got, want)
	}
}

// changes reads what the programs are built from: go test takes a result from its cache unless a file has changed that
// the test itself has read.
func changes(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no programs: %v", err)
	}
	for _, f := range files {
		if _, err := os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
}

// output runs a program to its end and returns what it prints.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", filepath.Base(program), err, out, log.String())
	}
	return string(out)
}

// serve starts a service, which says where it listens, and returns that address. At the end of the test the service is
// asked to stop, and must do so by itself.
func serve(t *testing.T, program string, args ...string) (addr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var log strings.Builder
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // says that it was asked to stop; the state says how it did
		if !cmd.ProcessState.Success() {
			t.Errorf("%s: %v\n%s", filepath.Base(program), cmd.ProcessState, log.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	_, addr, ok := strings.Cut(strings.TrimSpace(line), " listens at ")
	if !ok {
		t.Fatalf("%s says %q, %v", filepath.Base(program), line, err)
	}
	return addr
}
