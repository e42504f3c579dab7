package gen_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead"
	old "github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/legacy"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/rest"
	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/restopaque"
	"github.com/fairlead-go/fairlead/httprule"
)

// mux serves REST by the HTTP rules of methods, as plainly as can be.
type mux struct {
	routes []route
}

// route is one rule, ready for use.
type route struct {
	rule     *fairlead.HTTPRule
	method   *fairlead.Method
	template *httprule.Template
	query    map[string]*fairlead.HTTPParam // by all names
	path     map[string]*fairlead.HTTPParam
	serve    func(request proto.Message) (proto.Message, error)
}

func newMux(t *testing.T, service *fairlead.Service, serve func(proto.Message) (proto.Message, error)) *mux {
	t.Helper()
	m := new(mux)
	for _, method := range service.Methods {
		for i := range method.HTTP {
			r := route{
				rule: &method.HTTP[i], method: method, serve: serve,
				query: make(map[string]*fairlead.HTTPParam), path: make(map[string]*fairlead.HTTPParam),
			}
			var err error
			if r.template, err = httprule.Parse(r.rule.Template); err != nil {
				t.Fatal(err)
			}
			for i := range r.rule.Params {
				p := &r.rule.Params[i]
				if p.InPath {
					r.path[p.Name] = p
					continue
				}
				for _, name := range namesOf(p) {
					r.query[name] = p
				}
			}
			m.routes = append(m.routes, r)
		}
	}
	return m
}

// namesOf returns the names by which the query knows a parameter: each part of its path in either form.
func namesOf(p *fairlead.HTTPParam) []string {
	plain := strings.Split(p.Name, ".")
	if p.JSON == "" {
		return []string{p.Name}
	}
	names := []string{""}
	for i, part := range strings.Split(p.JSON, ".") {
		var more []string
		for _, name := range names {
			if i > 0 {
				name += "."
			}
			more = append(more, name+part)
			if plain[i] != part {
				more = append(more, name+plain[i])
			}
		}
		names = more
	}
	return names
}

