package generate

import (
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// contract returns a contract with a Go package and declarations.
func contract(pkg, goPackage, declarations string) string {
	return "syntax = \"proto3\";\npackage " + pkg + ";\noption go_package = \"" + goPackage + "\";\n" + declarations
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, args string
		files      map[string]string
		want       []string
	}{
		{
			name: "the same full name", args: "$",
			files: map[string]string{
				"a/a.proto": contract("p", "example.com/m/a", "message M {}\n"),
				"b/b.proto": contract("p", "example.com/m/b", "enum M { M_ZERO = 0; }\n"),
			},
			want: []string{"$/b/b.proto:4:6: p.M is declared twice: as an enum here, and as a message in $/a/a.proto:4\n" +
				"    4 | enum M { M_ZERO = 0; }\n"},
		},
		{
			name: "the same full name in two modules", args: "$/one $/two",
			files: map[string]string{
				"one/go.mod": "module example.com/one\n", "two/go.mod": "module example.com/two\n",
				"one/a.proto": contract("p", "example.com/one;one", "message M { message N {} }\n"),
				"two/b.proto": contract("p", "example.com/two;two", "\tmessage M { message N {} }\n"),
			},
			want: []string{
				"$/two/b.proto:4:10: p.M is declared twice, here and in $/one/a.proto:4\n    4 | \tmessage M { message N {} }\n" +
					"      | \t        ^\n",
				"$/two/b.proto:4:22: p.M.N is declared twice, here and in $/one/a.proto:4\n",
				"a program that links both panics when it starts",
			},
		},
		{
			name: "a copy in another module", args: "--check $/one $/two",
			files: map[string]string{
				"one/go.mod": "module example.com/one\n", "two/go.mod": "module example.com/two\n",
				"one/a.proto": contract("p", "example.com/one;one", "message M {}\n"),
				"two/a.proto": contract("p", "example.com/one;one", "message M {}\n"),
			},
			want: []string{"generated code is not up to date"},
		},
		{
			name: "two names of a Go package", args: "$",
			files: map[string]string{
				"a/a.proto": contract("p", "example.com/m/a", "message A {}\n"),
				"a/b.proto": contract("q", "example.com/m/a;other", "message B {}\n"),
			},
			want: []string{"$/a/b.proto:3:1: the Go package \"example.com/m/a\" is called other here, and a in $/a/a.proto:3\n"},
		},
		{
			name: "two declarations with a name in Go", args: "$",
			files: map[string]string{
				"a/a.proto": contract("p", "example.com/m/a", "message Order { message Item {} }\n"),
				"a/b.proto": contract("q", "example.com/m/a", "message Order_Item {}\n"),
			},
			want: []string{"$/a/b.proto:4:9: q.Order_Item and p.Order.Item ($/a/a.proto:4) " +
				"are both Order_Item in the Go package \"example.com/m/a\"\n"},
		},
		{
			name: "names that Go's code of messages has", args: "$",
			files: map[string]string{"a/a.proto": strings.Replace(contract("p", "example.com/m/a", ""), "3", "2", 1) + `
message A { oneof o { string x = 1; } extensions 100 to 200; }
message A_X {}
extend A { optional string foo_bar = 100; }
extend A { optional string FooBar = 101; }
message R { optional string proto_reflect = 1; }
message S { oneof proto_reflect { string y = 1; } }
`},
			want: []string{
				"$/a/a.proto:6:9: p.A_X and p.A.x ($/a/a.proto:5) are both A_X in the Go package \"example.com/m/a\"\n",
				"$/a/a.proto:8:28: p.FooBar and p.foo_bar ($/a/a.proto:7) are both E_FooBar in the Go package",
				"$/a/a.proto:9:29: p.R.proto_reflect is ProtoReflect in Go, and so is a method of its message\n",
				"$/a/a.proto:10:19: p.S.proto_reflect is ProtoReflect in Go, and so is a method of its message\n",
			},
		},
		{
			name: "Go packages that import each other", args: "$",
			files: map[string]string{
				"a/a.proto": contract("p.a", "example.com/m/a", "import \"b/b.proto\";\nmessage A { p.b.B b = 1; }\n"),
				"a/x.proto": contract("p.a", "example.com/m/a", "message X {}\n"),
				"b/b.proto": contract("p.b", "example.com/m/b", "message B {}\n"),
				"b/x.proto": contract("p.b", "example.com/m/b", "import \"c/c.proto\";\nmessage X { p.a.X a = 1; }\n"),
				"c/c.proto": contract("p.c", "example.com/m/c", "import public \"a/x.proto\";\n"),
			},
			want: []string{
				"$/b/x.proto:4:1: Go packages would import each other, which Go refuses: " +
					"\"example.com/m/a\" imports \"example.com/m/b\" ($/a/a.proto:4), " +
					"\"example.com/m/b\" imports \"example.com/m/a\" ($/b/x.proto:4)\n",
				"give these files one Go package",
			},
		},
		{
			name: "names that Go does not take for a package", args: "-M e.proto=example.com/m/e;my-e $",
			files: map[string]string{
				"a.proto": contract("p.a", "example.com/m/a;my-pkg", ""), "b.proto": contract("p.b", "example.com/m/b;type", ""),
				"c.proto": contract("p.c", "example.com/m/c;_", ""), "d.proto": contract("p.d", "pb", ""),
				"e.proto": contract("p.e", "example.com/m/e", ""),
			},
			want: []string{
				"$/a.proto:3:1: \"my-pkg\" is not a name for a Go package\n    3 | option",
				"      write: example.com/m/a;my_pkg\n",
				"$/b.proto:3:1: \"type\" is not a name for a Go package\n", "      write: example.com/m/b;typepb\n",
				"$/c.proto:3:1: \"_\" is not a name for a Go package\n", "      write: example.com/m/c;pb\n",
				"$/d.proto:3:1: \"pb\" is not the import path of a Go package: it has neither a dot nor a slash\n",
				"      write: example.com/m\n",
				"$/e.proto: \"my-e\" is not a name for a Go package\n", "it comes from --map or from fairlead.yaml; write: ",
			},
		},
		{
			name: "two Go packages in a directory", args: "$",
			files: map[string]string{
				"a/a.proto": contract("p", "example.com/m/a", "message A {}\n"),
				"a/b.proto": contract("q", "example.com/m/b", "message B {}\n"),
			},
			want: []string{"$/a/b.proto:3:1: the code lands in $/a as package b, and that of $/a/a.proto:3 as package a: " +
				"Go takes one package in a directory\n", "      place it by import path, with --paths import"},
		},
		{
			name: "a file that Go passes over", args: "$",
			files: map[string]string{"_b.proto": contract("p", "example.com/m", "message M {}\n")},
			want: []string{"$/_b.proto: Go passes over files whose names begin with \"_\", and so over the code\n",
				"      rename the contract\n"},
		},
		{
			name: "a comment that is not UTF-8", args: "$",
			files: map[string]string{"a.proto": contract("p", "example.com/m", "// caf\xe9\nmessage M {}\n")},
			want:  []string{"$/a.proto:4:7: the byte 0xe9 is not UTF-8\n    4 | // caf\ufffd\n"},
		},
		{
			name: "a file under two names", args: "-I $ -I $/api $/a.proto",
			files: map[string]string{
				"a.proto": contract("p", "example.com/m", "import \"api/b.proto\";\nimport \"b.proto\";\n"+
					"message A { M m = 1; }\n"),
				"api/b.proto": contract("p", "example.com/m/api", "message M {}\n"),
			},
			want: []string{"is read twice, as", "two import roots lead to it; keep one of them"},
		},
		{
			name: "a place that Go knows under another name", args: "--check $",
			files: map[string]string{"a/a.proto": contract("p", "example.com/m/b", "message M {}\n")},
			want: []string{
				"$/a/a.proto:3:1: its Go package is \"example.com/m/b\", and the " +
					"code lands in $/a, which is \"example.com/m/a\": " +
					"imports of the former do not find it (warning)\n    3 | option go_package = \"example.com/m/b\";\n",
				"      write: option go_package = \"example.com/m/a;b\";\n",
			},
		},
		{
			name: "a place by a mapping", args: "--check -M a/a.proto=example.com/m/c $",
			files: map[string]string{"a/a.proto": contract("p", "example.com/m/a", "message M {}\n")},
			want:  []string{"$/a/a.proto: its Go package is \"example.com/m/c\"", "write: -M a/a.proto=example.com/m/a\n"},
		},
		{
			name: "a place without the module cut off", args: "--check --paths import -o $ $",
			files: map[string]string{"a/a.proto": contract("p", "example.com/m/a", "message M {}\n")},
			want: []string{"the code lands in $/example.com/m/a, which is \"example.com/m/example.com/m/a\"",
				"      add: --module example.com/m\n"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, tt.files)
			code, _, stderr := command(t, root, strings.Fields(tt.args)...)
			if code == cli.ExitOK {
				t.Errorf("exit code is 0: %s", stderr)
			}
			for _, want := range tt.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("error output is\n%s\nwant\n%s", stderr, want)
				}
			}
		})
	}
}

