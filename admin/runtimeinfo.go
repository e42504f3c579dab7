package admin

import (
	"math"
	"time"

	"github.com/fairlead-go/fairlead/internal/adminpb"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/server"
)

// message returns the info as a message. Numbers that may be negative are converted back by runtimeInfo.
func (i *RuntimeInfo) message() *adminpb.ReadResponse {
	m := &adminpb.ReadResponse{
		TimeUnixNano:         unixNano(i.Time),
		StartUnixNano:        unixNano(i.Start),
		GoVersion:            i.GoVersion,
		Module:               i.Module,
		ModuleVersion:        i.ModuleVersion,
		Revision:             i.Revision,
		Goroutines:           i.Goroutines,
		HeapLiveBytes:        i.HeapLive,
		HeapUsedBytes:        i.HeapUsed,
		MemoryBytes:          i.Memory,
		GcCycles:             i.GCCycles,
		GcPauseTotalNanos:    uint64(i.PauseTotal),
		GcPauseMaxNanos:      uint64(i.PauseMax),
		Processors:           uint64(i.Processors),
		MachineCpus:          uint64(i.MachineCPUs),
		MemoryLimitBytes:     uint64(i.MemoryLimit),
		GcPercent:            int64(i.GCPercent),
		ContainerCpuMillis:   uint64(math.Round(i.Limits.CPU * 1000)),
		ContainerMemoryBytes: uint64(i.Limits.Memory),
		OpenFiles:            i.OpenFiles,
		MaxFiles:             i.MaxFiles,
	}
	for j := range i.Servers {
		m.Servers = append(m.Servers, i.Servers[j].message())
	}
	return m
}

func (s *ServerInfo) message() *adminpb.Server {
	m := &adminpb.Server{
		Name:               s.Name,
		Connections:        uint64(s.Connections),
		Detecting:          uint64(s.Detecting),
		Accepted:           uint64(s.Accepted),
		RefusedConnections: uint64(s.RefusedConnections),
		Calls:              uint64(s.Calls),
		RequestBytes:       uint64(s.Bytes),
		RefusedCalls:       uint64(s.Refused),
		StolenRoles:        uint64(s.Stolen),
	}
	for kind, n := range s.Guard.All() {
		if n != 0 {
			m.Abuse = append(m.Abuse, &adminpb.AbuseCount{Kind: kind, Count: uint64(n)})
		}
	}
	return m
}

// runtimeInfo is the reverse of message. Fields that this version does not know are left out.
func runtimeInfo(m *adminpb.ReadResponse) *RuntimeInfo {
	i := &RuntimeInfo{
		Time:          fromUnixNano(m.GetTimeUnixNano()),
		Start:         fromUnixNano(m.GetStartUnixNano()),
		GoVersion:     m.GetGoVersion(),
		Module:        m.GetModule(),
		ModuleVersion: m.GetModuleVersion(),
		Revision:      m.GetRevision(),
		Goroutines:    m.GetGoroutines(),
		HeapLive:      m.GetHeapLiveBytes(),
		HeapUsed:      m.GetHeapUsedBytes(),
		Memory:        m.GetMemoryBytes(),
		GCCycles:      m.GetGcCycles(),
		PauseTotal:    time.Duration(m.GetGcPauseTotalNanos()),
		PauseMax:      time.Duration(m.GetGcPauseMaxNanos()),
		Processors:    int(m.GetProcessors()),
		MachineCPUs:   int(m.GetMachineCpus()),
		MemoryLimit:   int64(m.GetMemoryLimitBytes()),
		GCPercent:     int(m.GetGcPercent()),
		Limits: Limits{
			CPU:    float64(m.GetContainerCpuMillis()) / 1000,
			Memory: int64(m.GetContainerMemoryBytes()),
		},
		OpenFiles: m.GetOpenFiles(),
		MaxFiles:  m.GetMaxFiles(),
	}
	for _, s := range m.GetServers() {
		i.Servers = append(i.Servers, serverInfo(s))
	}
	return i
}

func serverInfo(m *adminpb.Server) ServerInfo {
	counts := make(map[string]int64, len(m.GetAbuse()))
	for _, a := range m.GetAbuse() {
		counts[a.GetKind()] = int64(a.GetCount())
	}
	var guard protocol.AbuseCounts
	kind := 0
	for name := range guard.All() { // in the order of the index
		guard[kind] = counts[name]
		kind++
	}
	return ServerInfo{Name: m.GetName(), Stats: server.Stats{
		Connections:        int(m.GetConnections()),
		Detecting:          int(m.GetDetecting()),
		Accepted:           int64(m.GetAccepted()),
		RefusedConnections: int64(m.GetRefusedConnections()),
		Calls:              int(m.GetCalls()),
		Bytes:              int64(m.GetRequestBytes()),
		Refused:            int64(m.GetRefusedCalls()),
		Stolen:             int64(m.GetStolenRoles()),
		Guard:              guard,
	}}
}

// unixNano returns t in nanoseconds since 1970, 0 for the zero time.
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
	return time.Unix(0, int64(n))
}
