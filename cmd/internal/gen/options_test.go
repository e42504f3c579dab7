package gen

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// restHead begins contracts with options, in five lines.
const restHead = `syntax = "proto3"; package test; option go_package = "example.com/test/pkg";
import "google/api/annotations.proto"; import "fairlead/options.proto"; import "google/protobuf/any.proto";
message In { string a = 1; In in = 2; repeated string list = 3; map<string, string> dict = 4; bytes b = 5;
  google.protobuf.Any any = 6; repeated In ins = 7; } message M {}
service Used { rpc Do(In) returns (M) { option (google.api.http).get = "/used"; option (fairlead.method) = {}; } }
`

// rpc is a service with one method that has an option, on line 7.
func rpc(option string) string {
	return restHead + "service S { rpc Do(In) returns (M) {\n" + option + "\n} }"
}

func http(rule string) string { return rpc("option (google.api.http) = { " + rule + " };") }

// TestOptionProblems sees what is wrong with options reported where it stands.
func TestOptionProblems(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       string // without the file; several parted by lines
	}{
		{
			"timeout", rpc(`option (fairlead.method) = { timeout: "soon" };`),
			`7:30: (fairlead.method).timeout of test.S.Do: "soon" is not a duration such as "1.5s", "300ms" or "2m"`,
		},
		{
			"timeout of its own", rpc(`option (fairlead.method).timeout = "-1s";`),
			`7:1: (fairlead.method).timeout of test.S.Do: "-1s" is not above zero`,
		},
		{
			"status of a failure", http(`get: "/v1" }; option (fairlead.method) = { http_status: 404`),
			`7:73: (fairlead.method).http_status of test.S.Do: 404 is not from 200 to 299`,
		},
		{
			"status without a rule", rpc(`option (fairlead.method).http_status = 201;`),
			`7:1: (fairlead.method).http_status of test.S.Do: it needs (google.api.http)`,
		},
		{
			"error without a code", restHead + `enum E { option (fairlead.errors) = {}; A = 0;
  BAD = 1 [(fairlead.error) = { retryable: true }]; }`,
			`7:12: (fairlead.error) of test.BAD: code is missing`,
		},
		{
			"values of an enum of errors", restHead + `enum E { option (fairlead.errors).domain = "d"; A = 0;
  BAD = 1;
  WORSE = 2 [(fairlead.error) = { code: ABORTED, http_status: 200, retry_after: "x" }];
  worst = 3 [(fairlead.error) = { code: ABORTED, retry_after: "1s" }]; }`,
			`7:3: test.BAD has no (fairlead.error), which the values of an enum with (fairlead.errors) need, but for the one ` +
				`with number 0
8:50: (fairlead.error) of test.WORSE: http_status 200 is not from 400 to 599
8:68: (fairlead.error) of test.WORSE: retry_after: "x" is not a duration such as "1.5s", "300ms" or "2m"
9:14: (fairlead.error) of test.worst: "worst" is not UPPER_SNAKE_CASE of at most 63 characters; set reason
9:50: (fairlead.error) of test.worst: retry_after needs retryable`,
		},
		{
			"reason that is there twice", restHead + `enum E { A = 0; BAD = 1 [(fairlead.error).code = ABORTED]; }
enum F { C = 0;
  WORSE = 1 [(fairlead.error) = { code: ABORTED, reason: "BAD" }]; }`,
			`8:50: reason BAD is there twice in the domain test; the other one is test.BAD at a.proto:6:17; ` +
				`give one of them another (fairlead.error).reason, or its enum another (fairlead.errors).domain`,
		},
		{
			"no domain", `syntax = "proto3"; option go_package = "example.com/test/pkg"; import "fairlead/options.proto";
enum E { A = 0; BAD = 1 [(fairlead.error).code = ABORTED]; }`,
			`2:1: E has errors and no domain: set (fairlead.errors).domain, or give the file a package`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := runOn(t, map[string]string{"a.proto": tt.text}, Config{Stubs: true})
			if err == nil {
				t.Fatalf("no error, want %s", tt.want)
			}
			want := "a.proto:" + strings.ReplaceAll(tt.want, "\n", "\na.proto:")
			if err.Error() != want {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
		})
	}
}

