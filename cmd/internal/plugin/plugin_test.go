package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/fairlead-go/fairlead/cmd/internal/gen"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// programs is where the plugins are: the test's own program under other names, and the real protoc-gen-go.
var programs string

// TestMain runs the tests, or one of the plugins when the program was started under its name.
func TestMain(m *testing.M) {
	if name := filepath.Base(os.Args[0]); strings.HasPrefix(name, Prefix) {
		os.Exit(act(strings.TrimPrefix(name, Prefix)))
	}
	os.Exit(prepared(m))
}

func prepared(m *testing.M) int {
	dir, err := os.MkdirTemp("", "plugins")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for name := range actors() {
		if err := os.Symlink(self, filepath.Join(dir, Prefix+name)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// actors are plugins that behave in some way. Each gets the request and returns its answer and its exit code.
func actors() map[string]func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) {
	both := proto.Uint64(uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL |
		pluginpb.CodeGeneratorResponse_FEATURE_SUPPORTS_EDITIONS))
	file := func(name, content string) *pluginpb.CodeGeneratorResponse_File {
		return &pluginpb.CodeGeneratorResponse_File{Name: &name, Content: &content}
	}
	answer := func(files ...*pluginpb.CodeGeneratorResponse_File) *pluginpb.CodeGeneratorResponse {
		return &pluginpb.CodeGeneratorResponse{File: files, SupportedFeatures: both}
	}
	return map[string]func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int){
		"echo": func(r *pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) {
			fmt.Fprint(os.Stderr, "first line\nsecond line without an end")
			var b strings.Builder
			v := r.GetCompilerVersion()
			fmt.Fprintf(&b, "parameter %q\ncompiler %d.%d.%d-%s\n", r.GetParameter(), v.GetMajor(), v.GetMinor(),
				v.GetPatch(), v.GetSuffix())
			for _, f := range r.GetProtoFile() {
				fmt.Fprintf(&b, "file %s, positions %t\n", f.GetName(), len(f.GetSourceCodeInfo().GetLocation()) > 0)
			}
			for _, f := range r.GetSourceFileDescriptors() {
				fmt.Fprintf(&b, "source %s\n", f.GetName())
			}
			return answer(file("out/echo.txt", b.String())), 0
		},
		"pieces": func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) {
			more := "two\n"
			return answer(file("a", "one\n"), &pluginpb.CodeGeneratorResponse_File{Content: &more}, file("b", "")), 0
		},
		"base": func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) {
			return answer(file("a.txt", "{\n  // @@protoc_insertion_point(here)\n}\n")), 0
		},
		"insert": func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) {
			f := file("a.txt", "one\n\ntwo")
			f.InsertionPoint = new("here")
			return answer(f), 0
		},
		"nowhere": func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) {
			f := file("a.txt", "x")
			f.InsertionPoint = new("there")
			return answer(f), 0
		},
		"error": func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) {
			return &pluginpb.CodeGeneratorResponse{Error: new("m.proto: I do not like it")}, 0
		},
		"exit": func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) {
			fmt.Fprintln(os.Stderr, "panic: something")
			return nil, 7
		},
		"mute": func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) { return nil, 1 },
		"garbage": func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) {
			fmt.Print("usage: garbage [flags]\n")
			return nil, 0
		},
		"endless": func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) {
			for {
				if _, err := os.Stdout.Write(make([]byte, 1<<16)); err != nil {
					return nil, 1
				}
			}
		},
		"hang": func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) {
			fmt.Fprintln(os.Stderr, "hanging")
			for {
				time.Sleep(time.Hour)
			}
		},
		"up":       one(answer(file("../up.txt", "x"))),
		"absolute": one(answer(file("/tmp/absolute.txt", "x"))),
		"dots":     one(answer(file("a/../../b.txt", "x"))),
		"unclean":  one(answer(file("a//b.txt", "x"))),
		"slash":    one(answer(file(`a\..\..\b.txt`, "x"))),
		"empty":    one(answer(file("", "x"))),
		"twice":    one(answer(file("a", "x"), file("a", "y"))),
		"old":      one(&pluginpb.CodeGeneratorResponse{File: []*pluginpb.CodeGeneratorResponse_File{file("a", "x")}}),
		"narrow": one(&pluginpb.CodeGeneratorResponse{
			SupportedFeatures: both, MinimumEdition: proto.Int32(int32(descriptorpb.Edition_EDITION_PROTO2)),
			MaximumEdition: proto.Int32(int32(descriptorpb.Edition_EDITION_PROTO3)),
		}),
		"nothing": one(answer()),
	}
}

func one(r *pluginpb.CodeGeneratorResponse) func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse,
	int) {
	return func(*pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, int) { return r, 0 }
}

