package lint

import (
	"path"
	"strings"
)

func names() []Rule {
	return []Rule{
		{
			Rule: fails("FILE_LOWER_SNAKE_CASE", Names,
				"names of generated files come from it, and some file systems do not tell capitals from small letters"),
			Buf: true, Bad: "userService.proto", Good: "user_service.proto", run: fileLowerSnakeCase,
		},
		{
			Rule: fails("PACKAGE_LOWER_SNAKE_CASE", Names,
				"packages of other languages are made of it, and in most of them names of packages are small"),
			Buf: true, Bad: "package shopAPI.v1;", Good: "package shop_api.v1;", run: packageLowerSnakeCase,
		},
		{
			Rule: fails("MESSAGE_PASCAL_CASE", Names,
				"types of generated code take the name as it is, and it looks foreign among their own"),
			Buf: true, Bad: "message cart_item {}", Good: "message CartItem {}", run: messagePascalCase,
		},
		{
			Rule: fails("ENUM_PASCAL_CASE", Names,
				"types of generated code take the name as it is, and it looks foreign among their own"),
			Buf: true, Bad: "enum order_state { … }", Good: "enum OrderState { … }", run: enumPascalCase,
		},
		{
			Rule: fails("SERVICE_PASCAL_CASE", Names,
				"it becomes part of every generated type of client and server"),
			Buf: true, Bad: "service cart_api { … }", Good: "service CartService { … }", run: servicePascalCase,
		},
		{
			Rule: fails("RPC_PASCAL_CASE", Names,
				"it is what the method's path ends with, and what generated methods are called"),
			Buf: true, Bad: "rpc get_cart(…) returns (…);", Good: "rpc GetCart(…) returns (…);", run: rpcPascalCase,
		},
		{
			Rule: fails("FIELD_LOWER_SNAKE_CASE", Names,
				"generators and JSON make their own names from the words between underscores"),
			Buf: true, Bad: "string userName = 1;", Good: "string user_name = 1;", run: fieldLowerSnakeCase,
		},
		{
			Rule: fails("ONEOF_LOWER_SNAKE_CASE", Names,
				"generators make their own names from the words between underscores"),
			Buf: true, Bad: "oneof paymentMethod { … }", Good: "oneof payment_method { … }", run: oneofLowerSnakeCase,
		},
		{
			Rule: fails("ENUM_VALUE_UPPER_SNAKE_CASE", Names,
				"generators make constants of it, and expect words between underscores"),
			Buf: true, Bad: "OrderStatePaid = 1;", Good: "ORDER_STATE_PAID = 1;", run: enumValueUpperSnakeCase,
		},
		{
			Rule: fails("ENUM_VALUE_PREFIX", Names,
				"values are siblings of their enum, not children of it, so that two enums cannot both have a PAID"),
			Buf: true, Bad: "enum OrderState { PAID = 1; … }", Good: "enum OrderState { ORDER_STATE_PAID = 1; … }",
			run: enumValuePrefix,
		},
		{
			Rule: fails("ENUM_ZERO_VALUE_SUFFIX", Names,
				"zero is what a reader sees when nothing was sent, and should not look like a decision"),
			Buf: true, Bad: "ORDER_STATE_NEW = 0;", Good: "ORDER_STATE_UNSPECIFIED = 0;", run: enumZeroValueSuffix,
		},
		{
			Rule: fails("RPC_REQUEST_STANDARD_NAME", Names,
				"a type with another name is soon shared with other methods, and a field for one appears in all"),
			Buf: true, Bad: "rpc GetCart(CartID) returns (…);", Good: "rpc GetCart(GetCartRequest) returns (…);",
			Note: "`<Service><Method>Request` is fine, too, and so is google.protobuf.Empty, which RPC_NO_EMPTY is about.",
			run:  rpcRequestStandardName,
		},
		{
			Rule: fails("RPC_RESPONSE_STANDARD_NAME", Names,
				"a type with another name is soon shared with other methods, and a field for one appears in all"),
			Buf: true, Bad: "rpc GetCart(…) returns (Cart);", Good: "rpc GetCart(…) returns (GetCartResponse);",
			Note: "`<Service><Method>Response` is fine, too, and so is google.protobuf.Empty, which RPC_NO_EMPTY is about.",
			run:  rpcResponseStandardName,
		},
		{
			Rule: asked("SERVICE_SUFFIX", Names,
				"with a suffix a service is never called like a message"),
			Buf: true, Bad: "service Cart { … }", Good: "service CartService { … }", run: serviceSuffix,
		},
	}
}

