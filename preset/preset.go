// Package preset makes servers and clients with the defaults of the framework. It is the only package that names
// implementations: packages server and client know interfaces, and this package passes implementations to them.
//
// The defaults come before the options of the caller: an option for a single value replaces the default, and one that
// takes a list adds to it. Entries of a list can be left out by name:
//
//	preset.NewServer(":8080", server.Service(impl), server.Without("logging"), server.WithoutCompressor("gzip"))
//
// The defaults are described at ServerOptions and ClientOptions.
package preset

import (
	"fmt"
	"log/slog"

	"github.com/fairlead-go/fairlead/balance/roundrobin"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/codec/json"
	"github.com/fairlead-go/fairlead/codec/proto"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/compress/gzip"
	"github.com/fairlead-go/fairlead/compress/zstd"
	"github.com/fairlead-go/fairlead/discovery/dns"
	"github.com/fairlead-go/fairlead/discovery/static"
	"github.com/fairlead-go/fairlead/middleware/logging"
	"github.com/fairlead-go/fairlead/middleware/recovery"
	"github.com/fairlead-go/fairlead/middleware/validate"
	"github.com/fairlead-go/fairlead/protocol/connect"
	"github.com/fairlead-go/fairlead/protocol/grpc"
	"github.com/fairlead-go/fairlead/protocol/grpcweb"
	"github.com/fairlead-go/fairlead/protocol/rest"
	"github.com/fairlead-go/fairlead/protocol/web"
	"github.com/fairlead-go/fairlead/protocol/ws"
	"github.com/fairlead-go/fairlead/resilience/timeout"
	"github.com/fairlead-go/fairlead/server"
	"github.com/fairlead-go/fairlead/transport/std"
)

// NewServer makes a server that will listen at addr, "host:port" or "unix:/path". It is server.New with ServerOptions
// before opts.
func NewServer(addr string, opts ...server.Option) (*server.Server, error) {
	all, err := ServerOptions()
	if err != nil {
		return nil, err
	}
	all = append(all, server.Listen(addr))
	return server.New(append(all, opts...)...)
}

// Option is an option for both sides: NewServer and server.New take it, and so do NewClient and client.New.
type Option interface {
	server.Option
	client.Option
}

// The two parts of an Option. Their methods are not exported, so that they do not clash.
type (
	forServer = server.Option
	forClient = client.Option
)

// both is an Option.
type both struct {
	forServer
	forClient
}

// Logger sets the logger of a server or client, like server.Logger and client.Logger. On a server the access log and
// logged panics go there too. Default: slog.Default() when the server or client is made.
func Logger(l *slog.Logger) Option { return both{server.Logger(l), client.Logger(l)} }

// DeadlineShare sets the share of the time that an inbound call has left for the calls made on its behalf, above 0 and
// at most 1. With 0.9 a handler that has a second left gives its calls 0.9 s, and has 0.1 s to answer when one of them
// ends at its deadline; at least 1 ms is kept back. With 1 it gives them all of its time. Shares multiply: after three
// hops of 0.9 there are 0.73 of the first caller's time. Calls that are not made on behalf of another, and calls whose
// context was detached by context.WithoutCancel, are not affected. The error of a call that was cut by its share
// explains it. Default: 0.9. It is client.Deadline with timeout.Share; the last one counts.
func DeadlineShare(share float64) client.Option {
	mw, err := timeout.Share(share, timeout.Named("preset.DeadlineShare"))
	if err != nil {
		return client.Invalid(fmt.Errorf("preset: DeadlineShare: %w", err))
	}
	return client.Deadline(mw)
}

