package rpcwire

import (
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/protocol"
)

// Identity is the name of no compression.
const Identity = "identity"

// Compressors are those that one side accepts.
type Compressors struct {
	field string // names the encoding of a request or a response
	// Panics is for reports of compressors that panic.
	Panics *protocol.Panics
	List   []compress.Compressor
	// Names is the list as the value of grpc-accept-encoding. It begins with identity: there are peers that take the
	// first name as the one that responses must have, and fail if they do not know it.
	Names string
}

// NewCompressors makes the compressors of one side. The field is the one that names the encoding of a request or a
// response, "grpc-encoding". Of several with one name the first counts; nil is left out.
func NewCompressors(field string, list ...compress.Compressor) *Compressors {
	cs := &Compressors{field: field}
	names := []string{Identity}
	for _, c := range list {
		if c == nil || cs.Index(c.Name()) >= 0 {
			continue
		}
		cs.List = append(cs.List, c)
		names = append(names, c.Name())
	}
	cs.Names = strings.Join(names, ",")
	return cs
}

// Unknown reports whether encoding, the value of grpc-encoding, names a compressor that this side does not have.
func (cs *Compressors) Unknown(encoding string) bool {
	return encoding != "" && encoding != Identity && cs.Index(encoding) < 0
}

// Index returns where the named compressor stands in the list, -1 for nowhere.
func (cs *Compressors) Index(name string) int {
	for i, c := range cs.List {
		if c.Name() == name {
			return i
		}
	}
	return -1
}

// Accepts reports whether list, a value of grpc-accept-encoding, has the name.
func Accepts(list, name string) bool {
	for list != "" {
		var one string
		one, list, _ = strings.Cut(list, ",")
		if strings.TrimSpace(one) == name {
			return true
		}
	}
	return false
}

// Plain returns a payload as it is to be decoded: as it came, or decompressed in a buffer that the caller puts back.
// The encoding is that of the head.
func (cs *Compressors) Plain(payload []byte, flags uint8, encoding string, lim *Limit) ([]byte, *buffer.Buf, error) {
	switch {
	case flags&FlagCompressed == 0:
		return payload, nil, nil
	case encoding == "" || encoding == Identity:
		return nil, nil, fairlead.Errorf(fairlead.Internal,
			"a message is marked as compressed, but %s says identity", cs.field)
	}
	i := cs.Index(encoding)
	if i < 0 {
		// Only a client gets here: a server refuses the request for its head.
		return nil, nil, cs.Unsupported(fairlead.Internal, encoding)
	}
	b, err := cs.decompress(cs.List[i], payload, lim.Bytes)
	switch {
	case err == nil:
		return b.B, b, nil
	case isError(err, compress.ErrTooLarge):
		return nil, nil, lim.Decompressed()
	}
	return nil, nil, Internal(err, "cannot decompress a message with %s", encoding)
}

// decompress returns the decompressed payload. It fails for a compressor that panics.
func (cs *Compressors) decompress(c compress.Compressor, payload []byte, limit int) (b *buffer.Buf, err error) {
	b = buffer.Get(4 * len(payload))
	returned := false
	defer func() {
		switch {
		case !returned:
			buffer.Drop(b) // the compressor may still hold it
			if p := recover(); p != nil {
				b, err = nil, cs.Panics.Caught(nil, "decompressing with "+c.Name(), p)
			}
		case err != nil:
			buffer.Put(b)
		}
	}()
	b.B, err = c.AppendDecompress(b.B, payload, limit)
	returned = true
	return b, err
}

// Unsupported is the error for an encoding that is unknown.
func (cs *Compressors) Unsupported(code fairlead.Code, encoding string) error {
	return fairlead.Errorf(code, "%s %q is not supported; supported are %s", cs.field, encoding, cs.Names)
}
