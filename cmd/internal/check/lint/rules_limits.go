package lint

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/descriptorpb"
)

const manyBools = 4 // so many make a pile

func limits() []Rule {
	return []Rule{
		{
			Rule: warns("REQUEST_REPEATED_LIMIT", Limits,
				"one call can make the server work without bound, unless each handler counts for itself"),
			Bad: "message GetUsersRequest { repeated string ids = 1; }",
			Good: "message GetUsersRequest {\n" +
				"  repeated string ids = 1 [(buf.validate.field).repeated.max_items = 100];\n}",
			Note: "It is about all messages that requests are made of. For a map the option is " +
				"(buf.validate.field).map.max_pairs.",
			run: requestRepeatedLimit,
		},
		{
			Rule: warns("REQUEST_BYTES_LIMIT", Limits,
				"one call can fill memory up to the limit of the transport, which is the same for all methods"),
			Bad:  "message PutRequest { bytes content = 1; }",
			Good: "message PutRequest {\n  bytes content = 1 [(buf.validate.field).bytes.max_len = 65536];\n}",
			Note: "Of the same use are the options len, const and in.",
			run:  requestBytesLimit,
		},
		{
			Rule: warns("REQUEST_NO_RECURSION", Limits,
				"its depth is up to the caller, and every step of it takes stack and time"),
			Bad:  "message Filter { repeated Filter any_of = 1; }",
			Good: "message Filter { repeated Condition any_of = 1; }",
			run:  requestNoRecursion,
		},
		{
			Rule: warns("STREAM_DEADLINE", Limits,
				"a stream that nobody ends holds memory and a place among the concurrent calls for ever"),
			Bad:  "rpc Watch(WatchRequest) returns (stream WatchResponse);",
			Good: "rpc Watch(WatchRequest) returns (stream WatchResponse) {\n  option (fairlead.method).timeout = \"10m\";\n}",
			Note: "A stream that may last for ever is a case for a comment that says so.",
			run:  streamDeadline,
		},
		{
			Rule: warns("RPC_LIST_PAGINATION", Limits,
				"the list grows with the data, until it is too long for one message, and then all callers must change"),
			Bad: "message ListCartsRequest {}\nmessage ListCartsResponse { repeated Cart carts = 1; }",
			Good: "message ListCartsRequest { int32 page_size = 1; string page_token = 2; }\n" +
				"message ListCartsResponse { repeated Cart carts = 1; string next_page_token = 2; }",
			Note: "It is about unary methods whose names begin with List or Search and whose response repeats a message. " +
				"Tokens are fields whose names end with page_token or cursor.",
			run: rpcListPagination,
		},
		{
			Rule: warns("REQUEST_BOOL_COUNT", Limits,
				"so many switches have more combinations than anybody tests; often they are one enum"),
			Bad:  "message FindRequest { bool a = 1; bool b = 2; bool c = 3; bool d = 4; }",
			Good: "message FindRequest { Mode mode = 1; }",
			Note: "It is about requests with at least four fields of the type bool.",
			run:  requestBoolCount,
		},
	}
}

// requestFields calls check for the fields of the contract's messages that requests are made of.
func (p *pass) requestFields(check func(f *field, by *method)) {
	for f := range p.fields() {
		if by := p.requests[f.parent]; by != nil {
			check(f, by)
		}
	}
}

const validateField = "buf.validate.field"

// validated reports whether one of the paths of names is set in protovalidate's option of the field.
func (p *pass) validated(f *field, paths ...[]string) bool {
	for _, names := range paths {
		if _, ok := p.option(f.proto.GetOptions(), validateField, names...); ok {
			return true
		}
	}
	return false
}

func requestRepeatedLimit(p *pass) {
	p.requestFields(func(f *field, by *method) {
		switch {
		case !f.repeated():
		case f.isMap(p.contract):
			if !p.validated(f, []string{"map", "max_pairs"}) {
				p.reportf(&f.node, nil, "map %q, which comes with requests of %s, may have any number of entries; "+
					"say how many with (buf.validate.field).map.max_pairs", f.name, by.name)
			}
		case !p.validated(f, []string{"repeated", "max_items"}):
			p.reportf(&f.node, nil, "field %q, which comes with requests of %s, may have any number of elements; "+
				"say how many with (buf.validate.field).repeated.max_items", f.name, by.name)
		}
	})
}

