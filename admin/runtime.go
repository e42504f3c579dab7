package admin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/adminpb"
	"github.com/fairlead-go/fairlead/server"
)

// runtimeName is the service's full name.
const runtimeName = "fairlead.admin.v1.Runtime"

// Runtime serves the state of the process, by the service fairlead.admin.v1.Runtime: memory, goroutines, limits, and
// the load of servers. That is more than the callers of a service should know, so it belongs on an address for
// operators. It is safe for concurrent use.
type Runtime struct {
	start   time.Time
	servers []serverSource
	build   buildInfo
	limits  func() (Limits, error)
}

// RuntimeOption configures a Runtime.
type RuntimeOption interface{ apply(r *Runtime) error }

type runtimeOption func(*Runtime) error

func (o runtimeOption) apply(r *Runtime) error { return o(r) }

type serverSource struct {
	name  string
	stats func() server.Stats
}

// ServerStats adds the load of a server to Runtime, under a name. It may be given for several servers.
func ServerStats(name string, s *server.Server) RuntimeOption {
	return runtimeOption(func(r *Runtime) error {
		switch {
		case s == nil:
			return fmt.Errorf("admin: ServerStats: the server %q is nil", name)
		case slices.ContainsFunc(r.servers, func(o serverSource) bool { return o.name == name }):
			return fmt.Errorf("admin: ServerStats: there are two servers %q", name)
		}
		r.servers = append(r.servers, serverSource{name, s.Stats})
		return nil
	})
}

