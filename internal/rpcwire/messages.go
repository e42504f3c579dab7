package rpcwire

import (
	"reflect"
	"sync"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/codec"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/protocol"
)

// Messages encodes and decodes the messages of one method with one codec, as one side sees them. It is safe for
// concurrent use.
type Messages struct {
	Name string // the codec's
	// Method and Panics are for reports of codecs and compressors that panic: see protocol.Limits.
	Method *fairlead.Method
	Panics *protocol.Panics
	// Malformed is the code of the error for a message that the codec cannot decode, if the codec's error has none.
	// Default: Internal.
	Malformed fairlead.Code

	// in and out are bound to the types of the method. Where the method does not name its types, inAny and outAny say
	// so, and the codec is bound to each type of message as it comes.
	in, out       codec.Codec
	sizer         codec.Sizer // out's; nil: it has none
	inAny, outAny bool
	inTypes       sync.Map // reflect.Type to codec.Codec
	outTypes      sync.Map

	decodeAny func(data []byte, msg any) error // unmarshal, for Raw.Decode
}

// NewMessages makes them of a codec that is bound to what a method names: in to what this side receives.
func NewMessages(name string, in, out codec.Codec, sizer codec.Sizer, inAny, outAny bool) *Messages {
	m := &Messages{Name: name, in: in, out: out, sizer: sizer, inAny: inAny, outAny: outAny}
	if outAny {
		m.sizer = nil
	}
	m.decodeAny = m.unmarshal
	return m
}

// Decode fills msg, which this side's user made or the method names, with a message that arrived.
func (m *Messages) Decode(data []byte, msg any) error {
	if raw, ok := msg.(*fairlead.Raw); ok {
		*raw = fairlead.Raw{Data: append([]byte(nil), data...), Codec: m.Name, Decode: m.decodeAny}
		return nil
	}
	return m.unmarshal(data, msg)
}

// unmarshal fails for a codec that panics.
func (m *Messages) unmarshal(data []byte, msg any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = m.Panics.Caught(m.Method, "decoding with "+m.Name, p)
		}
	}()
	c := m.in
	if m.inAny {
		if c, err = forType(&m.inTypes, m.in, msg); err != nil {
			return err
		}
	}
	if err := c.Unmarshal(data, msg); err != nil {
		if m.Malformed == fairlead.OK {
			return AsInternal(err, "cannot decode a message with "+m.Name)
		}
		if e, ok := err.(*fairlead.Error); ok { //nolint:errorlint // as in AsInternal
			return e
		}
		return Because(m.Malformed, err, "cannot decode a message with %s", m.Name)
	}
	return nil
}

// AppendSized appends a message that Encode has left to its Sizer. It fails for a codec that panics.
func (m *Messages) AppendSized(dst []byte, msg *protocol.Message) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = m.Panics.Caught(m.Method, "encoding with "+m.Name, p)
		}
	}()
	if b, err = msg.Sizer.AppendSized(dst, msg.Value, msg.Size); err != nil {
		return nil, AsInternal(err, "cannot encode a message with "+m.Name)
	}
	return b, nil
}

// Outgoing is how one side sends the messages of a call.
type Outgoing struct {
	Limit Limit
	// Compressor is the call's, nil for none; messages shorter than CompressMin bytes are sent as they are.
	Compressor  compress.Compressor
	CompressMin int
	Plain       bool // the next message is not compressed, whatever its length
	// Always compresses messages even if that makes them longer, for a protocol whose head has promised it.
	Always bool
}

// compresses reports whether a message of n bytes is to be compressed.
func (o *Outgoing) compresses(n int) bool {
	return o.Compressor != nil && !o.Plain && n >= o.CompressMin
}

// Encode prepares v to be sent as p, which stays valid until the returned buffer, which may be nil, is put back. It
// fails for a codec or a compressor that panics. The message has an envelope, of which p.Flags are the flags; a
// protocol that sends it without one sets p.Envelope to false.
func (m *Messages) Encode(p *protocol.Message, v any, o *Outgoing) (held *buffer.Buf, err error) {
	*p = protocol.Message{Envelope: true}
	var b *buffer.Buf
	returned := false
	defer func() {
		if returned {
			return
		}
		buffer.Drop(b) // whatever has panicked may still hold it
		if p := recover(); p != nil {
			held, err = nil, m.Panics.Caught(m.Method, "encoding with "+m.Name, p)
		}
	}()
	held, err = m.encode(p, v, o, &b)
	returned = true
	return held, err
}

// encode is Encode without care for panics; into is set to the buffer that the codec writes to, if there is one.
func (m *Messages) encode(p *protocol.Message, v any, o *Outgoing, into **buffer.Buf) (*buffer.Buf, error) {
	var b *buffer.Buf
	var err error
	switch raw, isRaw := v.(*fairlead.Raw); {
	case v == nil:
		return nil, fairlead.Errorf(fairlead.Internal, "there is no message to send")
	case isRaw:
		if raw.Codec != "" && raw.Codec != m.Name {
			return nil, fairlead.Errorf(fairlead.Internal,
				"the message is encoded with %s, the call with %s", raw.Codec, m.Name)
		}
		p.Bytes = raw.Data
	case m.sizer != nil:
		size := m.sizer.Size(v)
		if size > o.Limit.Bytes {
			return nil, o.Limit.Sent(size)
		}
		if !o.compresses(size) {
			p.Value, p.Sizer, p.Size = v, m.sizer, size
			return nil, nil //nolint:nilnil // no buffer is needed
		}
		b = buffer.Get(size)
		*into = b
		b.B, err = m.sizer.AppendSized(b.B, v, size)
	default:
		c := m.out
		if m.outAny {
			if c, err = forType(&m.outTypes, m.out, v); err != nil {
				return nil, err
			}
		}
		n := 0
		if e, ok := c.(codec.Estimator); ok {
			n = e.Estimate(v)
		}
		b = buffer.Get(n)
		*into = b
		b.B, err = c.AppendMarshal(b.B, v)
	}
	if err != nil {
		buffer.Put(b)
		return nil, AsInternal(err, "cannot encode a message with "+m.Name)
	}
	if b != nil {
		p.Bytes = b.B
	}
	if len(p.Bytes) > o.Limit.Bytes {
		n := len(p.Bytes)
		buffer.Put(b)
		return nil, o.Limit.Sent(n)
	}
	return o.compress(p, b)
}

// compress compresses p.Bytes, which are in b if that is not nil, when the call wants it and it makes them shorter.
func (o *Outgoing) compress(p *protocol.Message, b *buffer.Buf) (*buffer.Buf, error) {
	if !o.compresses(len(p.Bytes)) {
		return b, nil
	}
	z := buffer.Get(len(p.Bytes))
	returned := false
	defer func() {
		if !returned {
			buffer.Drop(z) // Encode recovers, if it is a panic
		}
	}()
	var err error
	z.B, err = o.Compressor.AppendCompress(z.B, p.Bytes)
	returned = true
	if err == nil && len(z.B) >= len(p.Bytes) && !o.Always {
		buffer.Put(z)
		return b, nil
	}
	if err != nil {
		err = AsInternal(err, "cannot compress a message with "+o.Compressor.Name())
		buffer.Put(z)
		z = nil
	} else {
		p.Bytes, p.Flags = z.B, FlagCompressed
	}
	buffer.Put(b)
	return z, err
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
