package gen

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// TestPrintedFiles compares generated files that are formatted here with what protogen makes of them.
func TestPrintedFiles(t *testing.T) {
	t.Parallel()
	const (
		head   = "// Code generated.\n// source: a.proto\n\n// Package p has documentation.\npackage p\n"
		method = "func (m *M) MarshalVT() (dAtA []byte, err error) {\nif m == nil {\nreturn nil, nil\n}\n\n" +
			"size := m.SizeVT()\nfor i:=0;i<size;i++ {\n}\nreturn dAtA, nil\n}\n"
	)
	many := 2 * partSize / len(method)
	tests := []struct {
		name, text string
		left       bool // to protogen
	}{
		{"nothing but a package", head, false},
		{"a constraint", "//go:build !x\n" + head + "\nconst a = 1\n", false},
		{"one part", head + "\nconst (\n_ = 1\n)\n\n" + method, false},
		{"parts", head + "\n" + strings.Repeat(method+"\n", many) + method, false},
		{"without empty lines", head + "\n" + strings.Repeat(method, many), false},
		{"several empty lines", head + "\n" + strings.Repeat(method+"\n\n\n", many) + method, false},
		{"a comment behind the package", "package p // one\n\nfunc A() {}\n", true},
		{"a comment below the package", head + "// one\n\nfunc A() {}\n", true},
		{"a comment of several lines before the package", "/*\npackage q\n*/\n" + head + "\nfunc A() {}\n", true},
		{"not Go", head + "\nfunc A( {}\n", true},
		{"not Go behind the first part", head + "\n" + strings.Repeat(method+"\n", many) + "func A( {}\n", true},
		{"no package", "// Code generated.\n", true},
	}
	for _, imports := range []bool{false, true} {
		for _, tt := range tests {
			name := tt.name
			if imports {
				name += ", imports"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				plugin := emptyPlugin(t)
				out := plugin.NewGeneratedFile("a.pb.go", "example.com/a")
				if _, err := out.Write([]byte(tt.text)); err != nil {
					t.Fatal(err)
				}
				if imports {
					for _, path := range []protogen.GoImportPath{"z/io", "example.com/io", "io", "x/wire" + renamed + "wirepb"} {
						out.QualifiedGoIdent(path.Ident("A"))
					}
					out.Import("reflect")
					out.Import("io")
				}
				plugin.NewGeneratedFile("b.pb.go", "example.com/a").Skip()
				files, ok := printedFiles(plugin)
				if !ok || len(files) != 1 || files[0].name != "a.pb.go" {
					t.Fatalf("the plugin cannot be read: %v, %v", files, ok)
				}
				got, err := files[0].formatted()
				want, wrong := out.Content()
				if (err != nil) != tt.left {
					t.Fatalf("error is %v, want one: %v", err, tt.left)
				}
				if err == nil && (wrong != nil || !bytes.Equal(got, want)) {
					t.Errorf("%d bytes, want %d (%v); they begin with\n%.800s\nwant\n%.800s", len(got), len(want), wrong, got, want)
				}
				r := run{plugin: plugin}
				all, err := r.formatted(plugin)
				if (err != nil) != (wrong != nil) || err == nil && !bytes.Equal(all[0].Content, want) {
					t.Errorf("the run has %v, %v; want %.800s", all, err, want)
				}
			})
		}
	}
}

// TestPrintedFilesRefuses: what a generator says is wrong is not lost.
func TestPrintedFilesRefuses(t *testing.T) {
	t.Parallel()
	plugin := emptyPlugin(t)
	plugin.Error(errNotFormatted)
	if files, ok := printedFiles(plugin); ok {
		t.Errorf("the plugin has an error, and its files are read: %v", files)
	}
	if _, err := (&run{plugin: plugin}).formatted(plugin); err == nil || err.Error() != errNotFormatted.Error() {
		t.Errorf("error is %v, want %v", err, errNotFormatted)
	}
}

func emptyPlugin(t *testing.T) *protogen.Plugin {
	t.Helper()
	plugin, err := Options().New(&pluginpb.CodeGeneratorRequest{
		ProtoFile: []*descriptorpb.FileDescriptorProto{{
			Name: new("a.proto"), Options: &descriptorpb.FileOptions{GoPackage: new("example.com/a")},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return plugin
}
