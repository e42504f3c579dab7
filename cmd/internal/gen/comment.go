package gen

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// doc writes a doc comment of the paragraphs that are not empty.
func (s *stubs) doc(paragraphs ...string) {
	paragraphs = slices.DeleteFunc(paragraphs, func(p string) bool { return p == "" })
	if len(paragraphs) > 0 {
		s.P("// ", strings.ReplaceAll(strings.Join(paragraphs, "\n\n"), "\n", "\n// "))
	}
}

// textOf returns the contract's comment before a declaration, or else the one behind it.
func textOf(set protogen.CommentSet) string {
	text := string(set.Leading)
	if strings.TrimSpace(text) == "" {
		text = string(set.Trailing)
	}
	lines := strings.Split(plainComment(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(strings.TrimPrefix(line, " "), " \t\r")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// deprecationOf returns the paragraph by which Go's tools know that a name is deprecated, "" when it is not.
func deprecationOf(d protoreflect.Descriptor) string {
	options, ok := d.Options().(interface{ GetDeprecated() bool })
	if !ok || !options.GetDeprecated() {
		return ""
	}
	return "Deprecated: marked as deprecated in " + d.ParentFile().Path() + "."
}

// withPlainComments returns file with comments that say nothing to Go's tools. It returns the same file if they are so
// already, and does not change it otherwise.
func withPlainComments(file *descriptorpb.FileDescriptorProto) *descriptorpb.FileDescriptorProto {
	locations := file.GetSourceCodeInfo().GetLocation()
	isPlain := func(l *descriptorpb.SourceCodeInfo_Location) bool { return plainLocation(l) == l }
	if !slices.ContainsFunc(locations, func(l *descriptorpb.SourceCodeInfo_Location) bool { return !isPlain(l) }) {
		return file
	}
	plain := new(descriptorpb.FileDescriptorProto)
	file.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		plain.ProtoReflect().Set(field, value)
		return true
	})
	plain.ProtoReflect().SetUnknown(file.ProtoReflect().GetUnknown())
	plain.SourceCodeInfo = new(descriptorpb.SourceCodeInfo)
	for _, l := range locations {
		plain.SourceCodeInfo.Location = append(plain.SourceCodeInfo.Location, plainLocation(l))
	}
	return plain
}

// plainLocation is withPlainComments for one location.
func plainLocation(l *descriptorpb.SourceCodeInfo_Location) *descriptorpb.SourceCodeInfo_Location {
	if l.LeadingComments == nil && l.TrailingComments == nil && len(l.GetLeadingDetachedComments()) == 0 {
		return l
	}
	detached := make([]string, len(l.GetLeadingDetachedComments()))
	for i, text := range l.GetLeadingDetachedComments() {
		detached[i] = plainComment(text)
	}
	leading, trailing := plainComment(l.GetLeadingComments()), plainComment(l.GetTrailingComments())
	if leading == l.GetLeadingComments() && trailing == l.GetTrailingComments() &&
		slices.Equal(detached, l.GetLeadingDetachedComments()) {
		return l
	}
	plain := proto.CloneOf(l)
	plain.LeadingDetachedComments = detached
	if l.LeadingComments != nil {
		plain.LeadingComments = &leading
	}
	if l.TrailingComments != nil {
		plain.TrailingComments = &trailing
	}
	return plain
}

// plainComment returns the text of a comment such that it says nothing to Go's tools, whatever its lines are behind
// "//" or "// ": a line that would be a build constraint is put in backquotes, one that would be a directive (go:embed,
// line, export) is moved away from the slashes. Characters that Go's source must not have are dropped.
func plainComment(text string) string {
	if strings.ContainsAny(text, "\x00\r") || strings.Contains(text, "\ufeff") {
		text = strings.NewReplacer("\x00", "", "\ufeff", "", "\r\n", "\n", "\r", "\n").Replace(text)
	}
	if !strings.ContainsAny(text, "+:") && !strings.Contains(text, "export") && !strings.Contains(text, "extern") {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		switch trimmed := strings.TrimSpace(line); {
		case strings.HasPrefix(trimmed, "+build"):
			lines[i] = " `" + trimmed + "`"
		case trimmed != "" && trimmed[0] == line[0] && isDirective(line):
			lines[i] = " " + line
		}
	}
	return strings.Join(lines, "\n")
}

// isDirective reports whether a comment of that text, without a space behind the slashes, is a directive: of the
// compiler (//go:embed, //line), of cgo (//export), or of another tool (//nolint:all).
func isDirective(text string) bool {
	word, _, _ := strings.Cut(text, " ")
	if word == "line" || word == "export" || word == "extern" {
		return true
	}
	tool, rest, colon := strings.Cut(word, ":")
	return colon && tool != "" && rest != "" && strings.Trim(tool, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}
