package check

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/internal/assert"
)

// many is a contract with n of everything that rules look at, and n places that break nearly each of them. Changed is a
// later version, in which all of it is another. The result is by file.
func many(n int, changed bool) map[string]string {
	pick := func(old, now string) string {
		if changed {
			return now
		}
		return old
	}
	each := func(format string) string {
		return repeat(n, func(i int) string {
			text := strings.ReplaceAll(format, "#", strconv.Itoa(i))
			text = strings.ReplaceAll(text, "@next", strconv.Itoa((i+1)%n))
			return strings.ReplaceAll(text, "@number", strconv.Itoa(i+1)) + "\n"
		})
	}
	files := map[string]string{"big/v1/big.proto": strings.Join([]string{
		`syntax = "proto3";`, "package big.v1;", `import "google/api/annotations.proto";`,
		`import "buf/validate/validate.proto";`, `import "google/protobuf/descriptor.proto";`,
		`import "google/protobuf/field_mask.proto";`, `import "fairlead/options.proto";`,
		each("// fairlead:ignore-file FIELD_NO_JSON_NAME why"),
		"message Request { string id = 1; " + pick("Ring0 ring = 2;", "") + "}", "message Reply {}",
		// Methods with options, all of one request, and services.
		"service All {", each(`rpc Update#(Request) returns (Reply) {
  option (google.api.http) = { get: "/` + pick("v1", "v2") + `/#/{id}" body: "*" };
  option (fairlead.method) = { timeout: "` + pick("2s", "1s") + `" };
  option idempotency_level = ` + pick("IDEMPOTENT", "NO_SIDE_EFFECTS") + `; }`), "}",
		"service Lists {", each("rpc " + pick("List", "Search") + "Of#(Request) returns (Reply);"), "}",
		each("service " + pick("Some", "Other") + "# { rpc Get(Request) returns (Reply); }"),
		// Fields with options, maps, and what is deleted or reserved.
		"message Checked {", each(`string f# = @number [
  (buf.validate.field).string = { min_len: ` + pick("1", "2") + ` }, json_name = "` + pick("a#", "b#") + `"];`), "}",
		"message Maps {", each("map<string, " + pick("string", "int64") + "> count_by_kind# = @number;"), "}",
		"message Gone {", pick(each("map<string, string> m# = @number; message N# { string a = 1; int32 b = 2; }"), ""), "}",
		"message Reserved {", each("reserved @number0; reserved \"" + pick("old#", "new#") + "\"; string s# = " +
			pick("@number2", "@number3") + ";"), "}",
		"message Types {", each(pick("int32", "string") + " price# = @number;"), "}",
		"message Enums {", each(pick("Outer1.Kind", "Outer2.Kind") + " kind# = @number;"), "}",
		each("message " + pick("Item", "Thing") + "# { string name# = 1; int32 size = 2; }"),
		// Messages that hold each other.
		each("message Ring# { Ring@next next = 1; }"),
		// Enums.
		"message Outer1 { enum Kind { KIND_UNSPECIFIED = 0; " + each("KIND_A# = @number;") + "} }",
		"message Outer2 { enum Kind { KIND_UNSPECIFIED = 0; " + each("KIND_A# = @number;") + "} }",
		each("enum Kind# { KIND#_NONE = 0; }"),
		"enum Errors { ERRORS_NONE = 0;", each("ERRORS_E# = @number [(fairlead.error) = { code: " +
			pick("NOT_FOUND", "ABORTED") + " }];"), "}",
		"enum Values { option allow_alias = true; VALUES_NONE = 0;",
		each("VALUES_A# = @number; VALUES_" + pick("B#", "C#") + " = @number;"), "}",
		"enum Lost { LOST_NONE = 0;", pick(each("LOST_A# = @number;"), ""), "}",
		"message In { string s = 1 [(buf.validate.field).string = { in: [\"x\"",
		each(`, "` + pick("a#", "b#") + `"`), "] }]; }",
		"extend google.protobuf.FieldOptions {", each(pick("int32", "string") + " x# = 7000@number;"), "}",
		"message Silent {", each("// fairlead:ignore FIELD_LOWER_SNAKE_CASE why\nstring userName# = @number;"), "}",
	}, "\n")}
	for i := range n { // packages that import each other, in files of one directory
		pkg := fmt.Sprintf("ring.p%d.v1", i)
		next := (i + 1) % n
		files[fmt.Sprintf("ring/types%d.proto", i)] = "syntax = \"proto3\";\npackage " + pkg + ";\nmessage T {}\n"
		files[fmt.Sprintf("ring/use%d.proto", i)] = fmt.Sprintf("syntax = \"proto3\";\npackage %s;\n"+
			"import \"ring/types%d.proto\";\nmessage U%s { ring.p%d.v1.T t = 1; }\n", pkg, next, pick("", "x"), next)
	}
	return files
}

