package protocol

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/fairlead-go/fairlead"
)

// Section is a header or trailer section that a server sends (RFC 9110, sections 6.3 and 6.5): what is the same in many
// responses in its Block, what differs from one to the next beside it. It is only read, and not kept.
type Section struct {
	// Status is the status of a response's head, unless Block has it as ":status"; 0 in a trailer.
	Status int
	Block  *Block             // nil: none
	Extra  *fairlead.Metadata // more fields; nil or empty: none
	// Base64 has the values of those fields of Extra whose names end in "-bin" sent in base64 without padding, as gRPC
	// and Connect do. Otherwise they are sent as they are.
	Base64 bool
	// Bare sends a head without the fields that the engine adds otherwise, date and content-length. gRPC uses it, whose
	// clients have no use for them, and so may protocols that add these fields themselves.
	Bare bool
}

// StatusCode returns the status of a response's head, wherever the section has it; 0 for a trailer.
func (s *Section) StatusCode() int {
	if s.Status == 0 && s.Block != nil {
		return s.Block.status
	}
	return s.Status
}

// Empty reports whether the section has neither a status nor fields of any kind.
func (s *Section) Empty() bool {
	return s.Status == 0 && s.Block == nil && (s.Extra == nil || s.Extra.Len() == 0)
}

// Block is a fixed list of fields that is sent again and again. A connection encodes it once and keeps that for its own
// life, so a Block is made when a server or client is set up and not for each call. It is read-only.
type Block struct {
	fields []string
	size   int
	status int // ":status"; 0: there is none
}

// NewBlock makes a block of name, value pairs; pseudo-fields such as ":status" come first. The caller gives the
// list over.
func NewBlock(namesAndValues ...string) *Block {
	b := &Block{fields: namesAndValues}
	for _, s := range namesAndValues {
		b.size += len(s)
	}
	b.size += len(namesAndValues) / 2 * FieldOverhead
	if len(namesAndValues) > 1 && namesAndValues[0] == ":status" {
		b.status, _ = strconv.Atoi(namesAndValues[1]) // one that is no number is found out when it is sent
	}
	return b
}

// Size returns the length of the fields as a header list, in bytes as RFC 9113 counts them in section 6.5.2.
func (b *Block) Size() int { return b.size }

// Fields returns the names and values, to be read only.
func (b *Block) Fields() []string { return b.fields }

// FieldOverhead is what a field adds to a header list beside its name and its value (RFC 9113, section 6.5.2).
const FieldOverhead = 32

// FieldsSize returns the length of metadata as a header list. With inBase64, values of names that end in "-bin" count
// as they are in base64.
func FieldsSize(md *fairlead.Metadata, inBase64 bool) int {
	n := 0
	for i := range md.Len() {
		k, v := md.At(i)
		if inBase64 && strings.HasSuffix(k, "-bin") {
			n += base64.RawStdEncoding.EncodedLen(len(v))
		} else {
			n += len(v)
		}
		n += len(k) + FieldOverhead
	}
	return n
}
