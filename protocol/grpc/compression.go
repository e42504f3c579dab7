package grpc

import (
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/compress"
)

// compressors are those that one side accepts.
type compressors struct {
	list []compress.Compressor
	// names is the list as the value of grpc-accept-encoding. It begins with identity: there are peers that take the
	// first name as the one that responses must have, and fail if they do not know it.
	names string
}

func newCompressors(list ...compress.Compressor) *compressors {
	cs := new(compressors)
	names := []string{identity}
	for _, c := range list {
		if c == nil || cs.index(c.Name()) >= 0 {
			continue
		}
		cs.list = append(cs.list, c)
		names = append(names, c.Name())
	}
	cs.names = strings.Join(names, ",")
	return cs
}

// unknown reports whether encoding, the value of grpc-encoding, names a compressor that this side does not have.
func (cs *compressors) unknown(encoding string) bool {
	return encoding != "" && encoding != identity && cs.index(encoding) < 0
}

// index returns where the named compressor stands in the list, -1 for nowhere.
func (cs *compressors) index(name string) int {
	for i, c := range cs.list {
		if c.Name() == name {
			return i
		}
	}
	return -1
}

// accepts says whether a value of grpc-accept-encoding has the name.
func accepts(list, name string) bool {
	for list != "" {
		var one string
		one, list, _ = strings.Cut(list, ",")
		if strings.TrimSpace(one) == name {
			return true
		}
	}
	return false
}

// plain returns a payload as it is to be decoded: as it came, or decompressed in a buffer that the caller puts back.
// The encoding is that of the head.
func (cs *compressors) plain(payload []byte, flags uint8, encoding string, lim *limit) ([]byte, *buffer.Buf, error) {
	switch {
	case flags&flagCompressed == 0:
		return payload, nil, nil
	case encoding == "" || encoding == identity:
		return nil, nil, fairlead.Errorf(fairlead.Internal,
			"a message is marked as compressed, but %s says identity", fieldEncoding)
	}
	i := cs.index(encoding)
	if i < 0 {
		// Only a client gets here: a server refuses the request for its head.
		return nil, nil, cs.unsupported(fairlead.Internal, encoding)
	}
	b := buffer.Get(4 * len(payload))
	var err error
	b.B, err = cs.list[i].AppendDecompress(b.B, payload, lim.bytes)
	if err == nil {
		return b.B, b, nil
	}
	buffer.Put(b)
	if isError(err, compress.ErrTooLarge) {
		return nil, nil, lim.decompressed()
	}
	return nil, nil, internal(err, "cannot decompress a message with %s", encoding)
}

// unsupported is the error for an encoding that is unknown.
func (cs *compressors) unsupported(code fairlead.Code, encoding string) error {
	return fairlead.Errorf(code, "%s %q is not supported; supported are %s", fieldEncoding, encoding, cs.names)
}
