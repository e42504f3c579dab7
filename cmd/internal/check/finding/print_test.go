package finding

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func rules() []Rule {
	return []Rule{
		{ID: "A_B", Category: "names", Severity: Error, Reason: "it hurts"},
		{ID: "C_D", Category: "types", Severity: Warning, Reason: "it hurts later", Off: true},
	}
}

func findings() []Finding {
	r := rules()
	return []Finding{
		New(r[0], Place{File: "b/x.proto", Line: 3, Column: 5, EndLine: 3, EndColumn: 9}, "%q is bad: 100%%, really", "a"),
		New(r[1], Place{File: "a, b:c.proto", Line: 2, Column: 1, EndLine: 4, EndColumn: 2}, "two\nlines"),
		New(r[0], Place{File: "gone.proto"}, "the file is gone"),
	}
}

// withRelated returns a finding to which two other places matter.
func withRelated() Finding {
	f := findings()[0]
	f.Related = []Related{
		{Place: Place{File: "old.proto", Line: 7, Column: 1}, Message: "before"},
		{Place: Place{File: "main.go"}, Message: "used"},
	}
	return f
}

func printed(t *testing.T, format string, rules []Rule, findings []Finding) string {
	t.Helper()
	var b bytes.Buffer
	if err := Print(&b, format, rules, findings); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	t.Parallel()
	got := printed(t, "text", rules(), findings())
	want := `b/x.proto:3:5: A_B: "a" is bad: 100%, really; it hurts
a, b:c.proto:2:1: C_D: two
lines; it hurts later (warning)
gone.proto: A_B: the file is gone; it hurts
`
	if got != want {
		t.Errorf("text is\n%s\nwant\n%s", got, want)
	}
}

// TestGitHub sees that what would end a property or a command is escaped.
func TestGitHub(t *testing.T) {
	t.Setenv("GITHUB_WORKSPACE", "")
	got := printed(t, "github", rules(), findings())
	want := `::error file=b/x.proto,line=3,endLine=3,col=5,endColumn=8,title=A_B::"a" is bad: 100%25, really; it hurts
::warning file=a%2C b%3Ac.proto,line=2,endLine=4,title=C_D::two%0Alines; it hurts later
::error file=gone.proto,title=A_B::the file is gone; it hurts
`
	if got != want {
		t.Errorf("commands are\n%s\nwant\n%s", got, want)
	}
}

// TestGitHubWorkspace sees that paths are relative to the repository when the command runs below its root.
func TestGitHubWorkspace(t *testing.T) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GITHUB_WORKSPACE", filepath.Dir(dir))
	tests := []struct{ path, want string }{
		{"a.proto", "finding/a.proto"},
		{"../lint/a.proto", "lint/a.proto"},
		{"../../a.proto", "../../a.proto"},
		{filepath.Join(dir, "a.proto"), "finding/a.proto"},
	}
	for _, tt := range tests {
		f := Finding{Place: Place{File: tt.path}, Rule: "A_B", Message: "x"}
		if got, want := printed(t, "github", nil, []Finding{f}), "::error file="+tt.want+",title=A_B::x\n"; got != want {
			t.Errorf("command for %s is %s, want %s", tt.path, got, want)
		}
	}
}

