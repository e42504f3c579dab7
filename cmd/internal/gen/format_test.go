package gen

import (
	"bytes"
	"go/parser"
	"go/printer"
	"go/token"
	"strings"
	"testing"
)

// TestFormatted compares what is formatted here with what go/printer makes of it.
func TestFormatted(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("L", 80)
	type test struct {
		name, code string
		plain      int // declarations that are formatted here
	}
	tests := []test{
		{"nothing", "", 0},
		{"getters", `
func (x *M) GetA() string {
if x != nil && x.A != nil {
return *x.A
}
return ""
}

func (x *M) GetB() []*p.B {
if x != nil {
if x, ok := x.B.(*M_B); ok {
return x.B
} else {
return nil
}
}
return (*p.B)(nil)
}
`, 2},
		{"methods", `
func (x *M) Reset() {
*x = M{}
mi := &file_a_msgTypes[0]
ms := protoimpl.X.MessageStateOf(protoimpl.Pointer(x))
ms.StoreMessageInfo(mi)
}

func (*M) ProtoMessage() {}

// Deprecated: Use M.ProtoReflect.Descriptor instead.
func (*M) Descriptor() ([]byte, []int) {
return file_a_rawDescGZIP(), []int{0, 12}
}

func (x *M) SetA(v map[string]*p.B) {
protoimpl.X.SetPresent(&(x.XXX_presence[0]), 1, 5)
x.xxx_hidden_A = v
}
`, 4},
		{"between others", `
type A struct {
a int // one
long string // two
}



func (x *A) A() {}


func (x *A) B() {}

const (
X = 1
Long = 2
)

func C() {}
var x = 1 // three

func D() {}


`, 3},
		{"comments", `
// Deprecated: Do not use.
func A() {}

// B does this:
//   - one
// * two
func B() {}

// Deprecated: ''quoted''
func C() {}

// apart

func D() {}

func E() {
// inside
}

func F() {
f() // behind
}
`, 2},
		{"long heads", "func (*" + long + ") IsWide() {}\n\nfunc (*" + long + ") IsWiderThanOneLine() {}\n\n" +
			"func (x *" + long + ") IsWiderThanOneLine() string {\nreturn \"\"\n}\n", 1},
		{"one line", "func A() { f() }\n\nfunc B() (string) {\nreturn \"\"\n}\n\nfunc C(a, b int) {}\n\n" +
			"func D(a ...int) {}\n", 0},
		{"spaces", `
func (x *M) GetA() int32 {
if x != nil {
return  x.A
}
return 0
}

func (x *M) GetB() string {
if x != nil && x.B != nil {
return * x.B
}
return ""
}

func (*M_N) Descriptor() ([]byte, []int) {
return file_a_rawDescGZIP(), []int{0,12}
}
`, 3},
		{"no functions", "var a = func() int {\nreturn 1\n}\n\nvar b = []int{\n1, // one\n22, // two\n}\n", 0},
		{"several lines", "func A() {\nf(\n1,\n)\n}\n\nfunc B() {\nx := T{\na: 1,\n}\n}\n\nfunc C() {\n\nf()\n}\n", 0},
		{"switches", "func A() {\nswitch x {\ncase 1:\nf()\ndefault:\n}\n}\n\nfunc B() {\nL:\nfor {\nbreak L\n}\n}\n", 0},
	}
	// Each of these may be printed otherwise.
	for _, statement := range []string{
		"x = a+b", "x = a * b", "x = a*b", "x = a  ", "x =  a", "x = (a)", "x = a[1 : 2]", "x = a[1:2]", "f( a)", "f(a )",
		"f(a,b)", "f(a, )", "x++", "x = <-c", "x = 0x1F", "x = 1E5", "x = 010", "x = 1.50", "x = T{a: 1}", "x = 'a'",
		"x = `a`", "x = a&b", "x = a &^ b", "x = [...]int{1}", "x = -1", "x = !(a)", "defer f()", "var x int",
		"x, y := a, b", "x = \"a\\\"\"", "x = func() int { return 1 }", "if (x) {\n}", "for range x {\n}",
		"x = a[f(1)]*b", "x = & y", "x = T {}", "f ()", "x = m [1]", "return  x", "return(x)", "go f()", "x = y; z = 1",
	} {
		tests = append(tests, test{statement, "func A() {\n" + statement + "\n}\n", 0})
	}
	for name, code := range columns() {
		tests = append(tests, test{name, code, 1})
	}
	for name, code := range otherColumns() {
		tests = append(tests, test{name, code, 0})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const head = "package p\n\n"
			source := []byte(head + tt.code)
			got, err := formatted([]byte(head), []byte(tt.code))
			if err != nil {
				t.Fatal(err)
			}
			if want := printed(t, source); string(got) != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			count := 0
			for rest := source; len(rest) > 0; {
				if _, after, ok := appendDeclaration(nil, rest); ok {
					count++
					rest = bytes.TrimLeft(after, "\n")
					continue
				}
				_, rest, _ = bytes.Cut(rest, []byte("\n\n"))
				rest = bytes.TrimLeft(rest, "\n")
			}
			_, parts := split(nil, source)
			for _, p := range parts {
				if strings.HasPrefix(p.placeholder, "\t") {
					count++
				}
			}
			if tt.plain > 0 && count < tt.plain {
				t.Errorf("%d declarations are formatted here, want %d", count, tt.plain)
			}
		})
	}
	if _, err := formatted([]byte("package p\n\n"), []byte("func A() {}\n\nfunc B( {\n")); err == nil {
		t.Error("no error for what is not Go")
	}
}

// printed returns what go/printer makes of code, with protogen's settings.
func printed(t *testing.T, source []byte) string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	config := printer.Config{Mode: printer.TabIndent | printer.UseSpaces, Tabwidth: 8}
	if err := config.Fprint(&out, files, file); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
