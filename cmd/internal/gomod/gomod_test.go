package gomod_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/gomod"
)

// tree makes a module with another one below it, and returns the directory that holds both.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range map[string]string{
		"shop/go.mod":            "module example.com/shop\n",
		"shop/api/v1/.keep":      "",
		"shop/tool/go.mod":       "module example.com/tool // a module of its own\n",
		"shop/tool/cmd/.keep":    "",
		"shop/odd/go.mod/.keep":  "", // a directory
		"nameless/go.mod":        "go 1.26\n",
		"nameless/inside/.keep":  "",
		"elsewhere/inside/.keep": "",
	} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestModule(t *testing.T) {
	t.Parallel()
	root := tree(t)
	tests := []struct{ dir, root, importPath string }{
		{"shop", "shop", "example.com/shop"},
		{"shop/api/v1", "shop", "example.com/shop/api/v1"},
		{"shop/not/there", "shop", "example.com/shop/not/there"},
		{"shop/tool/cmd", "shop/tool", "example.com/tool/cmd"},
		{"shop/odd", "shop", "example.com/shop/odd"},
		{"nameless/inside", "nameless", ""},
		{"elsewhere/inside", "", ""},
	}
	for _, tt := range tests {
		dir, want := filepath.Join(root, filepath.FromSlash(tt.dir)), ""
		if tt.root != "" {
			want = filepath.Join(root, filepath.FromSlash(tt.root))
		}
		if got := gomod.Root(dir); got != want {
			t.Errorf("Root(%s): got %q, want %q", tt.dir, got, want)
		}
		if got := gomod.ImportPath(dir); got != tt.importPath {
			t.Errorf("ImportPath(%s): got %q, want %q", tt.dir, got, tt.importPath)
		}
	}
}

func TestRootIsRelative(t *testing.T) {
	root := tree(t)
	t.Chdir(filepath.Join(root, "shop", "api"))
	tool := filepath.Join("..", "tool")
	for dir, want := range map[string]string{".": "..", "v1": "..", filepath.Join(tool, "cmd"): tool} {
		if got := gomod.Root(dir); got != want {
			t.Errorf("Root(%s): got %q, want %q", dir, got, want)
		}
	}
}

func TestSkips(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		all, goSource bool
	}{
		{".git", true, true},
		{"vendor", true, true},
		{"node_modules", true, true},
		{"testdata", true, true},
		{"_old", false, true},
		{"api", false, false},
		{"third_party", false, false},
	}
	for _, tt := range tests {
		if got := gomod.Skips(tt.name); got != tt.all {
			t.Errorf("Skips(%s): got %t, want %t", tt.name, got, tt.all)
		}
		if got := gomod.SkipsGo(tt.name); got != tt.goSource {
			t.Errorf("SkipsGo(%s): got %t, want %t", tt.name, got, tt.goSource)
		}
	}
}
