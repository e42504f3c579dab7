package json

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/fairlead-go/fairlead/jsonwire"
)

// maxAny is how many times a google.protobuf.Any may be in another one. All that is below one is decoded and encoded
// again at each level, so that few bytes could cost much time.
const maxAny = 16

var errNoType = errors.New("the google.protobuf.Any has a value but no type_url")

// appendAny appends a google.protobuf.Any: the message's members behind "@type", or the message's own form as the
// member "value".
func (c *messages) appendAny(dst []byte, e *jsonwire.Encoder, url string, value []byte) []byte {
	if url == "" {
		if len(value) > 0 {
			return e.Fail(dst, errNoType)
		}
		return append(dst, "{}"...)
	}
	typ, err := c.resolver.FindMessageByURL(url)
	if err != nil {
		return e.Fail(dst, fmt.Errorf("the google.protobuf.Any has the type %.256q: %w", url, err))
	}
	return e.Nest(dst, maxAny, func(dst []byte) []byte {
		m := typ.New()
		// Required fields are not checked within an Any.
		o := proto.UnmarshalOptions{AllowPartial: true, Resolver: c.resolver}
		if err := o.Unmarshal(value, m.Interface()); err != nil {
			return e.Fail(dst, fmt.Errorf("the google.protobuf.Any has a malformed %.256q: %w", url, err))
		}
		return c.appendEmbedded(dst, e, url, m)
	})
}

func (c *messages) appendEmbedded(dst []byte, e *jsonwire.Encoder, url string, m protoreflect.Message) []byte {
	dst = e.AppendString(append(dst, `{"@type":`...), url)
	if hasOwnForm(m.Descriptor()) {
		dst = c.append(append(dst, `,"value":`...), e, m)
		return append(dst, '}')
	}
	open := len(dst)
	dst = c.append(dst, e, m)
	switch {
	case len(dst) == open+len("{}"): // no members
		return append(dst[:open], '}')
	case dst[open] == '{':
		dst[open] = ','
	}
	return dst
}

// parseAny reads a google.protobuf.Any.
func (c *messages) parseAny(d *jsonwire.Decoder, a *anypb.Any) {
	url, members := d.TypeURL()
	if url == "" {
		if members > 0 && d.Options().RefuseUnknown {
			d.Fail(errors.New(`has no "@type"`))
		}
		d.Skip()
		return
	}
	typ, err := c.resolver.FindMessageByURL(url)
	if err != nil {
		d.Fail(fmt.Errorf("has the type %.256q: %w", url, err))
		return
	}
	m := typ.New()
	d.Nest(maxAny, func() { c.parseEmbedded(d, m) })
	if d.Err() != nil {
		return
	}
	// Required fields are not checked within an Any. The same JSON has the same encoding.
	b, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(m.Interface())
	if err != nil {
		d.Fail(fmt.Errorf("cannot be encoded as %.256q: %w", url, err))
		return
	}
	a.TypeUrl, a.Value = url, b
}

func (c *messages) parseEmbedded(d *jsonwire.Decoder, m protoreflect.Message) {
	_, empty := m.Interface().(*emptypb.Empty)
	empty = empty || m.Descriptor().FullName() == "google.protobuf.Empty"
	if !hasOwnForm(m.Descriptor()) && !empty {
		d.Embedded(func() { c.parse(d, m) })
		return
	}
	var seen uint64
	for more := d.OpenObject(); more; more = d.NextMember() {
		switch string(d.Name()) {
		case "@type":
			seen = d.Once(seen, 1<<0)
			_ = d.String()
		case "value":
			seen = d.Once(seen, 1<<1)
			c.parse(d, m)
		default:
			d.Unknown()
		}
	}
	if seen&(1<<1) == 0 && !empty {
		d.Fail(errors.New(`has no "value"`))
	}
}
