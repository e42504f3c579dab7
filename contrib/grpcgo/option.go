package grpcgo

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/grpc"
)

// Option configures a Registrar.
type Option interface{ applyRegistrar(cfg *registrarConfig) }

type registrarConfig struct {
	unary  []grpc.UnaryServerInterceptor
	stream []grpc.StreamServerInterceptor
	errs   []error
}

type registrarOption func(*registrarConfig)

func (f registrarOption) applyRegistrar(cfg *registrarConfig) { f(cfg) }

// UnaryInterceptor puts grpc-go interceptors around the unary handlers, the first one outermost. It may be given more
// than once and then appends. Nil is an error. Default: none.
//
// They run inside Fairlead's middleware, next to the handler, with the decoded request.
func UnaryInterceptor(interceptors ...grpc.UnaryServerInterceptor) Option {
	return registrarOption(func(cfg *registrarConfig) {
		for _, i := range interceptors {
			if i == nil {
				cfg.errs = append(cfg.errs, errors.New("grpcgo: UnaryInterceptor was given nil"))
			}
		}
		cfg.unary = append(cfg.unary, interceptors...)
	})
}

// StreamInterceptor puts grpc-go interceptors around the streaming handlers, the first one outermost. It may be given
// more than once and then appends. Nil is an error. Default: none.
func StreamInterceptor(interceptors ...grpc.StreamServerInterceptor) Option {
	return registrarOption(func(cfg *registrarConfig) {
		for _, i := range interceptors {
			if i == nil {
				cfg.errs = append(cfg.errs, errors.New("grpcgo: StreamInterceptor was given nil"))
			}
		}
		cfg.stream = append(cfg.stream, interceptors...)
	})
}

// ConnOption configures a Conn.
type ConnOption interface{ applyConn(cfg *connConfig) }

type connConfig struct {
	unary    []grpc.UnaryClientInterceptor
	stream   []grpc.StreamClientInterceptor
	defaults []grpc.CallOption
	security *security
	errs     []error
}

type connOption func(*connConfig)

func (f connOption) applyConn(cfg *connConfig) { f(cfg) }

// WithUnaryInterceptor puts grpc-go interceptors around unary calls, the first one outermost. It may be given more
// than once and then appends. Nil is an error. Default: none.
//
// There is no *grpc.ClientConn behind a Conn: interceptors get a nil one, and must pass it on without calling its
// methods.
func WithUnaryInterceptor(interceptors ...grpc.UnaryClientInterceptor) ConnOption {
	return connOption(func(cfg *connConfig) {
		for _, i := range interceptors {
			if i == nil {
				cfg.errs = append(cfg.errs, errors.New("grpcgo: WithUnaryInterceptor was given nil"))
			}
		}
		cfg.unary = append(cfg.unary, interceptors...)
	})
}

// WithStreamInterceptor puts grpc-go interceptors around the opening of streams, the first one outermost. It may be
// given more than once and then appends. Nil is an error. Default: none. As with WithUnaryInterceptor
// the *grpc.ClientConn that they get is nil.
func WithStreamInterceptor(interceptors ...grpc.StreamClientInterceptor) ConnOption {
	return connOption(func(cfg *connConfig) {
		for _, i := range interceptors {
			if i == nil {
				cfg.errs = append(cfg.errs, errors.New("grpcgo: WithStreamInterceptor was given nil"))
			}
		}
		cfg.stream = append(cfg.stream, interceptors...)
	})
}

// WithDefaultCallOptions gives call options that apply to all calls, before the options of the call itself. It may be
// given more than once and then appends. Default: none.
func WithDefaultCallOptions(opts ...grpc.CallOption) ConnOption {
	return connOption(func(cfg *connConfig) {
		if slices.Contains(opts, nil) {
			cfg.errs = append(cfg.errs, errors.New("grpcgo: WithDefaultCallOptions was given nil"))
		}
		cfg.defaults = append(cfg.defaults, opts...)
	})
}

// WithSecureTransport asserts that every connection of the client below is protected by TLS, and names the host that
// it reaches, "greeter.example:8443". Credentials that a call brings (grpc.PerRPCCredentials) get the host as part of
// their audience. Default: none, and credentials that require transport security fail their call with Unauthenticated.
//
// A Conn cannot look at connections, since it gives its calls away before one is chosen: the assertion is the
// caller's.
func WithSecureTransport(authority string) ConnOption {
	return connOption(func(cfg *connConfig) {
		if authority == "" {
			cfg.errs = append(cfg.errs, errors.New("grpcgo: WithSecureTransport: the host is empty"))
		}
		cfg.security = &security{authority: authority}
	})
}

// chainUnaryServer folds interceptors into one; nil when there are none.
func chainUnaryServer(is []grpc.UnaryServerInterceptor) grpc.UnaryServerInterceptor {
	switch len(is) {
	case 0:
		return nil
	case 1:
		return is[0]
	}
	first, rest := is[0], chainUnaryServer(is[1:])
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
		return first(ctx, req, info, func(ctx context.Context, req any) (any, error) { return rest(ctx, req, info, h) })
	}
}

// chainStreamServer folds interceptors into one; nil when there are none.
func chainStreamServer(is []grpc.StreamServerInterceptor) grpc.StreamServerInterceptor {
	switch len(is) {
	case 0:
		return nil
	case 1:
		return is[0]
	}
	first, rest := is[0], chainStreamServer(is[1:])
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, h grpc.StreamHandler) error {
		return first(srv, ss, info, func(srv any, ss grpc.ServerStream) error { return rest(srv, ss, info, h) })
	}
}

// chainUnaryClient puts interceptors around last.
func chainUnaryClient(is []grpc.UnaryClientInterceptor, last grpc.UnaryInvoker) grpc.UnaryInvoker {
	for i := len(is) - 1; i >= 0; i-- {
		intercept, next := is[i], last
		last = func(
			ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, opts ...grpc.CallOption,
		) error {
			return intercept(ctx, method, req, reply, cc, next, opts...)
		}
	}
	return last
}

// chainStreamClient puts interceptors around last.
func chainStreamClient(is []grpc.StreamClientInterceptor, last grpc.Streamer) grpc.Streamer {
	for i := len(is) - 1; i >= 0; i-- {
		intercept, next := is[i], last
		last = func(
			ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, opts ...grpc.CallOption,
		) (grpc.ClientStream, error) {
			return intercept(ctx, desc, cc, method, next, opts...)
		}
	}
	return last
}
