package admin

import (
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/protocol"
)

// The messages of fairlead/admin/v1/runtime.proto, which runtimeSchema has. A field's number is never used for another.

type runtimeRequest struct{}

func (m *runtimeRequest) Reset()              {}
func (m *runtimeRequest) encode(*encoder)     {}
func (m *runtimeRequest) decode(*field) error { return nil }

// SizeVT returns the length of the encoding.
func (m *runtimeRequest) SizeVT() int { return 0 }

// MarshalToSizedBufferVT writes the encoding to the end of b.
func (m *runtimeRequest) MarshalToSizedBufferVT([]byte) (int, error) { return 0, nil }

// UnmarshalVT decodes src.
func (m *runtimeRequest) UnmarshalVT(src []byte) error { return unmarshal(src, m) }

type runtimeResponse struct{ RuntimeInfo }

func (m *runtimeResponse) Reset() { *m = runtimeResponse{} }

//nolint:gosec // all numbers are 64 bits wide, and come back as what they were
func (m *runtimeResponse) encode(e *encoder) {
	e.uint(1, unixNano(m.Time))
	e.uint(2, unixNano(m.Start))
	e.string(3, m.GoVersion)
	e.string(4, m.Module)
	e.string(5, m.ModuleVersion)
	e.string(6, m.Revision)
	e.uint(7, m.Goroutines)
	e.uint(8, m.HeapLive)
	e.uint(9, m.HeapUsed)
	e.uint(10, m.Memory)
	e.uint(11, m.GCCycles)
	e.uint(12, uint64(m.PauseTotal))
	e.uint(13, uint64(m.PauseMax))
	e.uint(14, uint64(m.Processors))
	e.uint(15, uint64(m.MachineCPUs))
	e.uint(16, uint64(m.MemoryLimit))
	e.uint(17, uint64(m.GCPercent))
	e.uint(18, uint64(math.Round(m.Limits.CPU*1000)))
	e.uint(19, uint64(m.Limits.Memory))
	e.uint(20, m.OpenFiles)
	e.uint(21, m.MaxFiles)
	for i := range m.Servers {
		e.message(22, (*serverMessage)(&m.Servers[i]))
	}
}

//nolint:gosec // as above
func (m *runtimeResponse) decode(f *field) error {
	switch f.typ {
	case protowire.BytesType:
		return m.decodeBytes(f)
	case protowire.VarintType:
	default:
		return nil
	}
	v := f.varint
	switch f.num {
	case 1:
		m.Time = fromUnixNano(v)
	case 2:
		m.Start = fromUnixNano(v)
	case 7:
		m.Goroutines = v
	case 8:
		m.HeapLive = v
	case 9:
		m.HeapUsed = v
	case 10:
		m.Memory = v
	case 11:
		m.GCCycles = v
	case 12:
		m.PauseTotal = time.Duration(v)
	case 13:
		m.PauseMax = time.Duration(v)
	case 14:
		m.Processors = int(v)
	case 15:
		m.MachineCPUs = int(v)
	case 16:
		m.MemoryLimit = int64(v)
	case 17:
		m.GCPercent = int(int64(v))
	case 18:
		m.Limits.CPU = float64(v) / 1000
	case 19:
		m.Limits.Memory = int64(v)
	case 20:
		m.OpenFiles = v
	case 21:
		m.MaxFiles = v
	default: // of a newer version
	}
	return nil
}

func (m *runtimeResponse) decodeBytes(f *field) error {
	switch f.num {
	case 3:
		return f.string(&m.GoVersion)
	case 4:
		return f.string(&m.Module)
	case 5:
		return f.string(&m.ModuleVersion)
	case 6:
		return f.string(&m.Revision)
	case 22:
		var s serverMessage
		if err := unmarshal(f.bytes, &s); err != nil {
			return err
		}
		m.Servers = append(m.Servers, ServerInfo(s))
	default:
	}
	return nil
}

// SizeVT returns the length of the encoding.
func (m *runtimeResponse) SizeVT() int { return sizeOf(m) }

// MarshalToSizedBufferVT writes the encoding to the end of b.
func (m *runtimeResponse) MarshalToSizedBufferVT(b []byte) (int, error) { return marshalTo(b, m) }

// UnmarshalVT decodes src.
func (m *runtimeResponse) UnmarshalVT(src []byte) error { return unmarshal(src, m) }

type serverMessage ServerInfo

func (m *serverMessage) Reset() { *m = serverMessage{} }

