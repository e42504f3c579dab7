package payload

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Resolver finds the types of extensions and of what is within google.protobuf.Any.
type Resolver interface {
	protoregistry.ExtensionTypeResolver
	protoregistry.MessageTypeResolver
}

// Template makes messages of one type. It is safe for concurrent use; an Encoder is not.
type Template struct {
	name     string
	desc     protoreflect.MessageDescriptor
	resolver Resolver
	files    *files

	messages []writer           // one for each message; nil: general is used
	general  *template.Template // for forms that cannot be encoded in parts
}

// writer appends an encoded message, or a part of one.
type writer struct {
	constant []byte // if write is nil
	write    func(dst []byte, s *State) ([]byte, error)
}

// Parse parses a template that makes messages of type desc: one, or several as an array or one behind the other. Name
// stands in front of the positions that errors give. Resolver may be nil. What is not as it should be is found here: a
// message of each is made and checked.
func Parse(name, source string, desc protoreflect.MessageDescriptor, resolver Resolver) (*Template, error) {
	if resolver == nil {
		resolver = protoregistry.GlobalTypes
	}
	t := &Template{name: name, desc: desc, resolver: resolver, files: newFiles()}
	if strings.TrimSpace(source) == "" {
		source = "{}"
	}
	parsed, err := template.New(name).Option("missingkey=error").Funcs(funcs(t.files, nil)).Parse(source)
	if err != nil {
		return nil, readable(err)
	}
	slots, err := findSlots(name, source, parsed.Tree, t.files)
	if err != nil {
		return nil, err
	}
	if slots != nil {
		if t.messages, err = t.compile(slots); err != nil && !errors.Is(err, errGeneral) {
			return nil, err
		}
	}
	if slots == nil || errors.Is(err, errGeneral) {
		t.messages = nil
		if err := escapeAll(parsed.Tree); err != nil {
			return nil, err
		}
		t.general = parsed
	}
	return t, t.try()
}

// readable shortens the errors of text/template, which begin with "template: ".
func readable(err error) error {
	if err == nil {
		return nil
	}
	if text, ok := strings.CutPrefix(err.Error(), "template: "); ok {
		return errors.New(text)
	}
	return err
}

// try makes each message once, and decodes it.
func (t *Template) try() error {
	e := t.Encoder(NewState(0, 0, func() int64 { return 0 }))
	for i := range t.Len() {
		e.state.SetMessage(i)
		b, err := e.Append(nil, i)
		if err != nil {
			return err
		}
		opts := proto.UnmarshalOptions{Resolver: t.resolver}
		if err := opts.Unmarshal(b, dynamicpb.NewMessage(t.desc)); err != nil {
			return fmt.Errorf("%s: %w", t.name, plain(err))
		}
	}
	return nil
}

// Len is the number of messages that the template makes.
func (t *Template) Len() int {
	if t.general != nil {
		return 1
	}
	return len(t.messages)
}

// Constant returns the encoding of message i if it never changes.
func (t *Template) Constant(i int) ([]byte, bool) {
	if t.general != nil || t.messages[i].write != nil {
		return nil, false
	}
	return t.messages[i].constant, true
}

// Encoder makes the messages of a worker. It belongs to one goroutine.
type Encoder struct {
	template *Template
	state    *State
	general  *template.Template
	buf      bytes.Buffer
}

// Encoder returns an Encoder that draws from s.
func (t *Template) Encoder(s *State) *Encoder {
	e := &Encoder{template: t, state: s}
	if t.general != nil {
		own, err := t.general.Clone()
		if err != nil {
			own = t.general // it has not been executed, so it can be cloned
		}
		e.general = own.Funcs(funcs(t.files, s))
	}
	return e
}

// Append appends the encoding of message i, from 0 to Len-1.
func (e *Encoder) Append(dst []byte, i int) ([]byte, error) {
	if e.general != nil {
		return e.execute(dst)
	}
	w := &e.template.messages[i]
	if w.write == nil {
		return append(dst, w.constant...), nil
	}
	return w.write(dst, e.state)
}

// dot is the data of templates.
type dot struct {
	Seq     int64
	Worker  int
	Message int
}

// execute makes a message of a template that is not compiled.
func (e *Encoder) execute(dst []byte) ([]byte, error) {
	e.buf.Reset()
	s := e.state
	if err := e.general.Execute(&e.buf, dot{Seq: s.number(), Worker: s.worker, Message: s.message}); err != nil {
		return dst, readable(err)
	}
	t := e.template
	m := dynamicpb.NewMessage(t.desc)
	opts := protojson.UnmarshalOptions{Resolver: t.resolver}
	if err := opts.Unmarshal(e.buf.Bytes(), m); err != nil {
		return dst, fmt.Errorf("%s: the template printed %s: %w", t.name, abridged(e.buf.Bytes()), plain(err))
	}
	return proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, m)
}

// abridged is text for an error.
func abridged(text []byte) string {
	const most = 200
	text = bytes.TrimSpace(text)
	if len(text) > most {
		return string(bytes.ToValidUTF8(text[:most], nil)) + "…"
	}
	return string(text)
}

// plain is an error of google.golang.org/protobuf without its prefix, which is followed by a space or, to keep programs
// from depending on it, a no-break space.
func plain(err error) error {
	text := strings.TrimPrefix(err.Error(), "proto:")
	text = strings.TrimLeft(text, " \u00a0")
	return errors.New(strings.ReplaceAll(text, "\u00a0", " "))
}

// Text is a template of plain text, for headers.
type Text struct {
	parts   []*value
	general *template.Template
	files   *files
}

// ParseText parses a template of plain text.
func ParseText(name, source string) (*Text, error) {
	t := &Text{files: newFiles()}
	parsed, err := template.New(name).Option("missingkey=error").Funcs(funcs(t.files, nil)).Parse(source)
	if err != nil {
		return nil, readable(err)
	}
	for _, n := range parsed.Root.Nodes {
		var v *value
		switch n := n.(type) {
		case *parse.TextNode:
			v = &value{constant: true, text: string(n.Text)}
		case *parse.ActionNode:
			if v, err = bind(n.Pipe, t.files); err != nil {
				location, _ := parsed.ErrorContext(n)
				return nil, fmt.Errorf("%s: %w", location, err)
			}
		}
		if v == nil {
			t.parts, t.general = nil, parsed
			break
		}
		t.parts = append(t.parts, v)
	}
	_, err = t.Writer(NewState(0, 0, func() int64 { return 0 }))(nil)
	return t, err
}

// Constant returns the text if it never changes.
func (t *Text) Constant() (string, bool) {
	if t.general != nil {
		return "", false
	}
	var b strings.Builder
	for _, v := range t.parts {
		if !v.constant {
			return "", false
		}
		b.WriteString(v.text)
	}
	return b.String(), true
}

// Writer returns a function that appends the text for a worker. It belongs to one goroutine.
func (t *Text) Writer(s *State) func(dst []byte) ([]byte, error) {
	if t.general == nil {
		return func(dst []byte) ([]byte, error) {
			for _, v := range t.parts {
				dst = v.appendTo(dst, s)
			}
			return dst, nil
		}
	}
	own, err := t.general.Clone()
	if err != nil {
		own = t.general // as above
	}
	own = own.Funcs(funcs(t.files, s))
	return func(dst []byte) ([]byte, error) {
		buf := bytes.NewBuffer(dst)
		err := own.Execute(buf, dot{Seq: s.number(), Worker: s.worker, Message: s.message})
		return buf.Bytes(), readable(err)
	}
}