func act(name string) int {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 90
	}
	request := new(pluginpb.CodeGeneratorRequest)
	if err := proto.Unmarshal(input, request); err != nil {
		return 91
	}
	response, code := actors()[name](request)
	if response != nil {
		output, err := proto.Marshal(response)
		if err != nil {
			return 92
		}
		_, _ = os.Stdout.Write(output)
	}
	return code
}

func request(t *testing.T, files map[string]string) Request {
	t.Helper()
	dir := t.TempDir()
	src := idl.Source{Dir: dir, Roots: []string{dir}}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		src.Files = append(src.Files, name)
	}
	contract, err := idl.Compile(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	return Request{Files: contract.Files, Names: contract.Names}
}

const plain = `syntax = "proto3";
package p;
option go_package = "example.com/p";
import "google/protobuf/timestamp.proto";
// M has a comment.
message M { google.protobuf.Timestamp t = 1; map<string, M> more = 2; oneof k { string a = 3; bytes b = 4; } }
enum E { E_UNSPECIFIED = 0; }
`

func TestRun(t *testing.T) {
	t.Parallel()
	in := request(t, map[string]string{"m.proto": plain})
	optional := request(t, map[string]string{"o.proto": "syntax = \"proto3\"; message M { message N { optional string " +
		"s = 1; } }"})
	edition := request(t, map[string]string{"e.proto": "edition = \"2023\"; message M {}"})
	tests := []struct {
		name, plugin string
		in           *Request
		want         string // the files
		wantErr      string
		stderr       string
	}{
		{
			name: "request", plugin: "echo",
			want: "out/echo.txt: parameter \"a=b,c\"\ncompiler 5.29.0-fairlead\n" +
				"file google/protobuf/timestamp.proto, positions false\n" +
				"file m.proto, positions true\nsource m.proto\n",
			stderr: "protoc-gen-echo: first line\nprotoc-gen-echo: second line without an end\n",
		},
		{name: "pieces", plugin: "pieces", want: "a: one\ntwo\nb: "},
		{name: "nothing", plugin: "nothing"},
		{name: "error", plugin: "error", wantErr: "plugin error: m.proto: I do not like it"},
		{name: "exit code", plugin: "exit", wantErr: "/protoc-gen-exit ended with exit status 7",
			stderr: "protoc-gen-exit: panic: something\n"},
		{name: "without a word", plugin: "mute", wantErr: "/protoc-gen-mute ended with exit status 1, without a word"},
		{name: "garbage", plugin: "garbage", wantErr: `beginning with "usage: garbage [flags]\n"; is it a plugin of protoc?`},
		{name: "outside", plugin: "up", wantErr: `plugin up: it wanted to write to "../up.txt", which is no ` +
			`path below its output directory; nothing was written`},
		{name: "absolute", plugin: "absolute", wantErr: `it wanted to write to "/tmp/absolute.txt"`},
		{name: "dots", plugin: "dots", wantErr: `it wanted to write to "a/../../b.txt"`},
		{name: "not clean", plugin: "unclean", wantErr: `it wanted to write to "a//b.txt"`},
		{name: "backslash", plugin: "slash", wantErr: `it wanted to write to "a\\..\\..\\b.txt"`},
		{name: "no name", plugin: "empty", wantErr: "its answer has a file without a name"},
		{name: "twice", plugin: "twice", wantErr: "it wrote the file a twice"},
		{name: "no optional", plugin: "old", in: &optional, wantErr: "o.proto has " +
			"optional fields in proto3, which this plugin does not support"},
		{name: "no optional needed", plugin: "old", want: "a: x"},
		{name: "no editions", plugin: "old", in: &edition, wantErr: "e.proto uses " +
			"an edition, which this plugin does not support"},
		{name: "another edition", plugin: "narrow", in: &edition, wantErr: "e.proto uses " +
			"edition 2023; this plugin supports the editions PROTO2 to PROTO3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.in == nil {
				tt.in = &in
			}
			p := Plugin{Name: tt.plugin, Path: filepath.Join(programs, Prefix+tt.plugin), Opts: []string{"a=b", "c"}}
			var stderr bytes.Buffer
			files, err := p.Run(t.Context(), *tt.in, &stderr)
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("error is %v, want one with %s", err, tt.wantErr)
				}
			} else if err != nil {
				t.Error(err)
			}
			var got strings.Builder
			for _, f := range files {
				fmt.Fprintf(&got, "%s: %s", f.Name, f.Content)
			}
			if got.String() != tt.want {
				t.Errorf("files are\n%s\nwant\n%s", got.String(), tt.want)
			}
			if stderr.String() != tt.stderr {
				t.Errorf("error output is\n%s\nwant\n%s", stderr.String(), tt.stderr)
			}
		})
	}
}

// signal cancels a context when something is written.
type signal struct{ stop context.CancelFunc }

func (s signal) Write(b []byte) (int, error) { s.stop(); return len(b), nil }

