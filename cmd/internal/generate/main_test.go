package generate

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/pluginpb"
)

// pluginName is the plugin as which the test's own program runs when it is started under the name protoc-gen-list: it
// writes list.txt with the names of the files, or what its option says. With the option insert=FILE it inserts them as
// a comment into that file, at the point "here".
const pluginName = "list"

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "protoc-gen-"+pluginName {
		os.Exit(actAsPlugin())
	}
	os.Exit(m.Run())
}

func actAsPlugin() int {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 1
	}
	request := new(pluginpb.CodeGeneratorRequest)
	if err := proto.Unmarshal(input, request); err != nil {
		return 1
	}
	name := "list.txt"
	if other, ok := strings.CutPrefix(request.GetParameter(), "name="); ok {
		name = other
	}
	if request.GetParameter() == "fail" {
		fmt.Fprintln(os.Stderr, "it does not work")
		return 4
	}
	file := &pluginpb.CodeGeneratorResponse_File{
		Name: &name, Content: new(strings.Join(request.GetFileToGenerate(), "\n") + "\n"),
	}
	if other, ok := strings.CutPrefix(request.GetParameter(), "insert="); ok {
		file.Name, file.InsertionPoint = &other, new("here")
		file.Content = new("// " + strings.Join(request.GetFileToGenerate(), ", "))
	}
	output, err := proto.Marshal(&pluginpb.CodeGeneratorResponse{File: []*pluginpb.CodeGeneratorResponse_File{file}})
	if err != nil {
		return 1
	}
	_, _ = os.Stdout.Write(output)
	return 0
}

// listPlugin returns the path of the plugin.
func listPlugin(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "protoc-gen-"+pluginName)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}
