package grpc

import (
	"errors"
	"io"
	"reflect"
	"sync"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/protocol"
)

// messages encodes and decodes the messages of one method with one codec, as one side sees them. It is safe for
// concurrent use.
type messages struct {
	name string // the codec's

	// in and out are bound to the types of the method. Where the method does not name its types, inAny and outAny say
	// so, and the codec is bound to each type of message as it comes.
	in, out       codec.Codec
	sizer         codec.Sizer // out's; nil: it has none
	inAny, outAny bool
	inTypes       sync.Map // reflect.Type to codec.Codec
	outTypes      sync.Map

	decodeAny func(data []byte, msg any) error // unmarshal, for Raw.Decode
}

// newMessages makes them of a codec that is bound to what a method names: in to what this side receives.
func newMessages(name string, in, out codec.Codec, sizer codec.Sizer, inAny, outAny bool) *messages {
	m := &messages{name: name, in: in, out: out, sizer: sizer, inAny: inAny, outAny: outAny}
	if outAny {
		m.sizer = nil
	}
	m.decodeAny = m.unmarshal
	return m
}

// decode fills msg, which this side's user made or the method names, with a message that arrived.
func (m *messages) decode(data []byte, msg any) error {
	if raw, ok := msg.(*fairlead.Raw); ok {
		*raw = fairlead.Raw{Data: append([]byte(nil), data...), Codec: m.name, Decode: m.decodeAny}
		return nil
	}
	return m.unmarshal(data, msg)
}

func (m *messages) unmarshal(data []byte, msg any) error {
	c := m.in
	if m.inAny {
		var err error
		if c, err = forType(&m.inTypes, m.in, msg); err != nil {
			return err
		}
	}
	if err := c.Unmarshal(data, msg); err != nil {
		return asInternal(err, "cannot decode a message with "+m.name)
	}
	return nil
}

// outgoing is how one side sends the messages of a call.
type outgoing struct {
	lim limit
	// compressor is the call's, nil for none; messages shorter than compressMin bytes are sent as they are.
	compressor  compress.Compressor
	compressMin int
	plain       bool // the next message is sent as it is all the same
}

// compresses reports whether a message of n bytes is to be compressed.
func (o *outgoing) compresses(n int) bool {
	return o.compressor != nil && !o.plain && n >= o.compressMin
}

// encode prepares v to be sent as p, which stays valid until the returned buffer, which may be nil, is put back.
func (m *messages) encode(p *protocol.Message, v any, o *outgoing) (*buffer.Buf, error) {
	*p = protocol.Message{Envelope: true}
	var b *buffer.Buf
	var err error
	switch raw, isRaw := v.(*fairlead.Raw); {
	case v == nil:
		return nil, fairlead.Errorf(fairlead.Internal, "there is no message to send")
	case isRaw:
		if raw.Codec != "" && raw.Codec != m.name {
			return nil, fairlead.Errorf(fairlead.Internal,
				"the message is encoded with %s, the call with %s", raw.Codec, m.name)
		}
		p.Bytes = raw.Data
	case m.sizer != nil:
		size := m.sizer.Size(v)
		if size > o.lim.bytes {
			return nil, o.lim.sent(size)
		}
		if !o.compresses(size) {
			p.Value, p.Sizer, p.Size = v, m.sizer, size
			return nil, nil //nolint:nilnil // no buffer is needed
		}
		b = buffer.Get(size)
		b.B, err = m.sizer.AppendSized(b.B, v, size)
	default:
		c := m.out
		if m.outAny {
			if c, err = forType(&m.outTypes, m.out, v); err != nil {
				return nil, err
			}
		}
		b = buffer.Get(0)
		b.B, err = c.AppendMarshal(b.B, v)
	}
	if err != nil {
		buffer.Put(b)
		return nil, asInternal(err, "cannot encode a message with "+m.name)
	}
	if b != nil {
		p.Bytes = b.B
	}
	if len(p.Bytes) > o.lim.bytes {
		n := len(p.Bytes)
		buffer.Put(b)
		return nil, o.lim.sent(n)
	}
	return o.compress(p, b)
}

// compress compresses p.Bytes, which are in b if that is not nil, when the call wants it and it makes them shorter.
func (o *outgoing) compress(p *protocol.Message, b *buffer.Buf) (*buffer.Buf, error) {
	if !o.compresses(len(p.Bytes)) {
		return b, nil
	}
	z := buffer.Get(len(p.Bytes))
	var err error
	z.B, err = o.compressor.AppendCompress(z.B, p.Bytes)
	if err == nil && len(z.B) >= len(p.Bytes) {
		buffer.Put(z)
		return b, nil
	}
	buffer.Put(b)
	if err != nil {
		buffer.Put(z)
		return nil, asInternal(err, "cannot compress a message with "+o.compressor.Name())
	}
	p.Bytes, p.Flags = z.B, flagCompressed
	return z, nil
}

// forType binds c to the type of msg and remembers it.
func forType(types *sync.Map, c codec.Codec, msg any) (codec.Codec, error) {
	if c == nil {
		return nil, fairlead.Errorf(fairlead.Internal, "no codec for a message of type %T", msg)
	}
	t := reflect.TypeOf(msg)
	if known, ok := types.Load(t); ok {
		bound, _ := known.(codec.Codec)
		return bound, nil
	}
	bound, err := codec.For(c, msg)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Internal, "%s cannot carry a message of type %T: %w", c.Name(), msg, err)
	}
	types.Store(t, bound)
	return bound, nil
}

// asInternal is err if it is an Error already, and an Internal one with it as the cause otherwise.
func asInternal(err error, what string) error {
	if e, ok := err.(*fairlead.Error); ok { //nolint:errorlint // a wrapped one says more as a whole
		return e
	}
	return internal(err, "%s", what)
}

// isError calls errors.Is for errors of codecs and compressors, in goroutines of the connection: methods of err that
// panic count as no.
func isError(err, target error) (yes bool) {
	defer func() {
		if recover() != nil {
			yes = false
		}
	}()
	return errors.Is(err, target)
}

// internal makes an Internal error with err behind the text, and as the cause unless that is io.EOF: with that as the
// cause, a message that a codec or a compressor finds too short would look like the proper end of a stream.
func internal(err error, format string, args ...any) error {
	verb := ": %w"
	if isError(err, io.EOF) {
		verb = ": %v"
	}
	return fairlead.Errorf(fairlead.Internal, format+verb, append(args, err)...)
}
