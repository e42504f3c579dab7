package breaking

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// bufCommand is where "make .tools/buf" puts the command.
const bufCommand = "../../../../.tools/buf"

// verdict is one finding of either side.
type verdict struct {
	rule, file   string
	line, column int // 0: not known
}

func (v verdict) String() string { return fmt.Sprintf("%s %s:%d:%d", v.rule, v.file, v.line, v.column) }

// findBuf returns the path of buf's command.
func findBuf(t *testing.T) string {
	t.Helper()
	skipUnderRace(t)
	buf, err := filepath.Abs(bufCommand)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(buf); err != nil {
		if os.Getenv("FAIRLEAD_CI") != "" {
			t.Fatalf("buf's command is missing: run make .tools/buf (%v)", err)
		}
		t.Skip("NOT COMPARED WITH BUF: its command is missing; run make .tools/buf")
	}
	return buf
}

// TestOracle compares all verdicts with those of buf's command, for the rules that both have. So that buf runs once for
// each level and not once for each case, the cases become one image: files and packages of each case get its number in
// front of their names.
func TestOracle(t *testing.T) { //nolint:tparallel // see its subtests
	t.Parallel()
	buf := findBuf(t)
	pairs := compileCorpus(t, "")
	if len(pairs) < 150 {
		t.Errorf("the corpus has %d cases, want at least 150", len(pairs))
	}
	dir := t.TempDir()
	oldImage, newImage := filepath.Join(dir, "old.binpb"), filepath.Join(dir, "new.binpb")
	writeImages(t, pairs, oldImage, newImage)

	for _, level := range []struct {
		level    Level
		category string
	}{{Wire, "WIRE"}, {JSON, "WIRE_JSON"}, {Package, "PACKAGE"}, {File, "FILE"}} {
		t.Run(level.category, func(t *testing.T) { //nolint:paralleltest // contracts are decoded in place, for each level
			theirs := runBuf(t, buf, oldImage, newImage, level.category)
			placed, agreed := 0, 0
			rules := make(map[string]bool)
			for i, pair := range pairs {
				ours := sharedVerdicts(t, pair, level.level)
				want := theirs[i]
				if got, want := rulesOf(ours), rulesOf(want); !slices.Equal(got, want) {
					t.Errorf("case %s: rules are\n  %s\nbuf has\n  %s", pair.name, strings.Join(got, " "), strings.Join(want, " "))
					continue
				}
				for _, v := range want {
					rules[v.rule] = true
					if v.line == 0 {
						continue
					}
					placed++
					if slices.Contains(ours, v) {
						agreed++
					} else {
						t.Errorf("case %s: no finding at %s; ours are %v", pair.name, v, ours)
					}
				}
			}
			for _, rule := range Rules() {
				if rule.Shared && rule.Levels&level.level != 0 && !rules[rule.ID] {
					t.Errorf("no case of the corpus breaks %s", rule.ID)
				}
			}
			t.Logf("%d cases; of %d places that buf names %d are ours, too", len(pairs), placed, agreed)
		})
	}
}

// sharedVerdicts returns what Compare finds by rules that buf has.
func sharedVerdicts(t testing.TB, pair corpusPair, level Level) []verdict {
	t.Helper()
	shared := make(map[string]bool)
	for _, rule := range Rules() {
		shared[rule.ID] = rule.Shared
	}
	var list []verdict
	findings := Compare(newTestContract(t, pair.old), newTestContract(t, pair.now), Config{Level: level})
	for _, f := range findings {
		if shared[f.Rule] {
			list = append(list, verdict{f.Rule, f.At.File, f.At.Line, f.At.Column})
		}
	}
	return list
}

func rulesOf(list []verdict) []string {
	rules := make([]string, len(list))
	for i, v := range list {
		rules[i] = v.rule
	}
	slices.Sort(rules)
	return rules
}

// numbered names a case where names of packages are wanted.
func numbered(i int) string { return fmt.Sprintf("c%03d", i) }

var caseNumber = regexp.MustCompile(`\bc(\d{3})[./"]`)

// bufCommandLine returns a run of buf in an environment in which it cannot reach a registry.
func bufCommandLine(t *testing.T, buf string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), buf, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"HOME=" + cmd.Dir, "BUF_CACHE_DIR=" + cmd.Dir, "HTTPS_PROXY=http://127.0.0.1:1", "PATH=/nowhere"}
	return cmd
}

// TestOracleRules sees that all rules of buf are in the table, at the same levels.
func TestOracleRules(t *testing.T) {
	t.Parallel()
	list := bufCommandLine(t, findBuf(t), "config", "ls-breaking-rules", "--version", "v2", "--format", "json")
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	levels := map[string]Level{"WIRE": Wire, "WIRE_JSON": JSON, "PACKAGE": Package, "FILE": File}
	theirs := make(map[string]Level)
	for line := range strings.Lines(string(out)) {
		var rule struct {
			ID         string   `json:"id"`
			Categories []string `json:"categories"`
		}
		if err := json.Unmarshal([]byte(line), &rule); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		theirs[rule.ID] = 0
		for _, category := range rule.Categories {
			theirs[rule.ID] |= levels[category]
		}
	}
	for _, rule := range Rules() {
		want, ok := theirs[rule.ID]
		switch {
		case ok != rule.Shared:
			t.Errorf("%s: shared with buf is %v, want %v", rule.ID, rule.Shared, ok)
		case ok && rule.Levels != want:
			t.Errorf("%s: levels are %v, buf has it at %v", rule.ID, rule.Levels, want)
		}
		delete(theirs, rule.ID)
	}
	for id := range theirs {
		t.Errorf("buf's rule %s is missing", id)
	}
}

