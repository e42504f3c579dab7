package admin

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead/internal/adminpb"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/server"
)

// TestRuntimeOverGRPC reads a process through the usual server and client.
func TestRuntimeOverGRPC(t *testing.T) {
	t.Parallel()
	main, err := preset.NewServer("127.0.0.1:0", server.Service(NewHealth().Service()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRuntime(ServerStats("main", main))
	if err != nil {
		t.Fatal(err)
	}
	reflection, err := Reflection(r.Service().Service)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := preset.NewServer("127.0.0.1:0", server.Service(r.Service()), server.Service(reflection...))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Shutdown(context.Background()) })
	conn, err := preset.NewClient(srv.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	runtime.GC() // so that there is a live heap
	got, err := NewRuntimeClient(conn).Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.GoVersion != runtime.Version() || got.Processors != runtime.GOMAXPROCS(0) ||
		got.MachineCPUs != runtime.NumCPU() || got.Module == "" {
		t.Errorf("got %+v", got)
	}
	if got.Goroutines == 0 || got.HeapLive == 0 || got.HeapUsed == 0 || got.Memory < got.HeapUsed ||
		got.GCCycles == 0 || got.PauseTotal <= 0 || got.PauseMax <= 0 || got.PauseMax > got.PauseTotal {
		t.Errorf("got %+v, want figures of a process that runs", got)
	}
	if d := time.Since(got.Time); d < 0 || d > time.Minute || got.Start.After(got.Time) {
		t.Errorf("got a reading at %v of a process from %v", got.Time, got.Start)
	}
	if runtime.GOOS == "linux" && (got.OpenFiles < 3 || got.MaxFiles < got.OpenFiles) {
		t.Errorf("got %d of %d open files", got.OpenFiles, got.MaxFiles)
	}
	if len(got.Servers) != 1 || got.Servers[0].Name != "main" {
		t.Errorf("got servers %+v", got.Servers)
	}
}

func TestNewRuntimeRefuses(t *testing.T) {
	t.Parallel()
	s, err := preset.NewServer("127.0.0.1:0", server.Service(NewHealth().Service()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewRuntime(nil, ServerStats("a", nil), ServerStats("b", s), ServerStats("b", s))
	for _, want := range []string{"nil RuntimeOption", `the server "a" is nil`, `two servers "b"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestRuntimeMessage: what is read is what the other side gets.
func TestRuntimeMessage(t *testing.T) {
	t.Parallel()
	var guard protocol.AbuseCounts
	guard[protocol.FloodPing], guard[protocol.TooManyPings] = 7, 8
	full := RuntimeInfo{
		Time: time.Unix(0, 1e18), Start: time.Unix(0, 5), GoVersion: "go1.26", Module: "m", ModuleVersion: "v1",
		Revision: "abc", Goroutines: 7, HeapLive: 8, HeapUsed: 9, Memory: 10, GCCycles: 11, PauseTotal: 12, PauseMax: 13,
		Processors: 14, MachineCPUs: 15, MemoryLimit: 16, GCPercent: -1, Limits: Limits{CPU: 1.5, Memory: 19},
		OpenFiles: 20, MaxFiles: 21,
		Servers: []ServerInfo{
			{Name: "a", Stats: server.Stats{
				Connections: 1, Detecting: 2, Accepted: 3, RefusedConnections: 4, Calls: 5, Bytes: 6, Refused: 7, Stolen: 8,
				Guard: guard,
			}},
			{Name: "b"},
		},
	}
	const text = `time_unix_nano:1000000000000000000 start_unix_nano:5 go_version:"go1.26" module:"m"
		module_version:"v1" revision:"abc" goroutines:7 heap_live_bytes:8 heap_used_bytes:9 memory_bytes:10 gc_cycles:11
		gc_pause_total_nanos:12 gc_pause_max_nanos:13 processors:14 machine_cpus:15 memory_limit_bytes:16 gc_percent:-1
		container_cpu_millis:1500 container_memory_bytes:19 open_files:20 max_files:21
		servers:{name:"a" connections:1 detecting:2 accepted:3 refused_connections:4 calls:5 request_bytes:6
			refused_calls:7 stolen_roles:8 abuse:{kind:"ping_flood" count:7} abuse:{kind:"too_many_pings" count:8}}
		servers:{name:"b"}`
	var want adminpb.ReadResponse
	if err := prototext.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	got := full.message()
	if !proto.Equal(got, &want) {
		t.Errorf("got %v, want %v", got, &want)
	}
	got.ProtoReflect().SetUnknown([]byte{0xa0, 0x06, 0x01}) // a field, and a kind of abuse, of the future
	got.Servers[1].Abuse = append(got.Servers[1].Abuse, &adminpb.AbuseCount{Kind: "new", Count: 1})
	if back := runtimeInfo(got); !reflect.DeepEqual(*back, full) {
		t.Errorf("got %+v, want %+v", *back, full)
	}
	if back := runtimeInfo(new(RuntimeInfo).message()); !reflect.DeepEqual(*back, RuntimeInfo{}) {
		t.Errorf("got %+v, want nothing", *back)
	}
}

func TestReadLimits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		files map[string]string
		want  Limits
	}{
		{"version 2, in a container", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/cpu.max":    "150000 100000\n",
			"sys/fs/cgroup/memory.max": "268435456\n",
		}, Limits{1.5, 256 << 20}},
		{"version 2, without limits", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/cpu.max":    "max 100000\n",
			"sys/fs/cgroup/memory.max": "max\n",
		}, Limits{}},
		{"version 2, a limit of a group above", map[string]string{
			"proc/self/cgroup":                           "0::/a.slice/b.service\n",
			"sys/fs/cgroup/a.slice/cpu.max":              "200000 100000\n",
			"sys/fs/cgroup/a.slice/b.service/cpu.max":    "max 100000\n",
			"sys/fs/cgroup/a.slice/b.service/memory.max": "1000000\n",
			"sys/fs/cgroup/a.slice/memory.max":           "2000000\n",
		}, Limits{2, 1000000}},
		{"version 2, the host's path within a container", map[string]string{
			"proc/self/cgroup":         "0::/kubepods.slice/pod1/../container\n",
			"sys/fs/cgroup/memory.max": "1000\n",
		}, Limits{0, 1000}},
		{"version 1", map[string]string{
			"proc/self/cgroup": "11:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/\n",
			"sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us":         "50000\n",
			"sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us":        "100000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":          "9223372036854771712\n",
			"sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "4194304\n",
		}, Limits{0.5, 4 << 20}},
		{"version 1, without limits", map[string]string{
			"proc/self/cgroup":                           "11:memory:/\n4:cpu,cpuacct:/\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         "-1\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":        "100000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, Limits{}},
		{"nonsense", map[string]string{
			"proc/self/cgroup":         "0\n\n0::/../../..\nx:y:z\n",
			"sys/fs/cgroup/cpu.max":    "many few\n",
			"sys/fs/cgroup/memory.max": "-5\n",
		}, Limits{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fsys := make(fstest.MapFS)
			for name, text := range tt.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			got, err := ReadLimits(fsys)
			if err != nil || got.Memory != tt.want.Memory || math.Abs(got.CPU-tt.want.CPU) > 1e-9 {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	if got, err := ReadLimits(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) || got != (Limits{}) {
		t.Errorf("without control groups: got %+v, %v", got, err)
	}
}