func TestRunHangs(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p := Plugin{Name: "hang", Path: filepath.Join(programs, Prefix+"hang")}
	_, err := p.Run(ctx, request(t, map[string]string{"m.proto": plain}), signal{stop})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "plugin hang: stopped") {
		t.Errorf("error is %v, want that it was stopped", err)
	}
}

func TestRunEndless(t *testing.T) {
	t.Parallel()
	p := Plugin{Name: "endless", Path: filepath.Join(programs, Prefix+"endless"), maxOutput: 1 << 20}
	_, err := p.Run(t.Context(), request(t, map[string]string{"m.proto": plain}), io.Discard)
	want := "/protoc-gen-endless wrote more than 1 MiB to its standard output, which is the limit"
	if err == nil || !strings.HasPrefix(err.Error(), "plugin endless: ") || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error is %v, want that of plugin endless with %s", err, want)
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	in := request(t, map[string]string{"m.proto": plain})
	run := func(name string, into map[string][]byte) error {
		p := Plugin{Name: name, Path: filepath.Join(programs, Prefix+name)}
		files, err := p.Run(t.Context(), in, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		return p.Merge(into, files)
	}
	into := make(map[string][]byte)
	if err := run("insert", into); err == nil || !strings.Contains(err.Error(),
		"plugin insert: it inserts code into the file a.txt, which no plugin before it has written") {
		t.Errorf("error is %v", err)
	}
	if err := errors.Join(run("base", into), run("insert", into)); err != nil {
		t.Fatal(err)
	}
	if got, want := string(into["a.txt"]), "{\n  one\n\n  two\n  // @@protoc_insertion_point(here)\n}\n"; got != want {
		t.Errorf("file is\n%s\nwant\n%s", got, want)
	}
	if err := run("nowhere", into); err == nil || !strings.Contains(err.Error(),
		`at the point "there" of the file a.txt, which has no such point`) {
		t.Errorf("error is %v", err)
	}
	if err := run("base", into); err == nil || !strings.Contains(err.Error(),
		"it writes the file a.txt, which another generator writes too") {
		t.Errorf("error is %v", err)
	}
}

func TestInside(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	out := filepath.Join(root, "out")
	for _, dir := range []string{"out/real", "elsewhere"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink(filepath.Join(root, "elsewhere"), filepath.Join(out, "away")),
		os.Symlink("real", filepath.Join(out, "near"))); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		ok   bool
	}{{"a", true}, {"real/a", true}, {"near/a", true}, {"new/deep/a", true}, {"away/a", false}, {"away/new/a", false}}
	for _, tt := range tests {
		if err := Inside(out, tt.name); (err == nil) != tt.ok {
			t.Errorf("%s: error is %v", tt.name, err)
		}
	}
}

func TestProgram(t *testing.T) {
	t.Parallel()
	tests := []struct {
		plugin Plugin
		want   string
	}{
		{Plugin{Name: "absent"}, "plugin absent: there is no program protoc-gen-absent in PATH; " +
			"install it, or give its path as absent=/path/to/protoc-gen-absent"},
		{Plugin{Name: "x", Path: "./absent/protoc-gen-x"}, "plugin x: ./absent/protoc-gen-x is no program that can be run"},
	}
	for _, tt := range tests {
		if _, err := tt.plugin.Program(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error is %v, want %s", err, tt.want)
		}
	}
	if got := NameOf("/a/protoc-gen-go-grpc.exe"); got != "go-grpc" {
		t.Errorf("name is %s", got)
	}
}

// TestRealPlugin compares what protoc-gen-go makes as a plugin with what this program makes with its code.
func TestRealPlugin(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds a program")
	}
	program := filepath.Join(t.TempDir(), "protoc-gen-go")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "google.golang.org/protobuf/cmd/protoc-gen-go")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	in := request(t, map[string]string{
		"m.proto": plain,
		"e.proto": "edition = \"2023\"; package q; option go_package = \"example.com/q\"; message M { string s = 1; }",
	})
	p := Plugin{Name: "go", Path: program, Opts: []string{"paths=source_relative"}}
	files, err := p.Run(t.Context(), in, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := gen.Run(in.Files, in.Names, gen.Config{Messages: true})
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for _, f := range ours.Files {
		if f.Content != nil {
			want[f.Name] = body(f.Content)
		}
	}
	for _, f := range files {
		if body(f.Content) != want[f.Name] {
			t.Errorf("%s differs:\n%s\nwant\n%s", f.Name, f.Content, want[f.Name])
		}
		delete(want, f.Name)
	}
	if len(want) > 0 {
		t.Errorf("the plugin did not write %v", want)
	}
}

// body returns generated code from its package clause on: before that there are versions.
func body(content []byte) string {
	_, rest, _ := strings.Cut(string(content), "\npackage ")
	return rest
}
