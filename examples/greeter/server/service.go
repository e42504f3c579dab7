package main

import (
	"context"
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/examples/greeter"
)

// maxGreetings is how many greetings Stream sends at most.
const maxGreetings = 10

// service implements greeter.GreeterServer. If a method were missing, the program would not compile.
type service struct{}

// SayHello is a unary method: one request, one response. Errors carry a code, and metadata goes through the call.
func (service) SayHello(ctx context.Context, req *greeter.HelloRequest) (*greeter.HelloReply, error) {
	if req.Name == "" {
		return nil, fairlead.Errorf(fairlead.InvalidArgument, "name is empty")
	}
	fairlead.CallFrom(ctx).ResponseHeader().Set("served-by", "greeter")
	return &greeter.HelloReply{Text: "hello " + req.Name}, nil
}

// Stream is server-streaming: one request, many responses.
func (service) Stream(
	_ context.Context, req *greeter.StreamRequest, out *fairlead.Outbound[greeter.HelloReply],
) error {
	if req.Count < 0 || req.Count > maxGreetings {
		return fairlead.Errorf(fairlead.OutOfRange, "count is %d, must be from 0 to %d", req.Count, maxGreetings)
	}
	for range req.Count {
		if err := out.Send(&greeter.HelloReply{Text: "hello " + req.Name}); err != nil {
			return err
		}
	}
	return nil
}

// Collect is client-streaming: many requests, one response.
func (service) Collect(
	_ context.Context, in *fairlead.Inbound[greeter.HelloRequest],
) (*greeter.HelloReply, error) {
	var names []string
	for req, err := range in.All() {
		if err != nil {
			return nil, err
		}
		names = append(names, req.Name)
	}
	return &greeter.HelloReply{Text: "hello " + strings.Join(names, ", ")}, nil
}

// Chat is bidirectional: many requests and many responses, at the same time if need be.
func (service) Chat(_ context.Context, s *fairlead.Bidi[greeter.HelloReply, greeter.HelloRequest]) error {
	for req, err := range s.All() {
		if err != nil {
			return err
		}
		if err := s.Send(&greeter.HelloReply{Text: "hello " + req.Name}); err != nil {
			return err
		}
	}
	return nil
}
