package gen

import (
	"bytes"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// messagesOf returns what protoc-gen-go writes for a file that is not of the hybrid API, byte for byte. It takes from
// the file's descriptor what generators do not need.
//
// The code has the encoded descriptor as a constant, the sum of as many strings as the contract has declarations, and
// go/printer takes time for it that grows with the square of their number. So protoc-gen-go is given an empty
// descriptor, and the constant is put in afterwards.
func (r *run) messagesOf(file *protogen.File) (*File, error) {
	full := file.Proto
	file.Proto = new(descriptorpb.FileDescriptorProto)
	if full.GetOptions().GetDeprecated() { // protoc-gen-go reads nothing else of it
		file.Proto.Options = &descriptorpb.FileOptions{Deprecated: new(true)}
	}
	short, err := descriptorConstant(file.Proto)
	if err != nil {
		return nil, err
	}
	plugin := r.fork()
	internal_gengo.GenerateFile(plugin, file)
	file.Proto = full
	files, err := r.formatted(plugin)
	if err != nil {
		return nil, err
	}
	long, err := descriptorConstant(full)
	if err != nil {
		return nil, err
	}
	before, after, found := bytes.Cut(files[0].Content, short)
	if !found {
		return nil, fmt.Errorf("%s: the generated code has no descriptor", file.Desc.Path())
	}
	whole := make([]byte, 0, len(before)+len(long)+len(after))
	return &File{files[0].Name, append(append(append(whole, before...), long...), after...)}, nil
}

// descriptorConstant returns the end of the line that declares the constant with a descriptor, and the lines of its
// value, as protoc-gen-go writes them. It removes from the descriptor what is not in there.
func descriptorConstant(file *descriptorpb.FileDescriptorProto) ([]byte, error) {
	file.SourceCodeInfo = nil
	eachOptions(file, stripSource)
	encoded, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(file)
	if err != nil {
		return nil, err
	}
	text := make([]byte, 0, 3*len(encoded))
	text = append(text, `_rawDesc = ""`...)
	for _, line := range bytes.SplitAfter(encoded, []byte("\n")) {
		text = append(text, " +\n\t"...)
		text = strconv.AppendQuote(text, string(line))
	}
	return append(text, '\n'), nil
}

// eachOptions calls f with all options in a descriptor.
func eachOptions(file *descriptorpb.FileDescriptorProto, f func(protoreflect.Message)) {
	call := func(options proto.Message) {
		if m := options.ProtoReflect(); m.IsValid() {
			f(m)
		}
	}
	fields := func(all []*descriptorpb.FieldDescriptorProto) {
		for _, field := range all {
			call(field.GetOptions())
		}
	}
	enums := func(all []*descriptorpb.EnumDescriptorProto) {
		for _, e := range all {
			call(e.GetOptions())
			for _, v := range e.GetValue() {
				call(v.GetOptions())
			}
		}
	}
	var messages func([]*descriptorpb.DescriptorProto)
	messages = func(all []*descriptorpb.DescriptorProto) {
		for _, m := range all {
			call(m.GetOptions())
			fields(m.GetField())
			fields(m.GetExtension())
			enums(m.GetEnumType())
			for _, o := range m.GetOneofDecl() {
				call(o.GetOptions())
			}
			for _, r := range m.GetExtensionRange() {
				call(r.GetOptions())
			}
			messages(m.GetNestedType())
		}
	}
	call(file.GetOptions())
	messages(file.GetMessageType())
	enums(file.GetEnumType())
	fields(file.GetExtension())
	for _, s := range file.GetService() {
		call(s.GetOptions())
		for _, m := range s.GetMethod() {
			call(m.GetOptions())
		}
	}
}

// stripSource removes the options that are for the source alone from m and all messages in it.
func stripSource(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		options, ok := field.Options().(*descriptorpb.FieldOptions)
		switch {
		case ok && options.GetRetention() == descriptorpb.FieldOptions_RETENTION_SOURCE:
			m.Clear(field)
		case field.Message() == nil:
		case field.IsMap():
			if field.MapValue().Message() != nil {
				value.Map().Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
					stripSource(value.Message())
					return true
				})
			}
		case field.IsList():
			for i := range value.List().Len() {
				stripSource(value.List().Get(i).Message())
			}
		default:
			stripSource(value.Message())
		}
		return true
	})
}
