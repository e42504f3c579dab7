package breaking

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// Contract is one side of a comparison: files with all that they import, linked.
type Contract struct {
	files      []protoreflect.FileDescriptor // the contract's own files, in the order of their names
	byName     map[string]protoreflect.FileDescriptor
	messages   map[protoreflect.FullName]protoreflect.MessageDescriptor
	enums      map[protoreflect.FullName]protoreflect.EnumDescriptor
	services   map[protoreflect.FullName]protoreflect.ServiceDescriptor
	extensions map[extensionKey]protoreflect.ExtensionDescriptor
	linked     *protoregistry.Files // own files and imports
	types      *dynamicpb.Types
	prefix     string // what is cut from names of files, so that those of both sides meet
	locations  func(protoreflect.FileDescriptor) protoreflect.SourceLocations
	disk       func(name string) string
	show       func(path string) string
	sources    finding.Sources

	// Made on first use.
	answers  map[string]binding          // by verb and shape of the path, and with the method's name behind it
	byReason map[errorKey]contractError  // by domain and reason
	byNumber map[errorKey]contractError  // by enum and number
	options  map[string]*finding.Options // by file
	shown    map[optionKey]spot

	fields      members[protoreflect.FieldNumber, protoreflect.FieldDescriptor]
	fieldNames  members[protoreflect.Name, protoreflect.FieldDescriptor]
	mapFields   members[protoreflect.FullName, protoreflect.FieldDescriptor]
	oneofs      members[protoreflect.Name, protoreflect.OneofDescriptor]
	values      members[protoreflect.EnumNumber, protoreflect.EnumValueDescriptor]
	methodNames members[protoreflect.Name, protoreflect.MethodDescriptor]
}

// extensionKey identifies an extension on the wire.
type extensionKey struct {
	extendee protoreflect.FullName
	number   protoreflect.FieldNumber
}

// ContractConfig says what NewContract cannot know from descriptors.
type ContractConfig struct {
	// Own are the names of the contract's own files. The others are imports, which are not compared.
	Own []string
	// Prefix is cut from the names of files, with the slash after it, before those of both sides are compared.
	Prefix string
	// Path returns where the file of that name can be read. Nil stands for the name itself.
	Path func(name string) string
	// Show turns a path into what people are told. Nil stands for the path itself.
	Show func(path string) string
}

// NewContract links files, of which each comes after all that it imports. It decodes the options in them.
func NewContract(files []*descriptorpb.FileDescriptorProto, cfg ContractConfig) (*Contract, error) {
	linked, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: files})
	if err != nil {
		return nil, fmt.Errorf("link the contract: %w", err)
	}
	// Options are decoded once more, now that the extensions among them are known. What is linked has copies of them.
	if err := decodeOptions(files, dynamicpb.NewTypes(linked)); err != nil {
		return nil, err
	}
	if linked, err = protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: files}); err != nil {
		return nil, fmt.Errorf("link the contract: %w", err)
	}
	return newContract(linked, protoreflect.FileDescriptor.SourceLocations, cfg)
}

// fromCompiled returns the contract that idl.CompileLinked made. It decodes the options in compiled.
func fromCompiled(compiled *idl.Contract, cfg ContractConfig) (*Contract, error) {
	linked := new(protoregistry.Files)
	for _, file := range compiled.Linked() {
		if err := linked.RegisterFile(file); err != nil {
			return nil, fmt.Errorf("link the contract: %w", err)
		}
	}
	if err := decodeOptions(compiled.Files, dynamicpb.NewTypes(linked)); err != nil {
		return nil, err
	}
	return newContract(linked, compiled.Locations, cfg)
}

