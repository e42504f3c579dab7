// Package dynamic calls methods of protobuf services without generated code: for command lines, gateways and proxies.
//
// A Source has contracts: from a server, which it asks by gRPC's server reflection
// (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md), from a FileDescriptorSet, or from compiled
// files. It returns methods by name, as a *fairlead.Method like those of generated code whose messages are
// *dynamicpb.Message. Unary and Open call them through any fairlead.Binder, such as a client; a Resolver finds the
// types of messages in a google.protobuf.Any and of extensions:
//
//	src, err := dynamic.FromServer(client)
//	m, err := src.Method(ctx, "greeter.v1.Greeter/SayHello")
//	req := dynamic.NewRequest(m)
//	err = protojson.UnmarshalOptions{Resolver: src.Resolver(ctx)}.Unmarshal([]byte(`{"name": "Ann"}`), req)
//	resp, err := dynamic.Unary(ctx, client, m, req)
//
// Nothing is registered anywhere else: two Sources may know different contracts of the same name.
//
// # File map
//
//	source.go option.go    what a Source is, and what it can find
//	name.go near.go        names as people write them, and similar names
//	method.go call.go      methods and calls
//	resolver.go opaque.go  types in Any and extensions
//	load.go wellknown.go   descriptors made from files
//	reflection.go          asking a server; question.go has the questions
//	error.go
package dynamic
