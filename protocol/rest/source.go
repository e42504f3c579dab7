package rest

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/rpcwire"
)

// newSource returns where the messages of a client's stream come from.
func (st *stream) newSource() (source, error) {
	if e := strings.TrimSpace(st.encoding); e != "" && !strings.EqualFold(e, rpcwire.Identity) {
		return nil, withStatus(statusUnsupported, fairlead.Errorf(fairlead.InvalidArgument,
			"%s %q: streams are not compressed", fieldContentEncoding, st.encoding))
	}
	switch {
	case isForm(st.contentType) && (st.rule.RawBody != nil || st.body != nil):
		return st.newForm()
	case st.rule.RawBody != nil:
		return &rawSource{st: st}, nil
	case st.body == nil:
		return nil, nil //nolint:nilnil // no rule with a stream of requests and no body has any
	}
	return &jsonSource{st: st, values: values{
		src: st.x, limit: st.s.recv, reserve: st.reserve, expect: st.x.Expect, lines: isLines(st.contentType),
	}}, nil
}

// jsonSource has messages in JSON.
type jsonSource struct {
	st *stream

	values
}

func (s *jsonSource) recv(msg any) error {
	v, err := s.next()
	switch err.(type) { //nolint:errorlint // next returns them bare
	case nil:
	case *statusError:
		return err
	default:
		if isEnd(err) {
			return err
		}
		return rpcwire.PeerError(err)
	}
	ct := s.st.contentType
	if ct != "" {
		ct = jsonType
	}
	if err := s.st.fillBody(msg, v, ct); err != nil {
		return err
	}
	return s.st.fillParams(msg)
}

func (s *jsonSource) close() { s.release() }

// rawSource has the parts of a body that is not decoded.
type rawSource struct{ st *stream }

func (s *rawSource) recv(msg any) error {
	for {
		part, err := s.st.x.Read()
		switch {
		case isEnd(err):
			return err
		case err != nil:
			return rpcwire.PeerError(err)
		case len(part) == 0:
			continue
		}
		if err := s.st.fillBody(msg, part, s.st.contentType); err != nil {
			return err
		}
		return s.st.fillParams(msg)
	}
}

func (*rawSource) close() {}

// form has the parts of multipart/form-data (RFC 7578). A part with a file's name, or without a name, is a message or,
// if it is not decoded, as many as it takes: its content type is in the first of them. A part with a name alone is a
// parameter, like those of the query, of all messages behind it. If the rule has parameters "name" and "filename",
// they are those of the part.
type form struct {
	st     *stream
	parts  *multipart.Reader
	part   *multipart.Part // under way; nil: none
	values []pair          // of parameters
	bytes  int             // in values
	buf    [formChunk]byte
}

const (
	formChunk = 32 << 10 // bytes of a message of a part that is not decoded
	formField = 64 << 10 // bytes of all parameters
)

func (st *stream) newForm() (source, error) {
	_, params, err := mime.ParseMediaType(st.contentType)
	if err != nil || params["boundary"] == "" {
		return nil, fairlead.Errorf(fairlead.InvalidArgument, "the content-type %.128q has no boundary", st.contentType)
	}
	return &form{st: st, parts: multipart.NewReader(&bodyReader{src: st.x}, params["boundary"])}, nil
}

func (f *form) recv(msg any) error {
	for {
		first := f.part == nil
		if first {
			if err := f.nextPart(); err != nil {
				return err
			}
		}
		p := f.part
		if p.FormName() != "" && p.FileName() == "" {
			f.part = nil
			if err := f.parameter(p); err != nil {
				return err
			}
			continue
		}
		if f.st.rule.RawBody == nil {
			f.part = nil
			return f.message(msg, p)
		}
		n, err := io.ReadFull(p, f.buf[:])
		switch {
		case err == nil:
		case isEnd(err), errors.Is(err, io.ErrUnexpectedEOF):
			if f.part = nil; n == 0 && !first {
				continue
			}
		default:
			return badForm(err)
		}
		contentType := ""
		if first {
			contentType = p.Header.Get("Content-Type")
		}
		f.st.rule.RawBody(msg, contentType, append([]byte(nil), f.buf[:n]...))
		return f.params(msg, p)
	}
}

