package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/descriptorpb"
)

// Limits of the rules on size.
const (
	maxDepth       = 3    // levels of nested messages
	maxFields      = 100  // of a message
	maxValues      = 200  // of an enum
	maxFieldNumber = 2047 // the last one whose tag has two bytes
	maxGap         = 3    // numbers in a row that look deleted
)

func evolution() []Rule {
	return []Rule{
		{
			Rule: fails("ENUM_FIRST_VALUE_ZERO", Evolution,
				"the first value is what a reader sees when nothing was sent, and proto3 has to have zero there"),
			Buf: true, Bad: "enum OrderState { ORDER_STATE_PAID = 1; }",
			Good: "enum OrderState { ORDER_STATE_UNSPECIFIED = 0; … }", run: enumFirstValueZero,
		},
		{
			Rule: fails("ENUM_NO_ALLOW_ALIAS", Evolution,
				"JSON writes only one of the names, and code that compares by the other is surprised"),
			Buf: true, Bad: "option allow_alias = true;", Good: "one name for each number", run: enumNoAllowAlias,
		},
		{
			Rule: fails("FIELD_NOT_REQUIRED", Evolution,
				"a required field can never be removed or left out: every reader fails without it"),
			Buf: true, Bad: "required string name = 1;", Good: "optional string name = 1;",
			Note: "In editions it is the feature field_presence = LEGACY_REQUIRED. Rules of protovalidate say the same " +
				"without breaking the encoding.",
			run: fieldNotRequired,
		},
		{
			Rule: warns("FIELD_NO_DEFAULT", Evolution,
				"the default is compiled into every reader, so that after a change they disagree about old data"),
			Bad: "optional int32 limit = 1 [default = 100];", Good: "optional int32 limit = 1;", run: fieldNoDefault,
		},
		{
			Rule: warns("FIELD_NO_GROUP", Evolution,
				"groups are deprecated, and exist in proto2 alone"),
			Bad: "optional group Result = 1 { … }", Good: "message Result { … }\noptional Result result = 1;",
			run: fieldNoGroup,
		},
		{
			Rule: fails("FIELD_NAME_LIKE_RESERVED", Evolution,
				"JSON and generated code make the same name of both, so that old data is read as the new field"),
			Bad: `reserved "userName"; string user_name = 4;`, Good: `reserved "userName"; string login = 4;`,
			Note: "The compiler refuses the reserved name itself, and knows nothing of its other spellings.",
			run:  fieldNameLikeReserved,
		},
		{
			Rule: warns("FIELD_NUMBER_GAP", Evolution,
				"if fields with these numbers were deleted, a new field could take one, and misread old data"),
			Bad: "string a = 1; string b = 3;", Good: "reserved 2;\nstring a = 1; string b = 3;",
			Note: "This is a guess from the numbers that are there. It is about gaps of at most three numbers, since " +
				"longer ones are usually meant, and not about gaps before a number that looks like a new start: a " +
				"multiple of 5, or one that ends with 1, or 16.",
			run: fieldNumberGap,
		},
		{
			Rule: warns("ENUM_NUMBER_GAP", Evolution,
				"if values with these numbers were deleted, a new value could take one, and misread old data"),
			Bad: "A_UNSPECIFIED = 0; A_B = 2;", Good: "reserved 1;\nA_UNSPECIFIED = 0; A_B = 2;",
			Note: "This is a guess, as with FIELD_NUMBER_GAP.", run: enumNumberGap,
		},
		{
			Rule: asked("RESERVED_NUMBER_AND_NAME", Evolution,
				"JSON knows fields by their names, so that the name of a deleted field must not come back either"),
			Bad: "reserved 2;", Good: `reserved 2; reserved "login";`,
			Note: "It is about messages that reserve single numbers and not one name.", run: reservedNumberAndName,
		},
		{
			Rule: warns("FIELD_NUMBER_LARGE", Evolution,
				"its tag takes three bytes or more in every message, and generated tables grow or become slower"),
			Bad: "string name = 10000;", Good: "string name = 3;",
			Note: "Large numbers begin at 2048. Extensions are not meant.", run: fieldNumberLarge,
		},
		{
			Rule: warns("MESSAGE_NESTING_DEPTH", Evolution,
				"nested types cannot move without breaking all who name them, and their names grow long"),
			Bad:  "message A { message B { message C { message D {} } } }",
			Good: "message D {} beside A",
			Note: "Three levels are allowed.", run: messageNestingDepth,
		},
		{
			Rule: warns("MESSAGE_FIELD_COUNT", Evolution,
				"nobody can say which of the fields belong together, and each reader carries them all"),
			Bad: "a message with more than 100 fields", Good: "messages for what belongs together",
			run: messageFieldCount,
		},
		{
			Rule: warns("ENUM_VALUE_COUNT", Evolution,
				"a list that long changes often, and each change needs new code in all readers: it is data"),
			Bad: "an enum with more than 200 values", Good: "a string with the code, such as that of a currency",
			run: enumValueCount,
		},
		{
			Rule: warns("ONEOF_SINGLE_FIELD", Evolution,
				"it says no more than optional does, and a field that leaves or joins a oneof later breaks source code"),
			Bad: "oneof name { string text = 1; }", Good: "optional string text = 1;", run: oneofSingleField,
		},
	}
}

