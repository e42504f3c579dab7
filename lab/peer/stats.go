package peer

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Stats are figures of a process since it was started.
type Stats struct {
	Time         time.Time `json:"time"`
	UserMicros   int64     `json:"user_micros"`   // CPU time in user mode
	SystemMicros int64     `json:"system_micros"` // CPU time in the kernel
	Mallocs      uint64    `json:"mallocs"`       // objects allocated
	Bytes        uint64    `json:"bytes"`         // bytes allocated
	Collections  uint32    `json:"collections"`   // garbage collections
	Heap         uint64    `json:"heap"`          // bytes of live and not yet swept objects now
	RSS          int64     `json:"rss"`           // bytes resident now; 0 where the system does not tell
	Goroutines   int       `json:"goroutines"`    // now
}

// CPUMicros is CPU time in both modes.
func (s *Stats) CPUMicros() int64 { return s.UserMicros + s.SystemMicros }

// ReadStats reads the figures of this process. With settle it collects garbage first and gives the memory back to the
// system, so that RSS is what is in use.
func ReadStats(settle bool) Stats {
	if settle {
		runtime.GC()
		runtime.GC() // sync.Pool keeps its victims for one more cycle
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	user, system := cpuTime()
	return Stats{
		Time:         time.Now(),
		UserMicros:   user.Microseconds(),
		SystemMicros: system.Microseconds(),
		Mallocs:      m.Mallocs,
		Bytes:        m.TotalAlloc,
		Collections:  m.NumGC,
		Heap:         m.HeapAlloc,
		RSS:          resident(),
		Goroutines:   runtime.NumGoroutine(),
	}
}

// resident reads the resident set from /proc (proc_pid_statm(5)), 0 where there is none.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
