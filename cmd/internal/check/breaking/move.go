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
	isGone := make(map[protoreflect.FullName]bool, len(gone))
	for _, m := range gone {
		isGone[m.FullName()] = true
	}
	for _, old := range gone {
		if outer, nested := old.Parent().(protoreflect.MessageDescriptor); nested && isGone[outer.FullName()] {
			continue // it moved along
		}
		key := outline(old)
		if len(goneLike[key]) != 1 || len(cameLike[key]) != 1 {
			continue // there is none, or one cannot tell which
		}
		now := cameLike[key][0]
		c.reportf(c.now.whole(now), c.old.whole(old), c.subjectOf(old), "message %s is called %s now",
			old.FullName(), now.FullName())
	}
}

// byOutline groups messages that may have become each other. Those without fields are like all others, and left out.
func byOutline(messages []protoreflect.MessageDescriptor) map[string][]protoreflect.MessageDescriptor {
	groups := make(map[string][]protoreflect.MessageDescriptor)
	for _, m := range messages {
		if m.Fields().Len() > 0 {
			key := outline(m)
			groups[key] = append(groups[key], m)
		}
	}
	return groups
}

// outline describes the fields of a message. Types that may have moved along are named by their last names. Two fields
// are enough to know a message by; with one, the name has to be the same but for the package or the message around it.
func outline(m protoreflect.MessageDescriptor) string {
	fields := make([]protoreflect.FieldDescriptor, m.Fields().Len())
	for i := range fields {
		fields[i] = m.Fields().Get(i)
	}
	slices.SortFunc(fields, func(a, b protoreflect.FieldDescriptor) int { return cmp.Compare(a.Number(), b.Number()) })
	var b strings.Builder
	if len(fields) == 1 {
		fmt.Fprintf(&b, "%s\n", m.Name())
	}
	for _, field := range fields {
		fmt.Fprintf(&b, "%d %s %s %s %s\n", field.Number(), field.Name(), field.Cardinality(), field.Kind(),
			typeName(field).Name())
	}
	return b.String()
}
