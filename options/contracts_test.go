package options_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/options"
)

// repository is the root of the tree.
const repository = ".."

// table is the document that says of each option what reads it.
const table = "docs/contracts.md"

// claims are what must not be said of an option as long as the table says "not yet" of it, except where the same
// paragraph says "yet" as well.
var claims = map[string]*regexp.Regexp{
	"(fairlead.method).criticality": regexp.MustCompile(
		`(is|are|be) shed (first|last)|least critical (is|are)|turned away (first|last|earlier)`),
	"(fairlead.error).retryable": regexp.MustCompile(`clients? (repeats?|retry|retries) .*(RetryInfo|retryable)`),
	"debug_redact":               regexp.MustCompile(`debug_redact[^.]*(hides|is hidden|is left out)`),
}

// TestTable: each option that fairlead/options.proto declares has a row, and the table has no others of that file.
func TestTable(t *testing.T) {
	t.Parallel()
	rows := rows(t)
	declared := make(map[string]bool)
	extensions := options.File_fairlead_options_proto.Extensions()
	for i := range extensions.Len() {
		x := extensions.Get(i)
		fields := x.Message().Fields()
		for k := range fields.Len() {
			declared[fieldOf(x, fields.Get(k))] = true
		}
	}
	if len(declared) == 0 {
		t.Fatal("fairlead/options.proto declares nothing")
	}
	for name := range declared {
		if _, ok := rows[name]; !ok {
			t.Errorf("%s has no row for %s: what is it read by?", table, name)
		}
	}
	for name, readBy := range rows {
		if strings.HasPrefix(name, "(fairlead.") && !declared[name] {
			t.Errorf("%s has a row for %s, which is not declared", table, name)
		}
		if readBy == "" {
			t.Errorf("%s: the row for %s does not say what reads it", table, name)
		}
	}
}

func fieldOf(x, field protoreflect.FieldDescriptor) string {
	return "(" + string(x.FullName()) + ")." + string(field.Name())
}

// rows returns what the last column of the table says, by option.
func rows(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(table)))
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]+)`")
	found := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 3 || !strings.HasPrefix(line, "| `") && !strings.HasPrefix(line, "| (") {
			continue
		}
		for _, name := range quoted.FindAllStringSubmatch(cells[0], -1) {
			found[name[1]] = strings.TrimSpace(cells[2])
		}
	}
	return found
}

// TestClaims: what nothing reads yet is not said to work anywhere.
func TestClaims(t *testing.T) {
	t.Parallel()
	rows := rows(t)
	var pending []string
	for name, readBy := range rows {
		claim, ok := claims[name]
		switch notYet := strings.Contains(strings.ToLower(readBy), "not yet"); {
		case notYet && !ok:
			t.Errorf("%s says %q of %s; say in this test what must not be claimed of it", table, readBy, name)
		case !notYet && ok:
			t.Errorf("%s says of %s that it is read; remove what must not be claimed of it from this test", table, name)
		case notYet && claim != nil:
			pending = append(pending, name)
		}
	}
	for name := range claims {
		if _, ok := rows[name]; !ok {
			t.Errorf("%s has no row for %s", table, name)
		}
	}
	for path, text := range texts(t) {
		for paragraph := range strings.SplitSeq(text, "\n\n") {
			for _, name := range pending {
				if said := claims[name].FindString(paragraph); said != "" && !strings.Contains(paragraph, "yet") {
					t.Errorf("%s says %q, but of %s the table says: %s", path, said, name, rows[name])
				}
			}
		}
	}
}

// texts returns what users read, by path: documents, contracts, and the comments and texts of Go code without its
// tests. Markers of comments are removed, so that paragraphs are parted by empty lines.
func texts(t *testing.T) map[string]string {
	t.Helper()
	marker := regexp.MustCompile(`(?m)^\s*//+ ?`)
	blank := regexp.MustCompile(`(?m)^[ \t]+$`)
	found := make(map[string]string)
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			left := slices.Contains([]string{"testdata", "third_party", "decisions", "bin"}, name)
			if path != repository && (left || name[0] == '.') {
				return fs.SkipDir
			}
			return nil
		}
		wanted := slices.Contains([]string{".md", ".proto", ".go", ".tmpl", ".yaml"}, filepath.Ext(name))
		if !wanted || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".pb.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found[path] = blank.ReplaceAllString(marker.ReplaceAllString(string(text), ""), "")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 100 {
		t.Fatalf("got %d texts: they are not where this test looks for them", len(found))
	}
	return found
}

// TestClaim makes sure that the expressions find what they are meant to.
func TestClaim(t *testing.T) {
	t.Parallel()
	for name, said := range map[string][]string{
		"(fairlead.method).criticality": {"the least critical are shed first"},
		"(fairlead.error).retryable":    {"clients retry what has a RetryInfo"},
		"debug_redact":                  {"debug_redact hides a field"},
	} {
		for _, s := range said {
			if !claims[name].MatchString(s) {
				t.Errorf("%s: %q is not found", name, s)
			}
		}
	}
}
