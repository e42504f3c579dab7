// Package protojson holds the test of generated JSON against protobuf's conformance runner. It has no code of its own.
package protojson
