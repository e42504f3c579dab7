package gen

import (
	"cmp"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/fairlead-go/fairlead"
)

// client writes the client, its constructor and its methods, and their interface.
//
// The client is a struct: through an interface the compiler cannot see that a call keeps nothing of its options, and
// puts them on the heap.
func (s *stubs) client() {
	s.clientStruct()
	for _, m := range s.service.Methods {
		s.P()
		s.doc(cmp.Or(textOf(m.Comments), m.GoName+" calls "+string(m.Desc.FullName())+"."), deprecationOf(m.Desc))
		s.clientMethod(m)
	}

	s.P()
	s.doc(s.callerType+" has the methods of "+s.clientType+", for callers that want to be given a fake.\n"+
		"Calls through it put their options on the heap.", deprecationOf(s.service.Desc))
	s.P("type ", s.callerType, " interface {")
	for _, m := range s.service.Methods {
		s.doc(textOf(m.Comments), deprecationOf(m.Desc))
		s.P(m.GoName, s.clientSignature(m))
	}
	s.P("}")
	s.P()
	s.P("var _ ", s.callerType, " = (*", s.clientType, ")(nil)")
}

// clientStruct writes the client's type and its constructor.
func (s *stubs) clientStruct() {
	s.P()
	s.doc(s.clientType+" calls "+string(s.service.Desc.FullName())+". It is safe for concurrent use.",
		textOf(s.service.Comments), deprecationOf(s.service.Desc))
	s.P("type ", s.clientType, " struct {")
	for _, m := range s.service.Methods {
		s.P("call", m.GoName, " ", fairleadPackage.Ident("Handler"))
	}
	s.P("}")
	s.P()

	s.doc(s.construct+" makes a client whose calls go through binder: a connection, or a test's fake.",
		deprecationOf(s.service.Desc))
	s.P("func ", s.construct, "(binder ", fairleadPackage.Ident("Binder"), ") *", s.clientType, " {")
	s.P("return &", s.clientType, "{")
	for _, m := range s.service.Methods {
		s.P("call", m.GoName, ": binder.Bind(", s.method(m), "),")
	}
	s.P("}")
	s.P("}")
}

// clientMethod writes one method. It calls NewCall itself and not through a generic function: what a generic function
// is given escapes to the heap, and the options would with it.
func (s *stubs) clientMethod(m *protogen.Method) {
	req, resp := s.QualifiedGoIdent(m.Input.GoIdent), s.QualifiedGoIdent(m.Output.GoIdent)

	request := "req"
	if m.Desc.IsStreamingClient() {
		request = "nil"
	}
	s.P("func (c *", s.clientType, ") ", m.GoName, s.clientSignature(m), " {")
	s.P("call := ", fairleadPackage.Ident("NewCall"), "(", s.method(m), ", ", request, ", opts...)")

	var result, types string
	switch kindOf(m) {
	case fairlead.BidiStreaming:
		result, types = "OpenedBidi", req+", "+resp
	case fairlead.ClientStreaming:
		result, types = "OpenedClientStream", req+", "+resp
	case fairlead.ServerStreaming:
		result, types = "OpenedServerStream", resp
	default:
		result, types = "Result", resp
	}
	s.P("return ", fairleadPackage.Ident(result), "[", types, "](call, c.call", m.GoName, "(ctx, call))")
	s.P("}")
}

func (s *stubs) clientSignature(m *protogen.Method) string {
	params := "(ctx " + s.QualifiedGoIdent(contextPackage.Ident("Context"))
	req, resp := s.QualifiedGoIdent(m.Input.GoIdent), s.QualifiedGoIdent(m.Output.GoIdent)
	if !m.Desc.IsStreamingClient() {
		params += ", req *" + req
	}
	params += ", opts ..." + s.ours("CallOption") + ") "
	switch kindOf(m) {
	case fairlead.BidiStreaming:
		return params + "(*" + s.ours("Bidi") + "[" + req + ", " + resp + "], error)"
	case fairlead.ClientStreaming:
		return params + "(*" + s.ours("ClientStream") + "[" + req + ", " + resp + "], error)"
	case fairlead.ServerStreaming:
		return params + "(*" + s.ours("Inbound") + "[" + resp + "], error)"
	default:
		return params + "(*" + resp + ", error)"
	}
}
