package admin

import "google.golang.org/protobuf/encoding/protowire"

// The messages of grpc/health/v1/health.proto.

type healthRequest struct{ service string }

func (m *healthRequest) Reset()            { *m = healthRequest{} }
func (m *healthRequest) encode(e *encoder) { e.string(1, m.service) }

func (m *healthRequest) decode(f *field) error {
	if f.is(1, protowire.BytesType) {
		return f.string(&m.service)
	}
	return nil
}

// SizeVT returns the length of the encoding.
func (m *healthRequest) SizeVT() int { return sizeOf(m) }

// MarshalToSizedBufferVT writes the encoding to the end of b.
func (m *healthRequest) MarshalToSizedBufferVT(b []byte) (int, error) { return marshalTo(b, m) }

// UnmarshalVT decodes src.
func (m *healthRequest) UnmarshalVT(src []byte) error { return unmarshal(src, m) }

type healthResponse struct{ status Status }

func (m *healthResponse) Reset() { *m = healthResponse{} }

func (m *healthResponse) encode(e *encoder) {
	e.uint(1, uint64(m.status)) //nolint:gosec // an enum is encoded with its sign extended
}

func (m *healthResponse) decode(f *field) error {
	if f.is(1, protowire.VarintType) {
		m.status = Status(f.varint) //nolint:gosec // an enum is 32 bits of it
	}
	return nil
}

// SizeVT returns the length of the encoding.
func (m *healthResponse) SizeVT() int { return sizeOf(m) }

// MarshalToSizedBufferVT writes the encoding to the end of b.
func (m *healthResponse) MarshalToSizedBufferVT(b []byte) (int, error) { return marshalTo(b, m) }

// UnmarshalVT decodes src.
func (m *healthResponse) UnmarshalVT(src []byte) error { return unmarshal(src, m) }

type healthListRequest struct{}

func (m *healthListRequest) Reset()              {}
func (m *healthListRequest) encode(*encoder)     {}
func (m *healthListRequest) decode(*field) error { return nil }

// SizeVT returns the length of the encoding.
func (m *healthListRequest) SizeVT() int { return 0 }

// MarshalToSizedBufferVT writes the encoding to the end of b.
func (m *healthListRequest) MarshalToSizedBufferVT([]byte) (int, error) { return 0, nil }

// UnmarshalVT decodes src.
func (m *healthListRequest) UnmarshalVT(src []byte) error { return unmarshal(src, m) }

// healthListResponse has a map, which on the wire is a list of messages.
type healthListResponse struct{ statuses []healthEntry }

type healthEntry struct {
	service  string
	response healthResponse
}

func (m *healthEntry) Reset() { *m = healthEntry{} }

func (m *healthEntry) encode(e *encoder) {
	e.present(1, m.service)
	e.message(2, &m.response)
}

func (m *healthEntry) decode(f *field) error {
	switch {
	case f.is(1, protowire.BytesType):
		return f.string(&m.service)
	case f.is(2, protowire.BytesType):
		return unmarshal(f.bytes, &m.response)
	}
	return nil
}

func (m *healthListResponse) Reset() { *m = healthListResponse{} }

func (m *healthListResponse) encode(e *encoder) {
	for i := range m.statuses {
		e.message(1, &m.statuses[i])
	}
}

func (m *healthListResponse) decode(f *field) error {
	if !f.is(1, protowire.BytesType) {
		return nil
	}
	var entry healthEntry
	if err := unmarshal(f.bytes, &entry); err != nil {
		return err
	}
	m.statuses = append(m.statuses, entry)
	return nil
}

// SizeVT returns the length of the encoding.
func (m *healthListResponse) SizeVT() int { return sizeOf(m) }

// MarshalToSizedBufferVT writes the encoding to the end of b.
func (m *healthListResponse) MarshalToSizedBufferVT(b []byte) (int, error) { return marshalTo(b, m) }

// UnmarshalVT decodes src.
func (m *healthListResponse) UnmarshalVT(src []byte) error { return unmarshal(src, m) }
