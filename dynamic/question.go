package dynamic

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/fairlead-go/fairlead/internal/adminpb"
)

// askKind is what a question asks for.
type askKind int

const (
	askServices askKind = iota
	askFile
	askSymbol
	askExtension
)

// question is a question to a server. Equal questions have equal answers.
type question struct {
	kind   askKind
	text   string           // a path, a symbol or an extended message
	number protowire.Number // of an extension
}

// String returns what the question is about.
func (q question) String() string {
	switch q.kind {
	case askFile:
		return "file " + q.text
	case askExtension:
		return fmt.Sprintf("extension %d of %s", q.number, q.text)
	case askServices:
		return "its services"
	default:
		return q.text
	}
}

// message returns the question as it is sent.
func (q question) message() *adminpb.ServerReflectionRequest {
	m := &adminpb.ServerReflectionRequest{}
	switch q.kind {
	case askServices:
		m.MessageRequest = &adminpb.ServerReflectionRequest_ListServices{ListServices: "*"}
	case askFile:
		m.MessageRequest = &adminpb.ServerReflectionRequest_FileByFilename{FileByFilename: q.text}
	case askSymbol:
		m.MessageRequest = &adminpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: q.text}
	case askExtension:
		m.MessageRequest = &adminpb.ServerReflectionRequest_FileContainingExtension{
			FileContainingExtension: &adminpb.ExtensionRequest{
				ContainingType: q.text, ExtensionNumber: int32(q.number),
			},
		}
	}
	return m
}

// answeredBy reports whether m answers the question.
func (q question) answeredBy(m *adminpb.ServerReflectionResponse) bool {
	if q.kind == askServices {
		return m.GetListServicesResponse() != nil
	}
	return m.GetFileDescriptorResponse() != nil
}