func (m *mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for i := range m.routes {
		route := &m.routes[i]
		if route.rule.Verb != r.Method && route.rule.Verb != "*" {
			continue
		}
		values, ok, err := route.template.Match(r.URL.EscapedPath())
		if !ok {
			continue
		}
		if err == nil {
			err = route.answer(w, r, values)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
		return
	}
	http.NotFound(w, r)
}

func (r *route) answer(w http.ResponseWriter, in *http.Request, values []string) error {
	request := r.method.NewRequest().(proto.Message)
	data, err := io.ReadAll(in.Body)
	if err != nil {
		return err
	}
	if err := r.readBody(request, in.Header.Get("Content-Type"), data); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	query, err := url.ParseQuery(in.URL.RawQuery)
	if err != nil {
		return err
	}
	// In the order in which names come first: a field may be called by two.
	for pair := range strings.SplitSeq(in.URL.RawQuery, "&") {
		name, err := url.QueryUnescape(strings.SplitN(pair, "=", 2)[0])
		if err != nil {
			return err
		}
		if p, values := r.query[name], query[name]; p != nil && values != nil {
			if err := p.Set(request, values); err != nil {
				return err
			}
			delete(query, name)
		}
	}
	for i, v := range r.template.Variables {
		if err := r.path[v.Name].Set(request, []string{values[i]}); err != nil {
			return err
		}
	}
	response, err := r.serve(request)
	if err != nil {
		return err
	}
	contentType, data, err := r.encode(response)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	_, err = w.Write(data)
	return err
}

func (r *route) readBody(request proto.Message, contentType string, data []byte) error {
	switch {
	case r.rule.RawBody != nil:
		r.rule.RawBody(request, contentType, data)
		return nil
	case r.rule.BodyField == "" && len(data) > 0:
		return errors.New("there should be none")
	case len(data) == 0:
		return nil
	case r.rule.Body != nil:
		return protojson.Unmarshal(data, r.rule.Body(request).(proto.Message))
	default:
		return protojson.Unmarshal(fmt.Appendf(nil, "{%q: %s}", r.rule.BodyField, data), request)
	}
}

func (r *route) encode(response proto.Message) (contentType string, data []byte, err error) {
	const mime = "application/json"
	if r.rule.RawResult != nil {
		contentType, data = r.rule.RawResult(response)
		return contentType, data, nil
	}
	if r.rule.Result != nil {
		if part, ok := r.rule.Result(response).(proto.Message); ok {
			data, err = protojson.Marshal(part)
			return mime, data, err
		}
	}
	data, err = protojson.MarshalOptions{EmitUnpopulated: r.rule.ResultField != ""}.Marshal(response)
	if err != nil || r.rule.ResultField == "" {
		return mime, data, err
	}
	var fields map[string]json.RawMessage
	err = json.Unmarshal(data, &fields)
	return mime, fields[r.rule.ResultField], err
}

// restCase is one request, and the message that it must become.
type restCase struct {
	verb, target, body string
	want               string // the message as text, or a part of the error after "!"
}

func (tt *restCase) run(t *testing.T, service *fairlead.Service) {
	t.Helper()
	var got proto.Message
	handler := newMux(t, service, func(request proto.Message) (proto.Message, error) {
		got = request
		return request, nil
	})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(tt.verb, tt.target, strings.NewReader(tt.body)))
	if part, failed := strings.CutPrefix(tt.want, "!"); failed {
		if w.Code == http.StatusOK || !strings.Contains(w.Body.String(), part) {
			t.Errorf("got %d %s, want an error with %s", w.Code, w.Body.String(), part)
		}
		return
	}
	if got == nil {
		t.Fatalf("got %d %s", w.Code, w.Body.String())
	}
	want := got.ProtoReflect().New().Interface()
	if err := prototext.Unmarshal([]byte(tt.want), want); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestREST(t *testing.T) {
	t.Parallel()
	const find = "/v1/everything/x?"
	tests := []restCase{
		{"GET", "/v1/shelves/1/books/2?revision=7", "", `name: "shelves/1/books/2" revision: 7`},
		{"GET", "/v1/books/a%2Fb%20c", "", `name: "a/b c"`},
		{"GET", "/v1/books/a?name=b&unknown=1", "", `name: "a"`},
		{"POST", "/v1/books:get?revision=9", `{"name": "a"}`, `name: "a"`},
		{"POST", "/v1/books", ``, "!not found"},
		{"PATCH", "/v1/shelves/1/books/2/3?updateMask=title,pages", `{"title": "t", "name": "y"}`,
			`book { name: "shelves/1/books/2/3" title: "t" } update_mask { paths: "title" paths: "pages" }`},
		{"PATCH", "/v1/shelves/1/books?book.title=x&update_mask=title", ``,
			`book { name: "shelves/1/books" } update_mask { paths: "title" }`},
		{"PATCH", "/v1/shelves/1/books/2", `[`, "!body"},

		{"GET", find + "a_double=1.5&aFloat=2.5&an_int32=-1&anInt64=-2&a_uint32=3&a_uint64=4", "",
			`name: "x" a_double: 1.5 a_float: 2.5 an_int32: -1 an_int64: -2 a_uint32: 3 a_uint64: 4`},
		{"GET", find + "a_sint32=-1&a_sint64=-2&a_fixed32=3&a_fixed64=4&a_sfixed32=-5&a_sfixed64=-6&a_bool=true", "",
			`name: "x" a_sint32: -1 a_sint64: -2 a_fixed32: 3 a_fixed64: 4 a_sfixed32: -5 a_sfixed64: -6 a_bool: true`},
		{"GET", find + "some_bytes=-_8%3D&color=COLOR_BLUE", "", `name: "x" some_bytes: "\xfb\xff" color: COLOR_BLUE`},
		{"GET", find + "some_bytes=%2B%2F8%3D&color=1", "", `name: "x" some_bytes: "\xfb\xff" color: COLOR_RED`},
		{"GET", find + "maybe_int32=0&maybe_string=&maybe_bytes=&maybe_color=0", "",
			`name: "x" maybe_int32: 0 maybe_string: "" maybe_bytes: "" maybe_color: COLOR_UNSPECIFIED`},
		{"GET", find + "many_strings=a&manyInt64s=1&many_strings=b&many_int64s=2&many_colors=5&many_colors=COLOR_RED", "",
			`name: "x" many_strings: ["a", "b"] many_int64s: [1] many_int64s: [2] many_colors: [COLOR_BLUE, COLOR_RED]`},
		{"GET", find + "many_bytes=AA&many_bytes=AQ&many_times=1970-01-01T00:00:01Z&manyTimes=1970-01-01T00:00:02Z", "",
			`name: "x" many_bytes: ["\x00", "\x01"] many_times { seconds: 1 } many_times { seconds: 2 }`},
		{"GET", find + "time=1970-01-01T01:00:00.5%2B01:00&duration=-1.5s&mask=a,b.c", "",
			`name: "x" time { nanos: 500000000 } duration { seconds: -1 nanos: -500000000 } mask { paths: ["a", "b.c"] }`},
		{"GET", find + "double_value=1&float_value=2&int64_value=3&uint64_value=4&int32_value=5&uint32_value=6", "",
			`name: "x" double_value { value: 1 } float_value { value: 2 } int64_value { value: 3 } uint64_value { value: 4 }
				int32_value { value: 5 } uint32_value { value: 6 }`},
		{"GET", find + "boolValue=false&stringValue=&bytesValue=", "",
			`name: "x" bool_value {} string_value {} bytes_value {}`},
		{"GET", find + "word=w", "", `name: "x" word: "w"`},
		{"GET", find + "shade=COLOR_RED", "", `name: "x" shade: COLOR_RED`},
		{"GET", find + "moment=1970-01-01T00:00:01Z", "", `name: "x" moment { seconds: 1 }`},
		{"GET", find + "range.from=1&range.upTo=2&range.color=1", "",
			`name: "x" range { from: 1 up_to: 2 color: COLOR_RED }`},
		{"GET", find + "author.name=a&calledOtherwise=r", "", `name: "x" author { name: "a" } renamed: "r"`},
		{"GET", find + "renamed=r", "", `name: "x" renamed: "r"`},
		{"GET", find + "level1.level2.level3.level4.here=h&level1.level2.numbers=1&level1.level2.numbers=2", "",
			`name: "x" level1 { level2 { level3 { level4 { here: "h" } } numbers: [1, 2] } }`},
		{"GET", find + "author.teacher.name=a&itself.name=b&labels=c&any.type_url=d&level1.level2.level3.level4.level5." +
			"too_deep=e", "", `name: "x"`},

		{"GET", find + "word=w&range.from=1", "", "!another field of the same oneof is set already"},
		{"GET", find + "range.from=1&shade=1", "", "!another field of the same oneof is set already"},
		{"GET", find + "an_int32=1&an_int32=2", "", "!an_int32: has 2 values and takes one"},
		{"GET", find + "anInt32=2147483648", "", `!an_int32: "2147483648" is out of the range of an int32`},
		{"GET", find + "a_uint64=-1", "", `!a_uint64: "-1" is not a uint64`},
		{"GET", find + "a_bool=yes", "", `!a_bool: "yes" is not a boolean`},
		{"GET", find + "many_colors=RED", "", `!many_colors: "RED" is not a value of the enum`},
		{"GET", find + "range.from=x", "", `!range.from: "x" is not an int64`},
		{"GET", find + "time=now", "", `!time: "now" is not a time`},

		{"LOOK", "/v1/7/COLOR_BLUE/1970-01-01T00:00:01Z/8/9:look?name=n", "",
			`an_int64: 7 color: COLOR_BLUE time { seconds: 1 } range { from: 8 } maybe_int32: 9 name: "n"`},
		{"LOOK", "/v1/7/COLOR_BLUE/1970-01-01T00:00:01Z/8/9:look?word=n", "", "!range.from: another field"},
		{"LOOK", "/v1/x/COLOR_BLUE/1970-01-01T00:00:01Z/8/9:look", "", `!an_int64: "x"`},

		{"PUT", "/v1/holders/7/books?text=t", `[{"name": "a"}, {"name": "b"}]`,
			`id: "7" text: "t" books { name: "a" } books { name: "b" }`},
		{"PUT", "/v1/holders/7/index", `{"k": {"name": "a"}}`, `id: "7" index { key: "k" value { name: "a" } }`},
		{"PUT", "/v1/holders/7/text?book.title=x", `"t"`, `id: "7" text: "t" book { title: "x" }`},
		{"PUT", "/v1/holders/7/data", `"AAE="`, `id: "7" data: "\x00\x01"`},
		{"PUT", "/v1/holders/7/free", `{"a": [1]}`, `id: "7" free { fields { key: "a" value { list_value {
			values { number_value: 1 } } } } }`},
		{"PUT", "/v1/holders/7/print", `{"name": "a"}`, `id: "7" print { name: "a" }`},
		{"PUT", "/v1/holders/7/print?scan=AA", `{"name": "a"}`, "!scan: another field of the same oneof"},
		{"PUT", "/v1/holders/7/raw", `<x>`, `id: "7" raw { data: "<x>" }`},
		{"PUT", "/v1/holders/7/text", `7`, "!body"},

		{"POST", "/v1/upload", `<x>`, `data: "<x>"`},
		{"HEAD", "/", ``, ``},
	}
	for _, tt := range tests {
		t.Run(tt.verb+" "+tt.target, func(t *testing.T) {
			t.Parallel()
			tt.run(t, rest.BooksService)
		})
	}
}

// TestRESTOpaque sees the same of messages that hide their fields.
func TestRESTOpaque(t *testing.T) {
	t.Parallel()
	tests := []restCase{
		{"GET", "/v1/a/b/search?size=1&fields=x&fields=y&filter.text=t&filter.years=1&filter.years=2&order=ORDER_NEWEST" +
			"&limit=0&city=c", "", `parent: "a/b" size: 1 fields: ["x", "y"] filter { text: "t" years: [1, 2] }
			order: ORDER_NEWEST limit {} city: "c"`},
		{"GET", "/v1/a/b/search?region.text=t&region.years=1", "", `parent: "a/b" region { text: "t" years: 1 }`},
		{"GET", "/v1/a/b/search?region.text=t&city=c", "", "!another field of the same oneof"},
		{"GET", "/v1/a/b/search?region.years=1&city=c", "", "!another field of the same oneof"},
		{"POST", "/v1/search/t?size=2&body.text=no", `{"text": "b"}`, `filter { text: "t" } size: 2 body { text: "b" }`},
		{"POST", "/v1/region", `{"text": "b"}`, `region { text: "b" }`},
		{"POST", "/v1/region?city=c", `{"text": "b"}`, "!another field of the same oneof"},
	}
	tests = append(tests, []restCase{
		{"GET", "/v1/mix?text=t&texts=a&texts=b&filter.text=f&filter.years=1&filter.years=2", "",
			`text: "t" texts: ["a", "b"] filter { text: "f" years: [1, 2] }`},
		{"GET", "/v1/mix?word=w&open.from=1&open.to=2", "", `word: "w" open { from: 1 to: 2 }`},
		{"GET", "/v1/mix?range.from=1&range.filter.text=x&range.filter.years=1", "",
			`range { from: 1 filter { text: "x" years: 1 } }`},
		{"GET", "/v1/mix?range.to=1&range.filter.text=x", "", "!another field of the same oneof"},
		{"GET", "/v1/mix?range.from=1&word=w", "", "!another field of the same oneof"},
	}...)
	for _, tt := range tests {
		t.Run(tt.verb+" "+tt.target, func(t *testing.T) {
			t.Parallel()
			tt.run(t, restopaque.SearchService)
		})
	}
}

// TestRESTLegacy sees the same of proto2, where fields without a value are told from those with their default.
func TestRESTLegacy(t *testing.T) {
	t.Parallel()
	tests := []restCase{
		{"GET", "/v1/records/k?value=0&history=1&history=2&kind=SHORT&data=&kinds=1&kinds=LONG&extra.text=t", "",
			`key: "k" value: 0 history: [1, 2] kind: SHORT data: "" kinds: [SHORT, LONG] Extra { text: "t" }`},
		{"GET", "/v1/records/k?kind=0", "", `!kind: "0" is not a value of the enum`},
	}
	for _, tt := range tests {
		t.Run(tt.verb+" "+tt.target, func(t *testing.T) {
			t.Parallel()
			tt.run(t, old.RecordsService)
		})
	}
}

// TestRESTResults sees what of a response is sent.
func TestRESTResults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		service                              *fairlead.Service
		verb, target, mime, body, want, sent string
	}{
		{rest.BooksService, "POST", "/v1/books:get", "", `{"name":"a"}`, `{"name":"a"}`, "application/json"},
		{rest.BooksService, "PUT", "/v1/holders/7/books", "", `[{"title":"a"}]`, `"title":"a"`, "application/json"},
		{rest.BooksService, "PUT", "/v1/holders/7/books", "", `[]`, `[]`, "application/json"},
		{rest.BooksService, "PUT", "/v1/holders/7/index", "", `{"k":{}}`, `{"k":{`, "application/json"},
		{rest.BooksService, "PUT", "/v1/holders/7/text", "", `"t"`, `"t"`, "application/json"},
		{rest.BooksService, "PUT", "/v1/holders/7/data", "", `"AAE="`, `"AAE="`, "application/json"},
		{rest.BooksService, "PUT", "/v1/holders/7/print", "", `{"title":"a"}`, `{"title":"a"}`, "application/json"},
		{rest.BooksService, "PUT", "/v1/holders/7/raw", "text/x", `<x>`, `<x>`, "text/x"},
		{rest.BooksService, "POST", "/v1/upload", "text/y", `<x>`, `<x>`, "text/y"},
		{restopaque.SearchService, "POST", "/v1/search/t", "", `{"text":"b"}`, `{"text":"b"}`, "application/json"},
		{restopaque.SearchService, "POST", "/v1/region?fields=a&fields=b", "", `{}`, `["a"`, "application/json"},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			t.Parallel()
			handler := newMux(t, tt.service, func(m proto.Message) (proto.Message, error) { return m, nil })
			w := httptest.NewRecorder()
			request := httptest.NewRequest(tt.verb, tt.target, strings.NewReader(tt.body))
			request.Header.Set("Content-Type", tt.mime)
			handler.ServeHTTP(w, request)
			got := w.Body.Bytes()
			if tt.sent == "application/json" {
				var compact bytes.Buffer
				if err := json.Compact(&compact, got); err != nil {
					t.Fatal(err)
				}
				got = compact.Bytes()
			}
			if w.Code != http.StatusOK || !strings.Contains(string(got), tt.want) ||
				w.Header().Get("Content-Type") != tt.sent {
				t.Errorf("got %d %s %s, want %s %s", w.Code, w.Header().Get("Content-Type"), got, tt.sent, tt.want)
			}
		})
	}
}
