// Package gen turns compiled contracts into Go code: the messages with protoc-gen-go's generator, their fast encoding
// with vtprotobuf's, and the stubs of services, the errors and the rules of messages with Fairlead's own generators,
// which are all that protoc-gen-fairlead runs.
//
// # What a service becomes
//
// A service Greeter of greeter.proto becomes, in greeter.fl.go beside the messages' greeter.pb.go:
//
//   - GreeterSayHelloMethod for each method, and GreeterService: the descriptors, as package variables.
//   - GreeterServer: the interface that a server implements. What lacks a method does not compile.
//   - UnimplementedGreeterServer: a type that answers every method with Unimplemented. Who embeds it has a server that
//     compiles when the contract gets more methods.
//   - Greeter(impl): the value that servers take.
//   - GreeterClient, NewGreeterClient(binder): the client, a struct, so that the options of a call stay on the stack.
//   - GreeterCaller: the client's methods as an interface, for callers that want to be handed a fake.
//
// # Options of methods
//
// The option idempotency_level becomes Method.Idempotency; timeout and criticality of (fairlead.method) become
// Method.Timeout and Method.Criticality. The option (google.api.http) is compiled: each rule, additional bindings
// included, is an element of Method.HTTP with its verb, its template, which was parsed here, the http_status of
// (fairlead.method), and a function for each field that the path or the query sets, as well as for what body and
// response_body name. No reflection is left for run
// time, and no work for a program's start: the rules are literals that the linker lays out. A field that several rules
// set has one function for all of them.
//
// The query sets the fields of the request that neither path nor body does and that have a form as a text (package
// httprule lists them), repeated ones as well, and those of messages within, by their path in the contract's names or
// in JSON names. It does not set maps, repeated messages, messages of google.protobuf without a form as a text, fields
// more than five names deep, and those of a message within itself: they travel in the body.
//
// Package protocol/rest serves the rules. A rule that it could not serve is left out with a warning, and so is the
// second of two rules of a service that match the same requests: messages and stubs do not need it, and other
// generators take it. Between services of one package that is a warning alone, since they need not share a server.
//
// # What an error becomes
//
// A value of an enum that has (fairlead.error), SHOP_ERROR_OUT_OF_STOCK of ShopError, becomes
//
//   - ErrOutOfStock: the fairlead.Reason, for errors.Is, and to be returned as it is.
//   - NewOutOfStock(format, args...): an error with this reason and a message of its own.
//   - OutOfStock: the type for errors.As, with the metadata that came along.
//
// The reason on the wire is the name of the value as it is written, or what the option says; the names in Go are
// without that of the enum, and with Error behind them when they are taken.
//
// # What rules become
//
// A message with rules of protovalidate, or with a field whose message has some, gets the method ValidateFields in
// greeter_validate.fl.go: plain comparisons, without reflection. What only an evaluator of expressions can do is listed
// by a second method, SurveyRules.
//
// # JSON
//
// Each message gets the methods AppendProtoJSON and ParseProtoJSON in greeter_json.fl.go, which call package jsonwire:
// ProtoJSON without reflection. Those that cannot have them are noted; codec/json does them by reflection.
//
// # What is wrong with a contract
//
// All that is wrong with options is reported at once, as Problems, each with its place. What is wrong with HTTP rules
// is a warning.
//
// # Names that are taken
//
// When one of these names belongs to a message, an enum or an earlier service of the same Go package, all names of the
// service are made from another stem: GreeterRPC, and if need be GreeterRPC2 and so on. So the service User of a
// package with a message User has UserRPC(impl), UserRPCServer and NewUserRPCClient. Files count when they are
// generated together or imported; services take their names in the order of file path and declaration.
//
// The code of protoc-gen-go-grpc has a GreeterClient, a NewGreeterClient and a GreeterServer as well. For a package
// that holds both, StubConfig.BesideGRPC and BesidePackages count those names as taken.
//
// Two methods of a service whose names are the same in Go (say_hello, SayHello) are an error.
//
// A Go package whose name is that of a variable in generated code (wire, m, ctx) is imported under another: wirepb.
//
// # Comments
//
// Comments of the contract become comments in Go, but say nothing to its tools: a line such as "+build linux" or
// "go:embed x" is changed so that it is text.
//
// # Schema
//
// Service.Schema is left nil: the .pb.go beside the stubs has registered the file with protoregistry.GlobalFiles
// already, which is where reflection finds it, so that a second copy would only make programs larger.
package gen