//nolint:gosec // counts
func (m *serverMessage) encode(e *encoder) {
	e.string(1, m.Name)
	e.uint(2, uint64(m.Connections))
	e.uint(3, uint64(m.Detecting))
	e.uint(4, uint64(m.Accepted))
	e.uint(5, uint64(m.RefusedConnections))
	e.uint(6, uint64(m.Calls))
	e.uint(7, uint64(m.Bytes))
	e.uint(8, uint64(m.Refused))
	e.uint(9, uint64(m.Stolen))
	for name, n := range m.Guard.All() {
		if n != 0 {
			e.message(10, &abuseMessage{name, n})
		}
	}
}

//nolint:gosec // counts
func (m *serverMessage) decode(f *field) error {
	if f.typ == protowire.BytesType {
		return m.decodeBytes(f)
	}
	if f.typ != protowire.VarintType {
		return nil
	}
	v := int64(f.varint)
	switch f.num {
	case 2:
		m.Connections = int(v)
	case 3:
		m.Detecting = int(v)
	case 4:
		m.Accepted = v
	case 5:
		m.RefusedConnections = v
	case 6:
		m.Calls = int(v)
	case 7:
		m.Bytes = v
	case 8:
		m.Refused = v
	case 9:
		m.Stolen = v
	default:
	}
	return nil
}

func (m *serverMessage) decodeBytes(f *field) error {
	switch f.num {
	case 1:
		return f.string(&m.Name)
	case 10:
		var a abuseMessage
		if err := unmarshal(f.bytes, &a); err != nil {
			return err
		}
		i := 0
		for name := range (protocol.AbuseCounts{}).All() { // in the order of the index
			if name == a.kind {
				m.Guard[i] = a.count
			}
			i++
		}
	default:
	}
	return nil
}

// abuseMessage is how often one kind of abuse was counted.
type abuseMessage struct {
	kind  string
	count int64
}

func (m *abuseMessage) Reset() { *m = abuseMessage{} }

func (m *abuseMessage) encode(e *encoder) {
	e.string(1, m.kind)
	e.uint(2, uint64(m.count)) //nolint:gosec // a count
}

func (m *abuseMessage) decode(f *field) error {
	switch {
	case f.is(1, protowire.BytesType):
		return f.string(&m.kind)
	case f.is(2, protowire.VarintType):
		m.count = int64(f.varint) //nolint:gosec // a count
	}
	return nil
}

func unixNano(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixNano())
}

func fromUnixNano(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(n)) //nolint:gosec // as above
}

// runtimeSchema is fairlead/admin/v1/runtime.proto.
func runtimeSchema() []byte {
	const pkg = ".fairlead.admin.v1."
	count := func(name string, num int32) *descriptorpb.FieldDescriptorProto {
		return scalar(name, num, descriptorpb.FieldDescriptorProto_TYPE_UINT64)
	}
	signed := func(name string, num int32) *descriptorpb.FieldDescriptorProto {
		return scalar(name, num, descriptorpb.FieldDescriptorProto_TYPE_INT64)
	}
	return gzipped(&descriptorpb.FileDescriptorProto{
		Name:    new("fairlead/admin/v1/runtime.proto"),
		Package: new("fairlead.admin.v1"),
		MessageType: []*descriptorpb.DescriptorProto{
			msgType("ReadRequest"),
			msgType("ReadResponse",
				count("time_unix_nano", 1), count("start_unix_nano", 2),
				text("go_version", 3), text("module", 4), text("module_version", 5), text("revision", 6),
				count("goroutines", 7), count("heap_live_bytes", 8), count("heap_used_bytes", 9),
				count("memory_bytes", 10), count("gc_cycles", 11),
				count("gc_pause_total_nanos", 12), count("gc_pause_max_nanos", 13),
				count("processors", 14), count("machine_cpus", 15), count("memory_limit_bytes", 16),
				signed("gc_percent", 17), count("container_cpu_millis", 18), count("container_memory_bytes", 19),
				count("open_files", 20), count("max_files", 21),
				nested("servers", 22, pkg+"Server", repeated)),
			msgType("Server",
				text("name", 1), count("connections", 2), count("detecting", 3), count("accepted", 4),
				count("refused_connections", 5), count("calls", 6), count("request_bytes", 7),
				count("refused_calls", 8), count("stolen_roles", 9), nested("abuse", 10, pkg+"AbuseCount", repeated)),
			msgType("AbuseCount", text("kind", 1), count("count", 2)),
		},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: new("Runtime"),
			Method: []*descriptorpb.MethodDescriptorProto{
				rpc("Read", pkg+"ReadRequest", pkg+"ReadResponse", false, false),
			},
		}},
	})
}
