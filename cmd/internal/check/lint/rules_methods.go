package lint

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/descriptorpb"
)

func methods() []Rule {
	return []Rule{
		{
			Rule: fails("RPC_REQUEST_RESPONSE_UNIQUE", Methods,
				"a field that one method needs appears in all that share the type"),
			Buf: true, Bad: "rpc GetCart(CartRequest) …; rpc DropCart(CartRequest) …;",
			Good: "a request and a response for each method",
			Note: "google.protobuf.Empty is not meant; see RPC_NO_EMPTY.", run: rpcRequestResponseUnique,
		},
		{
			Rule: warns("RPC_NO_EMPTY", Methods,
				"a first field can then only be had by changing the type, which breaks all callers"),
			Bad: "rpc Ping(google.protobuf.Empty) returns (…);", Good: "message PingRequest {}\nrpc Ping(PingRequest) …;",
			run: rpcNoEmpty,
		},
		{
			Rule: warns("RPC_IDEMPOTENCY_MISSING", Methods,
				"a client can only know from the contract that it may repeat a call that failed"),
			Bad:  "rpc GetCart(…) returns (…);",
			Good: "rpc GetCart(…) returns (…) {\n  option idempotency_level = NO_SIDE_EFFECTS;\n}",
			Note: "It is about unary methods whose names begin with Get, List, Search, Find, Lookup, Count, Read, Query, " +
				"Describe, Check or Head, or with Batch before one of these.",
			run: rpcIdempotencyMissing,
		},
		{
			Rule: fails("RPC_SIDE_EFFECTS", Methods,
				"a client may send what has no side effects as GET, as Connect's do, cache it, and repeat it"),
			Bad:  "rpc DeleteCart(…) … { option idempotency_level = NO_SIDE_EFFECTS; }",
			Good: "rpc DeleteCart(…) … { option idempotency_level = IDEMPOTENT; }",
			Note: "It is about methods whose names begin with Create, Update, Delete, Set, Add, Remove, Put, Insert, " +
				"Cancel, Send or Write.",
			run: rpcSideEffects,
		},
		{
			Rule: asked("RPC_UPDATE_MASK", Methods,
				"without one, leaving a field alone and clearing it look the same"),
			Bad:  "message UpdateCartRequest { Cart cart = 1; }",
			Good: "message UpdateCartRequest { Cart cart = 1; google.protobuf.FieldMask update_mask = 2; }",
			Note: "It is about methods whose names begin with Update or Patch.",
			run:  rpcUpdateMask,
		},
		{
			Rule: asked("RPC_NO_CLIENT_STREAMING", Methods,
				"browsers and most gateways cannot send a stream"),
			Buf: true, Bad: "rpc Put(stream PutRequest) returns (…);", Good: "rpc Put(PutRequest) returns (…);",
			run: rpcNoClientStreaming,
		},
		{
			Rule: asked("RPC_NO_SERVER_STREAMING", Methods,
				"most gateways and caches cannot pass a stream on"),
			Buf: true, Bad: "rpc Watch(…) returns (stream WatchResponse);", Good: "rpc Poll(…) returns (PollResponse);",
			run: rpcNoServerStreaming,
		},
	}
}

// readingWords are the first words of names of methods that change nothing.
func readingWords() []string {
	return []string{
		"Get", "List", "Search", "Find", "Lookup", "Count", "Read", "Query", "Describe", "Check", "Head",
	}
}

// writingWords are the first words of names of methods that change something.
func writingWords() []string {
	return []string{
		"Create", "Update", "Delete", "Set", "Add", "Remove", "Put", "Insert", "Cancel", "Send", "Write",
	}
}

// reads reports whether the method's name promises that it changes nothing. GetOrCreate does not.
func (m *method) reads() bool {
	rest := strings.TrimPrefix(m.name, firstWord(m.name))
	return startsWith(m.name, readingWords()) && firstWord(rest) != "Or" && firstWord(rest) != "And"
}

// writes reports whether the method's name promises that it changes something.
func (m *method) writes() bool { return startsWith(m.name, writingWords()) }

func startsWith(name string, words []string) bool {
	return slices.Contains(words, firstWord(strings.TrimPrefix(name, "Batch")))
}

// shownUsers is how many other methods rpcRequestResponseUnique names.
const shownUsers = 5

