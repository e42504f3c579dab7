package gen

import (
	"strconv"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/fairlead-go/fairlead"
)

// server writes the interface of a server and the function that makes a value of an implementation.
func (s *stubs) server() {
	s.P()
	s.doc(s.serverType+" is what a server of "+string(s.service.Desc.FullName())+
		" implements. Its methods are called concurrently.",
		textOf(s.service.Comments), deprecationOf(s.service.Desc))
	s.P("type ", s.serverType, " interface {")
	for _, m := range s.service.Methods {
		s.doc(textOf(m.Comments), deprecationOf(m.Desc))
		s.P(m.GoName, s.serverSignature(m))
	}
	s.P("}")
	s.P()

	s.doc(s.implement+" makes impl a value that servers take.", deprecationOf(s.service.Desc))
	s.P("func ", s.implement, "(impl ", s.serverType, ") *", fairleadPackage.Ident("Implementation"), " {")
	s.P("return ", fairleadPackage.Ident("Implement"), "(", s.descriptor, ",")
	for _, m := range s.service.Methods {
		s.P(fairleadPackage.Ident(adapterOf(m)), "(impl.", m.GoName, "),")
	}
	s.P(")")
	s.P("}")
}

// unimplemented writes the type that answers every method with Unimplemented.
func (s *stubs) unimplemented() {
	s.P()
	s.doc(s.serviceNames.unimplemented+" answers every method of "+string(s.service.Desc.FullName())+
		" with Unimplemented.\nA server that embeds it compiles although it lacks methods, such as those that the contract "+
		"gets later.", deprecationOf(s.service.Desc))
	s.P("type ", s.serviceNames.unimplemented, " struct{}")
	for _, m := range s.service.Methods {
		path := "/" + string(s.service.Desc.FullName()) + "/" + string(m.Desc.Name())
		result := "return "
		if !m.Desc.IsStreamingServer() {
			result = "return nil, "
		}
		s.P()
		s.P("func (", s.serviceNames.unimplemented, ") ", m.GoName, s.serverSignature(m), " {")
		s.P(result, s.ours("Errorf"), "(", s.ours("Unimplemented"), ", ", strconv.Quote(path+" is not implemented"), ")")
		s.P("}")
	}
}

func (s *stubs) serverSignature(m *protogen.Method) string {
	ctx := s.QualifiedGoIdent(contextPackage.Ident("Context"))
	req, resp := s.QualifiedGoIdent(m.Input.GoIdent), s.QualifiedGoIdent(m.Output.GoIdent)
	switch kindOf(m) {
	case fairlead.BidiStreaming:
		return "(" + ctx + ", *" + s.ours("Bidi") + "[" + resp + ", " + req + "]) error"
	case fairlead.ClientStreaming:
		return "(" + ctx + ", *" + s.ours("Inbound") + "[" + req + "]) (*" + resp + ", error)"
	case fairlead.ServerStreaming:
		return "(" + ctx + ", *" + req + ", *" + s.ours("Outbound") + "[" + resp + "]) error"
	default:
		return "(" + ctx + ", *" + req + ") (*" + resp + ", error)"
	}
}

func (s *stubs) ours(name string) string { return s.QualifiedGoIdent(fairleadPackage.Ident(name)) }

func adapterOf(m *protogen.Method) string {
	switch kindOf(m) {
	case fairlead.BidiStreaming:
		return "BidiHandler"
	case fairlead.ClientStreaming:
		return "ClientStreamHandler"
	case fairlead.ServerStreaming:
		return "ServerStreamHandler"
	default:
		return "UnaryHandler"
	}
}
