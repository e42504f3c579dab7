package breaking

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
)

// Finding is a change that breaks.
type Finding struct {
	// Rule is the rule that found it.
	Rule string
	// At is the place in the new contract; for what was deleted, that of what enclosed it.
	At finding.Place
	// Begin is the line on which the declaration begins that the place belongs to; 0: not known.
	Begin int
	// Was is the place in the old contract. Its File is empty when there is none.
	Was finding.Place
	// Text says what changed.
	Text string
	// Why says what those who use the old contract see.
	Why string
	// Subject is the declaration that changed, as the old contract names it.
	Subject Subject
}

// Subject names a declaration of the old contract.
type Subject struct {
	Kind SubjectKind
	// Name is the full name: package.Message.field, package.Enum.VALUE, package.Service.Method. An enum's value is
	// named below its enum here, though protobuf's scoping puts it beside it.
	Name string
}

// SubjectKind is the kind of declaration that a Subject is.
type SubjectKind string

// The kinds of subjects.
const (
	FileSubject    SubjectKind = "file"
	MessageSubject SubjectKind = "message"
	FieldSubject   SubjectKind = "field"
	EnumSubject    SubjectKind = "enum"
	ValueSubject   SubjectKind = "value"
	ServiceSubject SubjectKind = "service"
	MethodSubject  SubjectKind = "method"
)

// Config says which rules Compare applies.
type Config struct {
	Level Level
	// Except are the names of rules that are left out.
	Except []string
}

// Compare returns what in the contract now breaks those who use the contract old, in the order of places.
func Compare(old, now *Contract, cfg Config) []Finding {
	c := &comparison{old: old, now: now, level: cfg.Level}
	var findings []Finding
	for _, rule := range Rules() {
		if rule.Levels&cfg.Level == 0 || slices.Contains(cfg.Except, rule.ID) {
			continue
		}
		found := c.apply(rule)
		if len(found) > 0 {
			c.worsen(found, rule.Worse)
		}
		findings = append(findings, found...)
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.At.File, b.At.File), cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Text, b.Text))
	})
	return slices.CompactFunc(findings, func(a, b Finding) bool {
		return a.Rule == b.Rule && a.At == b.At && a.Text == b.Text
	})
}

// comparison is the state of one Compare.
type comparison struct {
	old, now *Contract
	level    Level
	rule     Rule      // which is being applied
	findings []Finding // of that rule

	// Made on first use.
	includes map[[2]protoreflect.FullName]bool                     // see grownEnum
	declares map[protoreflect.FullName]protoreflect.FileDescriptor // see whereTo
}

// apply returns what a rule finds.
func (c *comparison) apply(rule Rule) []Finding {
	c.rule, c.findings = rule, nil
	rule.check(c)
	return c.findings
}

// worsen adds to findings what the first rule among worse that finds the same change says of it.
func (c *comparison) worsen(found []Finding, worse []Worse) {
	rules := Rules()
	told := make(map[Subject]bool)
	for _, w := range worse {
		i := slices.IndexFunc(rules, func(r Rule) bool { return r.ID == w.Rule })
		also := make(map[Subject]bool)
		for _, f := range c.apply(rules[i]) {
			also[f.Subject] = true
		}
		for i := range found {
			if f := &found[i]; also[f.Subject] && !told[f.Subject] {
				f.Why = w.Why + ", and " + f.Why
			}
		}
		maps.Copy(told, also)
	}
}

// reportf notes that the rule that is being applied found something.
func (c *comparison) reportf(at, was spot, subject Subject, format string, args ...any) {
	c.findings = append(c.findings, Finding{
		Rule: c.rule.ID, At: at.Place, Begin: at.begin, Was: was.Place, Subject: subject, Why: c.rule.Why,
		Text: fmt.Sprintf(format, args...),
	})
}