// rpcRequestResponseUnique reports each method that has a type in common with another one.
func rpcRequestResponseUnique(p *pass) {
	users := make(map[string][]*method)
	for m := range p.methods() {
		in, out := typeName(m.proto.GetInputType()), typeName(m.proto.GetOutputType())
		users[in] = append(users[in], m)
		if in != out {
			users[out] = append(users[out], m)
		}
	}
	others := func(full string, m *method) string {
		var names []string
		for _, user := range users[full] {
			if len(names) > shownUsers {
				break
			}
			if user != m {
				names = append(names, user.service.name+"."+user.name)
			}
		}
		if more := len(users[full]) - 1 - shownUsers; more > 0 {
			// One type may be that of all methods: to name all of them for each of them grows with the square.
			return fmt.Sprintf("%s and %d more", strings.Join(names[:shownUsers], ", "), more)
		}
		return strings.Join(names, ", ")
	}
	for m := range p.methods() {
		in, out := typeName(m.proto.GetInputType()), typeName(m.proto.GetOutputType())
		if in == out && in != emptyMessage {
			p.reportf(&m.node, part(methodInput), "%q is both request and response of method %q", base(in), m.name)
		}
		if len(users[in]) > 1 && in != emptyMessage {
			p.reportf(&m.node, part(methodInput), "the request %q of method %q is a type of others, too: %s",
				base(in), m.name, others(in, m))
		}
		if len(users[out]) > 1 && out != emptyMessage && out != in {
			p.reportf(&m.node, part(methodOutput), "the response %q of method %q is a type of others, too: %s",
				base(out), m.name, others(out, m))
		}
	}
}

func rpcNoEmpty(p *pass) {
	for m := range p.methods() {
		if typeName(m.proto.GetInputType()) == emptyMessage {
			p.reportf(&m.node, part(methodInput), "the request of method %q is a google.protobuf.Empty", m.name)
		}
		if typeName(m.proto.GetOutputType()) == emptyMessage {
			p.reportf(&m.node, part(methodOutput), "the response of method %q is a google.protobuf.Empty", m.name)
		}
	}
}

func rpcIdempotencyMissing(p *pass) {
	for m := range p.methods() {
		if m.reads() && !m.streams() && m.proto.GetOptions().GetIdempotencyLevel() ==
			descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN {
			p.reportf(&m.node, nil, "method %q should have option idempotency_level = NO_SIDE_EFFECTS", m.name)
		}
	}
}

// optionIdempotency is the number of idempotency_level among the options of methods.
const optionIdempotency = 34

func rpcSideEffects(p *pass) {
	for m := range p.methods() {
		if m.writes() && m.proto.GetOptions().GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS {
			p.reportf(&m.node, part(methodOptions, optionIdempotency),
				"method %q is declared to have no side effects; if calls may be repeated, say IDEMPOTENT", m.name)
		}
	}
}

func rpcUpdateMask(p *pass) {
	masked := once(func(m *message) bool {
		return slices.ContainsFunc(m.fields, func(f *field) bool {
			return f.typeName() == "google.protobuf.FieldMask"
		})
	})
	for m := range p.methods() {
		word := firstWord(strings.TrimPrefix(m.name, "Batch"))
		if word != "Update" && word != "Patch" || m.request == nil {
			continue
		}
		if !masked(m.request) {
			p.reportf(&m.node, part(methodInput), "the request %q of method %q has no google.protobuf.FieldMask",
				m.request.name, m.name)
		}
	}
}

// once returns a function that calls f for each message once, whatever the number of methods that have it in common.
func once(f func(*message) bool) func(*message) bool {
	known := make(map[*message]bool)
	return func(m *message) bool {
		answer, ok := known[m]
		if !ok {
			answer = f(m)
			known[m] = answer
		}
		return answer
	}
}

func rpcNoClientStreaming(p *pass) {
	for m := range p.methods() {
		if m.proto.GetClientStreaming() {
			p.reportf(&m.node, nil, "method %q takes a stream", m.name)
		}
	}
}

func rpcNoServerStreaming(p *pass) {
	for m := range p.methods() {
		if m.proto.GetServerStreaming() {
			p.reportf(&m.node, nil, "method %q returns a stream", m.name)
		}
	}
}
