package scaffold

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree writes files below a new directory and returns that.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func shop(t *testing.T) *Variables {
	t.Helper()
	v, err := newVariables("shop", "")
	if err != nil {
		t.Fatal(err)
	}
	v.GoVersion, v.FairleadVersion, v.Checkout = "1.26.0", "v0.0.0", "/src/fairlead"
	return &v
}

func find(files []file, path string) *file {
	if i := slices.IndexFunc(files, func(f file) bool { return f.path == path }); i >= 0 {
		return &files[i]
	}
	return nil
}

func TestTemplatesOfTheUser(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		"Makefile":                  "{{not a template}}\n",
		"README.md.tmpl":            "# {{.Name}} of {{.Module}}\n",
		"docs/{{.ProtoDir}}.md":     "as it is: {{.Name}}\n",
		"deploy/{{.Name}}.txt.tmpl": "port {{.Port}}\n",
		"Dockerfile.tmpl":           "{{if not .Checkout}}FROM scratch{{end}}\n",
		"empty":                     "",
		"internal/{{.Name}}/a.go.tmpl": "package {{.Name}}\nimport (\"os\"\n\"{{.Module}}/x\"; \"fmt\")\n" +
			"var _, _ = fmt.Print, os.Exit\n",
		".git/config": "not for the project",
	})
	script := filepath.Join(dir, "run.sh.tmpl")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec go run ./cmd/{{.Name}}\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	files, err := render(shop(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Makefile":        "{{not a template}}\n",
		"README.md":       "# shop of example.com/shop\n",
		"docs/shop.md":    "as it is: {{.Name}}\n",
		"deploy/shop.txt": "port 8080\n",
		"empty":           "",
		"internal/shop/a.go": "package shop\n\nimport (\n\t\"example.com/shop/x\"\n\t\"fmt\"\n\t\"os\"\n)\n\n" +
			"var _, _ = fmt.Print, os.Exit\n",
		"run.sh": "#!/bin/sh\nexec go run ./cmd/shop\n",
	} {
		f := find(files, name)
		if f == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		if string(f.content) != want {
			t.Errorf("%s: got %q, want %q", name, f.content, want)
		}
		if f.program != (name == "run.sh") {
			t.Errorf("%s: is a program: %v", name, f.program)
		}
	}
	if find(files, "Dockerfile") != nil {
		t.Error("a template that comes to nothing has not taken the Dockerfile away")
	}
	if find(files, ".git/config") != nil {
		t.Error("Git's own files were taken")
	}
	if find(files, "config.yaml") == nil {
		t.Error("what the directory does not have is not the built-in file")
	}
}

func TestTemplateErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file, text, want string
	}{
		{"syntax", "a/b.txt.tmpl", "one\n{{if}}\n", "a/b.txt.tmpl:2: missing value for if"},
		{"an unknown variable", "b.txt.tmpl", "one\n\n  {{.Title2}}\n",
			"b.txt.tmpl:3:4: <.Title2>: there is no variable Title2; fairlead new --help lists them"},
		{"an unknown function", "b.txt.tmpl", "{{shout .Name}}", `b.txt.tmpl:1: function "shout" not defined`},
		{"a path", "{{.Nope}}/b.txt", "", "there is no variable Nope"},
		{"a path out of the project", "{{slice .Module 11 11}}/b.txt", "", `the path becomes "/b.txt", which is none`},
		{"two for one path", "Makefile.tmpl", "", "Makefile.tmpl would both become Makefile"},
		{"no Go code", "x.go.tmpl", "package x\n\nfunc {\n",
			"x.go.tmpl: does not become Go code: in what it becomes, line 3: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{tt.file: tt.text}
			if tt.name == "two for one path" {
				files["Makefile"] = ""
			}
			dir := tree(t, files)
			_, err := render(shop(t), dir)
			if err == nil || !strings.Contains(filepath.ToSlash(err.Error()), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			} else if !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want the directory", err)
			}
		})
	}
	t.Run("several", func(t *testing.T) {
		t.Parallel()
		dir := tree(t, map[string]string{"a.tmpl": "{{.A}}", "b.tmpl": "{{.B}}"})
		_, err := render(shop(t), dir)
		if err == nil || !strings.Contains(err.Error(), "no variable A") || !strings.Contains(err.Error(), "no variable B") {
			t.Errorf("got %v, want both errors", err)
		}
	})
	t.Run("no directory", func(t *testing.T) {
		t.Parallel()
		dir := tree(t, map[string]string{"a": ""})
		for _, at := range []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")} {
			if _, err := render(shop(t), at); err == nil || !strings.Contains(err.Error(), "--template") {
				t.Errorf("%s: got %v", at, err)
			}
		}
	})
}

// TestContractOfTheUser: errors of a contract name the template.
func TestContractOfTheUser(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string]string{
		"api/{{.ProtoDir}}/v1/{{.ProtoFile}}.tmpl": "syntax = \"proto3\";\npackage {{.ProtoPackage}};\n" +
			"option go_package = \"{{.Module}}/x;x\";\nmessage A { Lost a = 1; }\nmessage B { Lost b = 1; }\n",
	})
	files, err := render(shop(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = generate(t.Context(), files)
	at := filepath.Join(dir, "api", "{{.ProtoDir}}", "v1", "{{.ProtoFile}}.tmpl")
	for _, want := range []string{at + ":4:13: ", at + ":5:13: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestCodeOfTheUser: the project's fairlead.yaml says where its code goes.
func TestCodeOfTheUser(t *testing.T) {
	t.Parallel()
	tests := []struct{ gen, want, err string }{
		{"out: gen", "gen/shop/v1/shop.pb.go", ""},
		{"paths: import\n  module: example.com/shop", "api/shop/v1/shop.pb.go", ""},
		{"out: ../elsewhere", "", "fairlead.yaml: gen.out: ../elsewhere is not in the project"},
	}
	for _, tt := range tests {
		dir := tree(t, map[string]string{
			"fairlead.yaml": "version: 1\ngen:\n  roots: [api]\n  inputs: [api]\n  " + tt.gen + "\n",
		})
		files, err := render(shop(t), dir)
		if err != nil {
			t.Fatal(err)
		}
		code, err := generate(t.Context(), files)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%s: got %v, want %q", tt.gen, err, tt.err)
			}
			continue
		}
		if err != nil || find(code, tt.want) == nil {
			t.Errorf("%s: %d files, %v, without %s", tt.gen, len(code), err, tt.want)
		}
	}
}