func enumFirstValueZero(p *pass) {
	for e := range p.allEnums() {
		if len(e.values) > 0 && e.values[0].proto.GetNumber() != 0 {
			v := e.values[0]
			p.reportf(&v.node, part(valueNumber), "the first value %q of enum %q is %d and should be 0",
				v.name, e.name, v.proto.GetNumber())
		}
	}
}

func enumNoAllowAlias(p *pass) {
	for e := range p.allEnums() {
		if e.proto.GetOptions().GetAllowAlias() {
			p.reportf(&e.node, part(enumOptions, enumAllowName), "enum %q allows several names for one number", e.name)
		}
	}
}

func fieldNotRequired(p *pass) {
	for f := range p.allFields() {
		switch {
		case f.proto.GetLabel() == descriptorpb.FieldDescriptorProto_LABEL_REQUIRED:
			p.reportf(&f.node, part(fieldLabel), "field %q is required", f.name)
		case f.proto.GetOptions().GetFeatures().GetFieldPresence() == descriptorpb.FeatureSet_LEGACY_REQUIRED:
			p.reportf(&f.node, nil, "field %q is required: its presence is LEGACY_REQUIRED", f.name)
		}
	}
}

func fieldNoDefault(p *pass) {
	for f := range p.allFields() {
		if f.proto.DefaultValue != nil {
			p.reportf(&f.node, part(fieldDefault), "field %q has a default of its own: %s", f.name, f.proto.GetDefaultValue())
		}
	}
}

func fieldNoGroup(p *pass) {
	for f := range p.allFields() {
		if f.is(descriptorpb.FieldDescriptorProto_TYPE_GROUP) {
			p.reportf(&f.node, nil, "field %q is a group", f.name)
		}
	}
}

func fieldNameLikeReserved(p *pass) {
	for m := range p.allMessages() {
		reserved := make(map[string]string)
		for _, name := range m.proto.GetReservedName() {
			reserved[squash(name)] = name
		}
		for _, f := range m.fields {
			if name := reserved[squash(f.name)]; name != "" {
				p.reportf(&f.node, nil, "field %q is called like %q, which is reserved", f.name, name)
			}
		}
	}
}

// numbers is a range of numbers, both ends included.
type numbers struct{ first, last int32 }

func (n numbers) String() string {
	if n.first == n.last {
		return strconv.Itoa(int(n.first))
	}
	return fmt.Sprintf("%d to %d", n.first, n.last)
}

