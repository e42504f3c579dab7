// Package kitex holds tests with Kitex's gRPC, server and client, as its documentation sets them up. It is a module of
// its own so that Kitex's requirements do not change those of the other tests.
package kitex