// TestHTTPRulesLeftOut sees that rules which cannot be served are warnings, and that all else is generated.
func TestHTTPRulesLeftOut(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       string // without the file and the end, which all have; several parted by lines
	}{
		{"no path", http(``), `7:1: (google.api.http) of test.S.Do: names no path: one of get, put, post, delete, ` +
			`patch and custom is needed`},
		{"template", http(`get: "/v1/{a"`), `7:30: (google.api.http) of test.S.Do: path "/v1/{a", at character 7: ` +
			`expected } at the end of variable a`},
		{"unknown variable", http(`get: "/v1/{x}/{in.y}"`),
			`7:30: (google.api.http) of test.S.Do: path "/v1/{x}/{in.y}": variable x: test.In has no field x; variable in.y: ` +
				`test.In has no field y`},
		{"many unknown variables", http(`get: "/{p}/{q}/{r}/{s}/{t}"`),
			`7:30: (google.api.http) of test.S.Do: path "/{p}/{q}/{r}/{s}/{t}": variable p: test.In has no field p; ` +
				`variable q: test.In has no field q; variable r: test.In has no field r; and 2 more`},
		{"repeated variable", http(`get: "/v1/{list}"`),
			`7:30: (google.api.http) of test.S.Do: path "/v1/{list}": variable list: test.In.list is repeated`},
		{"map variable", http(`get: "/v1/{dict}"`),
			`7:30: (google.api.http) of test.S.Do: path "/v1/{dict}": variable dict: test.In.dict is a map`},
		{"message variable", http(`get: "/v1/{in}"`),
			`7:30: (google.api.http) of test.S.Do: path "/v1/{in}": variable in: test.In.in is a message, test.In, which has ` +
				`no form as a text`},
		{"variable in a list", http(`get: "/v1/{ins.a}"`),
			`7:30: (google.api.http) of test.S.Do: path "/v1/{ins.a}": variable ins.a: test.In.ins is not a message, or ` +
				`not a single one`},
		{"variable in a scalar", http(`get: "/v1/{a.b}"`),
			`7:30: (google.api.http) of test.S.Do: path "/v1/{a.b}": variable a.b: test.In.a is not a message, or not ` +
				`a single one`},
		{"body of a GET", http(`get: "/v1" body: "*"`), `7:41: (google.api.http) of test.S.Do: a GET request has no body`},
		{"unknown body", http(`post: "/v1" body: "x"`),
			`7:42: (google.api.http) of test.S.Do: body "x": test.In has no field of that name`},
		{"body below", http(`post: "/v1" body: "in.a"`),
			`7:42: (google.api.http) of test.S.Do: body "in.a": test.In has no field of that name; it must be one of ` +
				`the message itself`},
		{"body in the path", http(`post: "/v1/{a}" body: "a"`),
			`7:46: (google.api.http) of test.S.Do: body "a": the field takes its value from the path already`},
		{"unknown response body", http(`get: "/v1" response_body: "x"`),
			`7:41: (google.api.http) of test.S.Do: response_body "x": test.M has no field of that name`},
		{"custom method", http(`custom: { kind: "A B" path: "/v1" }`),
			`7:40: (google.api.http) of test.S.Do: "A B" is not an HTTP method`},
		{"bindings in bindings",
			http("get: \"/v1\"\nadditional_bindings { get: \"/v2\" additional_bindings { get: \"/v3\" } }"),
			`8:34: (google.api.http) of test.S.Do: an additional binding cannot have additional bindings of its own`},
		{"several", http("get: \"/v1/{x}\"\nadditional_bindings { post: \"/v2\" body: \"y\" }\n" +
			"additional_bindings { put: \"/\" }\nadditional_bindings { put: \"v4\" }"),
			`7:30: (google.api.http) of test.S.Do: path "/v1/{x}": variable x: test.In has no field x
8:35: (google.api.http) of test.S.Do: body "y": test.In has no field of that name
10:23: (google.api.http) of test.S.Do: path "v4", at character 1: a path begins with a slash`},
		{"routes of one method", http("get: \"/v1/{a}\"\nadditional_bindings { get: \"/v1/{b}\" }"),
			`8:23: GET /v1/{b} of test.S.Do matches the same requests as GET /v1/{a} of test.S.Do at a.proto:7:30`},
		{"a pattern of several segments before others", http(`get: "/v1/{a=x/**}/{b}"`),
			`7:30: (google.api.http) of test.S.Do: path "/v1/{a=x/**}/{b}", at character 10: ** can only be the last segment`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			out, err := runOn(t, map[string]string{"a.proto": tt.text}, Config{Messages: true, Stubs: true})
			if err != nil {
				t.Fatal(err)
			}
			want := "a.proto:" + strings.ReplaceAll(tt.want, "\n", routeLeftOut+"\na.proto:") + routeLeftOut
			if got := out.Warnings.Error(); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if len(out.Files) < 2 || out.Files[0].Content == nil || out.Files[1].Content == nil {
				t.Fatalf("files are %v, want messages and stubs", out.Files)
			}
			stubs := string(out.Files[0].Content)
			if !strings.Contains(stubs, "\nfunc S(impl SServer)") || !strings.Contains(stubs, `Template: "/used"`) {
				t.Errorf("the stubs lack the service, or the other one's rule: %s", stubs)
			}
			kept := map[string]int{"routes of one method": 2, "several": 2, "bindings in bindings": 3}[tt.name]
			if got := strings.Count(stubs, "Template:"); got != max(kept, 1) {
				t.Errorf("%d rules are there, want %d", got, max(kept, 1))
			}
		})
	}
}

