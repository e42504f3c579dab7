// Package idltest makes contracts of any size, for tests of what commands need for them.
package idltest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// File returns a contract in the shape of the largest public ones: messages with comments of several lines, optional
// fields, an enum within each fourth message, and a service with an HTTP rule for every method. It has half as many
// methods as messages, and about 55 lines for each message. Its package is pkg, and its Go package the same below
// example.com/m.
func File(pkg string, messages int) string {
	var b strings.Builder
	header(&b, pkg, nil)
	for i := range messages {
		message(&b, i, 8, "")
	}
	service(&b, pkg, messages)
	return b.String()
}

// Tree writes files with messages in all below dir, as large repositories have them: fifty files in an area, each in a
// package of its own, with a service in each fourth, and importing the first of its area and up to three more. It
// returns the number of bytes written.
func Tree(dir string, files, messages int) (int, error) {
	size := 0
	for i := range files {
		var b strings.Builder
		var imports []string
		if i%4 != 0 {
			imports = append(imports, treeName(i-1))
			if first := i - i%50; first < i-1 {
				imports = append(imports, treeName(first))
			}
		}
		header(&b, treePackage(i), imports)
		count := messages*(i+1)/files - messages*i/files
		for j := range count {
			other := ""
			if len(imports) > 0 && j == 0 {
				other = treePackage(i-1) + ".Message0"
			}
			message(&b, j, 2, other)
		}
		if i%4 == 0 {
			service(&b, treePackage(i), count)
		}
		path := filepath.Join(dir, filepath.FromSlash(treeName(i)))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return size, err
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			return size, err
		}
		size += b.Len()
	}
	return size, nil
}

func treePackage(i int) string { return fmt.Sprintf("area%d.part%d.v1", i/50, i) }

func treeName(i int) string {
	return strings.ReplaceAll(treePackage(i), ".", "/") + "/contract.proto"
}

func header(b *strings.Builder, pkg string, imports []string) {
	parts := strings.Split(pkg, ".")
	fmt.Fprintf(b, "syntax = \"proto3\";\n\npackage %s;\n\nimport \"google/api/annotations.proto\";\n"+
		"import \"google/protobuf/timestamp.proto\";\n", pkg)
	for _, name := range imports {
		fmt.Fprintf(b, "import %q;\n", name)
	}
	fmt.Fprintf(b, "\noption go_package = \"example.com/m/%s;%s\";\n", strings.Join(parts, "/"), strings.Join(parts, ""))
}

// message writes a message; of is the type of one more field, "" for none.
func message(b *strings.Builder, i, fields int, of string) {
	fmt.Fprintf(b, "\n// Message%d is one of many. What it is for takes some lines to tell, as it does in contracts\n"+
		"// that people write: what the fields are, how they go together, and what became of those that\n"+
		"// are gone.\nmessage Message%d {\n", i, i)
	if i%4 == 0 {
		fmt.Fprintf(b, "  // State%d says how far it is.\n  enum State%d {\n    // It is not known.\n"+
			"    STATE_UNSPECIFIED = 0;\n\n    // It is being made.\n    PENDING = 1;\n\n    // It is there.\n"+
			"    READY = 2;\n  }\n\n", i, i)
		fmt.Fprintf(b, "  // How far it is.\n  State%d state = %d;\n\n", i, fields+4)
	}
	for n := range fields {
		fmt.Fprintf(b, "  // Field%d has a comment of its own, which says what it stands for, its unit, what is the\n"+
			"  // default, and that it may be empty.\n  optional string field_%d = %d;\n\n", n, n, n+1)
	}
	fmt.Fprintf(b, "  // When it was made.\n  google.protobuf.Timestamp create_time = %d;\n\n", fields+1)
	fmt.Fprintf(b, "  // What is written on it.\n  map<string, string> labels = %d;\n", fields+2)
	switch {
	case of != "":
		fmt.Fprintf(b, "\n  // What it belongs to.\n  .%s parent = %d;\n", of, fields+3)
	case i > 0:
		fmt.Fprintf(b, "\n  // Those before it.\n  repeated Message%d before = %d;\n", i-1, fields+3)
	}
	b.WriteString("}\n")
}

func service(b *strings.Builder, pkg string, messages int) {
	b.WriteString("\n// Everything has all methods.\nservice Everything {")
	for i := range messages / 2 {
		fmt.Fprintf(b, "\n  // Get%d returns one by the name of its field.\n  rpc Get%d(Message%d) returns (Message%d) {\n"+
			"    option (google.api.http) = {\n      get: \"/%s/things%d/{field_0}/{field_1}\"\n    };\n  }\n",
			i, i, 2*i, 2*i+1, strings.ReplaceAll(pkg, ".", "/"), i)
	}
	b.WriteString("}\n")
}
