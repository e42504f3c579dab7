// Package consumers is the command "fairlead check consumers": it finds the places in the source of Go modules that use
// the fields, methods, messages and enums of contracts.
//
// It reads generated code first (package index.go): which Go type is which message, which client's method calls which
// method. Then it looks at the types of expressions in all other code. Nothing is built or run but the go command,
// which lists packages and never reaches the network.
package consumers
