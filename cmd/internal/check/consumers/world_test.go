package consumers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
	"github.com/fairlead-go/fairlead/cmd/internal/gen"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// newWorld makes a directory with the modules api, which holds generated code, those which use it, and
// broken, which uses what it does not have, and makes that directory the working directory.
func newWorld(t *testing.T) {
	t.Helper()
	const source = "testdata/world"
	repository, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(repository, "cmd", "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	const (
		versions = "\ngo 1.26.0\n\nrequire (\n\tgithub.com/fairlead-go/fairlead v0.0.0\n" +
			"\tgoogle.golang.org/protobuf v1.36.12\n\tgoogle.golang.org/grpc v1.0.0\n"
		api = "\texample.com/api v0.0.0\n"
	)
	replaced := ")\n\nreplace (\n\tgithub.com/fairlead-go/fairlead => " + repository +
		"\n\tgoogle.golang.org/grpc => ../grpc\n\texample.com/api => ../api\n)\n"
	files := map[string]string{
		"api/go.mod":                  "module example.com/api\n" + versions + replaced,
		"api/shop/v1/shop.proto":      read("api/shop/v1/shop.proto"),
		"api/shop/v1/shop_grpc.pb.go": read("api/shop_grpc.pb.go.txt"),
		"cart/go.mod":                 "module example.com/cart\n" + versions + api + replaced,
		"cart/cart.go":                read("cart/cart.go.txt"),
		"cart/cart_test.go":           read("cart/cart_test.go.txt"),
		"billing/go.mod":              "module example.com/billing\n" + versions + api + replaced,
		"billing/main.go":             read("billing/main.go.txt"),
		"desk/go.mod":                 "module example.com/desk\n" + versions + api + replaced,
		"desk/desk.go":                read("desk/desk.go.txt"),
		"broken/go.mod":               "module example.com/broken\n" + versions + api + replaced,
		"broken/old.go":               read("broken/old.go.txt"),
		// Enough of grpc-go for the code that its generator writes.
		"grpc/go.mod": "module google.golang.org/grpc\n\ngo 1.26.0\n",
		"grpc/grpc.go": "package grpc\n\nimport \"context\"\n\ntype CallOption interface{}\n\n" +
			"type ClientConnInterface interface {\n" +
			"\tInvoke(ctx context.Context, method string, args, reply any, opts ...CallOption) error\n}\n",
	}
	for _, module := range []string{"api", "cart", "billing", "desk", "broken"} {
		files[module+"/go.sum"] = string(sums)
	}
	dir := t.TempDir()
	root := filepath.Join(source, "api")
	contract, err := idl.Compile(t.Context(), idl.Source{
		Dir: root, Roots: []string{root}, Files: []string{"shop/v1/shop.proto"},
	})
	if err != nil {
		t.Fatal(err)
	}
	generated, err := gen.Run(contract.Files, contract.Names, gen.Config{Messages: true, Stubs: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range generated.Files {
		if file.Content != nil {
			files["api/"+file.Name] = string(file.Content)
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

// snapshot returns the sizes and times of all files below the working directory.
func snapshot(t *testing.T) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func run(t *testing.T, args ...string) clitest.Result {
	t.Helper()
	return clitest.Run(t, New(), nil, args...)
}

func TestWorld(t *testing.T) { //nolint:paralleltest // it changes the working directory
	want, err := os.ReadFile("testdata/uses.txt")
	if err != nil {
		t.Fatal(err)
	}
	newWorld(t)
	before := snapshot(t)

	t.Run("all", func(t *testing.T) {
		got := run(t, "--consumers", "cart,billing")
		if got.Code != cli.ExitOK || got.Out != string(want) || got.Err != "2 modules with 2 packages: 30 uses\n" {
			t.Errorf("exit code %d, errors %q, printed\n%s\nwant\n%s", got.Code, got.Err, got.Out, want)
		}
	})

	t.Run("one field", func(t *testing.T) {
		got := run(t, "--consumers", ".", "--field", "shop.v1.Item.name")
		for _, want := range []string{
			"billing/main.go:19:15: example.com/billing reads shop.v1.Item.name\n",
			"broken/old.go:14:18: example.com/broken writes shop.v1.Item.name\n",
			"cart/cart.go:39:7: example.com/cart writes shop.v1.Item.name\n",
			"cart/cart.go:55:44: example.com/cart reads shop.v1.Item.name\n",
		} {
			if !strings.Contains(got.Out, want) {
				t.Errorf("printed\n%swant %s", got.Out, want)
			}
		}
		if got.Code != cli.ExitOK || strings.Count(got.Out, "\n") != 5 {
			t.Errorf("exit code %d, printed\n%s", got.Code, got.Out)
		}
	})

	t.Run("one method", func(t *testing.T) {
		got := run(t, "--consumers", "cart", "--consumers", "billing", "--method", "shop.v1.Shop/GetItem",
			"--method", "/shop.v1.Shop/GetItem", "--method", "shop.v1.Shop.GetItem")
		want := "billing/main.go:14:16: example.com/billing calls shop.v1.Shop.GetItem\n" +
			"cart/cart.go:24:23: example.com/cart calls shop.v1.Shop.GetItem\n"
		if got.Code != cli.ExitOK || got.Out != want {
			t.Errorf("exit code %d, printed\n%swant\n%s", got.Code, got.Out, want)
		}
	})

	t.Run("unknown field", func(t *testing.T) {
		got := run(t, "--consumers", "cart", "--field", "shop.v1.Item.nam")
		const want = `shop.v1.Item.nam: the modules have no generated code for it; did you mean "shop.v1.Item.name"?`
		if got.Out != "" || !strings.Contains(got.Err, want) {
			t.Errorf("printed %q, errors %q, want %q", got.Out, got.Err, want)
		}
	})

	t.Run("unused", func(t *testing.T) {
		got := run(t, "--consumers", "cart,billing", "--unused", "api")
		const want = "shop.v1.Item.never_used\nshop.v1.Shop.Forgotten\nshop.v1.Shop.Watch\n"
		if got.Code != cli.ExitOK || got.Out != want {
			t.Errorf("exit code %d, printed\n%swant\n%s, errors %q", got.Code, got.Out, want, got.Err)
		}
		got = run(t, "--consumers", "cart,billing", "--unused", "--tests", "api", "--format", "json")
		var report struct {
			Unused []string `json:"unused"`
		}
		if err := json.Unmarshal([]byte(got.Out), &report); err != nil {
			t.Fatalf("%v in %s", err, got.Out)
		}
		if want := []string{"shop.v1.Shop.Forgotten", "shop.v1.Shop.Watch"}; !slices.Equal(report.Unused, want) {
			t.Errorf("with tests %v are unused, want %v", report.Unused, want)
		}
	})

	t.Run("every type of a client", func(t *testing.T) {
		for method, want := range map[string]string{
			"Forgotten": "30 31 32 33 34 39 39 39 44 49 92",
			"Watch":     "59 60 61 62 63 64 65 66 67 68 69 70 90",
			"GetItem":   "91 104 105",
		} {
			got := run(t, "--consumers", "desk", "--method", "shop.v1.Shop/"+method)
			var lines []string
			for line := range strings.Lines(got.Out) {
				lines = append(lines, strings.Split(line, ":")[1])
			}
			if strings.Join(lines, " ") != want || got.Code != cli.ExitOK {
				t.Errorf("%s: exit code %d, lines %s, want %s; printed\n%s%s", method, got.Code,
					strings.Join(lines, " "), want, got.Out, got.Err)
			}
		}
		got := run(t, "--consumers", "cart,desk", "--unused", "api")
		if got.Code != cli.ExitOK || got.Out != "" {
			t.Errorf("exit code %d, printed %q, want nothing unused", got.Code, got.Out)
		}
	})

	t.Run("what does not compile", func(t *testing.T) {
		got := run(t, "--consumers", "broken")
		for _, want := range []string{
			"broken/old.go:12:15: example.com/broken uses Weight of shop.v1.Item, which generated code no longer has\n",
			"broken/old.go:12:28: example.com/broken uses GetWeight of shop.v1.Item, ",
			"broken/old.go:13:7: example.com/broken uses SetSize of shop.v1.Item, ",
			"broken/old.go:14:29: example.com/broken uses Height of shop.v1.Item, ",
			"broken/old.go:15:4: example.com/broken uses PutItem of shop.v1.Shop, ",
			"broken/old.go:16:13: example.com/broken uses Basket of shop.v1, ",
			"broken/old.go:17:15: example.com/broken reads shop.v1.Item.name\n",
		} {
			if !strings.Contains(got.Out, want) {
				t.Errorf("printed\n%swant %s", got.Out, want)
			}
		}
		const said = "searched as far as it compiles: example.com/broken: broken/old.go:12:15: item.Weight undefined"
		if want := said; !strings.Contains(got.Err, want) {
			t.Errorf("errors\n%swant %s", got.Err, want)
		}
		got = run(t, "--consumers", "broken", "--field", "shop.v1.Item.weight,shop.v1.Item.size,shop.v1.Item.height")
		if strings.Count(got.Out, "\n") != 4 || got.Err == "" {
			t.Errorf("printed\n%swant four uses of what is gone", got.Out)
		}
	})

	t.Run("from source", func(t *testing.T) {
		for _, dir := range []string{"cart", "billing", "desk", "broken", "api"} {
			exported, err := Find(t.Context(), Config{Dirs: []string{dir}, Tests: true})
			if err != nil {
				t.Fatal(err)
			}
			source, err := Find(t.Context(), Config{Dirs: []string{dir}, Tests: true, heavyCode: 1})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(source.Uses, exported.Uses) || !slices.Equal(source.Problems, exported.Problems) ||
				!slices.Equal(source.Known, exported.Known) {
				t.Errorf("%s: types from source give %d uses and %q, types from export data %d and %q", dir, len(source.Uses),
					source.Problems, len(exported.Uses), exported.Problems)
			}
		}
	})

	t.Run("what is gone as a whole", func(t *testing.T) {
		result, err := Find(t.Context(), Config{Dirs: []string{"broken"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{
			"shop.v1.Color.COLOR_GONE", "shop.v1.Item.Kind.SCREW", "shop.v1.Item.Cover", "shop.v1.Basket",
		} {
			if uses := result.Of(name); len(uses) != 1 || !uses[0].Broken {
				t.Errorf("%s is used by %v, want one place", name, uses)
			}
		}
	})

	t.Run("json", func(t *testing.T) {
		got := run(t, "--consumers", "cart", "--field", "shop.v1.Item.color", "--format", "json")
		const want = `{
  "modules": [
    "example.com/cart"
  ],
  "uses": [
    {
      "name": "shop.v1.Item.color",
      "access": "read",
      "module": "example.com/cart",
      "package": "example.com/cart",
      "file": "cart/cart.go",
      "line": 44,
      "column": 10
    }
  ],
  "problems": []
}
`
		if got.Code != cli.ExitOK || got.Out != want {
			t.Errorf("exit code %d, printed %s, want %s", got.Code, got.Out, want)
		}
	})

	t.Run("workspace", func(t *testing.T) {
		t.Setenv("GOWORK", "")
		t.Setenv("GOFLAGS", "-mod=mod")
		if err := os.WriteFile("go.work", []byte("go 1.26.0\n\nuse (\n\t./api\n\t./cart\n)\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.Remove("go.work")
		got := run(t, "--consumers", "cart", "--method", "shop.v1.Shop/GetItem")
		const want = "cart/cart.go:24:23: example.com/cart calls shop.v1.Shop.GetItem\n"
		if got.Code != cli.ExitOK || got.Out != want {
			t.Errorf("exit code %d, printed %q, want %q, errors %q", got.Code, got.Out, want, got.Err)
		}
		got = run(t, "--consumers", "billing", "--method", "shop.v1.Shop/GetItem")
		if want := "billing/main.go:14:16: example.com/billing calls shop.v1.Shop.GetItem\n"; got.Out != want {
			t.Errorf("outside the workspace: printed %q, want %q, errors %q", got.Out, want, got.Err)
		}
	})

	if after := snapshot(t); len(after) != len(before) {
		t.Errorf("there are %d files and were %d", len(after), len(before))
	} else {
		for name := range after {
			if after[name] != before[name] {
				t.Errorf("%s was changed", name)
			}
		}
	}
}

// TestMissingDependency sees that what is there is searched when a dependency is not.
func TestMissingDependency(t *testing.T) { //nolint:paralleltest // it changes the working directory
	newWorld(t)
	if err := os.RemoveAll("grpc"); err != nil {
		t.Fatal(err)
	}
	got := run(t, "--consumers", "cart", "--field", "shop.v1.Item.color")
	const want = "cart/cart.go:44:10: example.com/cart reads shop.v1.Item.color\n"
	if got.Code != cli.ExitOK || got.Out != want {
		t.Errorf("exit code %d, printed %q, want %q, errors %q", got.Code, got.Out, want, got.Err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, args string
		code       int
		want       string
	}{
		{"no consumers", "", cli.ExitUsage, "--consumers is missing"},
		{"unused and field", "--consumers . --unused --field a.B.c", cli.ExitUsage, "leave --field and --method out"},
		{"contracts without unused", "--consumers . api", cli.ExitUsage, "api: contracts are named with --unused only"},
		{"no field", "--consumers . --field name", cli.ExitUsage, "--field name: must be package.Message.field"},
		{"no method", "--consumers . --method get", cli.ExitUsage, "--method get: must be package.Service/Method"},
		{"no directory", "--consumers absent", cli.ExitFailed, "absent: no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := run(t, strings.Fields(tt.args)...)
			if got.Code != tt.code || got.Out != "" || !strings.Contains(got.Err, tt.want) {
				t.Errorf("exit code %d, printed %q, errors %q, want %q", got.Code, got.Out, got.Err, tt.want)
			}
		})
	}
}

func TestGoCamelCase(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"name": "Name", "price_cents": "PriceCents", "_hidden": "XHidden", "a1b": "A1B", "one_2_three": "One_2Three",
		"HTTPStatus": "HTTPStatus", "camelCase": "CamelCase", "trailing_": "Trailing_", "two__lines": "Two_Lines",
		"shout_LOUD": "Shout_LOUD",
	} {
		if got := goCamelCase(name); got != want {
			t.Errorf("goCamelCase(%s) is %s, want %s", name, got, want)
		}
	}
}
