package call

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/dynamic"
)

// sourceWriter writes descriptors as text of a .proto file. Names of types are written in full, so that they can be
// asked about.
type sourceWriter struct {
	b        bytes.Buffer
	resolver *dynamic.Resolver
}

func (s *sourceWriter) linef(depth int, format string, args ...any) {
	s.b.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(&s.b, format, args...)
	s.b.WriteByte('\n')
}

// descriptor writes d with all that is within.
func (s *sourceWriter) descriptor(d protoreflect.Descriptor) {
	switch d := d.(type) {
	case protoreflect.FileDescriptor:
		s.file(d)
	case protoreflect.ServiceDescriptor:
		s.service(d)
	case protoreflect.MethodDescriptor:
		s.method(0, d)
	case protoreflect.MessageDescriptor:
		s.message(0, d)
	case protoreflect.EnumDescriptor:
		s.enum(0, d)
	case protoreflect.EnumValueDescriptor:
		s.enumValue(0, d)
	case protoreflect.OneofDescriptor:
		s.oneof(0, d)
	case protoreflect.FieldDescriptor:
		if d.IsExtension() {
			s.linef(0, "extend %s {", d.ContainingMessage().FullName())
			s.field(1, d)
			s.linef(0, "}")
			return
		}
		s.field(0, d)
	}
}

// comment writes the comments before d.
func (s *sourceWriter) comment(depth int, d protoreflect.Descriptor) {
	at := d.ParentFile().SourceLocations().ByDescriptor(d)
	for _, c := range at.LeadingDetachedComments {
		s.commentText(depth, c)
		s.b.WriteByte('\n')
	}
	s.commentText(depth, at.LeadingComments)
	s.commentText(depth, at.TrailingComments)
}

func (s *sourceWriter) commentText(depth int, text string) {
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		s.linef(depth, "%s", cli.Clean(strings.TrimRight("//"+line, " \t\r")))
	}
}

func (s *sourceWriter) file(f protoreflect.FileDescriptor) {
	switch f.Syntax() {
	case protoreflect.Editions:
		edition := strings.TrimPrefix(protodesc.ToFileDescriptorProto(f).GetEdition().String(), "EDITION_")
		s.linef(0, "edition = %q;", edition)
	case protoreflect.Proto2, protoreflect.Proto3:
		s.linef(0, "syntax = %q;", f.Syntax())
	}
	if f.Package() != "" {
		s.linef(0, "\npackage %s;", f.Package())
	}
	for i := range f.Imports().Len() {
		if i == 0 {
			s.b.WriteByte('\n')
		}
		imported := f.Imports().Get(i)
		public := ""
		if imported.IsPublic {
			public = "public "
		}
		s.linef(0, "import %s%q;", public, imported.Path())
	}
	if list := s.options(f); len(list) > 0 {
		s.b.WriteByte('\n')
		s.optionLines(0, list)
	}
	for i := range f.Services().Len() {
		s.b.WriteByte('\n')
		s.service(f.Services().Get(i))
	}
	for i := range f.Messages().Len() {
		s.b.WriteByte('\n')
		s.message(0, f.Messages().Get(i))
	}
	for i := range f.Enums().Len() {
		s.b.WriteByte('\n')
		s.enum(0, f.Enums().Get(i))
	}
	s.extensions(0, f.Extensions())
}

// extensions writes those that are declared in a file or message.
func (s *sourceWriter) extensions(depth int, list protoreflect.ExtensionDescriptors) {
	for i := range list.Len() {
		x := list.Get(i)
		s.b.WriteByte('\n')
		s.linef(depth, "extend %s {", x.ContainingMessage().FullName())
		s.field(depth+1, x)
		s.linef(depth, "}")
	}
}

func (s *sourceWriter) service(d protoreflect.ServiceDescriptor) {
	s.comment(0, d)
	s.linef(0, "service %s {", d.Name())
	list := s.options(d)
	s.optionLines(1, list)
	for i := range d.Methods().Len() {
		if i > 0 && s.commented(d.Methods().Get(i)) || i == 0 && len(list) > 0 {
			s.b.WriteByte('\n')
		}
		s.method(1, d.Methods().Get(i))
	}
	s.linef(0, "}")
}