// NewRuntime makes a Runtime. It takes the time of this call as the start of the process.
func NewRuntime(opts ...RuntimeOption) (*Runtime, error) {
	r := &Runtime{
		start:  time.Now(),
		build:  readBuildInfo(),
		limits: func() (Limits, error) { return ReadLimits(os.DirFS("/")) },
	}
	var errs []error
	for _, o := range opts {
		if o == nil {
			errs = append(errs, errors.New("admin: NewRuntime: nil RuntimeOption"))
			continue
		}
		errs = append(errs, o.apply(r))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

// Service returns the implementation for server.Service.
func (r *Runtime) Service() *fairlead.Implementation {
	return fairlead.Implement(fairlead.NewService(runtimeName, "proto", runtimeSchema, runtimeRead()),
		fairlead.UnaryHandler(func(context.Context, *adminpb.ReadRequest) (*adminpb.ReadResponse, error) {
			return r.Read().message(), nil
		}))
}

func runtimeRead() *fairlead.Method {
	return fairlead.NewMethod[adminpb.ReadRequest, adminpb.ReadResponse](fairlead.Unary, runtimeName, "Read",
		func(m *fairlead.Method) { m.Idempotency, m.Criticality = fairlead.NoSideEffects, fairlead.CriticalPlus })
}

// RuntimeInfo is the state of a process at one moment. Unknown values are zero.
type RuntimeInfo struct {
	Time  time.Time // of the reading, by the process's clock
	Start time.Time

	GoVersion     string // "go1.26.0"
	Module        string // path of the program's module
	ModuleVersion string // "(devel)" when it was built from a checkout
	Revision      string // of the version control system

	Goroutines uint64
	// HeapLive is the number of bytes of the heap that the last garbage collection found in use. It does not change
	// between two collections.
	HeapLive uint64
	HeapUsed uint64 // bytes of objects, including those that the next collection will free
	Memory   uint64 // bytes that the runtime has from the operating system and has not given back

	GCCycles   uint64
	PauseTotal time.Duration // of all collections
	PauseMax   time.Duration // of the last 256

	Processors  int   // that the process may use at once, GOMAXPROCS
	MachineCPUs int   // that the machine, or the process's affinity mask, has
	MemoryLimit int64 // bytes that the collector aims at, GOMEMLIMIT; 0: none
	GCPercent   int   // GOGC; -1: off
	Limits      Limits

	OpenFiles uint64 // file descriptors
	MaxFiles  uint64

	Servers []ServerInfo
}

// ServerInfo is the load of one server.
type ServerInfo struct {
	Name string
	server.Stats
}

// The names of runtime/metrics that Read uses.
const (
	metricGoroutines = "/sched/goroutines:goroutines"
	metricHeapLive   = "/gc/heap/live:bytes"
	metricHeapUsed   = "/memory/classes/heap/objects:bytes"
	metricTotal      = "/memory/classes/total:bytes"
	metricReleased   = "/memory/classes/heap/released:bytes"
	metricCycles     = "/gc/cycles/total:gc-cycles"
	metricGOGC       = "/gc/gogc:percent"
	metricMemLimit   = "/gc/gomemlimit:bytes"
)

// Read returns the state of the process. It does not stop the world.
func (r *Runtime) Read() *RuntimeInfo {
	info := &RuntimeInfo{
		Time:          time.Now(),
		Start:         r.start,
		GoVersion:     runtime.Version(),
		Module:        r.build.module,
		ModuleVersion: r.build.version,
		Revision:      r.build.revision,
		Processors:    runtime.GOMAXPROCS(0),
		MachineCPUs:   runtime.NumCPU(),
	}
	m := readMetrics()
	info.Goroutines = m[metricGoroutines]
	info.HeapLive, info.HeapUsed = m[metricHeapLive], m[metricHeapUsed]
	info.Memory = m[metricTotal] - m[metricReleased]
	info.GCCycles = m[metricCycles]
	if limit := m[metricMemLimit]; limit < math.MaxInt64 {
		info.MemoryLimit = int64(limit)
	}
	if percent := m[metricGOGC]; percent <= math.MaxInt32 {
		info.GCPercent = int(percent)
	} else {
		info.GCPercent = -1
	}
	var gc debug.GCStats
	debug.ReadGCStats(&gc)
	info.PauseTotal = gc.PauseTotal
	if len(gc.Pause) > 0 {
		info.PauseMax = slices.Max(gc.Pause)
	}
	info.Limits, _ = r.limits() // limits that cannot be read are unknown
	info.OpenFiles, info.MaxFiles = openFiles()
	for _, s := range r.servers {
		info.Servers = append(info.Servers, ServerInfo{s.name, s.stats()})
	}
	return info
}

func readMetrics() map[string]uint64 {
	samples := []metrics.Sample{
		{Name: metricGoroutines}, {Name: metricHeapLive}, {Name: metricHeapUsed}, {Name: metricTotal},
		{Name: metricReleased}, {Name: metricCycles}, {Name: metricGOGC}, {Name: metricMemLimit},
	}
	metrics.Read(samples)
	values := make(map[string]uint64, len(samples))
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			values[s.Name] = s.Value.Uint64()
		}
	}
	return values
}

// buildInfo is what the linker has recorded.
type buildInfo struct{ module, version, revision string }

func readBuildInfo() buildInfo {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return buildInfo{}
	}
	b := buildInfo{module: info.Main.Path, version: info.Main.Version}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.revision = s.Value
		}
	}
	return b
}

// RuntimeClient reads the Runtime of another process. It is safe for concurrent use.
type RuntimeClient struct {
	method *fairlead.Method
	read   fairlead.Handler
}

// NewRuntimeClient makes a RuntimeClient on b, such as a client.Client. b must not be nil.
func NewRuntimeClient(b fairlead.Binder) *RuntimeClient {
	m := runtimeRead()
	return &RuntimeClient{method: m, read: b.Bind(m)}
}

// Read returns the state of the process. A process without a Runtime answers UNIMPLEMENTED.
func (c *RuntimeClient) Read(ctx context.Context, opts ...fairlead.CallOption) (*RuntimeInfo, error) {
	call := fairlead.NewCall(c.method, &adminpb.ReadRequest{}, opts...)
	resp, err := fairlead.Result[adminpb.ReadResponse](call, c.read(ctx, call))
	if err != nil {
		return nil, err
	}
	return runtimeInfo(resp), nil
}
