package dynamic

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/near"
)

// Method returns a method by its name: "greeter.v1.Greeter/SayHello", also with a slash before it, or with a dot
// instead of the slash. The service's name may be shortened ("Greeter/SayHello") or left out ("SayHello") if only one
// method matches. It returns a *NameError if there is none, or several.
//
// The same method is the same pointer each time, so that clients bind it once. Its messages are *dynamicpb.Message, its
// idempotency is the contract's, and DescriptorOf returns its descriptor.
func (s *Source) Method(ctx context.Context, name string) (*fairlead.Method, error) {
	service, method := splitMethod(name)
	if method == "" {
		return nil, &NameError{What: "method", Name: name, In: s.name}
	}
	if service == "" {
		return s.methodAnywhere(ctx, name, method)
	}
	d, err := s.serviceNamed(ctx, service)
	if err != nil {
		return nil, err
	}
	if m := d.Methods().ByName(protoreflect.Name(method)); m != nil {
		return s.methodOf(m)
	}
	// People often forget the case of letters. gRPC's own names differ by more than that.
	var same []protoreflect.MethodDescriptor
	for i := range d.Methods().Len() {
		if m := d.Methods().Get(i); strings.EqualFold(string(m.Name()), method) {
			same = append(same, m)
		}
	}
	if len(same) == 1 {
		return s.methodOf(same[0])
	}
	e := &NameError{What: "method", Name: string(d.FullName()) + "/" + method, In: s.name}
	e.Near = near.Names(method, methodNames(d))
	for i := range e.Near {
		e.Near[i] = string(d.FullName()) + "/" + e.Near[i]
	}
	return nil, e
}

// Methods returns the methods of a service, in the contract's order. The name is as for Service.
func (s *Source) Methods(ctx context.Context, service string) ([]*fairlead.Method, error) {
	d, err := s.Service(ctx, service)
	if err != nil {
		return nil, err
	}
	var list []*fairlead.Method
	for i := range d.Methods().Len() {
		m, err := s.methodOf(d.Methods().Get(i))
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// splitMethod splits "/pkg.Svc/M", "pkg.Svc/M" and "pkg.Svc.M". A name without a service is the method's.
func splitMethod(name string) (service, method string) {
	name = strings.TrimPrefix(name, "/")
	at := strings.LastIndexByte(name, '/')
	if at < 0 {
		at = strings.LastIndexByte(name, '.')
	}
	if at < 0 {
		return "", name
	}
	return name[:at], name[at+1:]
}

func methodNames(d protoreflect.ServiceDescriptor) []string {
	names := make([]string, d.Methods().Len())
	for i := range names {
		names[i] = string(d.Methods().Get(i).Name())
	}
	return names
}

// serviceNamed returns the service with a full name, or the only one whose name ends so.
func (s *Source) serviceNamed(ctx context.Context, name string) (protoreflect.ServiceDescriptor, error) {
	d, err := s.symbol(ctx, protoreflect.FullName(name))
	switch found := d.(type) {
	case protoreflect.ServiceDescriptor:
		return found, nil
	case nil:
	default:
		return nil, &NameError{What: "service", Name: name, In: s.name, Why: "is " + kindOf(d) + ", not a service"}
	}
	if !errors.Is(err, protoregistry.NotFound) {
		return nil, err
	}
	all, err := s.Services(ctx)
	if err != nil {
		return nil, err
	}
	fit := ending(all, name)
	switch {
	case len(fit) > 1:
		return nil, &NameError{What: "service", Name: name, In: s.name, Near: fit, Ambiguous: true}
	case len(fit) == 0:
		return nil, &NameError{What: "service", Name: name, In: s.name, Near: near.Names(name, all)}
	case fit[0] == name:
		return nil, &NameError{
			What: "service", Name: name, In: s.name, Why: "is served, but the server does not have its contract",
		}
	}
	return s.serviceNamed(ctx, fit[0])
}

// ending returns the names that are name, or that end with name after a dot; if there are none, it ignores case.
func ending(names []string, name string) []string {
	var fit, folded []string
	for _, n := range names {
		cut := len(n) - len(name)
		switch {
		case n == name:
			return []string{n}
		case cut < 0 || cut > 0 && n[cut-1] != '.':
		case n[cut:] == name:
			fit = append(fit, n)
		case strings.EqualFold(n[cut:], name):
			folded = append(folded, n)
		}
	}
	if len(fit) > 0 {
		return fit
	}
	return folded
}

// methodAnywhere returns the only method of that name. Methods of gRPC's own services count if no other matches. If
// none does, the error also names services without a known contract.
func (s *Source) methodAnywhere(ctx context.Context, name, method string) (*fairlead.Method, error) {
	services, err := s.Services(ctx)
	if err != nil {
		return nil, err
	}
	var fit, infra []protoreflect.MethodDescriptor
	var all, allOf []string
	var failed []error
	for _, service := range services {
		d, err := s.symbol(ctx, protoreflect.FullName(service))
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		if err != nil && !errors.Is(err, protoregistry.NotFound) { // served without a contract
			failed = append(failed, err)
		}
		sd, ok := d.(protoreflect.ServiceDescriptor)
		if err != nil || !ok {
			continue
		}
		for _, n := range methodNames(sd) {
			all, allOf = append(all, n), append(allOf, service)
			switch {
			case n != method:
			case isInfrastructure(service):
				infra = append(infra, sd.Methods().ByName(protoreflect.Name(n)))
			default:
				fit = append(fit, sd.Methods().ByName(protoreflect.Name(n)))
			}
		}
	}
	if len(fit) == 0 {
		fit = infra
	}
	e := &NameError{What: "method", Name: name, In: s.name}
	switch len(fit) {
	case 1:
		return s.methodOf(fit[0])
	case 0:
		// The name may also be that of a service, without a method.
		if fits := ending(services, method); len(fits) == 1 {
			e.Why = "is a service; a method of it is wanted"
			if d, err := s.serviceNamed(ctx, fits[0]); err == nil {
				for _, n := range methodNames(d) {
					e.Near = append(e.Near, fits[0]+"/"+n)
				}
			}
			return nil, e
		}
		for _, n := range near.Names(method, all) {
			for i := range all {
				if all[i] == n {
					e.Near = append(e.Near, allOf[i]+"/"+n)
				}
			}
		}
		if len(failed) > 0 {
			return nil, errors.Join(append([]error{e}, failed...)...)
		}
	default:
		e.Ambiguous = true
		for _, m := range fit {
			e.Near = append(e.Near, string(m.Parent().FullName())+"/"+string(m.Name()))
		}
	}
	return nil, e
}

// isInfrastructure reports whether a service is one that servers have besides their own.
func isInfrastructure(service string) bool {
	return strings.HasPrefix(service, "grpc.reflection.") || strings.HasPrefix(service, "grpc.health.") ||
		strings.HasPrefix(service, "grpc.channelz.") || strings.HasPrefix(service, "grpc.admin.")
}

// kindOf returns the kind of a descriptor in words.
func kindOf(d protoreflect.Descriptor) string {
	switch d := d.(type) {
	case protoreflect.MessageDescriptor:
		return "a message"
	case protoreflect.EnumDescriptor:
		return "an enum"
	case protoreflect.EnumValueDescriptor:
		return "an enum's value"
	case protoreflect.MethodDescriptor:
		return "a method"
	case protoreflect.ServiceDescriptor:
		return "a service"
	case protoreflect.OneofDescriptor:
		return "a oneof"
	case protoreflect.FieldDescriptor:
		if d.IsExtension() {
			return "an extension"
		}
		return "a field"
	default:
		return "a file"
	}
}
