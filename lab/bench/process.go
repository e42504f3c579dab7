package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead/lab/peer"
)

// Programs are the built server and load programs of all sides.
type Programs struct {
	dir string
}

// Build builds the programs of the lab in folder lab into a new temporary folder; Remove removes it.
func Build(ctx context.Context, lab string, sides ...Side) (*Programs, error) {
	dir, err := os.MkdirTemp("", "fairlead-lab-")
	if err != nil {
		return nil, err
	}
	p := &Programs{dir: dir}
	for _, side := range sides {
		for _, role := range []string{"server", "load"} {
			cmd := exec.CommandContext(ctx, "go", "build", "-o", p.path(side, role), "./"+role)
			cmd.Dir = filepath.Join(lab, "peers", strings.ReplaceAll(string(side), "-", ""))
			cmd.Env = append(os.Environ(), "GOWORK=off") // each side with the versions that it asks for
			if out, err := cmd.CombinedOutput(); err != nil {
				return nil, errors.Join(fmt.Errorf("building the %s of %s: %w\n%s", role, side, err, out), p.Remove())
			}
		}
	}
	return p, nil
}

// Remove removes the programs.
func (p *Programs) Remove() error { return os.RemoveAll(p.dir) }

func (p *Programs) path(side Side, role string) string {
	return filepath.Join(p.dir, string(side)+"-"+role)
}

// measure starts a server of one side, has the client of another make its load, and ends both.
func (p *Programs) measure(ctx context.Context, pair Pair, secure bool, args []string) (*peer.Result, error) {
	var serverArgs []string
	if secure {
		serverArgs = append(serverArgs, "-tls")
	}
	srv, err := startServer(ctx, p.path(pair.Server, "server"), serverArgs...)
	if err != nil {
		return nil, fmt.Errorf("server of %s: %w", pair.Server, err)
	}
	args = append([]string{"-addr", srv.ready.Addr, "-admin", srv.ready.Admin}, args...)
	result, err := runLoad(ctx, p.path(pair.Client, "load"), args...)
	if err != nil {
		err = fmt.Errorf("client of %s: %w", pair.Client, err)
	}
	if stopErr := srv.stop(); stopErr != nil {
		err = errors.Join(err, fmt.Errorf("server of %s: %w", pair.Server, stopErr))
	}
	return result, err
}

// grace is how long a process may take to end by itself.
const grace = 5 * time.Second

// command prepares a program that is asked to end with ctx, and made to if it does not.
func command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = grace
	return cmd
}

// server is a server process.
type server struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr bytes.Buffer
	ready  peer.Ready
	cancel context.CancelFunc
}

func startServer(ctx context.Context, program string, args ...string) (*server, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &server{cmd: command(ctx, program, args...), cancel: cancel}
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	s.stdin = stdin
	s.cmd.Stderr = &s.stderr
	if err := s.cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n') // ends with the process if not with a line
	if err == nil {
		err = json.Unmarshal(line, &s.ready)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("it did not say where it listens: %w", err), s.stop())
	}
	return s, nil
}

// stop ends the process and waits for it.
func (s *server) stop() error {
	_ = s.stdin.Close() // that tells it
	timer := time.AfterFunc(grace, s.cancel)
	defer timer.Stop()
	defer s.cancel()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(s.stderr.Bytes()))
	}
	return nil
}

// runLoad runs a load program to its end.
func runLoad(ctx context.Context, program string, args ...string) (*peer.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	cmd := command(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	stdin, err := cmd.StdinPipe() // open until Wait: a load ends when its standard input does
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	result := new(peer.Result)
	if err := json.Unmarshal(stdout.Bytes(), result); err != nil {
		return nil, fmt.Errorf("its result cannot be read: %w", err)
	}
	return result, nil
}
