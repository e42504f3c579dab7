package rpcwire

import (
	"encoding/base64"
	"strings"

	"github.com/fairlead-go/fairlead"
)

// BinSuffix is the end of the names of fields whose values are arbitrary bytes, sent in base64.
const BinSuffix = "-bin"

// addBinary adds the values of a field whose name ends in -bin to md. A proxy may have joined several values with
// commas: as the specification of gRPC demands, they are separated before they are decoded. It returns false for a
// value that is not base64.
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

// DecodeBinary decodes one value in base64, with padding or without. It returns false if the value is malformed.
func DecodeBinary(v string) (string, bool) {
	enc := base64.RawStdEncoding
	if len(v)%4 == 0 {
		// Padded, or no padding needed.
		enc = base64.StdEncoding
	}
	b, err := enc.DecodeString(v)
	return string(b), err == nil
}
