package implement

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// TestPlanKeepsBytes decorates sources at random, with comments, blank lines, white space, other line ends, and imports
// in other forms, and sees that whatever is there stays as it is and that the result is Go.
func TestPlanKeepsBytes(t *testing.T) {
	t.Parallel()
	code := generated(t)
	services, err := Services("example.com/m/pb", code["pb/shop.fl.go"])
	if err != nil {
		t.Fatal(err)
	}
	imports := []string{
		"import (\n\t\"context\"\n\n\t\"example.com/m/pb\"\n)\n",
		"import \"context\"\nimport \"example.com/m/pb\"\n",
		"import (\n\tpb \"example.com/m/pb\"\n\t\"zzz.com/z\"\n\t\"context\"\n)\nimport _ \"embed\"\n",
		"import (\"context\"; \"example.com/m/pb\")\n",
		"import (\n\t\"context\"; \"example.com/m/pb\")\n",
		"import (\n\t\"example.com/m/pb\"\n)\nimport ()\nimport \"context\"\n",
	}
	rest := "type Shop struct{\n\tn int\n}\n\nvar _ pb.ShopServer = Shop{}\n\n" + as("s Shop", get) +
		"var text = `\nimport (\n)\n`\n"
	inserts := []string{"\n", "// a comment\n", "/* one */\n", "/* two\n lines */\n", "\n\n\n", "\t \n",
		"//go:generate true\n"}
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same each time
	root := t.TempDir()
	write(t, root, "go.mod", "module example.com/m\n")
	for range 300 {
		var b strings.Builder
		raw := false
		for line := range strings.Lines("package svc\n\n" + imports[random.IntN(len(imports))] + "\n" + rest) {
			if !raw && random.IntN(3) == 0 {
				b.WriteString(inserts[random.IntN(len(inserts))])
			}
			if strings.Count(line, "`")%2 == 1 {
				raw = !raw
			}
			if !raw && random.IntN(4) == 0 && !strings.HasSuffix(line, "{\n") {
				line = strings.TrimSuffix(line, "\n") + " // behind\n"
			}
			b.WriteString(line)
		}
		text := b.String()
		if random.IntN(3) == 0 {
			text = strings.ReplaceAll(text, "\n", "\r\n")
		}
		if random.IntN(3) == 0 {
			text = strings.TrimRight(text, "\r\n")
		}
		write(t, root, "svc/a.go", text)
		result, err := Plan([]Target{{Dir: filepath.Join(root, "svc")}}, services, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(result.Changes) != 1 || len(result.Changes[0].Methods) != 4 {
			t.Fatalf("changes are %+v for\n%s", result.Changes, text)
		}
		checkKept(t, text, string(result.Changes[0].Content))
	}
}
