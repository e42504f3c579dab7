package gen_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/fairlead-go/fairlead/cmd/internal/gen/testdata/openapi"
)

// librarySchema returns the schema at a pointer in the golden OpenAPI document.
func librarySchema(t *testing.T, pointer string) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("testdata/openapi/openapi.library.v1.openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("library.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("library.json#" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// fits returns what a schema says about the JSON of a message.
func fits(t *testing.T, schema *jsonschema.Schema, m proto.Message) error {
	t.Helper()
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

// TestOpenAPISchemas: the schemas fit what protojson makes of messages, and say what protovalidate's rules do.
func TestOpenAPISchemas(t *testing.T) {
	t.Parallel()
	schema := librarySchema(t, "/components/schemas/openapi.library.v1.Book")
	right := func() *openapi.Book {
		origin, err := anypb.New(&openapi.Event{})
		if err != nil {
			t.Fatal(err)
		}
		return &openapi.Book{
			Name: "shelves/1/books/2", Title: "The Sea", Authors: []*openapi.Book_Author{
				{Name: "A", Teacher: &openapi.Book_Author{Name: "B"}},
			},
			State: openapi.Book_ON_LOAN, CreateTime: timestamppb.Now(), LoanTime: durationpb.New(3e9 + 1),
			Labels:   map[string]string{"abc": "x"},
			Editions: map[int32]*openapi.Book{},
			Size:     math.MaxInt64, Copies: math.MaxUint64, Pages: 10000, Year: 1999,
			Price: math.Inf(1), Weight: 1.5, Rating: float32(math.NaN()), Cover: []byte{0, 255},
			Isbn:  new("9780123456789"),
			Extra: &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewBoolValue(true)}},
			Note:  structpb.NewNullValue(), Marks: &structpb.ListValue{Values: []*structpb.Value{structpb.NewNumberValue(1)}},
			Origin: origin, Signed: wrapperspb.Bool(false), Number: wrapperspb.Int64(-1),
			Binding: &openapi.Book_Cloth{Cloth: ""}, Source: &openapi.Book_Given{Given: "by A"},
			Display: "x", Contact: "a@example.com", Tags: []string{"new", "old"}, ShelfLife: 7,
		}
	}
	if err := fits(t, schema, right()); err != nil {
		t.Errorf("a message that is right is refused: %v", err)
	}
	wrong := map[string]func(*openapi.Book){
		"title is missing":     func(b *openapi.Book) { b.Title = "" },
		"no author":            func(b *openapi.Book) { b.Authors = nil; b.Authors = make([]*openapi.Book_Author, 11) },
		"author without name":  func(b *openapi.Book) { b.Authors[0].Teacher.Name = "" },
		"state not allowed":    func(b *openapi.Book) { b.State = 3 /* LOST */ },
		"key of a map":         func(b *openapi.Book) { b.Labels["A1"] = "" },
		"value of a map":       func(b *openapi.Book) { b.Labels["abc"] = fmt.Sprintf("%064d", 1) },
		"too many pages":       func(b *openapi.Book) { b.Pages = 10001 },
		"year not allowed":     func(b *openapi.Book) { b.Year = 867 },
		"price":                func(b *openapi.Book) { b.Price = -1 },
		"price is no number":   func(b *openapi.Book) { b.Price = math.NaN() },
		"weight is infinite":   func(b *openapi.Book) { b.Weight = float32(math.Inf(-1)) },
		"length":               func(b *openapi.Book) { b.Isbn = new("978012345678") },
		"prefix":               func(b *openapi.Book) { b.Isbn = new("9880123456789") },
		"nothing of a oneof":   func(b *openapi.Book) { b.Source = nil },
		"format":               func(b *openapi.Book) { b.Contact = "a" },
		"twice in a list":      func(b *openapi.Book) { b.Tags = []string{"new", "new"} },
		"element not allowed":  func(b *openapi.Book) { b.Tags = []string{"newer"} },
		"wrong in another one": func(b *openapi.Book) { b.Editions[1] = &openapi.Book{} },
	}
	for name, change := range wrong {
		b := right()
		change(b)
		if err := fits(t, schema, b); err == nil {
			t.Errorf("%s: the schema fits", name)
		}
	}
}

// TestOpenAPIErrors: the examples of declared errors fit the schema of errors.
func TestOpenAPIErrors(t *testing.T) {
	t.Parallel()
	schema := librarySchema(t, "/components/schemas/fairlead.Problem")
	text, err := os.ReadFile("testdata/openapi/openapi.library.v1.openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Responses map[string]struct {
				Content map[string]struct {
					Examples map[string]struct {
						Value any `json:"value"`
					} `json:"examples"`
				} `json:"content"`
			} `json:"responses"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var count int
	for status, response := range doc.Components.Responses {
		for media, content := range response.Content {
			for name, example := range content.Examples {
				count++
				if err := schema.Validate(example.Value); err != nil {
					t.Errorf("%s of %s, %s: %v", name, status, media, err)
				}
			}
		}
	}
	if count != 3 {
		t.Errorf("%d examples, want 3", count)
	}
}
