package grpcgo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/fairlead-go/fairlead"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Registrar collects services that generated code registers and yields them as values for server.Service. It is safe
// for concurrent use, although registering is usually done in one place at start.
type Registrar struct {
	unary  grpc.UnaryServerInterceptor
	stream grpc.StreamServerInterceptor
	keys   contextKeys

	mu    sync.Mutex
	impls []*fairlead.Implementation
	info  map[string]grpc.ServiceInfo
	errs  []error
}

var _ grpc.ServiceRegistrar = (*Registrar)(nil)

// NewRegistrar makes an empty Registrar. Implementations fails with what is wrong with the options.
func NewRegistrar(opts ...Option) *Registrar {
	var cfg registrarConfig
	for _, o := range opts {
		if o == nil {
			cfg.errs = append(cfg.errs, errors.New("grpcgo: NewRegistrar: nil Option"))
			continue
		}
		o.applyRegistrar(&cfg)
	}
	return &Registrar{
		unary:  chainUnaryServer(cfg.unary),
		stream: chainStreamServer(cfg.stream),
		keys:   learnKeys(),
		info:   make(map[string]grpc.ServiceInfo),
		errs:   cfg.errs,
	}
}

// RegisterService implements grpc.ServiceRegistrar; generated code calls it. Where grpc-go ends the process (an impl
// that does not satisfy the description's interface, a service registered twice), the mistake is kept for
// Implementations to return.
func (r *Registrar) RegisterService(desc *grpc.ServiceDesc, impl any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.check(desc, impl); err != nil {
		r.errs = append(r.errs, err)
		return
	}
	service := &fairlead.Service{Name: desc.ServiceName, IDL: "proto", Schema: schemaOf(desc.Metadata)}
	im := &fairlead.Implementation{Service: service}
	info := grpc.ServiceInfo{Metadata: desc.Metadata}
	for i := range desc.Methods {
		d := &desc.Methods[i]
		m := newMethod(desc.ServiceName, d.MethodName, fairlead.Unary)
		service.Methods = append(service.Methods, m)
		im.Handlers = append(im.Handlers, r.unaryHandler(d, impl))
		info.Methods = append(info.Methods, grpc.MethodInfo{Name: d.MethodName})
	}
	for i := range desc.Streams {
		d := &desc.Streams[i]
		m := newMethod(desc.ServiceName, d.StreamName, streamKind(d))
		service.Methods = append(service.Methods, m)
		im.Handlers = append(im.Handlers, r.streamHandler(d, m, impl))
		info.Methods = append(info.Methods, grpc.MethodInfo{
			Name: d.StreamName, IsClientStream: d.ClientStreams, IsServerStream: d.ServerStreams,
		})
	}
	r.impls = append(r.impls, im)
	r.info[desc.ServiceName] = info
}

// check finds the mistakes on which grpc-go would end the process.
func (r *Registrar) check(desc *grpc.ServiceDesc, impl any) error {
	if _, twice := r.info[desc.ServiceName]; twice {
		return fmt.Errorf("grpcgo: service %s is registered twice", desc.ServiceName)
	}
	if impl == nil {
		return nil // as with grpc-go: the handlers of such a description need none
	}
	want := reflect.TypeOf(desc.HandlerType)
	if want == nil || want.Kind() != reflect.Pointer || want.Elem().Kind() != reflect.Interface {
		return fmt.Errorf("grpcgo: the HandlerType of service %s is %v and not a pointer to an interface",
			desc.ServiceName, want)
	}
	if got := reflect.TypeOf(impl); !got.Implements(want.Elem()) {
		return fmt.Errorf("grpcgo: the implementation of service %s, a %v, does not satisfy %v",
			desc.ServiceName, got, want.Elem())
	}
	return nil
}

// Implementations returns what was registered so far, in that order, for server.Service. The error names all mistakes
// that were made when registering; the list is nil then.
func (r *Registrar) Implementations() ([]*fairlead.Implementation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	return slices.Clone(r.impls), nil
}

// GetServiceInfo describes what was registered, as grpc.Server's does. With it a Registrar is a reflection.GRPCServer:
// reflection.Register(registrar) adds grpc-go's reflection service, which then lists whatever was registered.
func (r *Registrar) GetServiceInfo() map[string]grpc.ServiceInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.info)
}

// newMethod describes a method. A grpc-go description does not name the types of messages: they are delivered raw, and
// the generated handler decodes them into its own.
func newMethod(service, name string, kind fairlead.Kind) *fairlead.Method {
	return &fairlead.Method{Service: service, Name: name, Path: "/" + service + "/" + name, Kind: kind}
}

// streamKind returns the shape of a stream. A description without either direction is a unary method that is handled
// as a stream; only the most general shape lets both ends do that.
func streamKind(d *grpc.StreamDesc) fairlead.Kind {
	switch {
	case d.ClientStreams && !d.ServerStreams:
		return fairlead.ClientStreaming
	case d.ServerStreams && !d.ClientStreams:
		return fairlead.ServerStreaming
	default:
		return fairlead.BidiStreaming
	}
}

// unaryHandler runs the generated handler of a unary method.
func (r *Registrar) unaryHandler(d *grpc.MethodDesc, impl any) fairlead.Handler {
	handle, intercept := d.Handler, r.unary
	return func(ctx context.Context, c *fairlead.Call) error {
		s := &serverCall{ctx: ctx, call: c, keys: &r.keys}
		defer s.end()
		resp, err := handle(impl, (*callContext)(s), s.decode, intercept)
		if err != nil {
			return toFairlead(err)
		}
		if resp == nil {
			return fairlead.Errorf(fairlead.Internal, "%s returned neither a response nor an error", c.Method().Path)
		}
		c.SetResponse(resp)
		return nil
	}
}

// streamHandler runs the generated handler of a streaming method.
func (r *Registrar) streamHandler(d *grpc.StreamDesc, m *fairlead.Method, impl any) fairlead.Handler {
	handle := d.Handler
	if intercept := r.stream; intercept != nil {
		info := &grpc.StreamServerInfo{
			FullMethod: m.Path, IsClientStream: d.ClientStreams, IsServerStream: d.ServerStreams,
		}
		handle = func(srv any, ss grpc.ServerStream) error { return intercept(srv, ss, info, d.Handler) }
	}
	return func(ctx context.Context, c *fairlead.Call) error {
		s := &serverCall{ctx: ctx, call: c, keys: &r.keys}
		defer s.end()
		if err := handle(impl, (*serverStream)(s)); err != nil {
			return toFairlead(err)
		}
		if c.Method().Kind == fairlead.ClientStreaming && c.Response() == nil {
			return toFairlead(status.Error(codes.Internal,
				"cardinality violation: the handler of a client-streaming method sent no response"))
		}
		return nil
	}
}
