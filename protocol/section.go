package protocol

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/fairlead-go/fairlead"
)

// Section is a header or trailer section that a server sends (RFC 9110, sections 6.3 and 6.5). Fields that are the same
// in many responses are in its Block, those that differ beside it. A Section is only read, and not kept.
type Section struct {
	// Status is the status of a response's head, unless Block has it as ":status"; 0 in a trailer.
	Status int
	Block  *Block             // nil: none
	Extra  *fairlead.Metadata // more fields; nil or empty: none
	// Base64 makes the engine send fields of Extra whose names end in "-bin" in base64 without padding, as gRPC and
	// Connect do. Otherwise they are sent as they are.
	Base64 bool
	// Bare omits the fields date and content-length, which the engine adds to other heads. gRPC sets it, since its clients
	// do not use them, and so may protocols that add these fields themselves. In HTTP/1, where content-length ends the
	// body, the engine adds it all the same.
	Bare bool
}

// StatusCode returns the status of a response's head, from Status or Block; 0 for a trailer.
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

// Block is a fixed list of fields that is sent many times. A connection encodes it once and keeps the encoding as long
// as it lives, so make Blocks when a server or client is set up, not for each call. A Block is read-only.
type Block struct {
	fields []string
	size   int
	status int // ":status"; 0: there is none
	text   string
	length int64 // "content-length"; -1: there is none
}

// NewBlock makes a block of name, value pairs; pseudo-fields such as ":status" come first. It keeps the slice.
func NewBlock(namesAndValues ...string) *Block {
	b := &Block{fields: namesAndValues, length: -1}
	for _, s := range namesAndValues {
		b.size += len(s)
	}
	b.size += len(namesAndValues) / 2 * FieldOverhead
	if len(namesAndValues) > 1 && namesAndValues[0] == ":status" {
		b.status, _ = strconv.Atoi(namesAndValues[1]) // one that is not a number fails when it is sent
	}
	b.text = b.lines()
	return b
}

// lines returns the fields as HTTP/1 sends them.
func (b *Block) lines() string {
	var t strings.Builder
	if b.status != 0 {
		t.WriteString("HTTP/1.1 " + strconv.Itoa(b.status) + " " + StatusText(b.status) + "\r\n")
	}
	for i := 0; i+1 < len(b.fields); i += 2 {
		name, value := b.fields[i], b.fields[i+1]
		switch name {
		case "content-length":
			if n, err := strconv.ParseUint(value, 10, 63); err == nil {
				b.length = int64(n)
			}
			continue
		case "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade":
			continue
		}
		if name == "" || strings.ContainsAny(name, ": \t\r\n\x00") || strings.ContainsAny(value, "\r\n\x00") {
			continue
		}
		t.WriteString(name + ": " + value + "\r\n")
	}
	return t.String()
}

// Text returns the fields as HTTP/1 sends them: the status line, if there is ":status", and a line for each field that
// is not a pseudo-field. Fields that belong to a connection are missing, and so are content-length and those that are
// malformed.
func (b *Block) Text() string { return b.text }

// ContentLength returns the value of the field content-length, -1 if there is none.
func (b *Block) ContentLength() int64 { return b.length }

// Size returns the length of the fields as a header list, in bytes as RFC 9113 counts them in section 6.5.2.
func (b *Block) Size() int { return b.size }

// Fields returns the names and values, which must not be changed.
func (b *Block) Fields() []string { return b.fields }

// FieldOverhead is the size of a field in a header list besides its name and value (RFC 9113, section 6.5.2).
const FieldOverhead = 32

// FieldsSize returns the length of metadata as a header list. If inBase64 is true, values of names that end in "-bin"
// count with their length in base64.
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
