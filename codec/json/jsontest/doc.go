// Package jsontest compares generated JSON code with google.golang.org/protobuf/encoding/protojson: what both write,
// what both accept and refuse, and how long they take. The code of testpb is made by `make gen`. It is a module of
// its own, so that its messages are not registered in programs that use the core.
package jsontest
