package jsonwire

import (
	"bytes"
	"fmt"
	"math"
)

// A Decoder reads one JSON text in one pass, without tokens: generated code asks for what it expects next. After the
// first error all functions return zero values, and loops end. Only one goroutine may use it at a time.
type Decoder struct {
	src   []byte
	pos   int
	depth int // how many more objects and arrays may be opened
	part  int // the value of depth between the members of a part's object; -1 if there is no part
	err   error

	nameAt   int    // where the last name begins
	scratch  []byte // of strings with escapes
	opts     *Options
	member   string // the name of the part; see ResetPart
	anyDepth int    // the value of depth among the members of the message in an Any; -1 if there is none
	anyTyped bool   // those members had their "@type"
	nested   int    // calls of Nest

	extensions map[extension]bool // that were read
}

// Reset prepares the decoder for src, which it keeps but does not change. The options must not be changed while it is
// used.
func (d *Decoder) Reset(src []byte, o *Options) {
	*d = Decoder{src: src, part: -1, anyDepth: -1, scratch: d.scratch[:0], opts: o, depth: o.MaxDepth}
	if d.depth <= 0 {
		d.depth = DefaultMaxDepth
	}
}

// Release lets go of what was decoded, and of a large buffer, before the decoder is kept for later use.
func (d *Decoder) Release() {
	const keep = 64 << 10
	if cap(d.scratch) > keep {
		d.scratch = nil
	}
	d.src, d.err, d.extensions = nil, nil, nil
}

// ResetPart prepares the decoder for src, the value of one member: the message is decoded as if src were {"member":
// src}. Src cannot have other members. Member is a name that the message knows, unescaped.
func (d *Decoder) ResetPart(src []byte, member string, o *Options) {
	d.Reset(src, o)
	// The first OpenObject and the first Name leave their short paths, and so does NextMember: with depth 0, and at the
	// end of src.
	d.member = member
	d.part, d.depth, d.pos = d.depth, 0, len(src)
}

// extension is one of a message.
type extension struct {
	msg    any
	number int32
}

// Options returns the options. They must not be changed.
func (d *Decoder) Options() *Options { return d.opts }

// Err returns the first error, an *Error.
func (d *Decoder) Err() error { return d.err }

// End expects the end of the text after its value. It returns the first error.
func (d *Decoder) End() error {
	if d.peek(); d.pos < len(d.src) {
		d.failf(d.pos, "unexpected %s after the value", d.what(d.pos))
	}
	return d.err
}

// Depth returns how many more objects and arrays may be opened.
func (d *Decoder) Depth() int { return d.depth }

// Fail ends decoding with an error of the value just read.
func (d *Decoder) Fail(err error) {
	if d.err == nil {
		d.err = &Error{Path: pathAt(d.member, d.src[:d.pos]), Offset: d.pos, Err: err}
	}
	d.pos = len(d.src)
}

// failf ends decoding with an error at an offset, which belongs to the value that begins or ends there.
func (d *Decoder) failf(at int, format string, args ...any) {
	if d.err == nil {
		d.err = &Error{Path: pathAt(d.member, d.src[:at]), Offset: at, Err: fmt.Errorf(format, args...)}
	}
	d.pos = len(d.src)
}

// Peek returns the first byte of what follows, behind white space: of a value '{', '[', '"', 't', 'f', 'n', '-' or a
// digit; 0 at the end of the text and after an error.
func (d *Decoder) Peek() byte { return d.peek() }

// peek moves to the next byte that is no white space and returns it, 0 at the end.
func (d *Decoder) peek() byte {
	if d.pos < len(d.src) && d.src[d.pos] > ' ' {
		return d.src[d.pos]
	}
	return d.peekSpace()
}