func TestRelated(t *testing.T) {
	t.Setenv("GITHUB_WORKSPACE", "")
	tests := []struct{ format, want string }{
		{"text", "really; it hurts\n    old.proto:7:1: before\n    main.go: used\n"},
		{"github", "really; it hurts%0Aold.proto:7:1: before%0Amain.go: used\n"},
	}
	for _, tt := range tests {
		if got := printed(t, tt.format, rules(), []Finding{withRelated()}); !strings.HasSuffix(got, tt.want) {
			t.Errorf("%s is %q, want it to end with %q", tt.format, got, tt.want)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var got struct {
		Errors   int              `json:"errors"`
		Warnings int              `json:"warnings"`
		Findings []map[string]any `json:"findings"`
	}
	if err := json.Unmarshal([]byte(printed(t, "json", rules(), findings())), &got); err != nil {
		t.Fatal(err)
	}
	if got.Errors != 2 || got.Warnings != 1 || len(got.Findings) != 3 {
		t.Errorf("got %+v", got)
	}
	want := map[string]any{
		"rule": "A_B", "category": "names", "severity": "error", "file": "b/x.proto",
		"line": 3.0, "column": 5.0, "end_line": 3.0, "end_column": 9.0,
		"message": `"a" is bad: 100%, really`, "reason": "it hurts",
		"doc": "https://github.com/fairlead-go/fairlead/blob/main/docs/checks.md#a_b",
	}
	for key, value := range want {
		if got.Findings[0][key] != value {
			t.Errorf("%s is %v, want %v", key, got.Findings[0][key], value)
		}
	}
	if len(got.Findings[0]) != len(want) {
		t.Errorf("finding is %v, want %v", got.Findings[0], want)
	}
	if empty := printed(t, "json", rules(), nil); !strings.Contains(empty, `"findings": []`) {
		t.Errorf("without findings it is %s", empty)
	}
}

// TestSARIF validates against the standard's own schema.
func TestSARIF(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	absolute := New(rules()[0], Place{File: "/abs/x y.proto", Line: 1}, "x")
	unlisted := New(Rule{ID: "E_F", Category: "other", Severity: Error}, Place{File: "x.proto", Line: 1, Column: 1}, "x")
	tests := []struct {
		name     string
		rules    []Rule
		findings []Finding
	}{
		{"nothing", nil, nil},
		{"no findings", rules(), nil},
		{"findings", rules(), findings()},
		{"absolute path", rules(), []Finding{absolute}},
		{"rule that was not listed", rules(), []Finding{unlisted}},
		{"the same twice", rules(), append(findings(), findings()...)},
		{"other places", rules(), []Finding{withRelated()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := printed(t, "sarif", tt.rules, tt.findings)
			document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(document); err != nil {
				t.Errorf("%v\n%s", err, text)
			}
		})
	}
	if err := schema.Validate(map[string]any{"version": "2.1.0"}); err == nil {
		t.Error("the schema takes a log without runs")
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open("../../../../third_party/sarif/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	const address = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(address, document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(address)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestSARIFContent sees what the schema does not.
func TestSARIFContent(t *testing.T) {
	t.Parallel()
	twice := []Finding{findings()[0], findings()[0]}
	var log sarifLog
	if err := json.Unmarshal([]byte(printed(t, "sarif", rules(), append(findings(), twice...))), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	prints := make(map[string]bool)
	for i, r := range run.Results {
		if got := run.Tool.Driver.Rules[r.RuleIndex].ID; got != r.RuleID {
			t.Errorf("result %d names rule %s, and points at %s", i, r.RuleID, got)
		}
		for _, sum := range r.Fingerprints {
			if prints[sum] {
				t.Errorf("the fingerprint of result %d is that of another one", i)
			}
			prints[sum] = true
		}
	}
	if got := run.Results[1].Locations[0].Physical.Artifact.URI; got != "a,%20b:c.proto" && got != "./a,%20b:c.proto" {
		t.Errorf("reference is %q", got)
	}
	if run.Results[2].Locations[0].Physical.Region != nil {
		t.Error("a finding about a file has a region")
	}
	if got := run.Results[0].Message.Text; got != `"a" is bad: 100%, really.` {
		t.Errorf("message is %q", got)
	}
	if got := run.Tool.Driver.Rules[1]; got.Default.Enabled || got.Default.Level != "warning" {
		t.Errorf("rule is %+v", got)
	}
}

// TestFingerprint sees that lines above a finding do not change its fingerprint.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.proto")
	of := func(text string, line int) string {
		var sources Sources
		sources.Add(path, text)
		f := New(rules()[0], Place{File: path, Line: line, Column: 1}, "x")
		return fingerprint(&f, &sources, make(map[string]int))
	}
	before := of("a;\nb;\n", 2)
	if after := of("// more\na;\n  b;\n", 3); after != before {
		t.Error("the fingerprint changed with the lines above")
	}
	if other := of("a;\nb;\n", 1); other == before {
		t.Error("the fingerprint does not depend on the line's text")
	}
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	if err := Print(new(bytes.Buffer), "xml", nil, nil); err == nil {
		t.Error("no error")
	}
}

func TestSort(t *testing.T) {
	t.Parallel()
	at := func(file string, line, column int, rule string) Finding {
		return Finding{Rule: rule, Place: Place{File: file, Line: line, Column: column}}
	}
	got := Sort([]Finding{
		at("b", 1, 1, "A"), at("a", 2, 1, "A"), at("a", 1, 2, "A"), at("a", 1, 1, "B"), at("a", 1, 1, "A"),
		at("a", 1, 1, "A"),
	})
	want := "a:1:1 A, a:1:1 B, a:1:2 A, a:2:1 A, b:1:1 A"
	var texts []string
	for _, f := range got {
		texts = append(texts, f.Place.String()+" "+f.Rule)
	}
	if got := strings.Join(texts, ", "); got != want {
		t.Errorf("order is %s, want %s", got, want)
	}
}
