// Package rest holds tests of protocol/rest against grpc-gateway, which serves the same contract by the same handlers,
// and against curl and a browser's EventSource.
package rest
