package rpcwire

import (
	"strings"

	"github.com/fairlead-go/fairlead"
)

// ReservedByHTTP reports whether a name is that of a field of HTTP itself, or no name at all, so that it cannot be
// metadata in any protocol.
func ReservedByHTTP(name string) bool {
	switch name {
	case "te", "content-type", "content-length", "user-agent", "host", "connection", "keep-alive", "proxy-connection",
		"transfer-encoding", "upgrade", "trailer", "":
		return true
	}
	return name[0] == ':'
}

// Field returns the first value of a field whose name is in lower case, "" if there is none.
func Field(fields *fairlead.Metadata, name string) string {
	for i := range fields.Len() {
		if k, v := fields.At(i); k == name {
			return v
		}
	}
	return ""
}

// Receive appends the fields of a head or trailer to md, except those whose names are reserved, with values of names
// that end in -bin decoded. It allocates only if there are any. If a value is malformed, Receive returns the field's
// name and false.
func Receive(md, fields *fairlead.Metadata, reserved func(name string) bool) (malformed string, ok bool) {
	n := fields.Len()
	for i := range n {
		k, v := fields.At(i)
		if reserved(k) {
			continue
		}
		if md.Len() == 0 {
			md.Grow(n - i)
		}
		if !strings.HasSuffix(k, BinSuffix) {
			md.Append(k, v)
		} else if !addBinary(md, k, v) {
			return k, false
		}
	}
	return "", true
}

// ReceivePrefixed is Receive for those fields whose names begin with a prefix, which is removed from them.
func ReceivePrefixed(
	md, fields *fairlead.Metadata, prefix string, reserved func(name string) bool,
) (malformed string, ok bool) {
	for i := range fields.Len() {
		k, v := fields.At(i)
		name, found := strings.CutPrefix(k, prefix)
		if !found || reserved(name) {
			continue
		}
		if !strings.HasSuffix(name, BinSuffix) {
			md.Append(name, v)
		} else if !addBinary(md, name, v) {
			return k, false
		}
	}
	return "", true
}

// Fault returns what makes a pair of metadata impossible to send, "" if it can be sent.
func Fault(key, value string, reserved func(name string) bool) string {
	if reserved(key) {
		return "the name is reserved"
	}
	for i := range len(key) {
		switch c := key[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-', c == '.':
		default:
			return "the name has characters other than a-z, 0-9, '_', '-' and '.'"
		}
	}
	if strings.HasSuffix(key, BinSuffix) {
		return ""
	}
	for i := range len(value) {
		if value[i] < ' ' || value[i] > '~' {
			return "the value is not printable ASCII; names of binary values end in " + BinSuffix
		}
	}
	return ""
}

// needsTrim reports whether a value begins or ends with a space, which HTTP/2 forbids (RFC 9113, section 8.2.1) and
// senders of gRPC may remove.
func needsTrim(key, value string) bool {
	return value != "" && (value[0] == ' ' || value[len(value)-1] == ' ') && !strings.HasSuffix(key, BinSuffix)
}

// Sendable returns md as it can be sent: md itself if all of it can be, nil if it is empty, and otherwise a copy
// without the pairs that cannot be sent. It calls bad for each of those.
func Sendable(
	md *fairlead.Metadata, reserved func(name string) bool, bad func(key, why string),
) *fairlead.Metadata {
	n := md.Len()
	if n == 0 {
		return nil
	}
	for i := range n {
		if k, v := md.At(i); needsTrim(k, v) || Fault(k, v, reserved) != "" {
			return mended(md, reserved, bad)
		}
	}
	return md
}

// mended is the slow path of Sendable.
func mended(
	md *fairlead.Metadata, reserved func(name string) bool, bad func(key, why string),
) *fairlead.Metadata {
	out := new(fairlead.Metadata)
	for k, v := range md.All() {
		if why := Fault(k, v, reserved); why != "" {
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
