package json

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/jsonwire"
)

func typeError(msg any) error { return fmt.Errorf("json: %T: %w", msg, codec.ErrType) }

// invalid returns the error of a message that could not be decoded.
func invalid(err error) error {
	e := fairlead.Errorf(fairlead.InvalidArgument, "json: %w", err)
	var at *jsonwire.Error
	if errors.As(err, &at) && at.Path != "" {
		e.Details = []fairlead.Detail{{
			Type: "type.googleapis.com/google.rpc.BadRequest", Value: badRequest(at.Path, at.Err.Error()),
		}}
	}
	return e
}

// badRequest encodes a google.rpc.BadRequest with one violation (google/rpc/error_details.proto).
func badRequest(field, description string) []byte {
	v := protowire.AppendTag(nil, 1, protowire.BytesType)
	v = protowire.AppendString(v, field)
	v = protowire.AppendTag(v, 2, protowire.BytesType)
	v = protowire.AppendString(v, description)
	b := protowire.AppendTag(nil, 1, protowire.BytesType)
	return protowire.AppendBytes(b, v)
}