func (d *Decoder) peekSpace() byte {
	for ; d.pos < len(d.src); d.pos++ {
		switch c := d.src[d.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// OpenObject reads the beginning of an object, and reports whether there is a member.
func (d *Decoder) OpenObject() bool {
	if d.depth == 0 {
		return d.openSlow()
	}
	if d.peek() != '{' {
		d.mismatch("an object")
		return false
	}
	d.pos++
	switch d.peek() {
	case '"':
		d.depth--
		return true
	case '}':
		d.pos++
		return false
	default:
		d.failf(d.pos, "unexpected %s in an object", d.what(d.pos))
		return false
	}
}

// openSlow is called if there must be no more objects and arrays. If a part was not begun, it begins here.
func (d *Decoder) openSlow() bool {
	if d.err == nil && d.part >= 0 && d.member != "" && d.nameAt == 0 && d.pos == len(d.src) {
		d.depth = d.part
		return true
	}
	d.failf(d.pos, "objects and arrays are nested too deeply")
	return false
}

// Name reads the name of a member and its colon. The bytes are valid until the next call. Names with escapes are
// unescaped.
func (d *Decoder) Name() []byte {
	if d.pos >= len(d.src) {
		return d.partName()
	}
	d.nameAt = d.pos
	name := d.text()
	if d.pos < len(d.src) && d.src[d.pos] == ':' || d.peek() == ':' {
		d.pos++
		return name
	}
	d.failf(d.pos, "unexpected %s in place of a colon", d.what(d.pos))
	return nil
}

// partName returns the name of the part if it is begun, and moves to its value.
func (d *Decoder) partName() []byte {
	if d.err != nil || d.part < 0 || d.nameAt < 0 {
		d.failf(d.pos, "unexpected end of the text")
		return nil
	}
	d.nameAt, d.pos = -1, 0
	return []byte(d.member)
}

// NextMember reads what follows the value of a member, and reports whether there is another member.
func (d *Decoder) NextMember() bool {
	switch c := d.peek(); {
	case c == ',' && d.depth != d.part:
		d.pos++
		if d.peek() == '"' {
			return true
		}
	case c == '}' && d.depth != d.part:
		d.pos++
		d.depth++
		return false
	case d.depth == d.part && d.pos == len(d.src):
		return false // the end of the part
	}
	d.failf(d.pos, "unexpected %s in an object", d.what(d.pos))
	return false
}

// OpenArray reads the beginning of an array, and reports whether there is an element.
func (d *Decoder) OpenArray() bool {
	if d.depth == 0 {
		d.failf(d.pos, "objects and arrays are nested too deeply")
		return false
	}
	if d.peek() != '[' {
		d.mismatch("an array")
		return false
	}
	d.pos++
	switch d.peek() {
	case ']':
		d.pos++
		return false
	case 0, ',', ':', '}':
		d.failf(d.pos, "unexpected %s in an array", d.what(d.pos))
		return false
	default:
		d.depth--
		return true
	}
}

// NextElement reads what follows an element, and reports whether there is another one.
func (d *Decoder) NextElement() bool {
	switch d.peek() {
	case ',':
		d.pos++
		return true // if there is none, the function that reads it fails
	case ']':
		d.pos++
		d.depth++
		return false
	default:
		d.failf(d.pos, "unexpected %s in an array", d.what(d.pos))
		return false
	}
}

// Elements returns how many elements the array still has, within an array of numbers, booleans or enums that was
// opened; about as many in others. Generated code makes lists of such elements with room for them. It is bounded,
// since the elements are not looked at.
func (d *Decoder) Elements() int {
	const most = 1 << 16
	rest := d.src[d.pos:]
	rest = rest[:min(len(rest), 16*most)]
	if end := bytes.IndexByte(rest, ']'); end >= 0 {
		rest = rest[:end]
	}
	return min(1+bytes.Count(rest, comma), most)
}

// Members is Elements for the members of an object, within a map whose values are no messages. Its bound is lower,
// since an entry of a map takes more room, and texts may have commas in them.
func (d *Decoder) Members() int {
	const most = 64
	rest := d.src[d.pos:]
	rest = rest[:min(len(rest), 64*most)]
	if end := bytes.IndexByte(rest, '}'); end >= 0 {
		rest = rest[:end]
	}
	return min(1+bytes.Count(rest, comma), most)
}

var comma = []byte{','} //nolint:gochecknoglobals // a constant

// Once returns seen with a field's bit. That the bit was set already is an error: the field is there twice.
func (d *Decoder) Once(seen, bit uint64) uint64 {
	if seen&bit != 0 {
		d.duplicate()
	}
	return seen | bit
}

func (d *Decoder) duplicate() {
	d.failf(d.pos, "is there twice, or under two names")
}

// OnceOneof returns seen with the bit of a oneof. That the bit was set already is an error: the oneof has two
// members. It is called for members that are not null.
func (d *Decoder) OnceOneof(seen, bit uint64, oneof string) uint64 {
	if seen&bit != 0 {
		d.failf(d.pos, "is a second member of oneof %s", oneof)
	}
	return seen | bit
}

// DuplicateKey ends decoding because a map has the key just read already.
func (d *Decoder) DuplicateKey() { d.failf(d.pos, "the map has this key twice") }

// Null reads null, and reports whether it was there. Fields stay as they are then, save those of type
// google.protobuf.Value and NullValue.
func (d *Decoder) Null() bool {
	if d.peek() != 'n' {
		return false
	}
	if d.literal("null") {
		return true
	}
	d.mismatch("a value")
	return true
}

// literal reads s, which begins with the next byte, and reports whether it was there.
func (d *Decoder) literal(s string) bool {
	if end := d.pos + len(s); end <= len(d.src) && string(d.src[d.pos:end]) == s {
		d.pos = end
		return true
	}
	return false
}

// Bool reads a boolean.
func (d *Decoder) Bool() bool {
	switch d.peek() {
	case 't':
		if d.literal("true") {
			return true
		}
	case 'f':
		if d.literal("false") {
			return false
		}
	}
	d.mismatch("true or false")
	return false
}

// Enum reads a value's name or number. Values are those that protoc-gen-go generates (Color_value). It reports false
// if the name is unknown and to be dropped, and after an error; the field then stays as it is.
func (d *Decoder) Enum(values map[string]int32) (int32, bool) {
	at := d.pos
	if d.peek() != '"' {
		return d.enumNumber()
	}
	name := d.text()
	v, ok := values[string(name)]
	if !ok {
		d.unknownEnum(at, name)
	}
	return v, ok
}

// EnumFunc is Enum with a function that returns the number of a name.
func (d *Decoder) EnumFunc(number func(name []byte) (int32, bool)) (int32, bool) {
	at := d.pos
	if d.peek() != '"' {
		return d.enumNumber()
	}
	name := d.text()
	v, ok := number(name)
	if !ok {
		d.unknownEnum(at, name)
	}
	return v, ok
}

func (d *Decoder) unknownEnum(at int, name []byte) {
	if d.opts.RefuseUnknown {
		d.failf(at, "there is no value %.64q of the enum", name)
	}
}

func (d *Decoder) enumNumber() (int32, bool) {
	if c := d.peek(); c != '-' && (c < '0' || c > '9') {
		d.mismatch("the name or the number of an enum's value")
		return 0, false
	}
	v := d.Int32()
	return v, d.err == nil
}

// NullValue reads google.protobuf.NullValue: null, its name or a number. It reports false as Enum does.
func (d *Decoder) NullValue() (int32, bool) {
	switch d.peek() {
	case 'n':
		return 0, d.Null()
	case '"':
		at := d.pos
		name := d.text()
		if string(name) == "NULL_VALUE" {
			return 0, true
		}
		d.unknownEnum(at, name)
		return 0, false
	default:
		return d.enumNumber()
	}
}

// Message reads a message that may have no generated code, by Options.Messages then.
func (d *Decoder) Message(msg any) {
	switch m, ok := msg.(Parser); {
	case ok:
		m.ParseProtoJSON(d)
	case d.opts.Messages == nil:
		d.Fail(fmt.Errorf("%T has no generated code for JSON", msg))
	default:
		d.opts.Messages.ParseMessage(d, msg)
	}
}

// Unknown reads the value of a member that the message does not have, which is dropped or refused.
func (d *Decoder) Unknown() {
	if d.anyDepth == d.depth && d.anyType() {
		return
	}
	if d.opts.RefuseUnknown {
		d.failf(d.pos, "the message has no such field")
		return
	}
	d.Skip()
}

// Extension reads the value of a member that is no field of msg, a message that may have extensions.
func (d *Decoder) Extension(msg any) {
	name := d.lastName()
	if len(name) < len("[]") || name[0] != '[' || name[len(name)-1] != ']' || d.err != nil {
		d.Unknown()
		return
	}
	if d.opts.Messages == nil {
		d.Fail(errNoMessages)
		return
	}
	d.opts.Messages.ParseExtension(d, string(name), msg)
}

// OnceExtension is Once for an extension of msg. It is for implementations of Messages.
func (d *Decoder) OnceExtension(msg any, number int32) {
	x := extension{msg, number}
	if d.extensions[x] {
		d.duplicate()
	}
	if d.extensions == nil {
		d.extensions = make(map[extension]bool)
	}
	d.extensions[x] = true
}

// lastName returns the name just read again. Its bytes are valid until the next call.
func (d *Decoder) lastName() []byte {
	if d.err != nil || d.nameAt < 0 {
		return nil
	}
	pos := d.pos
	d.pos = d.nameAt
	name := d.text()
	d.pos = pos
	return name
}

// Skip reads any value.
func (d *Decoder) Skip() {
	switch c := d.peek(); c {
	case '{':
		for more := d.OpenObject(); more; more = d.NextMember() {
			d.Name()
			d.Skip()
		}
	case '[':
		for more := d.OpenArray(); more; more = d.NextElement() {
			d.Skip()
		}
	case '"':
		d.text()
	case 't', 'f':
		d.Bool()
	case 'n':
		d.Null()
	default:
		end := numberEnd(d.src, d.pos)
		if end == d.pos {
			d.mismatch("a value")
			return
		}
		d.pos = end
	}
}

// Raw reads any value and returns it, without the white space around it. The bytes belong to the text.
func (d *Decoder) Raw() []byte {
	d.peek()
	start := d.pos
	d.Skip()
	if d.err != nil {
		return nil
	}
	return d.src[start:d.pos]
}

// KeyString reads a member's name as a key of a map.
func (d *Decoder) KeyString() string { return string(d.Name()) }

// KeyBool reads a member's name as a key of a map.
func (d *Decoder) KeyBool() bool {
	switch string(d.Name()) {
	case "true":
		return true
	case "false":
	default:
		d.failf(d.pos, "the key of the map is not true or false")
	}
	return false
}

// KeyInt32 reads a member's name as a key of a map.
func (d *Decoder) KeyInt32() int32 { return int32(d.keyInt(math.MaxInt32, "int32")) }

// KeyInt64 reads a member's name as a key of a map.
func (d *Decoder) KeyInt64() int64 { return d.keyInt(math.MaxInt64, "int64") }

// KeyUint32 reads a member's name as a key of a map.
func (d *Decoder) KeyUint32() uint32 { return uint32(d.keyUint(math.MaxUint32, "uint32")) }

// KeyUint64 reads a member's name as a key of a map.
func (d *Decoder) KeyUint64() uint64 { return d.keyUint(math.MaxUint64, "uint64") }

// mismatch ends decoding because the next value is of another kind.
func (d *Decoder) mismatch(want string) {
	d.failf(d.pos, "want %s, got %s", want, d.what(d.pos))
}

// what describes what is at an offset.
func (d *Decoder) what(at int) string {
	if at >= len(d.src) {
		return "the end of the text"
	}
	b := d.src[at:]
	switch b[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	}
	n := 1
	for n < len(b) && n < 32 && wordByte(b[n]) && wordByte(b[0]) {
		n++
	}
	return fmt.Sprintf("%q", b[:n])
}

// wordByte reports whether c can be in a number or a literal.
func wordByte(c byte) bool {
	return c == '-' || c == '+' || c == '.' || c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
