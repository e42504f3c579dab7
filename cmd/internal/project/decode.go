package project

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fairlead-go/fairlead/internal/near"
)

// reader turns nodes into values by their types. It goes on after a mistake, to report all of them.
type reader struct {
	file     string
	problems []Problem
	defined  map[string]*yaml.Node // by the keys that lead there, joined with NUL
}

func (r *reader) failf(at *yaml.Node, format string, args ...any) {
	r.problems = append(r.problems, Problem{r.file, at.Line, at.Column, fmt.Sprintf(format, args...)})
}

// document reads the whole file.
func (r *reader) document(root *yaml.Node, doc *Document) {
	content := root.Content[0]
	doc.Version = 0
	r.value(content, reflect.ValueOf(doc).Elem(), nil)
	if content.Kind != yaml.MappingNode || len(r.problems) > 0 && doc.Version == 0 && r.defined["version"] != nil {
		return
	}
	switch node := r.defined["version"]; {
	case node == nil:
		r.failf(content, `the version of the format is missing; add the line "version: %d"`, Version)
	case doc.Version != Version:
		r.failf(node, "version %d of the format is not known; this program knows version %d", doc.Version, Version)
	}
}

// value reads node into v.
func (r *reader) value(node *yaml.Node, v reflect.Value, keys []string) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	r.defined[strings.Join(keys, "\x00")] = node
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		r.value(node, v.Elem(), keys)
	case reflect.Struct:
		r.section(node, v, keys)
	case reflect.Slice:
		if !r.is(node, yaml.SequenceNode, "a list", keys) {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(node.Content), len(node.Content)))
		for i, element := range node.Content {
			r.value(element, v.Index(i), append(slices.Clip(keys), strconv.Itoa(i)))
		}
	case reflect.Map:
		r.table(node, v, keys)
	case reflect.String:
		if r.scalar(node, "!!str", "a text", keys) {
			v.SetString(node.Value)
		}
	case reflect.Bool:
		if r.scalar(node, "!!bool", "true or false", keys) {
			v.SetBool(strings.EqualFold(node.Value, "true"))
		}
	case reflect.Int:
		if !r.scalar(node, "!!int", "a number", keys) {
			return
		}
		n, err := strconv.Atoi(node.Value)
		if err != nil {
			r.failf(node, "%s: %s is not a number", name(keys), node.Value)
		}
		v.SetInt(int64(n))
	default:
		panic("project: a field of type " + v.Type().String()) // of this package's own types
	}
}

// section reads a struct.
func (r *reader) section(node *yaml.Node, v reflect.Value, keys []string) {
	if !r.is(node, yaml.MappingNode, "a section with keys", keys) {
		return
	}
	known := make(map[string]int)
	var all []string
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("yaml")
		known[key] = i
		all = append(all, key)
	}
	r.pairs(node, keys, func(key, value *yaml.Node) {
		i, ok := known[key.Value]
		if !ok {
			text := fmt.Sprintf("unknown key %q", key.Value)
			if len(keys) > 0 {
				text = name(keys) + ": " + text
			}
			if question := near.Question(key.Value, all); question != "" {
				text += "; " + question
			} else {
				slices.Sort(all)
				text += "; the keys are " + strings.Join(all, ", ")
			}
			r.failf(key, "%s", text)
			return
		}
		below := append(slices.Clip(keys), key.Value)
		if value.Tag == "!!null" {
			return // a key without a value says nothing
		}
		r.value(value, v.Field(i), below)
		if allowed := v.Type().Field(i).Tag.Get("oneof"); allowed != "" && value.Kind == yaml.ScalarNode {
			r.oneOf(value, strings.Split(allowed, ","), below)
		}
	})
}

func (r *reader) oneOf(node *yaml.Node, allowed, keys []string) {
	if slices.Contains(allowed, node.Value) {
		return
	}
	text := fmt.Sprintf("%s: %q is none of %s", name(keys), node.Value, strings.Join(allowed, ", "))
	if question := near.Question(node.Value, allowed); question != "" {
		text += "; " + question
	}
	r.failf(node, "%s", text)
}

// table reads a map with texts for keys.
func (r *reader) table(node *yaml.Node, v reflect.Value, keys []string) {
	if !r.is(node, yaml.MappingNode, "a section with keys", keys) {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	r.pairs(node, keys, func(key, value *yaml.Node) {
		element := reflect.New(v.Type().Elem()).Elem()
		r.value(value, element, append(slices.Clip(keys), key.Value))
		v.SetMapIndex(reflect.ValueOf(key.Value), element)
	})
}

// pairs calls f for the keys of a mapping, and reports those that are there twice.
func (r *reader) pairs(node *yaml.Node, keys []string, f func(key, value *yaml.Node)) {
	lines := make(map[string]int)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if line, ok := lines[key.Value]; ok {
			r.failf(key, "%s: it is there already, in line %d", name(append(slices.Clip(keys), key.Value)), line)
			continue
		}
		lines[key.Value] = key.Line
		f(key, value)
	}
}

func (r *reader) is(node *yaml.Node, kind yaml.Kind, what string, keys []string) bool {
	if node.Kind == kind {
		return true
	}
	r.failf(node, "%s: it must be %s, not %s", name(keys), what, describe(node))
	return false
}

func (r *reader) scalar(node *yaml.Node, tag, what string, keys []string) bool {
	if node.Kind == yaml.ScalarNode && node.ShortTag() == tag {
		return true
	}
	help := ""
	if tag == "!!str" && node.Kind == yaml.ScalarNode {
		help = fmt.Sprintf("; put it in quotes: %q", node.Value)
	}
	r.failf(node, "%s: it must be %s, not %s%s", name(keys), what, describe(node), help)
	return false
}

// name returns keys as people write them: gen.plugins[0].out.
func name(keys []string) string {
	if len(keys) == 0 {
		return "the file"
	}
	var b strings.Builder
	for _, key := range keys {
		if _, err := strconv.Atoi(key); err == nil {
			b.WriteString("[" + key + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(key)
	}
	return b.String()
}

func describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a section with keys"
	default:
		switch node.ShortTag() {
		case "!!bool", "!!int", "!!float":
			return node.Value
		case "!!null":
			return "nothing"
		default:
			return strconv.Quote(node.Value)
		}
	}
}

// syntaxError gives an error of the YAML parser its place, which is in its text alone.
func syntaxError(err error, file string) error {
	p := Problem{File: file, Line: 1, Column: 1, Text: strings.TrimPrefix(err.Error(), "yaml: ")}
	if groups := regexp.MustCompile(`^line (\d+): (.*)$`).FindStringSubmatch(p.Text); groups != nil {
		p.Line, _ = strconv.Atoi(groups[1]) // digits, by the expression
		p.Text = groups[2]
	}
	if errors.Is(err, io.EOF) {
		p.Text = "the file ends too early"
	}
	p.Text = "this is not YAML: " + p.Text
	return &Error{[]Problem{p}}
}
