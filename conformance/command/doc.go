// Package command tests the command line against grpc-go's servers: as a program, with real terminals and signals. What
// it does in detail is tested in the module cmd; servers in other languages are in package foreign.
package command
