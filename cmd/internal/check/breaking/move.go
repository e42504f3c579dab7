package breaking

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// moveRules are about declarations that go on under another name.
func moveRules() []Rule {
	return []Rule{{
		ID: "MESSAGE_SAME_NAME", Levels: all, check: messagesRenamed,
		Breaks: "a message goes on under another name or in another package",
		Why:    "type URLs of google.protobuf.Any hold its full name, and generated code follows it",
	}}
}

// messagesRenamed looks among the messages that are new for those that are gone. Where the package of the whole file
// changed, another rule says so.
func messagesRenamed(c *comparison) {
	var gone, came []protoreflect.MessageDescriptor
	for _, file := range c.old.files {
		now, kept := c.now.byName[c.old.name(file)]
		for m := range allMessages(file) {
			if c.now.messages[m.FullName()] == nil && !m.IsMapEntry() &&
				(!kept || now.Package() == file.Package()) {
				gone = append(gone, m)
			}
		}
	}
	for _, file := range c.now.files {
		for m := range allMessages(file) {
			if c.old.messages[m.FullName()] == nil && !m.IsMapEntry() {
				came = append(came, m)
			}
		}
	}
	goneLike, cameLike := byOutline(gone), byOutline(came)
	for _, old := range gone {
		if outer, nested := old.Parent().(protoreflect.MessageDescriptor); nested && slices.Contains(gone, outer) {
			continue // it moved along
		}
		key := outline(old)
		now := onlyLike(old, cameLike[key])
		if now == nil || onlyLike(now, goneLike[key]) != old {
			continue
		}
		c.reportf(c.now.whole(now), c.old.whole(old), subjectOf(old), "message %s is called %s now",
			old.FullName(), now.FullName())
	}
}

func byOutline(messages []protoreflect.MessageDescriptor) map[string][]protoreflect.MessageDescriptor {
	groups := make(map[string][]protoreflect.MessageDescriptor)
	for _, m := range messages {
		key := outline(m)
		groups[key] = append(groups[key], m)
	}
	return groups
}

// onlyLike returns the one message of others, which have the same fields, that m may have become or been; nil when
// there are several or none. Two fields have to agree, or at least one when the name is the same but for the package or
// the message around it.
func onlyLike(
	m protoreflect.MessageDescriptor, others []protoreflect.MessageDescriptor,
) protoreflect.MessageDescriptor {
	var found protoreflect.MessageDescriptor
	for _, other := range others {
		if fields := m.Fields().Len(); fields == 0 || fields == 1 && m.Name() != other.Name() {
			continue
		}
		if found != nil {
			return nil
		}
		found = other
	}
	return found
}

// outline describes the fields of a message. Types that may have moved along are named by their last names.
func outline(m protoreflect.MessageDescriptor) string {
	fields := make([]protoreflect.FieldDescriptor, m.Fields().Len())
	for i := range fields {
		fields[i] = m.Fields().Get(i)
	}
	slices.SortFunc(fields, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.Number(), b.Number()) })
	var b strings.Builder
	for _, field := range fields {
		fmt.Fprintf(&b, "%d %s %s %s %s\n", field.Number(), field.Name(), field.Cardinality(), field.Kind(),
			typeName(field).Name())
	}
	return b.String()
}