// subjectOf names d, which is part of the old contract.
func (c *comparison) subjectOf(d protoreflect.Descriptor) Subject {
	name := string(d.FullName())
	switch d := d.(type) {
	case protoreflect.MessageDescriptor:
		if d.IsMapEntry() {
			if field := c.old.mapField(d); field != nil {
				return c.subjectOf(field)
			}
		}
		return Subject{Kind: MessageSubject, Name: name}
	case protoreflect.FieldDescriptor:
		if entry := d.ContainingMessage(); !d.IsExtension() && entry.IsMapEntry() {
			return c.subjectOf(entry)
		}
		return Subject{Kind: FieldSubject, Name: name}
	case protoreflect.EnumDescriptor:
		return Subject{Kind: EnumSubject, Name: name}
	case protoreflect.EnumValueDescriptor:
		return Subject{Kind: ValueSubject, Name: string(d.Parent().FullName().Append(d.Name()))}
	case protoreflect.ServiceDescriptor:
		return Subject{Kind: ServiceSubject, Name: name}
	case protoreflect.MethodDescriptor:
		return Subject{Kind: MethodSubject, Name: name}
	case protoreflect.OneofDescriptor:
		return c.subjectOf(d.Parent())
	case protoreflect.FileDescriptor:
		return Subject{Kind: FileSubject, Name: d.Path()}
	default:
		return Subject{}
	}
}

// filePairs makes a check of one that is called for each file that both sides have.
func filePairs(check func(c *comparison, old, now protoreflect.FileDescriptor)) func(*comparison) {
	return func(c *comparison) {
		for _, old := range c.old.files {
			if now, ok := c.now.byName[c.old.name(old)]; ok {
				check(c, old, now)
			}
		}
	}
}

// messagePairs does so for each message, wherever it stands.
func messagePairs(check func(c *comparison, old, now protoreflect.MessageDescriptor)) func(*comparison) {
	return func(c *comparison) {
		for _, file := range c.old.files {
			for old := range allMessages(file) {
				if now, ok := c.now.messages[old.FullName()]; ok {
					check(c, old, now)
				}
			}
		}
	}
}

// enumPairs does so for each enum.
func enumPairs(check func(c *comparison, old, now protoreflect.EnumDescriptor)) func(*comparison) {
	return func(c *comparison) {
		for _, file := range c.old.files {
			for old := range allEnums(file) {
				if now, ok := c.now.enums[old.FullName()]; ok {
					check(c, old, now)
				}
			}
		}
	}
}

// fieldPairs does so for the fields of each message, which their numbers tell apart, and for extensions.
func fieldPairs(check func(c *comparison, old, now protoreflect.FieldDescriptor)) func(*comparison) {
	ofMessages := messagePairs(func(c *comparison, oldMessage, nowMessage protoreflect.MessageDescriptor) {
		for i := range oldMessage.Fields().Len() {
			old := oldMessage.Fields().Get(i)
			if now := c.now.field(nowMessage, old.Number()); now != nil {
				check(c, old, now)
			}
		}
	})
	return func(c *comparison) {
		ofMessages(c)
		for _, file := range c.old.files {
			for old := range allExtensions(file) {
				if now, ok := c.now.extensions[extensionKey{old.ContainingMessage().FullName(), old.Number()}]; ok {
					check(c, old, now)
				}
			}
		}
	}
}

// servicePairs does so for each service.
func servicePairs(check func(c *comparison, old, now protoreflect.ServiceDescriptor)) func(*comparison) {
	return func(c *comparison) {
		for _, file := range c.old.files {
			for i := range file.Services().Len() {
				old := file.Services().Get(i)
				if now, ok := c.now.services[old.FullName()]; ok {
					check(c, old, now)
				}
			}
		}
	}
}

// methodPairs does so for each method.
func methodPairs(check func(c *comparison, old, now protoreflect.MethodDescriptor)) func(*comparison) {
	return servicePairs(func(c *comparison, oldService, nowService protoreflect.ServiceDescriptor) {
		for i := range oldService.Methods().Len() {
			old := oldService.Methods().Get(i)
			if now := c.now.method(nowService, old.Name()); now != nil {
				check(c, old, now)
			}
		}
	})
}