// commented reports whether there is a comment before d.
func (s *sourceWriter) commented(d protoreflect.Descriptor) bool {
	return d.ParentFile().SourceLocations().ByDescriptor(d).LeadingComments != ""
}

func (s *sourceWriter) method(depth int, d protoreflect.MethodDescriptor) {
	s.comment(depth, d)
	in, out := string(d.Input().FullName()), string(d.Output().FullName())
	if d.IsStreamingClient() {
		in = "stream " + in
	}
	if d.IsStreamingServer() {
		out = "stream " + out
	}
	list := s.options(d)
	if len(list) == 0 {
		s.linef(depth, "rpc %s(%s) returns (%s);", d.Name(), in, out)
		return
	}
	s.linef(depth, "rpc %s(%s) returns (%s) {", d.Name(), in, out)
	s.optionLines(depth+1, list)
	s.linef(depth, "}")
}

func (s *sourceWriter) message(depth int, d protoreflect.MessageDescriptor) {
	s.comment(depth, d)
	s.linef(depth, "message %s {", d.Name())
	s.messageBody(depth+1, d)
	s.linef(depth, "}")
}

func (s *sourceWriter) messageBody(depth int, d protoreflect.MessageDescriptor) {
	s.optionLines(depth, s.options(d))
	for _, r := range append(reservedNumbers(d), reservedNames(d)...) {
		s.linef(depth, "reserved %s;", r)
	}
	for i := range d.ExtensionRanges().Len() {
		r := d.ExtensionRanges().Get(i)
		s.linef(depth, "extensions %s;", numberRange(int(r[0]), int(r[1])-1, 1<<29-1))
	}
	fields := make([]protoreflect.FieldDescriptor, d.Fields().Len())
	for i := range fields {
		fields[i] = d.Fields().Get(i)
	}
	done := make(map[protoreflect.FullName]bool)
	for _, f := range fields {
		o := f.ContainingOneof()
		switch {
		case o == nil || o.IsSynthetic():
			s.field(depth, f)
		case !done[o.FullName()]:
			done[o.FullName()] = true
			s.oneof(depth, o)
		}
	}
	for i := range d.Enums().Len() {
		s.b.WriteByte('\n')
		s.enum(depth, d.Enums().Get(i))
	}
	for i := range d.Messages().Len() {
		if m := d.Messages().Get(i); !m.IsMapEntry() && !isGroup(d, m) {
			s.b.WriteByte('\n')
			s.message(depth, m)
		}
	}
	s.extensions(depth, d.Extensions())
}

// isGroup reports whether m is written where a field of d is declared.
func isGroup(d, m protoreflect.MessageDescriptor) bool {
	for i := range d.Fields().Len() {
		if f := d.Fields().Get(i); groupSyntax(f) && f.Message() == m {
			return true
		}
	}
	return false
}

// groupSyntax reports whether f is declared as a group, and not with editions' delimited encoding.
func groupSyntax(f protoreflect.FieldDescriptor) bool {
	return f.Kind() == protoreflect.GroupKind && f.ParentFile().Syntax() == protoreflect.Proto2
}

func (s *sourceWriter) oneof(depth int, d protoreflect.OneofDescriptor) {
	s.comment(depth, d)
	s.linef(depth, "oneof %s {", d.Name())
	s.optionLines(depth+1, s.options(d))
	for i := range d.Fields().Len() {
		s.field(depth+1, d.Fields().Get(i))
	}
	s.linef(depth, "}")
}

func (s *sourceWriter) field(depth int, d protoreflect.FieldDescriptor) {
	s.comment(depth, d)
	var list []option
	if d.HasDefault() {
		list = append(list, option{"default", defaultText(d)})
	}
	if d.HasJSONName() && d.JSONName() != jsonName(string(d.Name())) && !d.IsExtension() {
		list = append(list, option{"json_name", strconv.Quote(d.JSONName())})
	}
	text := brackets(depth, append(list, s.options(d)...))
	if groupSyntax(d) {
		s.linef(depth, "%sgroup %s = %d%s {", label(d), d.Message().Name(), d.Number(), text)
		s.messageBody(depth+1, d.Message())
		s.linef(depth, "}")
		return
	}
	s.linef(depth, "%s%s %s = %d%s;", label(d), typeName(d), d.Name(), d.Number(), text)
}

