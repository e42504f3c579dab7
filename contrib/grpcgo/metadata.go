package grpcgo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead-go/fairlead"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const contentType = "application/grpc"

// toMD converts metadata received, with room for extra keys.
func toMD(m *fairlead.Metadata, extra int) metadata.MD {
	n := m.Len()
	md := make(metadata.MD, n+extra)
	// The lists of one value, which most are, share one array.
	values := make([]string, n)
	for i := range n {
		key, value := m.At(i)
		if old, ok := md[key]; ok {
			md[key] = append(old, value)
			continue
		}
		values[i] = value
		md[key] = values[i : i+1 : i+1]
	}
	return md
}

// incomingMD is the metadata of a request as grpc-go shows it to handlers: with the fields that Fairlead keeps apart.
func incomingMD(c *fairlead.Call) metadata.MD {
	md := toMD(c.RequestHeader(), 3)
	setMissing(md, ":authority", c.Authority())
	setMissing(md, "user-agent", c.UserAgent())
	setMissing(md, "content-type", contentType)
	return md
}

// headerMD is the header of a response as grpc-go shows it to callers.
func headerMD(c *fairlead.Call) metadata.MD {
	md := toMD(c.ResponseHeader(), 1)
	setMissing(md, "content-type", contentType)
	return md
}

func setMissing(md metadata.MD, key, value string) {
	if value != "" && len(md[key]) == 0 {
		md[key] = []string{value}
	}
}

// addMD adds what a program wants to send. Names that belong to the protocol are left out without a word, as grpc-go
// does.
func addMD(m *fairlead.Metadata, md metadata.MD) {
	m.Grow(len(md))
	for key, values := range md {
		if reserved(key) {
			continue
		}
		for _, v := range values {
			m.Add(key, v)
		}
	}
}

// reserved reports whether the protocol itself sets the field.
func reserved(key string) bool {
	if strings.HasPrefix(key, ":") {
		return true
	}
	switch key {
	case "content-type", "user-agent", "te",
		"grpc-message-type", "grpc-encoding", "grpc-message", "grpc-status", "grpc-timeout":
		return true
	}
	return false
}

// validate checks metadata that a program wants to send against the rules of gRPC over HTTP/2
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, Custom-Metadata). The error is a status with code
// Internal, as grpc-go's is.
func validate(md metadata.MD) error {
	for key, values := range md {
		if err := validatePair(key, values...); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
	}
	return nil
}

func validatePair(key string, values ...string) error {
	if key == "" {
		return errors.New("there is an empty key in the metadata")
	}
	if key[0] == ':' {
		return nil // never sent
	}
	for i := range len(key) {
		if !keyByte(key[i]) {
			return fmt.Errorf("metadata key %q contains characters other than 0-9 a-z - _ and the dot", key)
		}
	}
	if strings.HasSuffix(key, "-bin") {
		return nil
	}
	for _, v := range values {
		for i := range len(v) {
			if v[i] < 0x20 || v[i] > 0x7e {
				return fmt.Errorf("the value of metadata key %q contains bytes that are not printable ASCII", key)
			}
		}
	}
	return nil
}

func keyByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '-' || b == '_' || b == '.'
}
