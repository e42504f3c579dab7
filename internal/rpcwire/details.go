package rpcwire

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/fairlead-go/fairlead"
)

// The field numbers of google.rpc.Status and google.protobuf.Any. Generated code for two small messages would not be
// worth its registration.
const (
	statusCode    protowire.Number = 1
	statusMessage protowire.Number = 2
	statusDetails protowire.Number = 3

	anyType  protowire.Number = 1
	anyValue protowire.Number = 2
)

// Relayed returns e as a server sends it, which is e itself, but for an error that arrived from another server: that
// goes on without its details, which were meant for this process. e is not changed.
func Relayed(e *fairlead.Error) *fairlead.Error {
	if !e.FromPeer() || len(e.Details) == 0 {
		return e
	}
	return &fairlead.Error{Code: e.Code, Message: e.Message}
}

// EncodeStatus returns a google.rpc.Status.
func EncodeStatus(code fairlead.Code, message string, details []fairlead.Detail) []byte {
	dst := protowire.AppendTag(nil, statusCode, protowire.VarintType)
	dst = protowire.AppendVarint(dst, uint64(code))
	if message != "" {
		dst = protowire.AppendTag(dst, statusMessage, protowire.BytesType)
		dst = protowire.AppendString(dst, message)
	}
	for i := range details {
		d := &details[i]
		dst = protowire.AppendTag(dst, statusDetails, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(max(anySize(d), 0)))
		dst = protowire.AppendTag(dst, anyType, protowire.BytesType)
		dst = protowire.AppendString(dst, d.Type)
		dst = protowire.AppendTag(dst, anyValue, protowire.BytesType)
		dst = protowire.AppendBytes(dst, d.Value)
	}
	return dst
}

// anySize returns the length of a google.protobuf.Any.
func anySize(d *fairlead.Detail) int {
	return protowire.SizeTag(anyType) + protowire.SizeBytes(len(d.Type)) +
		protowire.SizeTag(anyValue) + protowire.SizeBytes(len(d.Value))
}

// statusHeadSize returns the length of what EncodeStatus writes before the details, with a message of n bytes.
func statusHeadSize(code fairlead.Code, n int) int {
	size := protowire.SizeTag(statusCode) + protowire.SizeVarint(uint64(code))
	if n > 0 {
		size += protowire.SizeTag(statusMessage) + protowire.SizeBytes(n)
	}
	return size
}

// detailSize returns the length of what EncodeStatus writes for a detail.
func detailSize(d *fairlead.Detail) int {
	return protowire.SizeTag(statusDetails) + protowire.SizeBytes(anySize(d))
}

// ParseStatus reads a google.rpc.Status. It returns false if b is malformed. The details are copies.
func ParseStatus(b []byte) (code fairlead.Code, message string, details []fairlead.Detail, ok bool) {
	ok = eachField(b, func(num protowire.Number, v field) bool {
		switch {
		case num == statusCode && v.typ == protowire.VarintType:
			if v.varint > math.MaxInt32 {
				return false
			}
			code = fairlead.Code(v.varint)
		case num == statusMessage && v.typ == protowire.BytesType:
			message = string(v.bytes)
		case num == statusDetails && v.typ == protowire.BytesType:
			d, ok := parseAny(v.bytes)
			if !ok {
				return false
			}
			details = append(details, d)
		}
		return true
	})
	if !ok {
		return 0, "", nil, false
	}
	return code, message, details, true
}

// parseAny reads a google.protobuf.Any.
func parseAny(b []byte) (fairlead.Detail, bool) {
	var d fairlead.Detail
	ok := eachField(b, func(num protowire.Number, v field) bool {
		switch {
		case num == anyType && v.typ == protowire.BytesType:
			d.Type = string(v.bytes)
		case num == anyValue && v.typ == protowire.BytesType:
			d.Value = append([]byte(nil), v.bytes...)
		}
		return true
	})
	return d, ok
}

// field is the value of one field of a message.
type field struct {
	typ    protowire.Type
	varint uint64
	bytes  []byte
}

// eachField calls f for each field of a message, until f returns false. It returns false then, and if b is malformed.
func eachField(b []byte, f func(protowire.Number, field) bool) bool {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || num > protowire.MaxValidNumber {
			return false
		}
		b = b[n:]
		v := field{typ: typ}
		switch typ {
		case protowire.VarintType:
			v.varint, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 || !f(num, v) {
			return false
		}
		b = b[n:]
	}
	return true
}