func newContract(
	linked *protoregistry.Files, locations func(protoreflect.FileDescriptor) protoreflect.SourceLocations,
	cfg ContractConfig,
) (*Contract, error) {
	c := &Contract{
		byName:     make(map[string]protoreflect.FileDescriptor),
		messages:   make(map[protoreflect.FullName]protoreflect.MessageDescriptor),
		enums:      make(map[protoreflect.FullName]protoreflect.EnumDescriptor),
		services:   make(map[protoreflect.FullName]protoreflect.ServiceDescriptor),
		extensions: make(map[extensionKey]protoreflect.ExtensionDescriptor),
		linked:     linked,
		types:      dynamicpb.NewTypes(linked),
		prefix:     strings.TrimSuffix(cfg.Prefix, "/"),
		locations:  locations,
		disk:       cfg.Path,
		show:       cfg.Show,
	}
	if c.show == nil {
		c.show = func(path string) string { return path }
	}
	if c.disk == nil {
		c.disk = func(name string) string { return name }
	}
	for _, name := range cfg.Own {
		file, err := linked.FindFileByPath(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		c.files = append(c.files, file)
		c.index(file)
	}
	slices.SortFunc(c.files, func(a, b protoreflect.FileDescriptor) int { return cmp.Compare(a.Path(), b.Path()) })
	return c, nil
}

// decodeOptions makes fields of the extensions among options, which are unknown bytes until it is known what declares
// them.
func decodeOptions(files []*descriptorpb.FileDescriptorProto, types *dynamicpb.Types) error {
	for _, file := range files {
		if err := decodeOptionsIn(file.ProtoReflect(), types); err != nil {
			return fmt.Errorf("%s: decode options: %w", file.GetName(), err)
		}
	}
	return nil
}

// decodeOptionsIn is decodeOptions for a part of a descriptor.
func decodeOptionsIn(part protoreflect.Message, types *dynamicpb.Types) error {
	if part.Descriptor().Fields().ByName("uninterpreted_option") != nil { // as all messages of options have it
		raw, err := proto.MarshalOptions{AllowPartial: true}.Marshal(part.Interface())
		if err != nil {
			return err
		}
		return proto.UnmarshalOptions{AllowPartial: true, Resolver: types}.Unmarshal(raw, part.Interface())
	}
	var err error
	part.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Message() == nil || field.Name() == "source_code_info":
		case field.IsList():
			list := value.List()
			for i := 0; i < list.Len() && err == nil; i++ {
				err = decodeOptionsIn(list.Get(i).Message(), types)
			}
		default:
			err = decodeOptionsIn(value.Message(), types)
		}
		return err == nil
	})
	return err
}

// name returns the name under which file meets its counterpart.
func (c *Contract) name(file protoreflect.FileDescriptor) string {
	if c.prefix == "" || c.prefix == "." {
		return file.Path()
	}
	return strings.TrimPrefix(file.Path(), c.prefix+"/")
}

func (c *Contract) index(file protoreflect.FileDescriptor) {
	c.byName[c.name(file)] = file
	for i := range file.Services().Len() {
		s := file.Services().Get(i)
		c.services[s.FullName()] = s
	}
	for m := range allMessages(file) {
		c.messages[m.FullName()] = m
	}
	for e := range allEnums(file) {
		c.enums[e.FullName()] = e
	}
	for x := range allExtensions(file) {
		c.extensions[extensionKey{x.ContainingMessage().FullName(), x.Number()}] = x
	}
}

// scope is a file or a message, in which messages, enums and extensions are declared.
type scope interface {
	Messages() protoreflect.MessageDescriptors
	Enums() protoreflect.EnumDescriptors
	Extensions() protoreflect.ExtensionDescriptors
}

// allMessages yields the messages of a scope, with those nested in them, in the order of the source.
func allMessages(in scope) func(yield func(protoreflect.MessageDescriptor) bool) {
	return func(yield func(protoreflect.MessageDescriptor) bool) { yieldMessages(in, yield) }
}

func yieldMessages(in scope, yield func(protoreflect.MessageDescriptor) bool) bool {
	for i := range in.Messages().Len() {
		m := in.Messages().Get(i)
		if !yield(m) || !yieldMessages(m, yield) {
			return false
		}
	}
	return true
}

// scopes yields a file and all its messages.
func scopes(file protoreflect.FileDescriptor) func(yield func(scope) bool) {
	return func(yield func(scope) bool) {
		if !yield(file) {
			return
		}
		yieldMessages(file, func(m protoreflect.MessageDescriptor) bool { return yield(m) })
	}
}

// allEnums yields the enums of a file, with those nested in messages.
func allEnums(file protoreflect.FileDescriptor) func(yield func(protoreflect.EnumDescriptor) bool) {
	return func(yield func(protoreflect.EnumDescriptor) bool) {
		for in := range scopes(file) {
			for i := range in.Enums().Len() {
				if !yield(in.Enums().Get(i)) {
					return
				}
			}
		}
	}
}

// allExtensions yields the extensions of a file, with those declared in messages.
func allExtensions(file protoreflect.FileDescriptor) func(yield func(protoreflect.ExtensionDescriptor) bool) {
	return func(yield func(protoreflect.ExtensionDescriptor) bool) {
		for in := range scopes(file) {
			for i := range in.Extensions().Len() {
				if !yield(in.Extensions().Get(i)) {
					return
				}
			}
		}
	}
}

// nestedName returns the name of d within its package: "Outer.Inner".
func nestedName(d protoreflect.Descriptor) string {
	pkg := d.ParentFile().Package()
	if pkg == "" {
		return string(d.FullName())
	}
	return strings.TrimPrefix(string(d.FullName()), string(pkg)+".")
}
