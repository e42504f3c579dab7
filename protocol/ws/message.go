package ws

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
)

// kind is what a message of a socket is.
type kind uint8

const (
	kindMessage kind = iota // of the method
	kindHeader              // metadata
	kindEnd                 // of the messages
)

// The flags of Connect's envelope: the end of a stream, and one that Connect does not have, since its metadata is in
// the fields of HTTP.
const (
	flagEnd    = 0x02
	flagHeader = 0x80
)

// What is around a message in text.
const (
	messageHead = `{"message":`
	messageTail = `}`
)

// opening is the metadata that a client sends first.
type opening struct {
	Header    map[string]values `json:"header"`
	TimeoutMS *int64            `json:"timeout_ms"`
}

// values are the values of a name, of which one may stand alone in JSON.
type values []string

// UnmarshalJSON implements json.Unmarshaler.
func (v *values) UnmarshalJSON(b []byte) error {
	var one string
	if err := json.Unmarshal(b, &one); err == nil {
		*v = values{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(v))
}

// arrived is a message of a client.
type arrived struct {
	kind     kind
	envelope []byte // of a message, with its prefix
	opening  opening
}

// parse finds out what a message is. The result uses the buffer, in which the prefix of an envelope may take the place
// of what was there.
func parse(text bool, b *buffer.Buf) (arrived, error) {
	if text {
		return parseText(b.B)
	}
	return parseBinary(b.B)
}

func parseBinary(b []byte) (m arrived, err error) {
	if len(b) < rpcwire.PrefixSize || int64(binary.BigEndian.Uint32(b[1:])) != int64(len(b)-rpcwire.PrefixSize) {
		return m, fairlead.Errorf(fairlead.InvalidArgument,
			"a message is not an envelope: one byte of flags, four of length, and as many bytes")
	}
	switch flags := b[0]; flags {
	case 0:
		m.envelope = b
	case flagEnd:
		m.kind = kindEnd
	case flagHeader:
		m.kind = kindHeader
		err = m.opening.read(b[rpcwire.PrefixSize:])
	case rpcwire.FlagCompressed:
		err = fairlead.Errorf(fairlead.Unimplemented, "a message is compressed, which sockets do not support")
	default:
		err = fairlead.Errorf(fairlead.InvalidArgument, "an envelope has the unknown flags 0x%02x", flags)
	}
	return m, err
}

// parseText parses an object with the member "message", which is left to the codec, or with others.
func parseText(b []byte) (m arrived, err error) {
	if body, ok := member(b, "message"); ok {
		at := len(b) - len(body)
		end := len(bytes.TrimRight(b, " \t\r\n")) - len(messageTail)
		if end < at || b[end] != '}' {
			return m, errText()
		}
		m.envelope = b[at-rpcwire.PrefixSize : end]
		clear(m.envelope[:rpcwire.PrefixSize])
		putLength(m.envelope, end-at)
		return m, nil
	}
	if _, ok := member(b, "end"); ok {
		if !json.Valid(b) {
			return m, errText()
		}
		m.kind = kindEnd
		return m, nil
	}
	m.kind = kindHeader
	return m, m.opening.read(b)
}

// member reports whether text is an object whose first member has the name, and returns what follows the colon.
func member(b []byte, name string) (rest []byte, ok bool) {
	const space = " \t\r\n"
	for _, token := range []string{"{", `"` + name + `"`, ":"} {
		b = bytes.TrimLeft(b, space)
		if !bytes.HasPrefix(b, []byte(token)) {
			return nil, false
		}
		b = b[len(token):]
	}
	return b, true
}

func errText() error {
	return fairlead.Errorf(fairlead.InvalidArgument,
		`a message is not {"message": ...}, {"header": {...}, "timeout_ms": ...} or {"end": true}`)
}

// read reads metadata.
func (o *opening) read(b []byte) error {
	if len(b) > controlMax {
		return fairlead.Errorf(fairlead.ResourceExhausted, "metadata of %d bytes exceeds the limit of %d", len(b), controlMax)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(o); err != nil || d.More() {
		return errText()
	}
	if o.Header == nil && o.TimeoutMS == nil {
		return errText()
	}
	if o.TimeoutMS != nil && *o.TimeoutMS < 0 {
		return fairlead.Errorf(fairlead.InvalidArgument, "timeout_ms is negative")
	}
	return nil
}

// deadline returns the time by which the call has to end; the zero time is never.
func (o *opening) deadline() time.Time {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	if o.TimeoutMS == nil || *o.TimeoutMS > most {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(*o.TimeoutMS) * time.Millisecond)
}

// addTo adds the metadata to that of the request, in place of what has the same names.
func (o *opening) addTo(md *fairlead.Metadata) error {
	for key, list := range o.Header {
		key = strings.ToLower(key)
		if forbidden(key) {
			return fairlead.Errorf(fairlead.InvalidArgument, "%q cannot be set as metadata of a socket", key)
		}
		md.Del(key)
		for _, v := range list {
			if strings.HasSuffix(key, rpcwire.BinSuffix) {
				raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(v, "="))
				if err != nil {
					return fairlead.Errorf(fairlead.InvalidArgument, "the metadata %q is not base64", key)
				}
				v = string(raw)
			}
			if why := rpcwire.Fault(key, v, rpcwire.ReservedByHTTP); why != "" {
				return fairlead.Errorf(fairlead.InvalidArgument, "the metadata %q: %s", key, why)
			}
			md.Append(key, v)
		}
	}
	return nil
}

// forbidden reports whether a page must not choose the value of a field, since servers take it for the browser's: the
// forbidden request-header names of the Fetch standard.
func forbidden(key string) bool {
	switch key {
	case "accept-charset", "accept-encoding", "connection", "content-length", "cookie", "cookie2", "date", "dnt",
		"expect", "host", "keep-alive", "origin", "referer", "set-cookie", "te", "trailer", "transfer-encoding",
		"upgrade", "via":
		return true
	}
	for _, p := range []string{"access-control-", "proxy-", "sec-"} {
		if strings.HasPrefix(key, p) {
			return true
		}
	}
	return false
}

// fromHandshake reports whether a field of the request is not metadata of the call.
func fromHandshake(key string) bool {
	return rpcwire.ReservedByHTTP(key) || strings.HasPrefix(key, "sec-websocket-")
}

// putLength sets the length in the prefix of an envelope.
func putLength(prefix []byte, n int) {
	binary.BigEndian.PutUint32(prefix[1:rpcwire.PrefixSize], uint32(n))
}

// metadata is metadata that a server sends, as JSON.
func metadata(md *fairlead.Metadata) map[string][]string {
	m := make(map[string][]string, md.Len())
	for k, v := range md.All() {
		if strings.HasSuffix(k, rpcwire.BinSuffix) {
			v = base64.RawStdEncoding.EncodeToString([]byte(v))
		}
		m[k] = append(m[k], v)
	}
	return m
}

// ending is the last message of a server, which is that of Connect's streams.
type ending struct {
	Error    *errorBody          `json:"error,omitempty"`
	Metadata map[string][]string `json:"metadata,omitempty"`
}

type errorBody struct {
	Code    string       `json:"code"`
	Message string       `json:"message,omitempty"`
	Details []detailBody `json:"details,omitempty"`
}

type detailBody struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// newErrorBody returns an error as Connect has it, without details that are not to be passed on, nil for none.
func newErrorBody(e *fairlead.Error) *errorBody {
	if e == nil {
		return nil
	}
	e = rpcwire.Relayed(e)
	b := &errorBody{Code: codeName(e.Code), Message: e.Message}
	for _, d := range e.Details {
		b.Details = append(b.Details, detailBody{
			Type: d.Type[strings.LastIndexByte(d.Type, '/')+1:], Value: base64.RawStdEncoding.EncodeToString(d.Value),
		})
	}
	return b
}

// codeName returns the name of a code in Connect.
func codeName(c fairlead.Code) string {
	if c > fairlead.Unauthenticated {
		c = fairlead.Unknown
	}
	if c == fairlead.Canceled {
		return "canceled"
	}
	return strings.ToLower(c.String())
}

// own makes a frame of a message that is no message of the method.
func (k *socket) own(flags byte, name string, v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		body = []byte("{}") // strings only, so there is none
	}
	b := &buffer.Buf{B: make([]byte, headerMax, headerMax+slack+len(body))}
	if k.text {
		b.B = append(append(append(b.B, `{"`+name+`":`...), body...), '}')
	} else {
		if flags == flagHeader {
			body = append(append([]byte(`{"header":`), body...), '}')
		}
		b.B = append(binary.BigEndian.AppendUint32(append(b.B, flags), uint32(len(body))), body...)
	}
	k.head(b)
	return b.B
}
