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
		{"signatures", `
func (UnimplementedServer) Get(context.Context, *M) (*N, error) {
return nil, fairlead.Errorf(fairlead.Unimplemented, "/a.S/Get is not implemented")
}

func (c *Client) Get(ctx context.Context, req *M, opts ...fairlead.CallOption) (*N, error) {
call := fairlead.NewCall(GetMethod, req, opts...)
return fairlead.Result[N](call, c.callGet(ctx, call))
}

func A() (a []byte, err error) {
return nil, nil
}

type Server interface {
// Get gets one.
Get(context.Context, *M) (*N, error)
Watch(*M, *fairlead.ServerStream[M, N]) error
}

type UnimplementedServer struct{}
`, 4},
		{"other signatures", "func A() (int) {\nreturn 1\n}\n\nfunc B(a, b int, c string) {\nf()\n}\n\n" +
			"func C(a  int) {\nf()\n}\n\nfunc D(f func()) {\nf()\n}\n\nfunc E(a ... int) {\nf()\n}\n\n" +
			"func F(a int,b string) {\nf()\n}\n\nfunc G() (a, b int) {\nreturn 1, 2\n}\n", 0},
		{"literals", `
func NewClient(binder fairlead.Binder) *Client {
return &Client{
callA: binder.Bind(AMethod),
callLong: binder.Bind(LongMethod),
}
}

func init_a() {
if File_a != nil {
return
}
file_a_msgTypes[0].OneofWrappers = []any{
(*A_B)(nil),
(*A_C)(nil),
}
out := protoimpl.TypeBuilder{
File: protoimpl.DescBuilder{
GoPackagePath: reflect.TypeOf(x{}).PkgPath(),
NumEnums: 5,
},
GoTypes: file_a_goTypes,
DependencyIndexes: file_a_depIdxs,
}.Build()
File_a = out.File
}
`, 2},
		{"other literals", "func A() {\nx = T{\na: 1,\n2,\n}\n}\n\nfunc B() {\nx = T{}\ny = f(T{\na: 1,\n})\n}\n\n" +
			"func C() {\nx = T{\n// one\na: 1,\n\nb: 2,\n}\n}\n\nfunc D() {\nx = T{\na: 1, // one\nbc: 2,\n}\n}\n\n" +
			"func E() {\nx = T{\na: U{\nb: 1,\n},\nbcd: 2,\nef: V{},\n}\n}\n\n" +
			"func F() {\nx := T{\n}\nx = []T{\n{1},\n}\n}\n", 0},
		{"statements before others", "" +
			"func A() {\nf()\nif x {\ng()\n}\n\ny++\nf()\n}\n\nfunc B() {\nf()\n// one\nx++\n}\n", 0},
		{"parameters", "\nvar http = []fairlead.HTTPRule{\n{\nVerb: \"GET\",\nTemplate: \"/{a}\",\n" +
			"Params: []fairlead.HTTPParam{\n" + parameters() + "},\nBody: func(m any) any { return m },\n},\n}\n", 1},
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

// parameters returns parameters of an HTTP rule, some of which go/printer may print otherwise.
func parameters() string {
	const set = "Set: func(m any, v []string) error { return httprule."
	return `{Name: "field_0", JSON: "field0", InPath: true, ` + set + `Set("field_0", v, httprule.String, ` +
		"func(x string) { m.(*Message0).Field_0 = &x }) }},\n" +
		"{Name: \"a\", Set: set_A_0},\n" +
		"{Name: \"abc\", InPath: true, Set: set_A_1},\n" +
		`{Name: "b", ` + set + `Set("b", v, httprule.Bool, ` + "func(x bool) { m.(*M).B = x }) }},\n" +
		`{Name: "c", ` + set + `SetMember("c", v, m.(*M).GetX() != nil && m.(*M).GetC() == nil, httprule.Time, ` +
		"func(x time.Time) { m.(*M).C = &M_C{C: timestamppb.New(x)} }) }},\n" +
		`{Name: "d", ` + set + `Set("d", v, httprule.Enum[VeryLong_State](VeryLong_State_value), ` +
		"func(x VeryLong_State) { o1 := m.(*M); o1.D = x }) }},\n" +
		`{Name: "e", ` + set + `Set("e", v, httprule.String, ` + "m.(*MessageWithALongName).SetTheFieldThatIsCalledE) }},\n" +
		`{Name: "f\"", ` + set + `Set("f", v, httprule.String, ` + "func(x string) { m.(*Message0).FFFFFFFF = x }) }},\n" +
		`{Name: "g", ` + set + `Set("g", v, httprule.String, ` +
		"func(x string) { m.(*" + strings.Repeat("L", 80) + ").G = x }) }},\n"
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
