package rest

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/compress"
	"github.com/fairlead-go/fairlead/protocol"
)

// The heads of responses.
//
//nolint:gochecknoglobals // constants
var (
	jsonBlock    = protocol.NewBlock(fieldContentType, jsonType)
	varyBlock    = protocol.NewBlock(fieldContentType, jsonType, fieldVary, fieldAcceptEncoding)
	problemBlock = protocol.NewBlock(fieldContentType, "application/problem+json")
	linesBlock   = protocol.NewBlock(fieldContentType, linesType, fieldVary, fieldAccept)
	arrayBlock   = protocol.NewBlock(fieldContentType, jsonType, fieldVary, fieldAccept)
	// eventsBlock has what keeps proxies from collecting events before they pass them on.
	eventsBlock = protocol.NewBlock(fieldContentType, "text/event-stream", "cache-control", "no-store",
		"x-accel-buffering", "no", fieldVary, fieldAccept)
)

// encoded is the body of a response.
type encoded struct {
	bytes       []byte
	held        *buffer.Buf // has the bytes; nil: the user's message has them
	contentType string      // of bytes that are sent as they are
}

// encode encodes the one response of a call.
func (in *incoming) encode(resp any) (e encoded, err error) {
	switch {
	case resp == nil:
		return e, fairlead.Errorf(fairlead.Internal, "%s has no response", in.route.Method.Path)
	case in.rule.RawResult != nil:
		e.contentType, e.bytes = in.rule.RawResult(resp)
	default:
		e.held = buffer.Get(in.room(resp))
		if e.held.B, err = in.append(e.held.B, resp); err != nil {
			buffer.Put(e.held)
			return encoded{}, err
		}
		e.bytes = e.held.B
	}
	if n := len(e.bytes); n > in.s.send {
		buffer.Put(e.held)
		return encoded{}, fairlead.Errorf(fairlead.ResourceExhausted,
			"the response has %d bytes and exceeds the server's limit of %d (server.MaxSendMessage)", n, in.s.send)
	}
	return e, nil
}

// respond makes the response of a call that has succeeded. The caller puts the returned buffer, which may be nil, back
// once the response is sent. If there is an error, it has no buffer left.
func (in *incoming) respond(r *protocol.Reply, e encoded) (held *buffer.Buf, err error) {
	status := in.success()
	r.Head = section(status, jsonBlock, in.header(true))
	if hasNoContent(status) {
		r.Head.Block = nil
		buffer.Put(e.held)
		return nil, in.fits(&r.Head)
	}
	if in.rule.RawResult != nil {
		r.Head.Block = nil
		r.Head.Extra = withType(r.Head.Extra, e.contentType)
	}
	r.Message.Bytes = e.bytes
	if in.reads && status == statusOK && !in.headSent {
		in.validate(r)
	}
	if held, err = in.compress(r, e.held); err == nil {
		err = in.fits(&r.Head)
	}
	if err != nil {
		buffer.Put(held)
		return nil, err
	}
	return held, nil
}

// withType returns md with a content type that a handler chose; md may be nil.
func withType(md *fairlead.Metadata, contentType string) *fairlead.Metadata {
	for i := range len(contentType) {
		if c := contentType[i]; c < ' ' || c > '~' {
			contentType = ""
			break
		}
	}
	if contentType = strings.TrimSpace(contentType); contentType == "" {
		contentType = "application/octet-stream"
	}
	md = cloned(md)
	md.Append(fieldContentType, contentType)
	return md
}

// append appends what is sent of a response as JSON. It fails for a codec that panics.
func (in *incoming) append(dst []byte, resp any) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			b, err = dst, in.s.panics.Caught(in.route.Method, "encoding the response", p)
		}
	}()
	value := resp
	if in.message != nil {
		value = in.message(resp)
	}
	if b, err = in.result.AppendMarshal(dst, value); err != nil {
		return dst, fairlead.Errorf(fairlead.Internal, "the response cannot be encoded: %w", err)
	}
	return b, nil
}

// room returns about how long a response will be.
func (in *incoming) room(resp any) int {
	if in.estimate == nil {
		return 0
	}
	return in.estimate.Estimate(resp)
}

// validate answers with 304 if the client has the response (RFC 9110, section 13.1.2).
func (in *incoming) validate(r *protocol.Reply) {
	tag := ""
	if r.Head.Extra != nil {
		tag = r.Head.Extra.Get(fieldETag)
	}
	if tag == "" {
		if !in.s.opts.etags {
			return
		}
		sum := sha256.Sum256(r.Message.Bytes)
		// It is weak: the bytes differ from encoding to encoding.
		tag = `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		r.Head.Extra = cloned(r.Head.Extra)
		r.Head.Extra.Append(fieldETag, tag)
	}
	if in.ifNoneMatch != "" && matchesTag(in.ifNoneMatch, tag) {
		r.Head.Status, r.Message.Bytes = statusNotModified, nil
		if r.Head.Block == jsonBlock {
			r.Head.Block = nil
		}
	}
}

// compress compresses the body if the client accepts that and it gets shorter. It returns the buffer with the body, as
// it gets and puts back the one that it does not need any more.
func (in *incoming) compress(r *protocol.Reply, held *buffer.Buf) (*buffer.Buf, error) {
	body := r.Message.Bytes
	if len(in.s.compressors) == 0 || len(body) < in.s.compressMin || len(body) == 0 || in.headSent || in.head ||
		!in.call.Wire().Compresses() {
		return held, nil
	}
	if r.Head.Block == jsonBlock {
		r.Head.Block = varyBlock
	} else {
		r.Head.Extra = cloned(r.Head.Extra)
		r.Head.Extra.Append(fieldVary, fieldAcceptEncoding)
	}
	c := chooseEncoding(in.encodings, in.s.compressors)
	if c == nil {
		return held, nil
	}
	z, err := in.compressWith(c, body)
	if err != nil {
		return held, err
	}
	if len(z.B) >= len(body) {
		buffer.Put(z)
		return held, nil
	}
	r.Message.Bytes = z.B
	r.Head.Extra = cloned(r.Head.Extra)
	r.Head.Extra.Append(fieldContentEncoding, c.Name())
	if tag := r.Head.Extra.Get(fieldETag); tag != "" && tag[0] == '"' {
		r.Head.Extra.Set(fieldETag, "W/"+tag) // a strong one would stand for these bytes (RFC 9110, section 8.8.1)
	}
	buffer.Put(held)
	return z, nil
}

// compressWith fails for a compressor that panics.
func (in *incoming) compressWith(c compress.Compressor, body []byte) (z *buffer.Buf, err error) {
	z = buffer.Get(len(body))
	returned := false
	defer func() {
		if returned {
			return
		}
		buffer.Drop(z) // the compressor may still hold it
		if p := recover(); p != nil {
			z, err = nil, in.s.panics.Caught(in.route.Method, "compressing with "+c.Name(), p)
		}
	}()
	b, err := c.AppendCompress(z.B, body)
	returned = true
	if err != nil {
		buffer.Put(z)
		return nil, fairlead.Errorf(fairlead.Internal, "the response cannot be compressed with %s: %w", c.Name(), err)
	}
	z.B = b
	return z, nil
}

// hasNoContent reports whether responses with a status have no body (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5).
func hasNoContent(status int) bool {
	return status == 204 || status == 205 || status == statusNotModified
}
