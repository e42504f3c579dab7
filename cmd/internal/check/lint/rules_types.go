package lint

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/types/descriptorpb"
)

func types() []Rule {
	return []Rule{
		{
			Rule: warns("FLOAT_MONEY", Types,
				"binary fractions cannot hold most amounts, and sums of them drift by a cent"),
			Bad: "double price = 1;", Good: "google.type.Money price = 1;",
			Note: "It goes by names that end with words such as price, cost, fee, amount, balance, salary or tax. " +
				"An integer of the currency's smallest unit, with that unit in its name, is as good.",
			run: floatMoney,
		},
		{
			Rule: warns("TIMESTAMP_TYPE", Types,
				"a number does not say its unit, nor a string its format and time zone"),
			Bad: "int64 created_at = 1;", Good: "google.protobuf.Timestamp created_at = 1;",
			Note: "It goes by names that end with _at, _time, timestamp or _timestamp.",
			run:  timestampType,
		},
		{
			Rule: warns("DURATION_TYPE", Types,
				"a number does not say its unit, and callers guess between seconds and milliseconds"),
			Bad: "int32 timeout = 1;", Good: "google.protobuf.Duration timeout = 1;",
			Note: "It goes by names that end with timeout, ttl, duration, interval, delay, latency or elapsed. " +
				"A number with its unit in its name, such as timeout_ms, is as good.",
			run: durationType,
		},
		{
			Rule: warns("REQUEST_NO_ANY", Types,
				"the contract does not say what may be in it, so that nothing can check it, or find who uses what"),
			Bad: "google.protobuf.Any payload = 1;", Good: "oneof payload { … }",
			Note: "It is about all messages that requests are made of.", run: requestNoAny,
		},
		{
			Rule: warns("MAP_ENUM_AS_STRING", Types,
				"a key that is misspelt is one more entry, not an error"),
			Bad: "map<string, int32> count_by_state = 1; beside enum State", Good: "repeated StateCount counts = 1;",
			Note: "It goes by names that end with _by_ and the name of an enum of the same package.",
			run:  mapEnumAsString,
		},
	}
}

// The rules go by the last word of a field's name.

// moneyWords are those of amounts of money.
func moneyWords() []string {
	return []string{
		"price", "prices", "cost", "costs", "fee", "fees", "amount", "amounts", "balance", "salary", "wage", "tax",
		"taxes", "money", "revenue", "payment", "discount", "refund", "subtotal",
	}
}

// timeWords are those of points in time.
func timeWords() []string { return []string{"at", "time", "timestamp"} }

// durationWords are those of spans of time.
func durationWords() []string {
	return []string{"timeout", "ttl", "duration", "interval", "delay", "latency", "elapsed"}
}

func floatMoney(p *pass) {
	words := moneyWords()
	for f := range p.fields() {
		if f.is(descriptorpb.FieldDescriptorProto_TYPE_FLOAT, descriptorpb.FieldDescriptorProto_TYPE_DOUBLE) &&
			slices.Contains(words, lastWord(f.name)) {
			p.reportf(&f.node, part(fieldType), "field %q holds money, and is of the type %s", f.name, f.scalar())
		}
	}
}

func timestampType(p *pass) {
	words := timeWords()
	for f := range p.fields() {
		word := lastWord(f.name)
		if f.plainNumber() || f.is(descriptorpb.FieldDescriptorProto_TYPE_STRING) {
			if slices.Contains(words, word) && (word != f.name || word == "timestamp") {
				p.reportf(&f.node, part(fieldType), "field %q is of the type %s and should be a google.protobuf.Timestamp",
					f.name, f.scalar())
			}
		}
	}
}

func durationType(p *pass) {
	words := durationWords()
	for f := range p.fields() {
		if (f.plainNumber() || f.is(descriptorpb.FieldDescriptorProto_TYPE_STRING)) &&
			slices.Contains(words, lastWord(f.name)) {
			p.reportf(&f.node, part(fieldType), "field %q is of the type %s and should be a google.protobuf.Duration",
				f.name, f.scalar())
		}
	}
}

// plainNumber reports whether the field is of one of the types of numbers.
func (f *field) plainNumber() bool {
	switch f.proto.GetType() {
	case descriptorpb.FieldDescriptorProto_TYPE_BOOL, descriptorpb.FieldDescriptorProto_TYPE_STRING,
		descriptorpb.FieldDescriptorProto_TYPE_BYTES, descriptorpb.FieldDescriptorProto_TYPE_ENUM,
		descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, descriptorpb.FieldDescriptorProto_TYPE_GROUP:
		return false
	default:
		return true
	}
}

// scalar returns the keyword of the field's scalar type.
func (f *field) scalar() string {
	return strings.ToLower(strings.TrimPrefix(f.proto.GetType().String(), "TYPE_"))
}

func requestNoAny(p *pass) {
	p.requestFields(func(f *field, by *method) {
		name := f.typeName()
		if m := p.messages[name]; f.isMap(p.contract) {
			name = m.field("value").typeName()
		}
		if name == "google.protobuf.Any" {
			p.reportf(&f.node, part(fieldName), "field %q, which comes with requests of %s, can hold anything", f.name, by.name)
		}
	})
}

func mapEnumAsString(p *pass) {
	type place struct{ pkg, name string }
	enums := make(map[place]*enum) // the first of each name in lower snake case
	for e := range p.allEnums() {
		at := place{e.file.pkg(), toLowerSnake(e.name)}
		if enums[at] == nil {
			enums[at] = e
		}
	}
	for f := range p.fields() {
		_, by, ok := strings.Cut(f.name, "_by_")
		if !ok || !f.isMap(p.contract) {
			continue
		}
		k := p.messages[f.typeName()].field("key")
		if k == nil || !k.is(descriptorpb.FieldDescriptorProto_TYPE_STRING) {
			continue
		}
		if e := enums[place{f.file.pkg(), by}]; e != nil {
			p.reportf(&f.node, part(fieldName), "the keys of map %q are values of enum %q, written as strings",
				f.name, e.name)
		}
	}
}
