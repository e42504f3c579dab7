package grpcgo

import (
	"context"
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/fairlead-go/fairlead"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Conn lets clients that protoc-gen-go-grpc generated call through Fairlead. It owns nothing: whoever made the Binder
// closes it. Safe for concurrent use.
//
// It keeps a handler for each method that was called, for good, as a generated client does. A program that passes on
// method names which others choose should look at them first.
type Conn struct {
	binder   fairlead.Binder
	defaults []grpc.CallOption
	security *security
	invoker  grpc.UnaryInvoker
	streamer grpc.Streamer
	methods  methods
	fault    error // of the options; each call fails with it
}

var _ grpc.ClientConnInterface = (*Conn)(nil)

// NewConn makes a Conn whose calls go through b, a Fairlead client or a test's fake. When b or an option is nil, each
// call fails with INTERNAL.
func NewConn(b fairlead.Binder, opts ...ConnOption) *Conn {
	var cfg connConfig
	for _, o := range opts {
		if o == nil {
			cfg.errs = append(cfg.errs, errors.New("grpcgo: NewConn: nil ConnOption"))
			continue
		}
		o.applyConn(&cfg)
	}
	if b == nil {
		cfg.errs = append(cfg.errs, errors.New("grpcgo: NewConn: nil Binder"))
	}
	c := &Conn{binder: b, defaults: cfg.defaults, security: cfg.security}
	if err := errors.Join(cfg.errs...); err != nil {
		c.fault = fromFairlead(fairlead.Errorf(fairlead.Internal, "%w", err).WithReach(fairlead.NotSent))
	}
	c.invoker = chainUnaryClient(cfg.unary, c.invoke)
	c.streamer = chainStreamClient(cfg.stream, c.open)
	return c
}

// Invoke implements grpc.ClientConnInterface: it runs a unary call. Errors carry a status for package status and
// unwrap to *fairlead.Error.
//
// The options grpc.Header, Trailer, Peer, OnFinish, WaitForReady, MaxCallRecvMsgSize, MaxCallSendMsgSize,
// UseCompressor, PerRPCCredentials and CallContentSubtype("proto") work as in grpc-go; UseCompressor names a
// compressor of the Fairlead client. StaticMethod and MaxRetryRPCBufferSize have nothing to act on. Any other option
// of grpc-go fails the call with Unimplemented, by name.
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if c.fault != nil {
		return c.fault
	}
	return c.invoker(ctx, method, args, reply, nil, c.options(opts)...)
}

// NewStream implements grpc.ClientConnInterface: it opens a stream. Options and errors are as with Invoke. A stream
// whose client sends one message goes out together with that message, at SendMsg.
func (c *Conn) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if c.fault != nil {
		return nil, c.fault
	}
	return c.streamer(ctx, desc, nil, method, c.options(opts)...)
}

func (c *Conn) options(opts []grpc.CallOption) []grpc.CallOption {
	if len(c.defaults) == 0 {
		return opts
	}
	all := make([]grpc.CallOption, 0, len(c.defaults)+len(opts))
	return append(append(all, c.defaults...), opts...)
}

// invoke is Invoke behind the interceptors.
func (c *Conn) invoke(
	ctx context.Context, path string, args, reply any, _ *grpc.ClientConn, opts ...grpc.CallOption,
) error {
	call, err := c.unary(ctx, path, args, reply, opts)
	report(call, opts, err)
	return err
}

// unary runs a unary call; the Call is nil when it was never made.
func (c *Conn) unary(
	ctx context.Context, path string, args, reply any, opts []grpc.CallOption,
) (*fairlead.Call, error) {
	set, err := parseOptions(opts)
	if err != nil {
		return nil, err
	}
	b, err := c.methods.bind(c.binder, path, fairlead.Unary)
	if err != nil {
		return nil, err
	}
	if args == nil {
		args = new(emptypb.Empty) // grpc-go encodes no message as an empty one
	}
	call := set.newCall(b.method, args, fairlead.WithReply(reply))
	if err := c.addHeader(ctx, call, set.creds); err != nil {
		return nil, err
	}
	if err := b.handler(ctx, call); err != nil {
		return call, fromFairlead(err)
	}
	return call, takeResponse(call, reply)
}

// takeResponse brings the response to target, if it is not there already: a retry or a hedge that answered has decoded
// into an object of its own.
func takeResponse(c *fairlead.Call, target any) error {
	got := c.Response()
	if target == nil || got == target {
		return nil
	}
	switch got := got.(type) {
	case *fairlead.Raw:
		if got.Decode == nil {
			break
		}
		if err := got.Decode(got.Data, target); err != nil {
			return status.Errorf(codes.Internal, "grpc: failed to unmarshal the received message: %v", err)
		}
		return nil
	case proto.Message:
		into, ok := target.(proto.Message)
		if !ok || got.ProtoReflect().Descriptor() != into.ProtoReflect().Descriptor() {
			break
		}
		proto.Reset(into)
		proto.Merge(into, got)
		return nil
	}
	return status.Errorf(codes.Internal, "grpcgo: %s: the response is %T, want %T", c.Method().Path, got, target)
}

// addHeader adds the outgoing metadata of ctx and what the credentials say.
func (c *Conn) addHeader(ctx context.Context, call *fairlead.Call, creds []rpcCredentials) error {
	if md, ok := metadata.FromOutgoingContext(ctx); ok {
		if err := validate(md); err != nil {
			return err
		}
		addMD(call.RequestHeader(), md)
	}
	for _, cr := range creds {
		if err := c.security.authenticate(ctx, call, cr); err != nil {
			return err
		}
	}
	return nil
}

// methods is the table of methods that were called, with their bound handlers. It is replaced when it grows, so that
// looking up takes no lock.
type methods struct {
	table atomic.Pointer[map[methodKey]*boundMethod]
	mu    sync.Mutex
}

type methodKey struct {
	path string
	kind fairlead.Kind
}

type boundMethod struct {
	method  *fairlead.Method
	handler fairlead.Handler
}

// find returns what key is bound to, nil if it was not called yet.
func (t *methods) find(key methodKey) *boundMethod {
	if table := t.table.Load(); table != nil {
		return (*table)[key]
	}
	return nil
}

// bind returns the handler for path.
func (t *methods) bind(binder fairlead.Binder, path string, kind fairlead.Kind) (*boundMethod, error) {
	key := methodKey{path, kind}
	if b := t.find(key); b != nil {
		return b, nil
	}
	slash := strings.LastIndexByte(path, '/')
	if slash < 1 || path[0] != '/' {
		return nil, status.Errorf(codes.Unimplemented, "malformed method name: %q", path)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := t.find(key); b != nil {
		return b, nil
	}
	grown := make(map[methodKey]*boundMethod)
	if table := t.table.Load(); table != nil {
		maps.Copy(grown, *table)
	}
	m := &fairlead.Method{Service: path[1:slash], Name: path[slash+1:], Path: path, Kind: kind}
	b := &boundMethod{m, binder.Bind(m)}
	grown[key] = b
	t.table.Store(&grown)
	return b, nil
}
