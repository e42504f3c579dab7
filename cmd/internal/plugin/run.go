package plugin

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/bufbuild/protocompile/options"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// grace is how long to wait for a plugin's output pipes after the plugin was killed: its children may hold them open.
const grace = time.Second

// Request is the input of plugins.
type Request struct {
	// Files holds the files to generate for and all that they import, in the order of dependency.
	Files []*descriptorpb.FileDescriptorProto
	// Names are the names of the files to generate for.
	Names []string
}

// File is a file that a plugin generated.
type File struct {
	Name    string // with slashes, below the plugin's output directory
	Content []byte
	insert  string // the insertion point at which it belongs into a file of another plugin; "" for a file of its own
}

// Run runs the plugin and returns its files, in its order. What it writes to its standard error goes to stderr, line by
// line behind its name. When ctx ends it is killed.
func (p *Plugin) Run(ctx context.Context, request Request, stderr io.Writer) ([]File, error) {
	program, err := p.Program()
	if err != nil {
		return nil, err
	}
	input, err := p.encode(request)
	if err != nil {
		return nil, p.errorf("%w", err)
	}
	lines := &prefixed{w: stderr, prefix: Prefix + p.Name + ": "}
	running, stop := context.WithCancel(ctx)
	defer stop()
	output := limited{limit: p.limit(), exceeded: stop}
	cmd := exec.CommandContext(running, program) //nolint:gosec // the program that the user named
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &output, lines
	cmd.WaitDelay = grace
	err = cmd.Run()
	lines.flush()
	var exit *exec.ExitError
	switch {
	case output.over:
		return nil, p.errorf("%s wrote more than %s to its standard output, which is the limit", program,
			cli.Bytes(output.limit))
	case ctx.Err() != nil:
		return nil, p.errorf("stopped: %w", context.Cause(ctx))
	case errors.As(err, &exit):
		return nil, p.errorf("%s ended with %v%s", program, exit.ProcessState, lines.hint())
	case err != nil:
		return nil, p.errorf("%s: %w", program, err)
	}
	response := new(pluginpb.CodeGeneratorResponse)
	if err := proto.Unmarshal(output.buffer.Bytes(), response); err != nil {
		return nil, p.errorf("%s wrote something that is no CodeGeneratorResponse to "+
			"its standard output, beginning with %q; "+
			"is it a plugin of protoc?", program, output.buffer.Bytes()[:min(output.buffer.Len(), 40)])
	}
	return p.files(request, response)
}

func (p *Plugin) errorf(format string, args ...any) error {
	return fmt.Errorf("plugin "+p.Name+": "+format, args...)
}

// maxOutput is how much a plugin may write to its standard output, in bytes.
const maxOutput = 1 << 30

// limit returns how much the plugin may write to its standard output, in bytes.
func (p *Plugin) limit() int64 {
	if p.maxOutput > 0 {
		return p.maxOutput
	}
	return maxOutput
}

// limited is a buffer that calls exceeded when more than limit bytes are written, and then takes no more.
type limited struct {
	buffer   bytes.Buffer
	limit    int64
	exceeded func()
	over     bool
}

// Write implements io.Writer.
func (l *limited) Write(b []byte) (int, error) {
	if int64(l.buffer.Len())+int64(len(b)) > l.limit {
		l.over = true
		l.exceeded()
		return 0, io.ErrShortWrite
	}
	return l.buffer.Write(b)
}

// encode returns the request as bytes. As protoc does, it leaves out options that are for the source alone, but for the
// files of source_file_descriptors.
func (p *Plugin) encode(request Request) ([]byte, error) {
	parameter := strings.Join(p.Opts, ",")
	full := &pluginpb.CodeGeneratorRequest{
		FileToGenerate:  request.Names,
		Parameter:       &parameter,
		CompilerVersion: version(),
	}
	named := make(map[string]bool)
	for _, name := range request.Names {
		named[name] = true
	}
	for _, file := range request.Files {
		stripped, err := options.StripSourceRetentionOptionsFromFile(file)
		if err != nil {
			return nil, err
		}
		full.ProtoFile = append(full.ProtoFile, stripped)
		if named[file.GetName()] {
			full.SourceFileDescriptors = append(full.SourceFileDescriptors, file)
		}
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(full)
}

// version is that of the release of protoc whose language this program's compiler knows: plugins decide by it what they
// may use, and write it into what they generate.
func version() *pluginpb.Version {
	return &pluginpb.Version{
		Major: new(int32(5)), Minor: new(int32(29)), Patch: new(int32(0)), Suffix: new("fairlead"),
	}
}

// prefixed writes lines behind a prefix.
type prefixed struct {
	w      io.Writer
	prefix string

	mu   sync.Mutex
	rest []byte // a line without its end
	any  bool
}

// maxLine is how long a line grows before it is written without its end.
const maxLine = 64 << 10

// Write implements io.Writer; it never fails, so that a plugin is not killed for what it says.
func (p *prefixed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.any = true
	p.rest = append(p.rest, b...)
	for {
		advance, line, _ := bufio.ScanLines(p.rest, false) // it has no errors
		if advance == 0 {
			if len(p.rest) < maxLine {
				return len(b), nil
			}
			advance, line = len(p.rest), p.rest
		}
		fmt.Fprintf(p.w, "%s%s\n", p.prefix, line)
		p.rest = p.rest[advance:]
	}
}

func (p *prefixed) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rest) > 0 {
		fmt.Fprintf(p.w, "%s%s\n", p.prefix, p.rest)
		p.rest = nil
	}
}

// hint returns a note about a plugin that has said nothing, and "" otherwise.
func (p *prefixed) hint() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.any {
		return ""
	}
	return ", without a word"
}

// edition returns the edition of a file as people write it.
func edition(e descriptorpb.Edition) string {
	return strings.TrimPrefix(cmp.Or(descriptorpb.Edition_name[int32(e)], e.String()), "EDITION_")
}
