package bench

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/fairlead-go/fairlead/cmd/internal/bench/payload"
	"github.com/fairlead-go/fairlead/codec"
	codecproto "github.com/fairlead-go/fairlead/codec/proto"
)

// received is a response of which only the length is kept. Decoding it would load the generator more than the server.
type received struct{ bytes int }

// checked is a response that is decoded, to see that it can be.
type checked struct {
	received

	check *check
}

// check decodes responses.
type check struct {
	desc     protoreflect.MessageDescriptor
	resolver payload.Resolver
}

// countCodec is the codec of protobuf, and "decodes" the messages above.
type countCodec struct{ codecproto.Codec }

// ForType implements codec.PerType.
func (c countCodec) ForType(sample any) (codec.Codec, error) {
	switch sample.(type) {
	case *received, *checked:
		return c, nil
	}
	return c.Codec.ForType(sample)
}

// Unmarshal implements codec.Codec.
func (c countCodec) Unmarshal(src []byte, msg any) error {
	switch m := msg.(type) {
	case *received:
		m.bytes = len(src)
		return nil
	case *checked:
		m.bytes = len(src)
		opts := proto.UnmarshalOptions{Resolver: m.check.resolver}
		if err := opts.Unmarshal(src, dynamicpb.NewMessage(m.check.desc)); err != nil {
			return fmt.Errorf("the response is no %s: %w", m.check.desc.FullName(), err)
		}
		return nil
	}
	return c.Codec.Unmarshal(src, msg)
}
