package gen

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
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
	lines := strings.Split(text, "\n")
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
