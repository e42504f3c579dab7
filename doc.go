// Package fairlead defines what generated code, middleware, protocols and handlers have in common: methods, calls,
// handlers, streams, errors and metadata. It imports only the standard library. Generated stubs import this package;
// stubs of contracts with HTTP rules also import package httprule, and stubs of contracts with rules for fields package
// middleware/validate/rules. They import no other package of the framework.
//
// # A tour
//
// A [Service] has [Method]s. An [Implementation] is a service with a [Handler] for each method; servers take it as a
// value. A [Call] is one call, on either side. A [Middleware] wraps a Handler at a [Site], once for each side and
// method, and serves unary calls and streams alike. An [Error] is the one error that crosses the wire.
//
// # The server's path
//
// A listener accepts a connection; its first bytes, or its ALPN, tell which wire it speaks. The wire reads requests and
// passes each to its protocol. The protocol finds the method and its chain, which was built when the server was made,
// decodes the request, and runs the chain down to the handler. The response is encoded into the connection's buffer and
// sent together with the responses of other calls that are ready.
//
// # The client's path
//
// A stub makes a Call and passes it to the Handler that the client has for the method. That runs the middleware of the
// call, then, for each attempt, picks an instance and runs the middleware of the attempt; the protocol makes one round
// trip on a pooled connection.
//
// Package preset makes servers and clients with the defaults. The options are in packages server and client.
package fairlead