// TestRoutesThatCannotBeServed sees that a rule which is left out is told with its place, and all else is written.
func TestRoutesThatCannotBeServed(t *testing.T) {
	t.Parallel()
	const warning = "$/a/a.proto:8:55: GET /v1/{other} of p.S.B matches the same requests as GET /v1/{name} of p.S.A in " +
		"$/a/a.proto:7:55; the route is left out (warning)\n    8 |   rpc B(M)"
	root := tree(t, map[string]string{
		"a/a.proto": contract("p", "example.com/m/a", "import \"google/api/annotations.proto\";\n"+
			"message M { string name = 1; string other = 2; }\n"+
			"service S {\n  rpc A(M) returns (M) { option (google.api.http) = { get: \"/v1/{name}\" }; }\n"+
			"  rpc B(M) returns (M) { option (google.api.http) = { get: \"/v1/{other}\" }; }\n}\n"),
		// Services that never share a server.
		"b/b.proto": contract("q", "example.com/m/b", "import \"google/api/annotations.proto\";\n"+
			"message M { string name = 1; }\n"+
			"service S {\n  rpc A(M) returns (M) { option (google.api.http) = { get: \"/v1/{name}\" }; }\n}\n"),
	})
	code, stdout, stderr := command(t, root, "--strict", "$")
	if code != cli.ExitFailed || stdout != "" || !strings.Contains(stderr, warning) ||
		!strings.Contains(stderr, "nothing was written: there are warnings") {
		t.Errorf("with --strict: exit code %d, printed %q and\n%s", code, stdout, stderr)
	}
	expect(t, root, "$", cli.ExitOK, "$/a/a.fl.go\n$/a/a.pb.go\n$/b/b.fl.go\n$/b/b.pb.go\n", warning)
	expect(t, root, "--check $", cli.ExitOK, "", warning)
	put(t, root, "fairlead.yaml", "version: 1\ngen:\n  strict: true\n")
	expect(t, root, "--project $/fairlead.yaml", cli.ExitFailed, "", "nothing was written")
}

// TestGoName holds the names of packages against those that the generator gives them.
func TestGoName(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"shop", "shop-v1", "my.shop", "type", "1", "_", "été", "v1"} {
		root := tree(t, map[string]string{"a.proto": contract("p", "example.com/m/"+base, "message M {}\n")})
		if code, _, stderr := command(t, root, "-q", "$"); code != cli.ExitOK {
			t.Fatalf("%s: exit code %d, %s", base, code, stderr)
		}
		if got, want := read(t, root, "a.pb.go"), "\npackage "+goName(base)+"\n"; !strings.Contains(got, want) {
			t.Errorf("%s: the code has no %q", base, want)
		}
	}
}
