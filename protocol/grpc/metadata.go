package grpc

import (
	"errors"
	"strings"

	"github.com/fairlead-go/fairlead"
)

// isReserved says whether a field is the protocol's own, or HTTP's, and so neither handed to users nor taken from them.
// Names that begin with "grpc-" are reserved by the specification, but for those that middleware is meant to use.
func isReserved(key string) bool {
	switch key {
	case "te", "content-type", "content-length", "user-agent", "host", "connection", "keep-alive", "proxy-connection",
		"transfer-encoding", "upgrade", "trailer":
		return true
	case fieldPriorAttempts, "grpc-retry-pushback-ms", "grpc-trace-bin", "grpc-tags-bin":
		return false
	}
	return strings.HasPrefix(key, "grpc-") || key == "" || key[0] == ':'
}

// receive appends the fields of a head or trailer that belong to users to md. It allocates only if there are any. A
// false return names a field whose value is not base64 as it should be.
func receive(md, fields *fairlead.Metadata) (malformed string, ok bool) {
	n := fields.Len()
	for i := range n {
		k, v := fields.At(i)
		if isReserved(k) {
			continue
		}
		if md.Len() == 0 {
			md.Grow(n - i)
		}
		if !strings.HasSuffix(k, binSuffix) {
			md.Append(k, v)
		} else if !addBinary(md, k, v) {
			return k, false
		}
	}
	return "", true
}

// fault says what makes a pair of metadata impossible to send, "" for nothing.
func fault(key, value string) string {
	if isReserved(key) {
		return "the name is reserved"
	}
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-', c == '.':
		default:
			return "the name has characters other than a-z, 0-9, '_', '-' and '.'"
		}
	}
	if strings.HasSuffix(key, binSuffix) {
		return ""
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return "the value is not printable ASCII; names of binary values end in " + binSuffix
		}
	}
	return ""
}

// CheckName implements protocol.NameChecker.
func (*Client) CheckName(name string) error {
	if why := fault(name, ""); why != "" {
		return errors.New(why)
	}
	return nil
}

// needsTrim says whether a value begins or ends with a space, which HTTP/2 forbids (RFC 9113, section 8.2.1) and gRPC
// lets senders strip.
func needsTrim(key, value string) bool {
	return value != "" && (value[0] == ' ' || value[len(value)-1] == ' ') && !strings.HasSuffix(key, binSuffix)
}

// sendable returns md as it may be sent: md itself when nothing stands against it, nil when it is empty. A pair that
// cannot be sent is given to bad and left out.
func sendable(md *fairlead.Metadata, bad func(key, why string)) *fairlead.Metadata {
	n := md.Len()
	if n == 0 {
		return nil
	}
	for i := range n {
		if k, v := md.At(i); needsTrim(k, v) || fault(k, v) != "" {
			return mended(md, bad)
		}
	}
	return md
}

// mended is the slow path of sendable.
func mended(md *fairlead.Metadata, bad func(key, why string)) *fairlead.Metadata {
	out := new(fairlead.Metadata)
	for k, v := range md.All() {
		if why := fault(k, v); why != "" {
			bad(k, why)
			continue
		}
		if needsTrim(k, v) {
			v = strings.Trim(v, " ")
		}
		out.Add(k, v)
	}
	return out
}
