// Command gengw runs grpc-gateway's generator on the contract of package librarypb. It is for go generate in package
// librarygw.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/fairlead-go/fairlead/conformance/rest/librarypb"
)

// target is the package that the generated code belongs to.
const target = "github.com/fairlead-go/fairlead/conformance/rest/librarygw;librarygw"

const plugin = "github.com/grpc-ecosystem/grpc-gateway/v2/protoc-gen-grpc-gateway"

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	file := librarypb.File_rest_librarypb_library_proto
	req := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{file.Path()},
		Parameter:      new("paths=source_relative,M" + file.Path() + "=" + target),
	}
	add(req, file, make(map[string]bool))
	in, err := proto.Marshal(req)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), "go", "run", plugin)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", plugin, err)
	}
	var resp pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &resp); err != nil {
		return err
	}
	if resp.Error != nil {
		return fmt.Errorf("%s: %s", plugin, resp.GetError())
	}
	for _, f := range resp.GetFile() {
		name := f.GetName()[strings.LastIndexByte(f.GetName(), '/')+1:]
		text := f.GetContent()
		if before, rest, ok := strings.Cut(text, "/*\nPackage "); ok { // types.go has a comment on the package
			_, after, _ := strings.Cut(rest, "*/\n")
			text = before + after
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// add adds a file behind what it imports.
func add(req *pluginpb.CodeGeneratorRequest, file protoreflect.FileDescriptor, seen map[string]bool) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	imports := file.Imports()
	for i := range imports.Len() {
		add(req, imports.Get(i), seen)
	}
	req.ProtoFile = append(req.ProtoFile, protodesc.ToFileDescriptorProto(file))
}