func fieldNumberGap(p *pass) {
	for m := range p.allMessages() {
		taken := make([]numbers, 0, len(m.proto.GetReservedRange())+len(m.proto.GetExtensionRange()))
		for _, r := range m.proto.GetReservedRange() {
			taken = append(taken, numbers{r.GetStart(), r.GetEnd() - 1})
		}
		for _, r := range m.proto.GetExtensionRange() {
			taken = append(taken, numbers{r.GetStart(), r.GetEnd() - 1})
		}
		used := make([]int32, 0, len(m.fields))
		for _, f := range m.fields {
			used = append(used, f.proto.GetNumber())
		}
		if gaps := gaps(1, used, taken); len(gaps) > 0 {
			p.reportf(&m.node, nil, "message %q neither uses nor reserves %s", m.name, strings.Join(gaps, ", "))
		}
	}
}

func enumNumberGap(p *pass) {
	for e := range p.allEnums() {
		taken := make([]numbers, 0, len(e.proto.GetReservedRange()))
		for _, r := range e.proto.GetReservedRange() {
			taken = append(taken, numbers{r.GetStart(), r.GetEnd()})
		}
		used := make([]int32, 0, len(e.values))
		for _, v := range e.values {
			used = append(used, max(v.proto.GetNumber(), -1))
		}
		if gaps := gaps(0, used, taken); len(gaps) > 0 {
			p.reportf(&e.node, nil, "enum %q neither uses nor reserves %s", e.name, strings.Join(gaps, ", "))
		}
	}
}

// gaps returns what looks like deleted between first and the numbers in use; see the note of FIELD_NUMBER_GAP. A gap
// that ends with a range in taken counts like one that ends with a number in use.
func gaps(first int32, used []int32, taken []numbers) []string {
	for _, n := range used {
		taken = append(taken, numbers{n, n})
	}
	slices.SortFunc(taken, func(a, b numbers) int { return cmp.Compare(a.first, b.first) })
	var found []string
	next := first
	for _, n := range taken {
		if n.first > next && n.first-next <= maxGap && !newStart(n.first) {
			found = append(found, numbers{next, n.first - 1}.String())
		}
		if n.last >= next {
			next = n.last + 1
		}
	}
	return found
}

// newStart reports whether people begin a new group of numbers with n.
func newStart(n int32) bool { return n%5 == 0 || n%10 == 1 || n == 16 }

func reservedNumberAndName(p *pass) {
	for m := range p.allMessages() {
		if len(m.proto.GetReservedName()) > 0 {
			continue
		}
		for i, r := range m.proto.GetReservedRange() {
			if r.GetEnd()-r.GetStart() == 1 {
				p.reportf(&m.node, part(messageReservedRange, int32(i)),
					"message %q reserves the number %d, and no name", m.name, r.GetStart())
			}
		}
	}
}

func fieldNumberLarge(p *pass) {
	for f := range p.fields() {
		if n := f.proto.GetNumber(); n > maxFieldNumber {
			p.reportf(&f.node, part(fieldNumber), "the number of field %q is %d", f.name, n)
		}
	}
}

func messageNestingDepth(p *pass) {
	for m := range p.allMessages() {
		if m.depth == maxDepth+1 {
			p.reportf(&m.node, nil, "message %q is nested in %d others", m.name, m.depth-1)
		}
	}
}

func messageFieldCount(p *pass) {
	for m := range p.allMessages() {
		if len(m.fields) > maxFields {
			p.reportf(&m.node, nil, "message %q has %d fields", m.name, len(m.fields))
		}
	}
}

func enumValueCount(p *pass) {
	for e := range p.allEnums() {
		if len(e.values) > maxValues {
			p.reportf(&e.node, nil, "enum %q has %d values", e.name, len(e.values))
		}
	}
}

func oneofSingleField(p *pass) {
	for m := range p.allMessages() {
		for _, o := range m.oneofs {
			if !o.synthetic && len(o.fields) == 1 {
				p.reportf(&o.node, nil, "oneof %q has only the field %q", o.name, o.fields[0].name)
			}
		}
	}
}
