// Package conformance holds tests of Fairlead against programs and libraries that others wrote: grpc-go's client and
// server, its interop programs, grpcurl and grpc_health_probe. Its directory cmd has the programs that foreign suites
// test.
//
// The module is kept out of the workspace, which would raise the versions of what is tested against.
package conformance
