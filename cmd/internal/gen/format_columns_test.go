package gen

import (
	"fmt"
	"strings"
)

// columns returns declarations with columns that are formatted here.
func columns() map[string]string {
	name := func(size int) string { return strings.Repeat("N", size) }
	element := func(i, size int) string {
		return fmt.Sprintf("(*%s)(nil), // %d: a.B\n", name(size-len("(*)(nil)")), i)
	}
	tests := map[string]string{
		"struct": `// M has comments.
//
// It has two paragraphs, and this one
// has two lines.
type M struct {
state protoimpl.MessageState` + "`protogen:\"open.v1\"`" + `
// A is one.
A int32 ` + "`json:\"a\"`" + `
LongerName map[string]*p.B ` + "`json:\"b\"`" + `
B []byte ` + "`json:\"b\"`" + `
// C
// is another.
C isM_C ` + "`json:\"c\"`" + `
unknownFields protoimpl.UnknownFields
sizeCache protoimpl.SizeCache
D []*p.VeryLongType ` + "`json:\"d\"`" + `
E int ` + "`json:\"e\"`" + `
}
`,
		"struct of one":   "type M_A struct {\nA string `json:\"a\"`\n}\n",
		"struct of none":  "type M struct {\n}\n\ntype N struct {\nA int\n}\n",
		"interface":       "type isM_A interface {\nisM_A()\n}\n",
		"type":            "// E is one.\ntype E int32\n",
		"type and values": "// E is one.\ntype E int32\nconst (\n// A\nE_A E = 0\nE_LONG E = 1\nE_N E = -100\n)\n",
		"one value":       "type E int32\nconst (\nE_A E = 0\n)\n",
		"names and values": "// Enum value maps for E.\nvar (\nE_name = map[int32]string{\n0: \"A\",\n-10: \"B\",\n}\n" +
			"E_LongValue = map[string]int32{\n\"A\": 0,\n\"LONG\": -10,\n}\n)\n",
		"list": "var a = 1\nvar b = []any{\n(E)(0), // 0: a.E\n(*LongName)(nil), // 1: a.LongName\nnil, // 2: a.B\n" +
			"(*p.B)(nil), // 3: p.B\n}\nvar c = []int32{\n1, // 0: a -> b\n100, // [1:2] is a list\n}\nfunc init() { f() }\n",
		"heading with a full stop": "// M is\n// this.\n//\n// One line.\n//\n// Another.\ntype M int32\n",
		"two long lines":           "// M is this\n//\n// This has\n// two lines\n//\n// Another\ntype M int32\n",
	}
	// Rows that are much longer or shorter than those before them are not aligned with these.
	for i, sizes := range [][]int{
		{10, 40, 9, 40}, {10, 41, 10}, {41, 10, 41}, {15, 41}, {17, 41}, {60, 24, 60}, {60, 25, 60}, {30, 30, 75, 76, 30, 12},
		{9, 20, 41, 39, 100, 40}, {100, 100, 41, 39, 9, 9, 9, 9, 90}, {9, 9, 9, 9, 50, 9, 9, 200, 200, 20},
	} {
		var list, pairs strings.Builder
		for j, size := range sizes {
			list.WriteString(element(j, size))
			fmt.Fprintf(&pairs, "\"%s\": %d,\n", name(size-2), j)
		}
		tests[fmt.Sprintf("list of sizes %d", i)] = "var a = []any{\n" + list.String() + "}\n"
		tests[fmt.Sprintf("pairs of sizes %d", i)] = "var (\nA = map[string]int32{\n\"A\": 1,\n}\nB = map[string]int32{\n" +
			pairs.String() + "}\n)\n"
	}
	return tests
}

// otherColumns returns declarations that may be printed otherwise.
func otherColumns() map[string]string {
	tests := make(map[string]string)
	for i, line := range []string{
		"a, b int", "B", "*p.B", "a int // behind", "a int `x` // behind", "a  int", "a int  ", "a struct{}", "a func()",
		"a [2 + 1]int", "a int `x`  ", "a int \"x\"", "\na int", "a int\n", "a int\n// last", "/* a */ a int", "a int; b int",
		"//  - one\na int", "//x\nb int", "// x \na int", "// one\n//\na int", "//\n// one\na int", "a int `x\ny`",
		"// a\n//\n// Heading\n//\n// b\na int", "// [a]: b\na int", "// ``x''\na int", "//go:embed x\na int", "//\tx\na int",
	} {
		tests[fmt.Sprintf("struct %d", i)] = "type M struct {\nlong string\n" + line + "\nlonger []byte\n}\n"
		tests[fmt.Sprintf("struct ends %d", i)] = "type M struct {\nlong string\n" + line + "\n}\n"
	}
	for i, line := range []string{
		"A", "A = 1", "A E = 1 // behind", "A E = 1 << 1", "A, B E = 1, 2", "A E = 0x1F", "A  E = 1", "A E  = 1", "A E = - 1",
		"A E = 1 + 2", "A E = f(1)",
	} {
		tests[fmt.Sprintf("constants %d", i)] = "const (\nlong E = 1\n" + line + "\nlonger E = 2\n)\n"
	}
	for i, line := range []string{
		"1,", "1, 2,", "1, 2, // three", "1, /* a */", "// apart", "f(1), // a", "1, // a ", "(1), // a", "((T))(nil), // a",
		"(*T) (nil), // a", "T{a: 1}, // a", "nil , // a", "\n1, // a", "1,  // a", "1, //a",
	} {
		tests[fmt.Sprintf("list %d", i)] = "var a = []any{\nnil, // long\n" + line + "\n100, // longer\n}\n"
	}
	for i, line := range []string{
		"1: 2, // a", "// Duplicate value: 0: \"A\",", "1:2,", "1:  2,", "a: 1,", "1: 2, 3: 4,",
		"\"a b\": 1,", "\n1: 2,", "+1: 2,",
	} {
		tests[fmt.Sprintf("pairs %d", i)] = "var (\nA = map[int32]string{\n1: 2,\n" + line +
			"\n100: 3,\n}\nB = map[int32]string{\n1: 2,\n}\n)\n"
	}
	tests["interfaces"] = "type A interface {\nA() int\nLong(a int)\n}\n\ntype B interface {\nA\n}\n\ntype C interface{}\n"
	tests["types"] = "type A = B\n\ntype B []int\n\ntype C func()\n\ntype D struct{}\n\n" +
		"type E struct{ a int }\n\ntype (\nF int\n)\n"
	tests["variables"] = "var (\na sync.Once\nlong []byte\n)\n\nvar (\nb = map[int32]string{\n}\n)\n\nvar c, d = 1, 2\n"
	return tests
}
