package check

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/cli/clitest"
)

// shapes are contracts of n parts of one kind, and a change of all of them.
var shapes = []struct { //nolint:gochecknoglobals // a table
	name string
	make func(n int, changed bool) string
}{
	{"messages", func(n int, changed bool) string {
		name := map[bool]string{false: "Item", true: "Thing"}[changed]
		return repeat(n, func(i int) string {
			return fmt.Sprintf("message %[1]s%[2]d {\n  string name_%[2]d = 1;\n  int32 size = 2;\n}\n", name, i)
		})
	}},
	{"fields", func(n int, changed bool) string {
		typ := map[bool]string{false: "int32", true: "string"}[changed]
		return "message M {\n" + repeat(n, func(i int) string {
			return fmt.Sprintf("  %s field_%d = %d;\n", typ, i, i+1)
		}) + "}\n"
	}},
	{"methods", func(n int, changed bool) string {
		verb := map[bool]string{false: "Get", true: "Fetch"}[changed]
		return "message Q {}\nmessage R {}\nservice AllService {\n" + repeat(n, func(i int) string {
			return fmt.Sprintf("  rpc %s%d(Q) returns (R);\n", verb, i)
		}) + "}\n"
	}},
	{"values", func(n int, changed bool) string {
		name := map[bool]string{false: "V", true: "W"}[changed]
		return "enum E {\n  E_UNSPECIFIED = 0;\n" + repeat(n, func(i int) string {
			return fmt.Sprintf("  E_%s%d = %d;\n", name, i, i+1)
		}) + "}\n"
	}},
	{"comments that silence", func(n int, _ bool) string {
		return "message M {\n" + repeat(n, func(i int) string {
			return fmt.Sprintf("  // fairlead:ignore FIELD_LOWER_SNAKE_CASE why\n  string userName%d = %d;\n", i, i+1)
		}) + "}\n"
	}},
}

func repeat(n int, part func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(part(i))
	}
	return b.String()
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What the checks allocate, which includes what they print, grows with a contract's size and not with its square.
func TestGrowth(t *testing.T) { //nolint:paralleltest // what others allocate would count
	if testing.Short() {
		t.Skip("it checks large contracts")
	}
	const (
		small = 1000
		times = 4
	)
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) { //nolint:paralleltest // as above
			measure := func(n int) (lint, breaking uint64) {
				dir := t.TempDir()
				for name, changed := range map[string]bool{"old": false, "now": true} {
					text := "syntax = \"proto3\";\n\npackage big.v1;\n\n" + s.make(n, changed)
					path := filepath.Join(dir, name, "big", "v1", "big.proto")
					if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				run := func(args ...string) func() {
					return func() {
						if got := clitest.Run(t, New(), nil, args...); got.Code != cli.ExitOK && got.Code != cli.ExitFound {
							t.Fatalf("exit code %d: %s", got.Code, got.Err)
						}
					}
				}
				old, now := filepath.Join(dir, "old"), filepath.Join(dir, "now")
				return allocated(run("-I", now, now)),
					allocated(run("breaking", "-I", now, now, "--against", old, "--against-proto-path", old))
			}
			measure(1) // what is made once
			lint1, breaking1 := measure(small)
			lint2, breaking2 := measure(times * small)
			t.Logf("lint %d and %d bytes, breaking %d and %d", lint1, lint2, breaking1, breaking2)
			if lint2 > lint1*times*3/2 || breaking2 > breaking1*times*3/2 {
				t.Errorf("lint takes %d bytes of %d parts and %d of %d; breaking %d and %d", lint1, small, lint2, times*small,
					breaking1, breaking2)
			}
		})
	}
}
