// Command gen generates the Go code of the test messages: with protoc-gen-go for all, and with vtprotobuf (features
// marshal, unmarshal and size) for those of testpb. It runs both generators in its own process and needs no protoc.
// Run it by "go generate" in the directory above.
package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	_ "github.com/planetscale/vtprotobuf/features/marshal"
	_ "github.com/planetscale/vtprotobuf/features/size"
	_ "github.com/planetscale/vtprotobuf/features/unmarshal"
	"github.com/planetscale/vtprotobuf/generator"
	gengo "google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"
)

const module = "github.com/fairlead-go/fairlead/codec/proto/vttest"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is a program
	}
}

func run() error {
	err := generate(goCode, "otherpb/other.proto", "testpb/test2.proto", "testpb/test3.proto", "testpb/opaque.proto")
	if err != nil {
		return err
	}
	return generate(vtCode, "testpb/test2.proto", "testpb/test3.proto")
}

func goCode(gen *protogen.Plugin) error {
	gen.SupportedFeatures = gengo.SupportedFeatures
	gen.SupportedEditionsMinimum = gengo.SupportedEditionsMinimum
	gen.SupportedEditionsMaximum = gengo.SupportedEditionsMaximum
	for _, f := range gen.Files {
		if f.Generate {
			gengo.GenerateFile(gen, f)
		}
	}
	return nil
}

func vtCode(gen *protogen.Plugin) error {
	cfg := &generator.Config{Poolable: generator.NewObjectSet(), PoolableExclude: generator.NewObjectSet()}
	g, err := generator.NewGenerator(gen, []string{"marshal", "unmarshal", "size"}, cfg)
	if err != nil {
		return err
	}
	g.Generate()
	return nil
}

// generate compiles the files and writes what f makes of them.
func generate(f func(*protogen.Plugin) error, files ...string) error {
	c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{})}
	linked, err := c.Compile(context.Background(), files...)
	if err != nil {
		return err
	}
	parameter := "module=" + module
	req := &pluginpb.CodeGeneratorRequest{FileToGenerate: files, Parameter: &parameter}
	seen := map[string]bool{}
	for _, file := range linked {
		addFile(req, seen, file)
	}
	// Once more from bytes, so that the options of the files become those of the generated Go types.
	b, err := proto.Marshal(req)
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(b, req); err != nil {
		return err
	}
	gen, err := protogen.Options{}.New(req)
	if err != nil {
		return err
	}
	if err := f(gen); err != nil {
		return err
	}
	resp := gen.Response()
	if resp.Error != nil {
		return fmt.Errorf("generate: %s", resp.GetError())
	}
	for _, out := range resp.GetFile() {
		// The name of the calling program and its version are of no use to readers.
		content := strings.ReplaceAll(out.GetContent(), "// protoc-gen-go-vtproto version: (devel)\n", "")
		if err := os.WriteFile(path.Clean(out.GetName()), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// addFile adds a file after those that it imports.
func addFile(req *pluginpb.CodeGeneratorRequest, seen map[string]bool, file protoreflect.FileDescriptor) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	imports := file.Imports()
	for i := range imports.Len() {
		addFile(req, seen, imports.Get(i).FileDescriptor)
	}
	fd := protodesc.ToFileDescriptorProto(file)
	if r, ok := file.(linker.Result); ok {
		fd = r.FileDescriptorProto()
	}
	req.ProtoFile = append(req.ProtoFile, fd)
}
