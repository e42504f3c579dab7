package admin

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of grpc/reflection/v1/reflection.proto, which are also those of v1alpha.

// question says which field of a request's oneof is set, by its number.
type question = protowire.Number

const (
	askNothing    question = 0
	askFile       question = 3
	askSymbol     question = 4
	askExtension  question = 5
	askExtensions question = 6
	askServices   question = 7
)

type reflectionRequest struct {
	host string
	ask  question
	text string // of all questions but askExtension
	ext  extensionRequest
}

type extensionRequest struct {
	typ    string
	number int32
}

func (m *extensionRequest) Reset() { *m = extensionRequest{} }

func (m *extensionRequest) encode(e *encoder) {
	e.string(1, m.typ)
	e.uint(2, uint64(m.number)) //nolint:gosec // int32 is encoded with its sign extended
}

func (m *extensionRequest) decode(f *field) error {
	switch {
	case f.is(1, protowire.BytesType):
		return f.string(&m.typ)
	case f.is(2, protowire.VarintType):
		m.number = int32(f.varint) //nolint:gosec // the number's lower 32 bits
	}
	return nil
}

func (m *reflectionRequest) Reset() { *m = reflectionRequest{} }

func (m *reflectionRequest) encode(e *encoder) {
	e.string(1, m.host)
	switch m.ask {
	case askNothing:
	case askExtension:
		e.message(m.ask, &m.ext)
	default:
		e.present(m.ask, m.text)
	}
}

func (m *reflectionRequest) decode(f *field) error {
	if f.typ != protowire.BytesType {
		return nil
	}
	switch f.num {
	case 1:
		return f.string(&m.host)
	case askFile, askSymbol, askExtensions, askServices:
		m.ask, m.ext = f.num, extensionRequest{}
		return f.string(&m.text)
	case askExtension:
		m.ask, m.text = f.num, ""
		return unmarshal(f.bytes, &m.ext)
	default:
		return nil
	}
}

// SizeVT returns the length of the encoding.
func (m *reflectionRequest) SizeVT() int { return sizeOf(m) }

// MarshalToSizedBufferVT writes the encoding to the end of b.
func (m *reflectionRequest) MarshalToSizedBufferVT(b []byte) (int, error) { return marshalTo(b, m) }

// UnmarshalVT decodes src.
func (m *reflectionRequest) UnmarshalVT(src []byte) error { return unmarshal(src, m) }

// reflectionResponse has one of files, extensions, services and failure.
type reflectionResponse struct {
	host       string
	request    *reflectionRequest
	files      *fileList
	extensions *extensionList
	services   *serviceList
	failure    *reflectionError
}

func (m *reflectionResponse) Reset() { *m = reflectionResponse{} }

func (m *reflectionResponse) encode(e *encoder) {
	e.string(1, m.host)
	if m.request != nil {
		e.message(2, m.request)
	}
	switch {
	case m.files != nil:
		e.message(4, m.files)
	case m.extensions != nil:
		e.message(5, m.extensions)
	case m.services != nil:
		e.message(6, m.services)
	case m.failure != nil:
		e.message(7, m.failure)
	}
}

func (m *reflectionResponse) decode(f *field) error {
	if f.typ != protowire.BytesType {
		return nil
	}
	switch f.num {
	case 1:
		return f.string(&m.host)
	case 2:
		m.request = new(reflectionRequest)
		return unmarshal(f.bytes, m.request)
	case 4:
		m.files = new(fileList)
		return unmarshal(f.bytes, m.files)
	case 5:
		m.extensions = new(extensionList)
		return unmarshal(f.bytes, m.extensions)
	case 6:
		m.services = new(serviceList)
		return unmarshal(f.bytes, m.services)
	case 7:
		m.failure = new(reflectionError)
		return unmarshal(f.bytes, m.failure)
	default:
		return nil
	}
}

// SizeVT returns the length of the encoding.
func (m *reflectionResponse) SizeVT() int { return sizeOf(m) }

// MarshalToSizedBufferVT writes the encoding to the end of b.
func (m *reflectionResponse) MarshalToSizedBufferVT(b []byte) (int, error) { return marshalTo(b, m) }

// UnmarshalVT decodes src.
func (m *reflectionResponse) UnmarshalVT(src []byte) error { return unmarshal(src, m) }

// fileList has serialized google.protobuf.FileDescriptorProto messages.
type fileList struct{ files [][]byte }

func (m *fileList) Reset() { *m = fileList{} }

func (m *fileList) encode(e *encoder) {
	for _, f := range m.files {
		e.bytes(1, f)
	}
}

func (m *fileList) decode(f *field) error {
	if f.is(1, protowire.BytesType) {
		m.files = append(m.files, bytes.Clone(f.bytes))
	}
	return nil
}

type extensionList struct {
	typ     string
	numbers []int32
}

func (m *extensionList) Reset() { *m = extensionList{} }

func (m *extensionList) encode(e *encoder) {
	e.string(1, m.typ)
	e.packed(2, m.numbers)
}

func (m *extensionList) decode(f *field) error {
	switch {
	case f.is(1, protowire.BytesType):
		return f.string(&m.typ)
	case f.is(2, protowire.VarintType):
		m.numbers = append(m.numbers, int32(f.varint)) //nolint:gosec // the number's lower 32 bits
	case f.is(2, protowire.BytesType):
		for b := f.bytes; len(b) > 0; {
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return protowire.ParseError(n)
			}
			m.numbers = append(m.numbers, int32(v)) //nolint:gosec // the number's lower 32 bits
			b = b[n:]
		}
	}
	return nil
}

type serviceList struct{ names []string }

func (m *serviceList) Reset() { *m = serviceList{} }

func (m *serviceList) encode(e *encoder) {
	for _, name := range m.names {
		e.message(1, &serviceName{name})
	}
}

func (m *serviceList) decode(f *field) error {
	if !f.is(1, protowire.BytesType) {
		return nil
	}
	var s serviceName
	if err := unmarshal(f.bytes, &s); err != nil {
		return err
	}
	m.names = append(m.names, s.name)
	return nil
}

type serviceName struct{ name string }

func (m *serviceName) Reset()            { *m = serviceName{} }
func (m *serviceName) encode(e *encoder) { e.string(1, m.name) }

func (m *serviceName) decode(f *field) error {
	if f.is(1, protowire.BytesType) {
		return f.string(&m.name)
	}
	return nil
}

type reflectionError struct {
	code int32
	text string
}

func (m *reflectionError) Reset() { *m = reflectionError{} }

func (m *reflectionError) encode(e *encoder) {
	e.uint(1, uint64(m.code)) //nolint:gosec // codes are positive
	e.string(2, m.text)
}

func (m *reflectionError) decode(f *field) error {
	switch {
	case f.is(1, protowire.VarintType):
		m.code = int32(f.varint) //nolint:gosec // the number's lower 32 bits
	case f.is(2, protowire.BytesType):
		return f.string(&m.text)
	}
	return nil
}
