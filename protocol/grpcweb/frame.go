package grpcweb

import (
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
	"github.com/fairlead-go/fairlead/protocol"
)

// flagTrailer is the flag of the frame that ends a response.
const flagTrailer = 0x80

// appendTrailer appends the frame for a trailer section: its fields as lines of HTTP/1 (RFC 9112, section 5), without
// the empty line behind them. The calls have checked names and values.
func appendTrailer(dst []byte, t *protocol.Section) []byte {
	at := len(dst)
	dst = append(dst, flagTrailer, 0, 0, 0, 0)
	if t.Block != nil {
		fields := t.Block.Fields()
		for i := 0; i+1 < len(fields); i += 2 {
			dst = appendField(dst, fields[i], fields[i+1])
		}
	}
	if t.Extra != nil {
		for k, v := range t.Extra.All() {
			if t.Base64 && strings.HasSuffix(k, rpcwire.BinSuffix) {
				dst = append(append(dst, k...), ": "...)
				dst = append(base64.RawStdEncoding.AppendEncode(dst, []byte(v)), "\r\n"...)
				continue
			}
			dst = appendField(dst, k, v)
		}
	}
	binary.BigEndian.PutUint32(dst[at+1:], uint32(len(dst)-at-rpcwire.PrefixSize))
	return dst
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...)
}

// parseTrailer reads the payload of a trailer frame. Lines may end without a carriage return, and the last one without
// an end. Values stay in base64.
func parseTrailer(payload []byte) (*protocol.Head, error) {
	h := new(protocol.Head)
	for line := range strings.Lines(string(payload)) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if line == "" {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		name = strings.ToLower(name)
		value = strings.Trim(value, " \t")
		if !found || !isToken(name) || strings.ContainsAny(value, "\x00\r") {
			return nil, fairlead.Errorf(fairlead.Internal, "malformed line %.100q in the trailer frame", line)
		}
		h.Fields.Append(name, value)
	}
	return h, nil
}

// isToken reports whether a name in lower case is one of a field (RFC 9110, section 5.6.2).
func isToken(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}

// splitter separates the frame that ends a response from the messages before it, in the parts of a body as they arrive.
type splitter struct {
	limit rpcwire.Limit // of the frame's payload

	prefix  [rpcwire.PrefixSize]byte // of the frame that is being read
	nprefix int
	left    int      // bytes of its payload that are to come, once the prefix is complete
	payload []byte   // of the trailer frame
	done    bool     // the trailer frame is complete
	room    [64]byte // for most payloads
}

// messages takes a part and returns the beginning of it that belongs to messages; the rest is the trailer frame.
func (s *splitter) messages(part []byte) ([]byte, error) {
	for i := 0; i < len(part); {
		switch {
		case s.done:
			return part[:i], fairlead.Errorf(fairlead.Internal, "the server sent more behind the trailer frame")
		case s.nprefix == 0 && part[i]&flagTrailer != 0:
			return part[:i], s.trailer(part[i:])
		case s.nprefix > 0 && s.prefix[0]&flagTrailer != 0:
			return part[:i], s.trailer(part[i:])
		case s.nprefix < rpcwire.PrefixSize:
			n := copy(s.prefix[s.nprefix:], part[i:])
			s.nprefix += n
			i += n
			if s.nprefix == rpcwire.PrefixSize {
				s.left = int(binary.BigEndian.Uint32(s.prefix[1:])) // the calls check it
			}
		default:
			n := min(s.left, len(part)-i)
			s.left -= n
			i += n
		}
		if s.nprefix == rpcwire.PrefixSize && s.left == 0 {
			s.nprefix = 0
		}
	}
	return part, nil
}

// trailer takes a part of the trailer frame, and of what should not be behind it.
func (s *splitter) trailer(part []byte) error {
	if s.nprefix < rpcwire.PrefixSize {
		n := copy(s.prefix[s.nprefix:], part)
		s.nprefix += n
		part = part[n:]
		if s.nprefix < rpcwire.PrefixSize {
			return nil
		}
		p := s.prefix
		p[0] &^= flagTrailer
		var err error
		if _, s.left, err = rpcwire.ParsePrefix(p[:], &s.limit); err != nil {
			return err
		}
	}
	if s.payload == nil {
		s.payload = s.room[:0]
	}
	n := min(s.left, len(part))
	s.payload = append(s.payload, part[:n]...)
	s.left -= n
	s.done = s.left == 0
	if n < len(part) {
		return fairlead.Errorf(fairlead.Internal, "the server sent more behind the trailer frame")
	}
	return nil
}

// head returns the trailer section that the frame has, nil if there was none or it was cut off. A compressed one is
// decompressed by what the response's head names.
func (s *splitter) head(accepted *rpcwire.Compressors, encoding string) (*protocol.Head, error) {
	if !s.done {
		return nil, nil //nolint:nilnil // there is none
	}
	payload, held, err := accepted.Plain(s.payload, s.prefix[0]&^flagTrailer, encoding, &s.limit)
	if err != nil {
		return nil, err
	}
	defer buffer.Put(held)
	if string(payload) == plainSuccess {
		return success, nil
	}
	return parseTrailer(payload)
}

// plainSuccess is the payload of most trailer frames, and success is what it says. It is only read.
const plainSuccess = rpcwire.FieldStatus + ": 0\r\n"

var success, _ = parseTrailer([]byte(plainSuccess)) //nolint:gochecknoglobals // a constant
