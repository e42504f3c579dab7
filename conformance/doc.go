// Package conformance holds tests of Fairlead against programs and libraries that others wrote: grpc-go's client and
// server, its interop programs, h2spec, grpcurl, grpc_health_probe and ghz. Its directory cmd has the programs that
// foreign suites test. README.md has the counts, and the cases that are left out.
//
// The module is kept out of the workspace, which would raise the versions of what is tested against.
package conformance