// nextPart begins the next part, and returns io.EOF after the last one.
func (f *form) nextPart() (err error) {
	f.part, err = f.parts.NextRawPart()
	if err != nil && !isEnd(err) {
		return badForm(err)
	}
	return err
}

// badForm returns the error of a form.
func badForm(err error) error {
	if e, ok := err.(*fairlead.Error); ok { //nolint:errorlint // bodyReader's, as it is
		return e
	}
	return malformed("%v", err)
}

// parameter keeps the value of a part that is a parameter, if the rule knows it.
func (f *form) parameter(p *multipart.Part) error {
	text, err := io.ReadAll(io.LimitReader(p, int64(formField-f.bytes)+1))
	if err != nil {
		return badForm(err)
	}
	if f.bytes += len(text); f.bytes > formField || len(f.values) == maxParams {
		return withStatus(statusTooLarge, fairlead.Errorf(fairlead.ResourceExhausted,
			"the form has more than %d parameters, or %d bytes of them", maxParams, formField))
	}
	switch known := f.st.query[p.FormName()]; {
	case known != nil:
		f.values = append(f.values, pair{known, string(text)})
	case f.st.s.opts.refuseUnknown:
		return invalidField(p.FormName(), "the form names a field that "+f.st.route.Method.Path+" does not take there")
	}
	return nil
}

// message decodes a part.
func (f *form) message(msg any, p *multipart.Part) error {
	body, err := io.ReadAll(io.LimitReader(p, int64(f.st.s.recv)+1))
	if err != nil {
		return badForm(err)
	}
	if len(body) > f.st.s.recv {
		return errTooLarge(f.st.s.recv)
	}
	ct := p.Header.Get("Content-Type")
	if ct != "" && !isJSON(ct) {
		return withStatus(statusUnsupported,
			fairlead.Errorf(fairlead.InvalidArgument, "a part of the form is %.64q, not %s", ct, jsonType))
	}
	if err := f.st.fillBody(msg, body, ct); err != nil {
		return err
	}
	return f.params(msg, p)
}

// params sets the parameters of a message: of the query, the form, the part and the path.
func (f *form) params(msg any, p *multipart.Part) error {
	var err error
	if f.st.pairs, err = f.st.parseQuery(f.st.pairs[:0], f.st.rawQuery); err != nil {
		return err
	}
	f.st.pairs = append(f.st.pairs, f.values...)
	for field, text := range map[string]string{"name": p.FormName(), "filename": p.FileName()} {
		if known := f.st.query[field]; known != nil && text != "" {
			f.st.pairs = append(f.st.pairs, pair{known, text})
		}
	}
	if err := f.st.setPairs(msg); err != nil {
		return err
	}
	return f.st.fillPath(msg)
}

func (f *form) close() {}

// bodyReader is an io.Reader of the parts of a body.
type bodyReader struct {
	src  rpcwire.Source
	part []byte
}

func (r *bodyReader) Read(p []byte) (int, error) {
	for len(r.part) == 0 {
		part, err := r.src.Read()
		if isEnd(err) {
			return 0, io.EOF
		}
		if err != nil {
			return 0, rpcwire.PeerError(err)
		}
		r.part = part
	}
	n := copy(p, r.part)
	r.part = r.part[n:]
	return n, nil
}

// Reader returns what a stream of messages carries as one stream of bytes. Data returns the bytes of a message:
//
//	io.Copy(file, rest.Reader(in, (*httpbody.HttpBody).GetData))
//
// Its Read returns io.EOF after the last message, and the error of the stream otherwise. One goroutine at a time may
// use it.
func Reader[T any](in *fairlead.Inbound[T], data func(*T) []byte) io.Reader {
	return &messageReader[T]{in: in, data: data}
}

type messageReader[T any] struct {
	in   *fairlead.Inbound[T]
	data func(*T) []byte
	part []byte
}

// Read implements io.Reader.
func (r *messageReader[T]) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.part) == 0 {
		m, err := r.in.Recv()
		if err != nil {
			return 0, err
		}
		r.part = r.data(m)
	}
	n := copy(p, r.part)
	r.part = r.part[n:]
	return n, nil
}