// TestRoutesThatMatchTheSame compares rules of one service, of one package and of different ones.
func TestRoutesThatMatchTheSame(t *testing.T) {
	t.Parallel()
	const (
		get   = `rpc %s(M) returns (M) { option (google.api.http) = { %s }; }`
		start = `syntax = "proto3"; package %s; option go_package = "example.com/test/%[1]s";
import "google/api/annotations.proto"; message %s { string id = 1; string name = 2; }` + "\n"
	)
	file := func(pkg, message, services string) string {
		return strings.ReplaceAll(fmt.Sprintf(start, pkg, message)+services, "(M)", "("+message+")")
	}
	method := func(name, rule string) string { return fmt.Sprintf(get, name, rule) + "\n" }
	tests := []struct {
		name, rule, other string
		same              bool
	}{
		{"the same", `get: "/v1/{id}"`, `get: "/v1/{name=*}"`, true},
		{"another method", `get: "/v1/{id}"`, `delete: "/v1/{id}"`, false},
		{"another literal", `get: "/v1/{id}"`, `get: "/v2/{id}"`, false},
		{"a literal in place of a variable", `get: "/v1/{id}"`, `get: "/v1/x"`, false},
		{"another verb", `get: "/v1/{id}:x"`, `get: "/v1/{id}:y"`, false},
		{"custom", `get: "/v1"`, `custom: { kind: "GET" path: "/v1" }`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			layouts := []struct {
				name, end string // of the warning
				rules     int    // that are generated
				files     map[string]string
			}{
				{"one service", routeLeftOut, 1, map[string]string{
					"a.proto": file("a", "M", "service S {\n"+method("Do", tt.rule)+method("Other", tt.other)+"}"),
				}},
				{"one package", "; one server cannot have both", 2, map[string]string{
					"a.proto": file("a", "M", "service S { "+method("Do", tt.rule)+"}"),
					"b.proto": file("a", "N", "service T { "+method("Do", tt.other)+"}"),
				}},
				{"two packages", "", 2, map[string]string{
					"a.proto": file("a", "M", "service S { "+method("Do", tt.rule)+"}"),
					"b.proto": file("b", "M", "service S { "+method("Do", tt.other)+"}"),
				}},
			}
			for _, l := range layouts {
				out, err := runOn(t, l.files, Config{Stubs: true})
				if err != nil {
					t.Fatal(err)
				}
				rules := 0
				for _, f := range out.Files {
					rules += strings.Count(string(f.Content), "Template:")
				}
				switch {
				case !tt.same || l.end == "":
					if len(out.Warnings) > 0 || rules != 2 {
						t.Errorf("%s: %d rules and the warnings %v, want 2 and none", l.name, rules, out.Warnings)
					}
				case len(out.Warnings) != 1 || !strings.HasSuffix(out.Warnings[0].Text, l.end) || rules != l.rules:
					t.Errorf("%s: %d rules and the warnings %v, want %d and one that ends in %q",
						l.name, rules, out.Warnings, l.rules, l.end)
				case !strings.Contains(out.Warnings[0].Text, " matches the same requests as GET /v1") ||
					!strings.Contains(out.Warnings[0].Text, " of a.S.Do at a.proto:"):
					t.Errorf("%s: the warning is %v", l.name, out.Warnings)
				}
			}
		})
	}
}

func TestProblemsOf(t *testing.T) {
	t.Parallel()
	other := errors.New("disk full")
	a, b := Problem{File: "a", Line: 2, Column: 1, Text: "x"}, Problem{File: "a", Line: 1, Column: 5, Text: "y"}
	problems, err := ProblemsOf(errors.Join(Problems{a}, errors.Join(other, Problems{b, a})))
	if got, want := problems.Error(), "a:1:5: y\na:2:1: x"; got != want {
		t.Errorf("problems are\n%s\nwant\n%s", got, want)
	}
	if !errors.Is(err, other) {
		t.Errorf("the rest is %v", err)
	}
	if problems, err := ProblemsOf(nil); problems != nil || err != nil {
		t.Errorf("got %v, %v for nil", problems, err)
	}
	if got := (Problem{File: "a", Text: "x"}).String(); got != "a: x" {
		t.Errorf("without a position it is %q", got)
	}
}

func TestGoReason(t *testing.T) {
	t.Parallel()
	tests := []struct{ enum, value, want string }{
		{"ShopError", "SHOP_ERROR_OUT_OF_STOCK", "OutOfStock"},
		{"ShopError", "OUT_OF_STOCK", "OutOfStock"},
		{"HTTPError", "HTTP_ERROR_GONE", "Gone"},
		{"V2Error", "V2_ERROR_GONE", "Gone"},
		{"ShopError", "SHOP_ERROR_2FA", "ShopError2fa"},
		{"ShopError", "SHOP_ERROR_", "ShopError"},
		{"shop_error", "SHOP_ERROR_GONE", "Gone"},
		{"E", "A__B", "AB"},
	}
	for _, tt := range tests {
		if got := goReason(tt.enum, tt.value); got != tt.want {
			t.Errorf("%s of %s is %s, want %s", tt.value, tt.enum, got, tt.want)
		}
	}
}
