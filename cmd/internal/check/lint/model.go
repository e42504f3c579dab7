package lint

import (
	"iter"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// The model is made of the descriptors as the compiler left them, not of linked ones: linking once more is stricter
// than compiling (it knows no message sets, for example), and what compiles must be possible to check.

// contract is a contract with its declarations indexed by name. Full names have no dot in front.
type contract struct {
	files      []*file // the contract's own, in the order of their names
	byName     map[string]*file
	messages   map[string]*message
	enums      map[string]*enum
	extensions map[string]*field
	requests   map[*message]*method // by message: the first method of which it is part of the request
	roots      bool                 // the user has named the import roots
	sources    finding.Sources
	compiled   *idl.Contract
	open       *file // the one that has its places
}

// file is a .proto file.
type file struct {
	contract *contract
	proto    *descriptorpb.FileDescriptorProto
	path     string // where it is on disk
	text     string // "" when it is not on disk
	opened
	messages   []*message // with nested ones, each before those nested in it
	enums      []*enum    // with nested ones
	extensions []*field   // with those declared in messages
	services   []*service
	unused     map[string]bool // imports without use
}

// opened are the places of a file, while it is open.
type opened struct {
	places []*descriptorpb.SourceCodeInfo_Location
	spans  map[string]*descriptorpb.SourceCodeInfo_Location

	// Made on first use; see firstOption.
	options *finding.Options
	shown   map[string]*descriptorpb.SourceCodeInfo_Location // by the paths that were asked for
}

// node is the part that all declarations have in common. There are many of them: what can be told from the declarations
// around is not in it.
type node struct {
	file  *file
	outer *node // the declaration around it, or the node of the file, which has nil
	kind  int32 // the number of the field of the descriptor around that lists it
	index int32 // in that list
	name  string
}

type message struct {
	node
	proto  *descriptorpb.DescriptorProto
	parent *message // nil: declared in the file
	depth  int      // 1: declared in the file
	fields []*field
	oneofs []*oneof
	byName map[string]*field // see field
}

type field struct {
	node
	proto     *descriptorpb.FieldDescriptorProto
	parent    *message // what it is part of; nil for an extension
	extension bool
}

type oneof struct {
	node
	fields    []*field
	synthetic bool // stands for the keyword optional of proto3
}

type enum struct {
	node
	proto  *descriptorpb.EnumDescriptorProto
	values []*value
}

type value struct {
	node
	proto *descriptorpb.EnumValueDescriptorProto
	enum  *enum
}

type service struct {
	node
	methods []*method
}

type method struct {
	node
	proto   *descriptorpb.MethodDescriptorProto
	service *service
	request *message // nil when it is not known
	reply   *message // nil when it is not known
}

// Numbers of fields in descriptor.proto, of which paths in source code info are made.
const (
	partName = 1 // of every declaration

	filePackage    = 2
	fileDependency = 3
	fileMessage    = 4
	fileEnum       = 5
	fileService    = 6
	fileExtension  = 7
	fileOptions    = 8
	fileSyntax     = 12
	fileEdition    = 14

	optionGoPackage = 11

	messageField         = 2
	messageNested        = 3
	messageEnum          = 4
	messageExtension     = 6
	messageOneof         = 8
	messageReservedRange = 9

	fieldNumber  = 3
	fieldLabel   = 4
	fieldType    = 5
	fieldName    = 6 // of its type
	fieldDefault = 7

	enumValue     = 2
	enumOptions   = 3
	enumAllowName = 2 // allow_alias in the options

	valueNumber = 2

	serviceMethod = 2

	methodInput   = 2
	methodOutput  = 3
	methodOptions = 4
)

// newContract indexes what was compiled.
func newContract(compiled *idl.Contract, roots bool) *contract {
	c := &contract{
		byName:     make(map[string]*file),
		messages:   make(map[string]*message),
		enums:      make(map[string]*enum),
		extensions: make(map[string]*field),
		requests:   make(map[*message]*method),
		roots:      roots,
		compiled:   compiled,
	}
	byPath := make(map[string]*file)
	for _, proto := range compiled.Files {
		f := c.addFile(proto, compiled.Path(proto.GetName()))
		byPath[f.path] = f
		if text, ok := compiled.Text(proto.GetName()); ok {
			f.text = text
			c.sources.Add(f.path, f.text)
		}
	}
	for _, name := range compiled.Names {
		if f := c.byName[path.Clean(name)]; f != nil {
			c.files = append(c.files, f)
		}
	}
	for _, w := range compiled.Warnings {
		if f := byPath[w.File]; f != nil && w.Kind == idl.UnusedImport {
			f.unused[w.Import] = true
		}
	}
	for _, f := range c.byName {
		for _, s := range f.services {
			for _, m := range s.methods {
				m.request = c.messages[typeName(m.proto.GetInputType())]
				m.reply = c.messages[typeName(m.proto.GetOutputType())]
			}
		}
	}
	for m := range c.methods() {
		c.markRequest(m.request, m)
	}
	return c
}

// load decodes the places of the file, and lets go of those of another: only those of one file are there at a time.
func (f *file) load() {
	c := f.contract
	if c.open == f {
		return
	}
	if c.open != nil {
		c.open.opened = opened{}
	}
	c.open = f
	places, err := c.compiled.PlacesIn(f.proto)
	if err != nil {
		return // what the compiler encoded decodes
	}
	f.places = places.GetLocation()
	f.spans = make(map[string]*descriptorpb.SourceCodeInfo_Location, len(f.places))
	for _, at := range f.places {
		if k := finding.Key(at.GetPath()); f.spans[k] == nil {
			f.spans[k] = at
		}
	}
}

// span returns the location of what has a path in the file's descriptor; nil if the source does not have it.
func (f *file) span(path []int32) *descriptorpb.SourceCodeInfo_Location {
	f.load()
	return f.spans[finding.Key(path)]
}

// firstOption returns the first location whose path begins with full, among those of the options of a declaration; nil
// if there is none.
func (f *file) firstOption(declaration, full []int32) *descriptorpb.SourceCodeInfo_Location {
	f.load()
	if f.options == nil {
		f.options = finding.NewOptions(len(f.places), func(i int) []int32 { return f.places[i].GetPath() })
		f.shown = make(map[string]*descriptorpb.SourceCodeInfo_Location)
	}
	first, known := f.shown[finding.Key(full)]
	if known {
		return first
	}
	for _, i := range f.options.Of(declaration) {
		if path := f.places[i].GetPath(); len(path) >= len(full) && slices.Equal(path[:len(full)], full) {
			first = f.places[i]
			break
		}
	}
	f.shown[finding.Key(full)] = first
	return first
}

// markRequest remembers that values of the message come from clients, and so do those of its fields.
func (c *contract) markRequest(m *message, by *method) {
	if m == nil || c.requests[m] != nil {
		return
	}
	c.requests[m] = by
	for _, f := range m.fields {
		c.markRequest(c.messages[f.typeName()], by)
	}
}

func (c *contract) addFile(proto *descriptorpb.FileDescriptorProto, diskPath string) *file {
	f := &file{
		contract: c,
		proto:    proto,
		path:     diskPath,
		unused:   make(map[string]bool),
	}
	c.byName[proto.GetName()] = f
	root, scope := &node{file: f}, proto.GetPackage()
	for i, m := range proto.GetMessageType() {
		c.addMessage(root.child(fileMessage, i, m.GetName()), scope, m, nil)
	}
	for i, e := range proto.GetEnumType() {
		c.addEnum(root.child(fileEnum, i, e.GetName()), scope, e)
	}
	for i, x := range proto.GetExtension() {
		c.addExtension(root.child(fileExtension, i, x.GetName()), scope, x)
	}
	for i, s := range proto.GetService() {
		added := &service{node: root.child(fileService, i, s.GetName())}
		for j, m := range s.GetMethod() {
			added.methods = append(added.methods,
				&method{node: added.child(serviceMethod, j, m.GetName()), proto: m, service: added})
		}
		f.services = append(f.services, added)
	}
	return f
}

// addMessage adds the message at a node, whose full name begins with scope, and all in it.
func (c *contract) addMessage(at node, scope string, proto *descriptorpb.DescriptorProto, parent *message) {
	full := nameIn(scope, at.name)
	if proto.GetOptions().GetMapEntry() {
		entry := &message{node: at, proto: proto, parent: parent}
		entry.addFields()
		c.messages[full] = entry
		return
	}
	m := &message{node: at, proto: proto, parent: parent, depth: 1}
	if parent != nil {
		m.depth = parent.depth + 1
	}
	c.messages[full] = m
	at.file.messages = append(at.file.messages, m)
	m.addFields()
	for i, nested := range proto.GetNestedType() {
		c.addMessage(m.child(messageNested, i, nested.GetName()), full, nested, m)
	}
	for i, e := range proto.GetEnumType() {
		c.addEnum(m.child(messageEnum, i, e.GetName()), full, e)
	}
	for i, x := range proto.GetExtension() {
		c.addExtension(m.child(messageExtension, i, x.GetName()), full, x)
	}
}

func (m *message) addFields() {
	for i, o := range m.proto.GetOneofDecl() {
		m.oneofs = append(m.oneofs, &oneof{node: m.child(messageOneof, i, o.GetName())})
	}
	for i, f := range m.proto.GetField() {
		added := &field{node: m.child(messageField, i, f.GetName()), proto: f, parent: m}
		m.fields = append(m.fields, added)
		if f.OneofIndex != nil && int(f.GetOneofIndex()) < len(m.oneofs) {
			o := m.oneofs[f.GetOneofIndex()]
			o.fields = append(o.fields, added)
			o.synthetic = o.synthetic || f.GetProto3Optional()
		}
	}
}

func (c *contract) addEnum(at node, scope string, proto *descriptorpb.EnumDescriptorProto) {
	e := &enum{node: at, proto: proto}
	for i, v := range proto.GetValue() {
		e.values = append(e.values, &value{node: e.child(enumValue, i, v.GetName()), proto: v, enum: e})
	}
	c.enums[nameIn(scope, at.name)] = e
	at.file.enums = append(at.file.enums, e)
}

func (c *contract) addExtension(at node, scope string, proto *descriptorpb.FieldDescriptorProto) {
	x := &field{node: at, proto: proto, extension: true}
	c.extensions[nameIn(scope, at.name)] = x
	at.file.extensions = append(at.file.extensions, x)
}

// nameIn returns the full name of what scope has under a name.
func nameIn(scope, name string) string {
	if scope == "" {
		return name
	}
	return scope + "." + name
}

// child returns the node of a declaration within n.
func (n *node) child(kind int32, index int, name string) node {
	return node{file: n.file, outer: n, kind: kind, index: int32(index), name: name}
}

// path returns the path of the declaration within the file's descriptor, with room for that of a part of it.
func (n *node) path() []int32 {
	depth := 0
	for at := n; at.outer != nil; at = at.outer {
		depth += 2
	}
	path := make([]int32, depth, depth+4)
	for at := n; at.outer != nil; at = at.outer {
		depth -= 2
		path[depth], path[depth+1] = at.kind, at.index
	}
	return path
}

// typeName returns a reference to a type as a full name.
func typeName(reference string) string { return strings.TrimPrefix(reference, ".") }

func (f *field) typeName() string { return typeName(f.proto.GetTypeName()) }

func (f *field) repeated() bool {
	return f.proto.GetLabel() == descriptorpb.FieldDescriptorProto_LABEL_REPEATED
}

// is reports whether the field's type is one of types.
func (f *field) is(types ...descriptorpb.FieldDescriptorProto_Type) bool {
	for _, t := range types {
		if f.proto.GetType() == t {
			return true
		}
	}
	return false
}

func (f *field) isMap(c *contract) bool {
	m := c.messages[f.typeName()]
	return f.repeated() && m != nil && m.proto.GetOptions().GetMapEntry()
}

func (f *file) pkg() string { return f.proto.GetPackage() }

// dir returns the directory of the file's name, "." for none.
func (f *file) dir() string { return path.Dir(f.proto.GetName()) }

// The iterators go through the contract's own files.

func (c *contract) allMessages() iter.Seq[*message] {
	return each(c, func(f *file) []*message { return f.messages })
}

func (c *contract) allEnums() iter.Seq[*enum] {
	return each(c, func(f *file) []*enum { return f.enums })
}

func (c *contract) services() iter.Seq[*service] {
	return each(c, func(f *file) []*service { return f.services })
}

func (c *contract) methods() iter.Seq[*method] {
	return func(yield func(*method) bool) {
		for s := range c.services() {
			for _, m := range s.methods {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// fields goes through the fields of messages.
func (c *contract) fields() iter.Seq[*field] {
	return func(yield func(*field) bool) {
		for m := range c.allMessages() {
			for _, f := range m.fields {
				if !yield(f) {
					return
				}
			}
		}
	}
}

// allFields goes through the fields of messages and extensions.
func (c *contract) allFields() iter.Seq[*field] {
	return func(yield func(*field) bool) {
		for f := range c.fields() {
			if !yield(f) {
				return
			}
		}
		for x := range each(c, func(f *file) []*field { return f.extensions }) {
			if !yield(x) {
				return
			}
		}
	}
}

func each[T any](c *contract, of func(*file) []T) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, f := range c.files {
			for _, t := range of(f) {
				if !yield(t) {
					return
				}
			}
		}
	}
}
