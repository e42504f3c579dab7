// Package gen turns compiled contracts into Go code: the messages with protoc-gen-go's generator, their fast encoding
// with vtprotobuf's, and the service stubs with Fairlead's own, which protoc-gen-fairlead runs alone.
//
// # What a service becomes
//
// A service Greeter of greeter.proto becomes, in greeter.fl.go beside the messages' greeter.pb.go:
//
//   - GreeterSayHelloMethod for each method, and GreeterService: the descriptors, as package variables.
//   - GreeterServer: the interface that a server implements. What lacks a method does not compile.
//   - Greeter(impl): the value that servers take.
//   - GreeterClient, NewGreeterClient(binder): the client, a struct, so that the options of a call stay on the stack.
//   - GreeterCaller: the client's methods as an interface, for callers that want to be handed a fake.
//
// # Names that are taken
//
// When one of these names belongs to a message, an enum or an earlier service of the same Go package, all names of the
// service are made from another stem: GreeterRPC, and if need be GreeterRPC2 and so on. So the service User of a
// package with a message User has UserRPC(impl), UserRPCServer and NewUserRPCClient. Files count when they are
// generated together or imported; services take their names in the order of file path and declaration.
//
// The code of protoc-gen-go-grpc has a GreeterClient, a NewGreeterClient and a GreeterServer as well. For a package
// that holds both, StubConfig.BesideGRPC counts those names as taken.
//
// Two methods of a service whose names are the same in Go (say_hello, SayHello) are an error.
//
// # Schema
//
// Service.Schema is left nil: the .pb.go beside the stubs has registered the file with protoregistry.GlobalFiles
// already, which is where reflection finds it, so that a second copy would only make programs larger.
package gen