// label returns what stands before a field's type.
func label(d protoreflect.FieldDescriptor) string {
	o := d.ContainingOneof()
	switch {
	case d.IsMap(), o != nil && !o.IsSynthetic():
		return ""
	case d.Cardinality() == protoreflect.Repeated:
		return "repeated "
	case d.ParentFile().Syntax() == protoreflect.Editions:
		return ""
	case d.Cardinality() == protoreflect.Required:
		return "required "
	case d.HasOptionalKeyword():
		return "optional "
	}
	return ""
}

func typeName(d protoreflect.FieldDescriptor) string {
	switch {
	case d.IsMap():
		return "map<" + typeName(d.MapKey()) + ", " + typeName(d.MapValue()) + ">"
	case d.Message() != nil:
		return string(d.Message().FullName())
	case d.Enum() != nil:
		return string(d.Enum().FullName())
	}
	return d.Kind().String()
}

func defaultText(d protoreflect.FieldDescriptor) string {
	v := d.Default()
	switch d.Kind() {
	case protoreflect.StringKind:
		return strconv.Quote(v.String())
	case protoreflect.BytesKind:
		return strconv.QuoteToASCII(string(v.Bytes()))
	case protoreflect.EnumKind:
		if e := d.DefaultEnumValue(); e != nil {
			return string(e.Name())
		}
	default:
	}
	return v.String()
}

// jsonName returns the JSON name that a field has by default.
func jsonName(name string) string {
	b := make([]byte, 0, len(name))
	up := false
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_':
			up = true
			continue
		case up && 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		}
		up = false
		b = append(b, c)
	}
	return string(b)
}

func (s *sourceWriter) enum(depth int, d protoreflect.EnumDescriptor) {
	s.comment(depth, d)
	s.linef(depth, "enum %s {", d.Name())
	s.optionLines(depth+1, s.options(d))
	for i := range d.ReservedRanges().Len() {
		r := d.ReservedRanges().Get(i)
		s.linef(depth+1, "reserved %s;", numberRange(int(r[0]), int(r[1]), 1<<31-1))
	}
	for i := range d.ReservedNames().Len() {
		s.linef(depth+1, "reserved %q;", d.ReservedNames().Get(i))
	}
	for i := range d.Values().Len() {
		s.enumValue(depth+1, d.Values().Get(i))
	}
	s.linef(depth, "}")
}

func (s *sourceWriter) enumValue(depth int, d protoreflect.EnumValueDescriptor) {
	s.comment(depth, d)
	s.linef(depth, "%s = %d%s;", d.Name(), d.Number(), brackets(depth, s.options(d)))
}

// reservedNumbers returns what is reserved, as one text if there is any.
func reservedNumbers(d protoreflect.MessageDescriptor) []string {
	ranges := make([][2]protoreflect.FieldNumber, d.ReservedRanges().Len())
	for i := range ranges {
		ranges[i] = d.ReservedRanges().Get(i)
	}
	slices.SortFunc(ranges, func(a, b [2]protoreflect.FieldNumber) int { return cmp.Compare(a[0], b[0]) })
	list := make([]string, len(ranges))
	for i, r := range ranges {
		list[i] = numberRange(int(r[0]), int(r[1])-1, 1<<29-1)
	}
	return inOne(list)
}

func reservedNames(d protoreflect.MessageDescriptor) []string {
	list := make([]string, d.ReservedNames().Len())
	for i := range list {
		list[i] = strconv.Quote(string(d.ReservedNames().Get(i)))
	}
	return inOne(list)
}

func inOne(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return []string{strings.Join(list, ", ")}
}

func numberRange(from, to, highest int) string {
	switch {
	case from == to:
		return strconv.Itoa(from)
	case to >= highest:
		return strconv.Itoa(from) + " to max"
	}
	return strconv.Itoa(from) + " to " + strconv.Itoa(to)
}
