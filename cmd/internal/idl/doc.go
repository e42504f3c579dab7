// Package idl finds and compiles contracts. It needs no protoc: the compiler is part of the program, and so are the
// files that contracts commonly import (google/protobuf/*.proto, google/api/annotations.proto and what it is kin to,
// google/rpc/*.proto).
package idl