// TestWork: the checks do work in proportion to a contract's size: no statement of theirs is executed 16 times as often
// for four times the contract. This counts statements, and not time or memory, so that it sees a search without an
// index. The compiler's linker is counted as well, since its descriptors search for members one by one; what it does
// itself with many oneofs of one message grows with the square, so that there are none here.
func TestWork(t *testing.T) {
	t.Parallel()
	if testing.Short() || assert.Race {
		t.Skip("it builds the command, and what is counted runs there")
	}
	dir := t.TempDir()
	command := filepath.Join(dir, "fairlead")
	goTool(t, "build", "-cover", "-covermode=count", "-o", command,
		"-coverpkg=../../fairlead,./...,../cli,../idl/...,github.com/bufbuild/protocompile/linker", "../../fairlead")
	const (
		small = 100
		times = 4
		least = 20_000 // what is executed less often does not matter yet
	)
	work := func(n int) map[string]int {
		for side, changed := range map[string]bool{"old": false, "now": true} {
			for name, text := range many(n, changed) {
				if err := cli.WriteFile(filepath.Join(dir, strconv.Itoa(n), side, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		counts := filepath.Join(dir, "counts"+strconv.Itoa(n))
		if err := os.Mkdir(counts, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, args := range []string{
			"check now -I now --rule all --format sarif", "check breaking now -I now --against old --against-proto-path old",
			"check breaking now -I now --against old --against-proto-path old --level file --format json",
		} {
			cmd := exec.CommandContext(t.Context(), command, strings.Fields(args)...)
			cmd.Dir = filepath.Join(dir, strconv.Itoa(n))
			cmd.Env = append(os.Environ(), "GOCOVERDIR="+counts)
			var errs bytes.Buffer
			cmd.Stderr = &errs
			err := cmd.Run()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != cli.ExitFound {
				t.Fatalf("%s: %v: %.2000s", args, err, errs.String())
			}
		}
		return readCounts(t, counts)
	}
	before, after := work(small), work(times*small)
	for block, count := range after {
		if count > least && count > before[block]*times*3/2 {
			t.Errorf("%s is executed %d times for %d parts and %d times for %d", block, before[block], small, count, times*small)
		}
	}
}

// goTool runs the go command, without a workspace.
func goTool(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v: %s", args[0], err, out)
	}
}

// readCounts returns how often each block of the command was executed, from what it wrote to a directory.
func readCounts(t *testing.T, dir string) map[string]int {
	t.Helper()
	path := filepath.Join(dir, "text")
	goTool(t, "tool", "covdata", "textfmt", "-i="+dir, "-o="+path)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	counts := make(map[string]int)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text()) // file:from,to statements count
		if len(fields) != 3 {
			continue
		}
		if n, err := strconv.Atoi(fields[2]); err == nil {
			counts[fields[0]] += n
		}
	}
	if len(counts) == 0 {
		t.Fatal("nothing was counted")
	}
	return counts
}