func fileLowerSnakeCase(p *pass) {
	for _, f := range p.files {
		name := strings.TrimSuffix(path.Base(f.proto.GetName()), ".proto")
		if want := toLowerSnake(name); name != want {
			p.reportFilef(f, nil, "the file should be called %q", want+".proto")
		}
	}
}

func packageLowerSnakeCase(p *pass) {
	for _, f := range p.files {
		parts := strings.Split(f.pkg(), ".")
		for i := range parts {
			parts[i] = toLowerSnake(parts[i])
		}
		if want := strings.Join(parts, "."); f.pkg() != want {
			p.reportFilef(f, part(filePackage), "package %q should be called %q", f.pkg(), want)
		}
	}
}

func messagePascalCase(p *pass) {
	for m := range p.allMessages() {
		p.pascal("message", &m.node)
	}
}

func enumPascalCase(p *pass) {
	for e := range p.allEnums() {
		p.pascal("enum", &e.node)
	}
}

func servicePascalCase(p *pass) {
	for s := range p.services() {
		p.pascal("service", &s.node)
	}
}

func rpcPascalCase(p *pass) {
	for m := range p.methods() {
		p.pascal("method", &m.node)
	}
}

func (p *pass) pascal(kind string, n *node) {
	if !pascal(n.name) {
		p.reportf(n, nil, "%s %q should be called %q", kind, n.name, toPascal(n.name))
	}
}

func fieldLowerSnakeCase(p *pass) {
	for f := range p.allFields() {
		p.lowerSnake("field", &f.node)
	}
}

func oneofLowerSnakeCase(p *pass) {
	for m := range p.allMessages() {
		for _, o := range m.oneofs {
			if !o.synthetic {
				p.lowerSnake("oneof", &o.node)
			}
		}
	}
}

func (p *pass) lowerSnake(kind string, n *node) {
	if want := toLowerSnake(n.name); n.name != want {
		p.reportf(n, nil, "%s %q should be called %q", kind, n.name, want)
	}
}

func enumValueUpperSnakeCase(p *pass) {
	for e := range p.allEnums() {
		for _, v := range e.values {
			if want := toUpperSnake(v.name); v.name != want {
				p.reportf(&v.node, nil, "enum value %q should be called %q", v.name, want)
			}
		}
	}
}

func enumValuePrefix(p *pass) {
	for e := range p.allEnums() {
		prefix := toUpperSnake(e.name) + "_"
		for _, v := range e.values {
			if !strings.HasPrefix(v.name, prefix) {
				p.reportf(&v.node, nil, "enum value %q should begin with %q", v.name, prefix)
			}
		}
	}
}

func enumZeroValueSuffix(p *pass) {
	const suffix = "_UNSPECIFIED"
	for e := range p.allEnums() {
		for _, v := range e.values {
			if v.proto.GetNumber() == 0 && !strings.HasSuffix(v.name, suffix) {
				p.reportf(&v.node, nil, "the zero value %q of enum %q should be called %q",
					v.name, e.name, toUpperSnake(e.name)+suffix)
			}
		}
	}
}

const emptyMessage = "google.protobuf.Empty"

func rpcRequestStandardName(p *pass) {
	for m := range p.methods() {
		p.standardName(m, "request", m.proto.GetInputType(), "Request", methodInput)
	}
}

func rpcResponseStandardName(p *pass) {
	for m := range p.methods() {
		p.standardName(m, "response", m.proto.GetOutputType(), "Response", methodOutput)
	}
}

func (p *pass) standardName(m *method, what, reference, suffix string, at int32) {
	full := typeName(reference)
	method := toPascal(m.name)
	name := base(full)
	if full == emptyMessage || name == method+suffix || name == toPascal(m.service.name)+method+suffix {
		return
	}
	p.reportf(&m.node, part(at), "the %s of method %q is of the type %q and should be of a type called %q",
		what, m.name, name, method+suffix)
}

func serviceSuffix(p *pass) {
	for s := range p.services() {
		if !strings.HasSuffix(s.name, "Service") {
			p.reportf(&s.node, nil, "service %q should be called %q", s.name, s.name+"Service")
		}
	}
}
