package foreign_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	pb "github.com/fairlead-go/fairlead/conformance/internal/interop/interoppb"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/anypb"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // presets log calls there
	leakcheck.Main(m, program.Remove)
}

// language is another implementation of gRPC.
type language struct {
	name string
	// run is the command that runs client or server, with their arguments behind it.
	run func(program string) []string
	// check is a command that fails if something is missing.
	check []string
	// joins: values of a repeated key arrive as one, with commas between them, which HTTP allows.
	joins bool
	// plainAnswers: its server does not compress.
	plainAnswers bool
	// noServer: there is only a client.
	noServer bool
}

var languages = []language{
	{
		name:  "python", // Debian's, since what it needs is installed for that one
		run:   func(p string) []string { return []string{"/usr/bin/python3", "testdata/py/" + p + ".py"} },
		check: []string{"/usr/bin/python3", "-c", "import grpc, google.protobuf"},
	},
	{
		name:  "node",
		run:   func(p string) []string { return []string{"node", "testdata/node/" + p + ".js"} },
		check: []string{"node", "-e", "require('./testdata/node/node_modules/@grpc/grpc-js')"},
		joins: true, plainAnswers: true,
	},
	{
		name:     "ruby",
		run:      func(p string) []string { return []string{"/usr/bin/ruby", "testdata/rb/" + p + ".rb"} },
		check:    []string{"/usr/bin/ruby", "-e", "require 'grpc'"},
		noServer: true,
	},
}

// each runs f for each language that is installed.
func each(t *testing.T, f func(t *testing.T, l *language, descriptors string)) {
	t.Helper()
	descriptors := writeDescriptors(t)
	for i := range languages {
		l := &languages[i]
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), l.check[0], l.check[1:]...).CombinedOutput()
			if err == nil {
				f(t, l, descriptors)
				return
			}
			message := fmt.Sprintf("NOT TESTED against %s, something is missing; run tools/foreign.sh: %v\n%s", l.name, err, out)
			if os.Getenv("CI") != "" || os.Getenv("FAIRLEAD_CI") != "" {
				t.Fatal(message)
			}
			t.Skip(message)
		})
	}
}

// writeDescriptors writes what the programs know of messages and services: a FileDescriptorSet.
func writeDescriptors(t *testing.T) string {
	t.Helper()
	set := new(descriptorpb.FileDescriptorSet)
	for _, f := range []protoreflect.FileDescriptor{
		anypb.File_google_protobuf_any_proto, statuspb.File_google_rpc_status_proto,
		pb.File_internal_interop_interoppb_interop_proto,
	} {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
	}
	encoded, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "descriptors")
	if err := os.WriteFile(path, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a program that runs.
type process struct {
	cmd    *exec.Cmd
	stdout *bufio.Reader
	stderr *strings.Builder
	ended  bool
}

// start starts a program, which is stopped when the test ends.
func start(t *testing.T, command []string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), assert.Patience(2*time.Minute))
	cmd := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], args...)...)
	cmd.Env = append(os.Environ(), "GRPC_VERBOSITY=ERROR", "no_proxy=127.0.0.1", "PYTHONDONTWRITEBYTECODE=1")
	p := &process{cmd: cmd, stderr: new(strings.Builder)}
	cmd.Stderr = p.stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdout = bufio.NewReader(pipe)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer cancel()
		if !p.ended {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			p.wait(t)
		}
	})
	return p
}

// line waits for a line that the program says.
func (p *process) line(t *testing.T) string {
	t.Helper()
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		p.wait(t)
		t.Fatalf("%s ended early", filepath.Base(p.cmd.Args[1]))
	}
	return strings.TrimSpace(line)
}

// wait waits for the program's end, which has to be a success.
func (p *process) wait(t *testing.T) {
	t.Helper()
	out, _ := io.ReadAll(p.stdout)
	p.ended = true
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s%s", strings.Join(p.cmd.Args[1:], " "), err, out, p.stderr)
	}
}
