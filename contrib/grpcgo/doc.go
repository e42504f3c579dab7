// Package grpcgo runs code that protoc-gen-go-grpc generated, and libraries written against grpc-go's interfaces,
// unchanged on Fairlead.
//
// On a server a Registrar is the grpc.ServiceRegistrar that generated Register functions want; what was registered
// goes to the server as values:
//
//	reg := grpcgo.NewRegistrar(grpcgo.UnaryInterceptor(audit))
//	greeter.RegisterGreeterServer(reg, service{})
//	impls, err := reg.Implementations()
//	srv, err := preset.NewServer(":8080", server.Service(impls...))
//
// On a client a Conn is the grpc.ClientConnInterface that generated constructors want:
//
//	conn, err := preset.NewClient("dns:///greeter:8080")
//	hello := greeter.NewGreeterClient(grpcgo.NewConn(conn))
//
// Handlers find metadata, peer, deadline and grpc.SetHeader and its siblings as grpc-go has them; errors are those of
// package status in both directions, and on the client they unwrap to *fairlead.Error as well.
//
// # What differs from grpc-go
//
// Encoding, compression, message limits, keepalive, name resolution, balancing and TLS are Fairlead's: what is
// registered with grpc-go's packages encoding, resolver and balancer, its stats handlers and its service config, retry
// policies included, have no effect. Calls that surely did not reach a handler are repeated as Fairlead's client does.
//
// grpc.SetSendCompressor and grpc.ClientSupportedCompressors return an error, since they work on a type of grpc-go's
// own. A handler chooses by fairlead.CallFrom(ctx).SetSendCompressor instead, with the context that it was given.
//
// A response that a client-streaming handler gives to SendAndClose is sent when the handler returns, and not at all if
// it returns an error then; the caller sees no difference, because grpc-go's client waits for the status too.
//
// ClientStream.Header does not tell a response without a header from one whose header has no metadata: it returns
// metadata with nothing but content-type for both.
package grpcgo
