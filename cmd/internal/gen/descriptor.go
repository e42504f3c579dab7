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

// generateMessages returns what protoc-gen-go writes for a file that is not of the hybrid API, byte for byte. It takes
// from the file's descriptor what generators do not need.
//
// The code has the encoded descriptor as a constant, the sum of as many strings as the contract has declarations, and
// go/printer takes time for it that grows with the square of their number. So protoc-gen-go is given an empty
// descriptor, and the constant is put in afterwards.
func generateMessages(plugin *protogen.Plugin, file *protogen.File) ([]byte, error) {
	full := file.Proto
	file.Proto = new(descriptorpb.FileDescriptorProto)
	if full.GetOptions().GetDeprecated() { // protoc-gen-go reads nothing else of it
		file.Proto.Options = &descriptorpb.FileOptions{Deprecated: new(true)}
	}
	short, err := descriptorConstant(file.Proto)
	if err != nil {
		return nil, err
	}
	content, err := messagesOf(plugin, file)
	file.Proto = full
	if err != nil {
		return nil, err
	}
	long, err := descriptorConstant(full)
	if err != nil {
		return nil, err
	}
	before, after, found := bytes.Cut(content, short)
	if !found {
		return nil, fmt.Errorf("%s: the generated code has no descriptor", file.Desc.Path())
	}
	whole := make([]byte, 0, len(before)+len(long)+len(after))
	return append(append(append(whole, before...), long...), after...), nil
}

// messagesOf runs protoc-gen-go for a file, and formats what it writes.
//
// The code goes through protogen, which adds the imports, as one large comment: protogen would format it.
func messagesOf(plugin *protogen.Plugin, file *protogen.File) ([]byte, error) {
	const begin, end = beginComment, endComment
	name := file.GoPackageName
	file.GoPackageName += "\n" + begin
	content, err := contentOf(internal_gengo.GenerateFile(plugin, file), end)
	file.GoPackageName = name
	if err == nil {
		head, code, found := bytes.Cut(content, []byte("\n"+begin+"\n"))
		code, ended := bytes.CutSuffix(code, []byte("\n"+end+"\n"))
		if found && ended {
			return withHead(head, code)
		}
	}
	// A comment of the contract has the end of a comment, or there is another reason.
	return contentOf(internal_gengo.GenerateFile(plugin, file))
}

// contentOf returns what is in a generated file, followed by more lines. It removes it from the plugin, which would
// keep it otherwise.
func contentOf(out *protogen.GeneratedFile, more ...any) ([]byte, error) {
	if len(more) > 0 {
		out.P(more...)
	}
	content, err := out.Content()
	*out = protogen.GeneratedFile{}
	out.Skip()
	return content, err
}

// withHead returns the code of a file, formatted, behind its head, which ends with the imports and is so already.
func withHead(head, code []byte) ([]byte, error) {
	body, err := formattedBody(code)
	if err != nil {
		return nil, err
	}
	whole := make([]byte, 0, len(head)+1+len(body))
	return append(append(append(whole, head...), '\n'), body...), nil
}

// formattedBody returns code without a package clause, formatted.
func formattedBody(code []byte) ([]byte, error) {
	const clause = "package p\n\n"
	body, err := formatted(append([]byte(clause), code...))
	if err != nil {
		return nil, err
	}
	body, ok := bytes.CutPrefix(body, []byte(clause))
	if !ok {
		return nil, errNotFormatted
	}
	return body, nil
}

// descriptorConstant returns the end of the line that declares the constant with a descriptor, and the lines of its
// value, as protoc-gen-go writes them. It removes from the descriptor what is not in there.
func descriptorConstant(file *descriptorpb.FileDescriptorProto) ([]byte, error) {
	file.SourceCodeInfo = nil
	stripSource(file.ProtoReflect())
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
