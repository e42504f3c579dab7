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
	disk       func(name string) string
	show       func(path string) string
	sources    finding.Sources

	// Made on first use.
	answers  map[string][]binding       // by verb and shape of the path
	byReason map[errorKey]contractError // by domain and reason
	byNumber map[errorKey]contractError // by enum and number
}

// extensionKey is what tells an extension from others on the wire.
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

// NewContract links files, of which each comes after all that it imports.
func NewContract(files []*descriptorpb.FileDescriptorProto, cfg ContractConfig) (*Contract, error) {
	linked, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: files})
	if err != nil {
		return nil, fmt.Errorf("link the contract: %w", err)
	}
	// Options are decoded once more, now that the extensions among them are known.
	types := dynamicpb.NewTypes(linked)
	known := make([]*descriptorpb.FileDescriptorProto, len(files))
	for i, file := range files {
		if known[i], err = decodeOptions(file, types); err != nil {
			return nil, fmt.Errorf("%s: decode options: %w", file.GetName(), err)
		}
	}
	if linked, err = protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: known}); err != nil {
		return nil, fmt.Errorf("link the contract: %w", err)
	}
	c := &Contract{
		byName:     make(map[string]protoreflect.FileDescriptor),
		messages:   make(map[protoreflect.FullName]protoreflect.MessageDescriptor),
		enums:      make(map[protoreflect.FullName]protoreflect.EnumDescriptor),
		services:   make(map[protoreflect.FullName]protoreflect.ServiceDescriptor),
		extensions: make(map[extensionKey]protoreflect.ExtensionDescriptor),
		linked:     linked,
		types:      types,
		prefix:     strings.TrimSuffix(cfg.Prefix, "/"),
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

// decodeOptions returns a copy of file in which extensions of options are fields instead of unknown bytes.
func decodeOptions(
	file *descriptorpb.FileDescriptorProto, types *dynamicpb.Types,
) (*descriptorpb.FileDescriptorProto, error) {
	raw, err := proto.MarshalOptions{AllowPartial: true}.Marshal(file)
	if err != nil {
		return nil, err
	}
	decoded := new(descriptorpb.FileDescriptorProto)
	err = proto.UnmarshalOptions{AllowPartial: true, Resolver: types}.Unmarshal(raw, decoded)
	return decoded, err
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

// scope is what messages, enums and extensions are declared in: a file or a message.
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