// ServerHTTP2 sets options of a server's wire, gRPC, gRPC-Web, Connect, REST and WebSocket over HTTP. It replaces the
// wire of NewServer. server.HTTP adds protocols to the wire, with or without ServerHTTP2, or replaces one of them, such
// as server.HTTP(ws.NewServer(ws.Origins("https://example.com"))). Browsers call the server from pages of other origins
// if web.AllowOrigins names these, and open WebSockets if ws.Origins does.
//
//	preset.NewServer(":8080", preset.ServerHTTP2(web.PingPolicy(time.Minute, true)), server.Service(impl))
func ServerHTTP2(opts ...web.ServerOption) server.Option {
	all := append([]web.ServerOption{
		web.Protocol(ws.NewServer(), grpcweb.NewServer(), connect.NewServer(), rest.NewServer()),
	}, opts...)
	return server.Protocol(web.NewServer(grpc.NewServer(), all...))
}

// ClientHTTP2 sets options of a client's wire, gRPC over HTTP/2. ClientProtocol does the same for other protocols.
func ClientHTTP2(opts ...web.ClientOption) client.Option {
	return ClientProtocol(GRPC, opts...)
}

// ServerOptions returns the defaults of NewServer except the address, in this order: Transport (Go's package net),
// Protocol (ServerHTTP2), Codec (protobuf, and JSON for clients that send it), Compressor ("gzip" and "zstd"), Logger
// (slog.Default()), UseNamed ("recovery", then "logging", both of which log to the server's logger) and Validation
// (validate.New; its name is "validation"). Validation applies the rules that were compiled into messages; for rules
// that are expressions it needs an evaluator, without which server.New returns an error. server.Without takes the three
// names, server.WithoutCompressor the two. The options serve one server; call ServerOptions again for another.
func ServerOptions() ([]server.Option, error) {
	compressors, err := compressors()
	if err != nil {
		return nil, err
	}
	catch, err := recovery.New()
	if err != nil {
		return nil, err
	}
	log, err := logging.New(nil) // to the server's logger
	if err != nil {
		return nil, err
	}
	rules, err := validate.New()
	if err != nil {
		return nil, err
	}
	return []server.Option{
		server.Transport(std.Network{}),
		ServerHTTP2(),
		server.Codec(proto.Codec{}, json.Codec{}),
		server.Compressor(compressors...),
		server.Logger(slog.Default()),
		server.UseNamed("recovery", catch),
		server.UseNamed("logging", log),
		server.Validation(rules),
	}, nil
}

// NewClient makes a client for target, such as "dns:///greeter:8080", "static:///10.0.0.7:8080,10.0.0.8:8080" or
// "unix:/run/greeter.sock": client.New with ClientOptions before opts.
func NewClient(target string, opts ...client.Option) (*client.Client, error) {
	all, err := ClientOptions()
	if err != nil {
		return nil, err
	}
	return client.New(target, append(all, opts...)...)
}

// ClientOptions returns the defaults of NewClient, one for each, in this order: Dialer (Go's package net), Protocol
// (ClientHTTP2), Codec (protobuf), Compressor (gzip and zstd are accepted in responses; requests are sent as
// they are), Resolver (dns, static and unix), Balancer (round robin), Logger (slog.Default()) and Deadline
// (DeadlineShare(0.9)).
func ClientOptions() ([]client.Option, error) {
	compressors, err := compressors()
	if err != nil {
		return nil, err
	}
	byName, err := dns.New()
	if err != nil {
		return nil, err
	}
	return []client.Option{
		client.Dialer(std.Network{}),
		ClientHTTP2(),
		client.Codec(proto.Codec{}),
		client.Compressor(compressors...),
		client.Resolver(byName, static.Resolver{}, static.Unix{}),
		client.Balancer(roundrobin.Balancer{}),
		client.Logger(slog.Default()),
		DeadlineShare(timeout.DefaultShare),
	}, nil
}

// compressors returns the compressors of both sides, with the one that clients should prefer first.
func compressors() ([]compress.Compressor, error) {
	g, err := gzip.New()
	if err != nil {
		return nil, err
	}
	z, err := zstd.New()
	if err != nil {
		return nil, err
	}
	return []compress.Compressor{g, z}, nil
}
