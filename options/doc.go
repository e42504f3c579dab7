// Package options is the Go code of fairlead/options.proto: the options for what protobuf cannot express about methods
// and errors, which are the timeout and criticality of methods, and enum values that are errors. The code of contracts
// that use them imports this package for its registration; there is nothing to call.
//
// The command fairlead includes the file. Other compilers find it below this package's directory, which is the root of
// the import name: protoc -I "$(go list -m -f '{{.Dir}}' github.com/fairlead-go/fairlead)/options".
package options
