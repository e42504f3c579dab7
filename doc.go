// Package fairlead is the vocabulary of the framework: what generated code, middleware, protocols and handlers say to
// each other. It imports the standard library alone. Generated stubs import it, package httprule if the contract has
// HTTP rules and package middleware/validate if it has rules for fields, and nothing else of the framework.
//
// # A tour
//
// A [Service] has [Method]s; an [Implementation] is a service with a [Handler] for each of them, and is a value that a
// server takes. A [Call] is one call, on either side. A [Middleware] wraps a Handler at a [Site], once for each side
// and method, and serves unary calls and streams alike. An [Error] is the one error that crosses the wire.
//
// # The server's path
//
// A listener accepts a connection, whose first bytes (or whose ALPN) tell the wire. The wire reads requests and gives
// each to its protocol, which finds the method and its chain, made when the server was built; decodes; and runs the
// chain down to the handler. The answer is encoded into the connection's buffer and leaves with those of its
// neighbours.
//
// # The client's path
//
// A stub makes a Call and hands it to the Handler that the client bound for the method: the chain of the call, then for
// each attempt an instance is picked, the chain of the attempt runs, and the protocol does one round trip on a pooled
// connection.
//
// Package preset makes servers and clients with the defaults; packages server and client say what can be set.
package fairlead
