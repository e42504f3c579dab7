package rpcwire

import (
	"encoding/base64"
	"strings"

	"github.com/fairlead-go/fairlead"
)

// BinSuffix ends the names of fields whose values are arbitrary bytes, in base64 on the wire.
const BinSuffix = "-bin"

// addBinary adds the values of a field whose name ends in -bin to md. Several values may have been joined with commas
// on the way and are taken apart before they are decoded, as the specification demands.
func addBinary(md *fairlead.Metadata, key, value string) bool {
	for {
		one, rest, more := strings.Cut(value, ",")
		b, ok := DecodeBinary(strings.TrimSpace(one))
		if !ok {
			return false
		}
		md.Append(key, b)
		if !more {
			return true
		}
		value = rest
	}
}

// DecodeBinary decodes one value, with padding or without.
func DecodeBinary(v string) (string, bool) {
	enc := base64.RawStdEncoding
	if len(v)%4 == 0 {
		// Padded, or no padding needed.
		enc = base64.StdEncoding
	}
	b, err := enc.DecodeString(v)
	return string(b), err == nil
}
