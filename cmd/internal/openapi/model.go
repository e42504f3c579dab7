package openapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// The types of this file are the objects of the OpenAPI Specification 3.1.0 that documents have.

//nolint:tagliatelle // OpenAPI's names are in camel case
type doc struct {
	OpenAPI    string     `json:"openapi"`
	Generator  string     `json:"x-generator"`
	Info       info       `json:"info"`
	Servers    []server   `json:"servers"`
	Tags       []tag      `json:"tags,omitempty"`
	Paths      object     `json:"paths"`
	Components components `json:"components"`
}

type info struct {
	Title   string `json:"title"`
	Version string `json:"version"`
}

type server struct {
	URL string `json:"url"`
}

type tag struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

type components struct {
	Schemas   object `json:"schemas"`
	Responses object `json:"responses"`
}

//nolint:tagliatelle // as above
type operation struct {
	Tags        []string     `json:"tags"`
	Summary     string       `json:"summary,omitempty"`
	Description string       `json:"description,omitempty"`
	OperationID string       `json:"operationId"`
	Parameters  []parameter  `json:"parameters,omitempty"`
	Body        *requestBody `json:"requestBody,omitempty"`
	Responses   object       `json:"responses"`
	Deprecated  bool         `json:"deprecated,omitempty"`
	Servers     []server     `json:"servers,omitempty"`
}

type parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Deprecated  bool    `json:"deprecated,omitempty"`
	Schema      *schema `json:"schema"`
}

type requestBody struct {
	Description string `json:"description,omitempty"`
	Content     object `json:"content"`
	Required    bool   `json:"required"`
}

type response struct {
	Description string `json:"description"`
	Headers     object `json:"headers,omitempty"`
	Content     object `json:"content,omitempty"`
}

type header struct {
	Description string  `json:"description,omitempty"`
	Schema      *schema `json:"schema"`
}

type mediaType struct {
	Schema   *schema `json:"schema"`
	Examples object  `json:"examples,omitempty"`
}

type example struct {
	Summary string `json:"summary,omitempty"`
	Value   any    `json:"value"`
}

type reference struct {
	Ref string `json:"$ref"`
}

// Types of JSON Schema.
const (
	typeString  = "string"
	typeInteger = "integer"
	typeArray   = "array"
	typeObject  = "object"
)

// schema is a schema of JSON Schema, draft 2020-12.
//
//nolint:tagliatelle // as above
type schema struct {
	Ref         string `json:"$ref,omitempty"`
	Type        string `json:"type,omitempty"`
	Format      string `json:"format,omitempty"`
	Description string `json:"description,omitempty"`

	Const    any   `json:"const,omitempty"` // nil: none
	Enum     []any `json:"enum,omitempty"`
	Examples []any `json:"examples,omitempty"`

	MinLength       *uint64 `json:"minLength,omitempty"`
	MaxLength       *uint64 `json:"maxLength,omitempty"`
	Pattern         string  `json:"pattern,omitempty"`
	ContentEncoding string  `json:"contentEncoding,omitempty"`

	Minimum          any `json:"minimum,omitempty"`
	Maximum          any `json:"maximum,omitempty"`
	ExclusiveMinimum any `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum any `json:"exclusiveMaximum,omitempty"`

	Items       *schema `json:"items,omitempty"`
	MinItems    *uint64 `json:"minItems,omitempty"`
	MaxItems    *uint64 `json:"maxItems,omitempty"`
	UniqueItems bool    `json:"uniqueItems,omitempty"`

	Properties           object   `json:"properties,omitempty"`
	Required             []string `json:"required,omitempty"`
	PropertyNames        *schema  `json:"propertyNames,omitempty"`
	AdditionalProperties *schema  `json:"additionalProperties,omitempty"`
	MinProperties        *uint64  `json:"minProperties,omitempty"`
	MaxProperties        *uint64  `json:"maxProperties,omitempty"`

	AllOf []*schema `json:"allOf,omitempty"`
	AnyOf []*schema `json:"anyOf,omitempty"`
	OneOf []*schema `json:"oneOf,omitempty"`
	Not   *schema   `json:"not,omitempty"`

	Deprecated bool `json:"deprecated,omitempty"`
	ReadOnly   bool `json:"readOnly,omitempty"`
	WriteOnly  bool `json:"writeOnly,omitempty"`
}

// object is a JSON object whose members have an order.
type object []member //nolint:recvcheck // a list that is filled, and a value once it is full

type member struct {
	name  string
	value any
}

func (o *object) add(name string, value any) { *o = append(*o, member{name, value}) }

// sort puts the members in the order of their names.
func (o object) sort() {
	slices.SortFunc(o, func(a, b member) int { return strings.Compare(a.name, b.name) })
}

// MarshalJSON implements json.Marshaler.
func (o object) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	out.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := encoder.Encode(m.name); err != nil {
			return nil, err
		}
		out.WriteByte(':')
		if err := encoder.Encode(m.value); err != nil {
			return nil, err
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// encode returns the document in JSON, indented.
func encode(d *doc) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(d)
	return out.Bytes(), err
}
