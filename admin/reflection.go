package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/adminpb"
)

// The messages of grpc.reflection.v1, which are also those of v1alpha.
type (
	reflectionRequest  = adminpb.ServerReflectionRequest
	reflectionResponse = adminpb.ServerReflectionResponse
)

// Reflection returns the implementations of grpc.reflection.v1.ServerReflection and its v1alpha, for server.Service.
// They describe the given services, from their schemas, and themselves. A service without a schema is described from
// the process's protobuf registry, in which generated code for grpc-go registers it.
//
// Schemas are decoded at the first question, so that reflection costs nothing at start. If a schema cannot be decoded,
// that error is the answer to each question.
func Reflection(services ...*fairlead.Service) ([]*fairlead.Implementation, error) {
	r := newReflection()
	names := make(map[string]bool)
	all := slices.Concat(services, r.own)
	for _, s := range all {
		switch {
		case s == nil:
			return nil, errors.New("admin: Reflection: a service is nil")
		case names[s.Name]:
			return nil, fmt.Errorf("admin: Reflection: %s is there twice", s.Name)
		}
		names[s.Name] = true
	}
	r.tellOf(all)
	return r.implementations(), nil
}

// newReflection makes a reflection without services.
func newReflection() *reflection {
	const v1, v1alpha = "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"
	return &reflection{own: []*fairlead.Service{
		reflectionService(v1, "grpc.reflection.v1", "grpc/reflection/v1/reflection.proto"),
		reflectionService(v1alpha, "grpc.reflection.v1alpha", "grpc/reflection/v1alpha/reflection.proto"),
	}}
}

func reflectionService(name, pkg, file string) *fairlead.Service {
	return fairlead.NewService(name, "proto", func() []byte { return reflectionSchema(pkg, file) },
		fairlead.NewMethod[reflectionRequest, reflectionResponse](fairlead.BidiStreaming, name, "ServerReflectionInfo",
			func(m *fairlead.Method) { m.Idempotency, m.Criticality = fairlead.NoSideEffects, fairlead.Sheddable }))
}

// reflection answers both versions of the protocol.
type reflection struct {
	own   []*fairlead.Service
	names []string
	index func() (*index, error)
}

// tellOf sets the services to describe, including its own. It must be called before the first call.
func (r *reflection) tellOf(services []*fairlead.Service) {
	for _, s := range services {
		r.names = append(r.names, s.Name)
	}
	slices.Sort(r.names)
	r.index = sync.OnceValues(func() (*index, error) { return newIndex(services) })
}

func (r *reflection) implementations() []*fairlead.Implementation {
	list := make([]*fairlead.Implementation, 0, len(r.own))
	for _, s := range r.own {
		list = append(list, fairlead.Implement(s, fairlead.BidiHandler(r.info)))
	}
	return list
}

// received is a request, or the error of receiving it.
type received struct {
	request *reflectionRequest
	err     error
}

// info answers a stream of questions until the client ends it or the server drains.
func (r *reflection) info(ctx context.Context, s *fairlead.Bidi[reflectionResponse, reflectionRequest]) error {
	// A goroutine of its own receives, since Recv does not return when the server drains. It ends with the call.
	requests := make(chan received)
	go func() {
		for {
			req, err := s.Recv()
			select {
			case requests <- received{req, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	sent := make(map[string]bool)
	for {
		select {
		case in := <-requests:
			if errors.Is(in.err, io.EOF) {
				return nil
			}
			if in.err != nil {
				return in.err
			}
			resp, err := r.answer(in.request, sent)
			if err != nil {
				return err
			}
			if err := s.Send(resp); err != nil {
				return err
			}
		case <-s.Call().Draining():
			return fairlead.Errorf(fairlead.Unavailable, "the server is shutting down")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// answer answers one question. If something does not exist that is an answer, not the end of the stream.
func (r *reflection) answer(q *reflectionRequest, sent map[string]bool) (*reflectionResponse, error) {
	resp := &reflectionResponse{ValidHost: q.GetHost(), OriginalRequest: q}
	x, err := r.index()
	if err != nil {
		resp.MessageResponse = failure(fairlead.Internal, "%v", err)
		return resp, nil
	}
	var file *schemaFile
	var what string
	switch ask := q.GetMessageRequest().(type) {
	case *adminpb.ServerReflectionRequest_ListServices:
		resp.MessageResponse = r.services()
		return resp, nil
	case *adminpb.ServerReflectionRequest_AllExtensionNumbersOfType:
		typ := ask.AllExtensionNumbersOfType
		numbers, known := x.extensionsOf(typ)
		if !known {
			resp.MessageResponse = failure(fairlead.NotFound, "unknown type %q", typ)
			return resp, nil
		}
		resp.MessageResponse = &adminpb.ServerReflectionResponse_AllExtensionNumbersResponse{
			AllExtensionNumbersResponse: &adminpb.ExtensionNumberResponse{BaseTypeName: typ, ExtensionNumber: numbers},
		}
		return resp, nil
	case *adminpb.ServerReflectionRequest_FileByFilename:
		file, what = x.file(ask.FileByFilename), fmt.Sprintf("file %q", ask.FileByFilename)
	case *adminpb.ServerReflectionRequest_FileContainingSymbol:
		file, what = x.fileOfSymbol(ask.FileContainingSymbol), fmt.Sprintf("symbol %q", ask.FileContainingSymbol)
	case *adminpb.ServerReflectionRequest_FileContainingExtension:
		typ, number := ask.FileContainingExtension.GetContainingType(), ask.FileContainingExtension.GetExtensionNumber()
		file, what = x.fileOfExtension(typ, number), fmt.Sprintf("extension %d of %q", number, typ)
	default:
		return nil, fairlead.Errorf(fairlead.InvalidArgument, "a request without a question")
	}
	if file == nil {
		resp.MessageResponse = failure(fairlead.NotFound, "unknown %s", what)
		return resp, nil
	}
	resp.MessageResponse = &adminpb.ServerReflectionResponse_FileDescriptorResponse{
		FileDescriptorResponse: &adminpb.FileDescriptorResponse{FileDescriptorProto: x.withImports(file, sent)},
	}
	return resp, nil
}

// services returns the names of all services.
func (r *reflection) services() *adminpb.ServerReflectionResponse_ListServicesResponse {
	list := &adminpb.ListServiceResponse{}
	for _, name := range r.names {
		list.Service = append(list.Service, &adminpb.ServiceResponse{Name: name})
	}
	return &adminpb.ServerReflectionResponse_ListServicesResponse{ListServicesResponse: list}
}

// failure returns the answer to a question that has no other.
func failure(code fairlead.Code, format string, args ...any) *adminpb.ServerReflectionResponse_ErrorResponse {
	return &adminpb.ServerReflectionResponse_ErrorResponse{ErrorResponse: &adminpb.ErrorResponse{
		ErrorCode:    int32(code),
		ErrorMessage: fmt.Sprintf(format, args...),
	}}
}
