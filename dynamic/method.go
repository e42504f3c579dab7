package dynamic

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/fairlead-go/fairlead"
)

// methodOf makes the method of a descriptor, once.
func (s *Source) methodOf(d protoreflect.MethodDescriptor) (*fairlead.Method, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.methods[d.FullName()]; m != nil {
		return m, nil
	}
	for _, message := range []protoreflect.MessageDescriptor{d.Input(), d.Output()} {
		if message.IsPlaceholder() {
			return nil, s.lacks(d, message)
		}
	}
	m := NewMethod(d)
	s.methods[d.FullName()] = m
	return m, nil
}

// lacks returns the error for a method whose message is missing, with the reasons why imports of its file could not be
// built. The lock is held.
func (s *Source) lacks(d protoreflect.MethodDescriptor, message protoreflect.MessageDescriptor) error {
	err := fmt.Errorf("%s: the contract of %s/%s lacks the message %s, whose file is not there",
		s.name, d.Parent().FullName(), d.Name(), message.FullName())
	imports := d.ParentFile().Imports()
	for i := range imports.Len() {
		if why := s.broken[imports.Get(i).Path()]; why != nil {
			err = fmt.Errorf("%w: %w", err, why)
		}
	}
	return err
}

// NewMethod makes the method of a descriptor, with messages of type *dynamicpb.Message. Clients keep each method that
// they have bound as long as they live, so make it once; a Source does.
func NewMethod(d protoreflect.MethodDescriptor) *fairlead.Method {
	in, out := dynamicpb.NewMessageType(d.Input()), dynamicpb.NewMessageType(d.Output())
	service, name := string(d.Parent().FullName()), string(d.Name())
	m := &fairlead.Method{
		Service:     service,
		Name:        name,
		Path:        "/" + service + "/" + name,
		NewRequest:  func() any { return in.New().Interface() },
		NewResponse: func() any { return out.New().Interface() },
		Extensions:  []any{d},
	}
	switch {
	case d.IsStreamingClient() && d.IsStreamingServer():
		m.Kind = fairlead.BidiStreaming
	case d.IsStreamingClient():
		m.Kind = fairlead.ClientStreaming
	case d.IsStreamingServer():
		m.Kind = fairlead.ServerStreaming
	}
	if o, ok := d.Options().(*descriptorpb.MethodOptions); ok {
		switch o.GetIdempotencyLevel() {
		case descriptorpb.MethodOptions_NO_SIDE_EFFECTS:
			m.Idempotency = fairlead.NoSideEffects
		case descriptorpb.MethodOptions_IDEMPOTENT:
			m.Idempotency = fairlead.Idempotent
		case descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN:
		}
	}
	return m
}

// DescriptorOf returns the descriptor of a method made by this package, nil for any other.
func DescriptorOf(m *fairlead.Method) protoreflect.MethodDescriptor {
	for _, e := range m.Extensions {
		if d, ok := e.(protoreflect.MethodDescriptor); ok {
			return d
		}
	}
	return nil
}

// NewRequest returns an empty request of a method made by this package, nil for any other.
func NewRequest(m *fairlead.Method) *dynamicpb.Message { return newMessage(m.NewRequest) }

// NewResponse returns an empty response of a method made by this package, nil for any other.
func NewResponse(m *fairlead.Method) *dynamicpb.Message { return newMessage(m.NewResponse) }

func newMessage(f func() any) *dynamicpb.Message {
	if f == nil {
		return nil
	}
	m, _ := f().(*dynamicpb.Message)
	return m
}
