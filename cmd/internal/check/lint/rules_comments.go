package lint

import (
	"strings"

	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/check/ignore"
)

func comments() []Rule {
	const reason = "the contract is what its users read, and the name alone seldom says what it promises"
	rule := func(id string) finding.Rule { return asked(id, Comments, reason) }
	return []Rule{
		{
			Rule: rule("COMMENT_SERVICE"), Buf: true, run: commentService,
			Bad: "service CartService { … }", Good: "// CartService keeps what customers are about to buy.",
		},
		{
			Rule: rule("COMMENT_RPC"), Buf: true, run: commentRPC,
			Bad: "rpc GetCart(…) returns (…);", Good: "// GetCart returns a cart with its items.",
		},
		{
			Rule: rule("COMMENT_MESSAGE"), Buf: true, run: commentMessage,
			Bad: "message Cart { … }", Good: "// Cart is what a customer is about to buy.",
		},
		{
			Rule: rule("COMMENT_FIELD"), Buf: true, run: commentField,
			Bad: "string id = 1;", Good: "// Made by the server; unique.",
		},
		{
			Rule: rule("COMMENT_ONEOF"), Buf: true, run: commentOneof,
			Bad: "oneof payment { … }", Good: "// How it was paid.",
		},
		{
			Rule: rule("COMMENT_ENUM"), Buf: true, run: commentEnum,
			Bad: "enum OrderState { … }", Good: "// OrderState is how far an order came.",
		},
		{
			Rule: rule("COMMENT_ENUM_VALUE"), Buf: true, run: commentEnumValue,
			Bad: "ORDER_STATE_PAID = 1;", Good: "// The money has arrived.",
		},
	}
}

// commented reports the declaration unless a comment that says something stands before it.
func (p *pass) commented(kind string, n *node) {
	for line := range strings.Lines(n.comment()) {
		line = strings.TrimSpace(line)
		if line != "" && !ignore.IsDirective(line) && !strings.HasPrefix(line, "buf:lint:ignore") {
			return
		}
	}
	p.reportf(n, nil, "%s %q has no comment", kind, n.name)
}

func commentService(p *pass) {
	for s := range p.services() {
		p.commented("service", &s.node)
	}
}

func commentRPC(p *pass) {
	for m := range p.methods() {
		p.commented("method", &m.node)
	}
}

func commentMessage(p *pass) {
	for m := range p.allMessages() {
		p.commented("message", &m.node)
	}
}

func commentField(p *pass) {
	for f := range p.allFields() {
		// The comment before a group is that of its message.
		if !f.is(descriptorpb.FieldDescriptorProto_TYPE_GROUP) {
			p.commented("field", &f.node)
		}
	}
}

func commentOneof(p *pass) {
	for m := range p.allMessages() {
		for _, o := range m.oneofs {
			if !o.synthetic {
				p.commented("oneof", &o.node)
			}
		}
	}
}

func commentEnum(p *pass) {
	for e := range p.allEnums() {
		p.commented("enum", &e.node)
	}
}

func commentEnumValue(p *pass) {
	for e := range p.allEnums() {
		for _, v := range e.values {
			p.commented("enum value", &v.node)
		}
	}
}