func requestBytesLimit(p *pass) {
	p.requestFields(func(f *field, by *method) {
		if !f.is(descriptorpb.FieldDescriptorProto_TYPE_BYTES) {
			return
		}
		var paths [][]string
		for _, rule := range []string{"max_len", "len", "const", "in", "ip", "ipv4", "ipv6", "uuid"} {
			paths = append(paths, []string{"bytes", rule}, []string{"repeated", "items", "bytes", rule})
		}
		if !p.validated(f, paths...) {
			p.reportf(&f.node, nil, "field %q, which comes with requests of %s, may be of any length; "+
				"say how long with (buf.validate.field).bytes.max_len", f.name, by.name)
		}
	})
}

func requestNoRecursion(p *pass) {
	groups := findCycles(slices.Collect(p.allMessages()), p.held)
	p.requestFields(func(f *field, by *method) {
		held := p.messages[f.typeName()]
		if held == nil {
			return
		}
		var how string
		switch size := groups.together(held, f.parent); {
		case size == 0:
			return
		case size > shownCycle:
			how = fmt.Sprintf("it is one of %d messages that hold each other", size)
		default:
			way := p.wayTo(groups, held, f.parent, nil)
			how = strings.Join(append([]string{f.parent.name}, way...), " → ")
		}
		p.reportf(&f.node, nil, "field %q, which comes with requests of %s, can hold another %s: %s", f.name, by.name,
			f.parent.name, how)
	})
}

// held returns the messages that the fields of m hold.
func (c *contract) held(m *message) []*message {
	var list []*message
	for _, f := range m.fields {
		if held := c.messages[f.typeName()]; held != nil {
			list = append(list, held)
		}
	}
	return list
}

// wayTo returns the names of the messages from one to another of the same group, along fields. Messages in seen need
// not be tried.
func (c *contract) wayTo(groups *cycles[*message], from, to *message, seen map[*message]bool) []string {
	switch {
	case from == nil || seen[from] || groups.together(from, to) == 0:
		return nil
	case from == to:
		return []string{to.name}
	case seen == nil:
		seen = make(map[*message]bool)
	}
	seen[from] = true
	for _, f := range from.fields {
		if way := c.wayTo(groups, c.messages[f.typeName()], to, seen); way != nil {
			if from.proto.GetOptions().GetMapEntry() {
				return way
			}
			return append([]string{from.name}, way...)
		}
	}
	return nil
}

func (m *method) streams() bool { return m.proto.GetClientStreaming() || m.proto.GetServerStreaming() }

func streamDeadline(p *pass) {
	for m := range p.methods() {
		if !m.streams() {
			continue
		}
		if s, ok := p.option(m.proto.GetOptions(), "fairlead.method", "timeout"); !ok || len(s.bytes) == 0 {
			p.reportf(&m.node, nil, "streams of %q may last for ever; say how long with (fairlead.method).timeout", m.name)
		}
	}
}

func rpcListPagination(p *pass) {
	repeatsMessage := once(func(m *message) bool { return repeatsMessage(p.contract, m) })
	hasToken := once(hasToken)
	for m := range p.methods() {
		word := firstWord(m.name)
		if m.streams() || word != "List" && word != "Search" || m.reply == nil || !repeatsMessage(m.reply) {
			continue
		}
		var missing []string
		if m.request != nil && !hasToken(m.request) {
			missing = append(missing, "its request has no page_token")
		}
		if !hasToken(m.reply) {
			missing = append(missing, "its response has no next_page_token")
		}
		if len(missing) > 0 {
			p.reportf(&m.node, nil, "method %q returns a list in one piece: %s", m.name, strings.Join(missing, ", "))
		}
	}
}

func repeatsMessage(c *contract, m *message) bool {
	for _, f := range m.fields {
		if f.repeated() && f.is(descriptorpb.FieldDescriptorProto_TYPE_MESSAGE) && !f.isMap(c) {
			return true
		}
	}
	return false
}

func hasToken(m *message) bool {
	for _, f := range m.fields {
		if strings.HasSuffix(f.name, "page_token") || strings.HasSuffix(f.name, "cursor") {
			return true
		}
	}
	return false
}

func requestBoolCount(p *pass) {
	for m := range p.allMessages() {
		by := p.requests[m]
		if by == nil || by.request != m {
			continue
		}
		count := 0
		for _, f := range m.fields {
			if f.is(descriptorpb.FieldDescriptorProto_TYPE_BOOL) && !f.repeated() {
				count++
			}
		}
		if count >= manyBools {
			p.reportf(&m.node, nil, "the request %q has %d fields of the type bool", m.name, count)
		}
	}
}
