// Package options is the Go code of fairlead/options.proto, the options by which a contract says more about its methods
// and errors than protobuf has words for: timeout and criticality of methods, and enum values that are errors. The code
// of contracts that use them imports it for its registration; there is nothing to call.
//
// The command fairlead has the file on board. Other compilers find it below this package's directory, which is the root
// of the import name: protoc -I "$(go list -m -f '{{.Dir}}' github.com/fairlead-go/fairlead)/options".
package options
