package conformance_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/internal/assert"
)

// tools holds the paths of programs that were asked for, as functions that find them once.
var tools sync.Map

// tool returns the path of a program that go.mod pins with a tool line; the go command builds it if it must.
func tool(t *testing.T, pkg string) string {
	t.Helper()
	return toolOf(t, ".", pkg)
}

// toolOf is tool for the module in another directory.
func toolOf(t *testing.T, dir, pkg string) string {
	t.Helper()
	find, _ := tools.LoadOrStore(pkg, sync.OnceValues(func() (string, error) {
		cmd := exec.Command("go", "tool", "-n", pkg)
		cmd.Dir = dir
		out, err := cmd.Output()
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("go tool -n %s: %w\n%s", pkg, err, failed.Stderr)
		}
		return strings.TrimSpace(string(out)), err
	}))
	path, err := find.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// programs builds this module's own programs once, with the race detector if the test has it, and returns their
// directory.
func programs(t *testing.T) string {
	t.Helper()
	dir, err := builtPrograms()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var builtPrograms = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "fairlead-conformance-")
	if err != nil {
		return "", err
	}
	programsDir.Store(dir)
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	if assert.Race {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "./cmd/...")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the programs: %w\n%s", err, out)
	}
	return dir, nil
})

// programsDir has the directory of the programs once there is one.
var programsDir atomic.Value

// removePrograms removes what programs has built.
func removePrograms() {
	if dir, ok := programsDir.Load().(string); ok {
		_ = os.RemoveAll(dir)
	}
}

// run runs a program to its end, and fails the test if that is not a success.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := try(t, name, args...)
	if err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return out
}

// try runs a program to its end.
func try(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), assert.Patience(time.Minute))
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// startServer runs one of this module's servers and returns where it listens: the last word of its first line.
func startServer(t *testing.T, name string, args ...string) (host, port string) {
	t.Helper()
	cmd := exec.Command(name, append([]string{"-host", "127.0.0.1", "-port", "0"}, args...)...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := start(t, cmd)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, stderr())
	}
	fields := strings.Fields(line)
	host, port, err = net.SplitHostPort(fields[len(fields)-1])
	if err != nil {
		t.Fatalf("%s says %q", name, line)
	}
	return host, port
}

// startAt runs somebody else's server, which takes no port 0 and does not say when it is ready, at a free port.
func startAt(t *testing.T, name string, args func(port string) []string) (host, port string) {
	t.Helper()
	l := listen(t)
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	stderr := start(t, exec.Command(name, args(port)...))
	for until := time.Now().Add(assert.Patience(20 * time.Second)); ; {
		c, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err == nil {
			_ = c.Close()
			return host, port
		}
		if time.Now().After(until) {
			t.Fatalf("%s does not listen: %v\n%s", filepath.Base(name), err, stderr())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// start starts a server that is stopped at the test's end, and returns what gives its error output.
func start(t *testing.T, cmd *exec.Cmd) (stderr func() string) {
	t.Helper()
	var buf lockedBuffer
	cmd.Stderr = &buf
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		select {
		case <-ended:
		case <-time.After(assert.Patience(10 * time.Second)):
			t.Errorf("%s does not stop", filepath.Base(cmd.Path))
			_ = cmd.Process.Kill()
			<-ended
		}
		if s := buf.String(); strings.Contains(s, "DATA RACE") || strings.Contains(s, "panic:") || t.Failed() && s != "" {
			t.Errorf("%s said:\n%s", filepath.Base(cmd.Path), s)
		}
	})
	return buf.String
}

// lockedBuffer is a buffer that is read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