// runBuf returns buf's findings by the numbers of cases.
func runBuf(t *testing.T, buf, oldImage, newImage, category string) map[int][]verdict {
	t.Helper()
	config := `{"version":"v2","breaking":{"use":["` + category + `"]}}`
	var out, errs bytes.Buffer
	cmd := bufCommandLine(t, buf, "breaking", newImage, "--against", oldImage, "--config", config, "--exclude-imports",
		"--error-format", "json")
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exited *exec.ExitError
	const found = 100 // buf's exit code when it found something
	if err := cmd.Run(); !errors.As(err, &exited) || exited.ExitCode() != found {
		t.Fatalf("buf ended with %v: %s", err, errs.String())
	}
	verdicts := make(map[int][]verdict)
	for line := range strings.Lines(out.String()) {
		var at struct {
			Path    string `json:"path"`
			Line    int    `json:"start_line"`
			Column  int    `json:"start_column"`
			Type    string `json:"type"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal([]byte(line), &at); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		number := caseNumber.FindStringSubmatch(at.Path)
		if number == nil {
			number = caseNumber.FindStringSubmatch(at.Message)
		}
		if number == nil {
			t.Fatalf("no case in %q", line)
		}
		var i int
		if _, err := fmt.Sscanf(number[1], "%d", &i); err != nil {
			t.Fatal(err)
		}
		_, file, _ := strings.Cut(at.Path, "/")
		if at.Path == "" || at.Line == 1 && at.Type != "FILE_SAME_SYNTAX" {
			at.Line, at.Column = 0, 0 // what buf prints for a file as a whole
		}
		verdicts[i] = append(verdicts[i], verdict{at.Type, file, at.Line, at.Column})
	}
	return verdicts
}

// writeImages writes both sides of all cases as buf's images.
func writeImages(t *testing.T, pairs []corpusPair, oldImage, newImage string) {
	t.Helper()
	var oldSide, newSide image
	for i, pair := range pairs {
		oldSide.add(t, i, withPlaces(t, pair.old), pair.old.Names)
		newSide.add(t, i, withPlaces(t, pair.now), pair.now.Names)
	}
	// What one side imports is known to the other, too.
	oldSide.addImports(newSide.imports)
	newSide.addImports(oldSide.imports)
	oldSide.write(t, oldImage)
	newSide.write(t, newImage)
}

// image is a FileDescriptorSet that says which of its files are imports.
type image struct {
	imports []*descriptorpb.FileDescriptorProto
	own     []*descriptorpb.FileDescriptorProto
}

func (m *image) add(t *testing.T, number int, files []*descriptorpb.FileDescriptorProto, own []string) {
	t.Helper()
	var imports []*descriptorpb.FileDescriptorProto
	for _, file := range files {
		if !slices.Contains(own, file.GetName()) {
			imports = append(imports, file)
			continue
		}
		m.own = append(m.own, prefixed(number, file, own))
	}
	m.addImports(imports)
}

func (m *image) addImports(files []*descriptorpb.FileDescriptorProto) {
	for _, file := range files {
		if !slices.ContainsFunc(m.imports, func(f *descriptorpb.FileDescriptorProto) bool {
			return f.GetName() == file.GetName()
		}) {
			m.imports = append(m.imports, file)
		}
	}
}

func (m *image) write(t *testing.T, path string) {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	for _, file := range m.imports {
		file = proto.CloneOf(file)
		// ImageFile.buf_extension.is_import in buf/alpha/image/v1/image.proto.
		isImport := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 1)
		raw := protowire.AppendBytes(protowire.AppendTag(nil, 8042, protowire.BytesType), isImport)
		file.ProtoReflect().SetUnknown(raw)
		set.File = append(set.File, file)
	}
	set.File = append(set.File, m.own...)
	raw, err := proto.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// prefixed returns a copy of file in which its name and its package, and those of other files of the case, begin with
// the number of the case. Extensions of options get numbers of their own, since those have to differ as well.
func prefixed(number int, file *descriptorpb.FileDescriptorProto, own []string) *descriptorpb.FileDescriptorProto {
	file = proto.CloneOf(file)
	prefix := numbered(number)
	file.Name = new(prefix + "/" + file.GetName())
	if file.GetPackage() == "" {
		file.Package = new(prefix)
	} else {
		file.Package = new(prefix + "." + file.GetPackage())
	}
	for i, name := range file.GetDependency() {
		if slices.Contains(own, name) {
			file.Dependency[i] = prefix + "/" + name
		}
	}
	rename := func(name *string) {
		if name != nil && *name != "" && !strings.HasPrefix(*name, ".google.protobuf.") {
			*name = "." + prefix + *name
		}
	}
	field := func(f *descriptorpb.FieldDescriptorProto) {
		if strings.HasPrefix(f.GetExtendee(), ".google.protobuf.") {
			f.Number = new(f.GetNumber() + 10*int32(number))
		}
		rename(f.TypeName)
		rename(f.Extendee)
	}
	var message func(m *descriptorpb.DescriptorProto)
	message = func(m *descriptorpb.DescriptorProto) {
		for _, f := range m.GetField() {
			field(f)
		}
		for _, f := range m.GetExtension() {
			field(f)
		}
		for _, inner := range m.GetNestedType() {
			message(inner)
		}
	}
	for _, m := range file.GetMessageType() {
		message(m)
	}
	for _, f := range file.GetExtension() {
		field(f)
	}
	for _, s := range file.GetService() {
		for _, method := range s.GetMethod() {
			rename(method.InputType)
			rename(method.OutputType)
		}
	}
	return file
}
