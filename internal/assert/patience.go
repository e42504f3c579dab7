package assert

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"time"
)

// maxBusy bounds what a busy machine multiplies limits by, so that what hangs does fail.
const maxBusy = 30

// unknownBusy is taken where the operating system does not tell its load as Linux does.
const unknownBusy = 4

// Patience returns how long a test waits for what must happen: d on a machine with nothing else to do, and d times the
// number of threads that want each CPU on a busy one, up to 30 d. Tests have no other limit on the time that passes on
// the wall; those of testing/synctest's clock are exact and need none. It is to be called when the waiting begins,
// since the load changes. Safe for concurrent use.
func Patience(d time.Duration) time.Duration {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return unknownBusy * d
	}
	return time.Duration(float64(d) * busy(load, runtime.GOMAXPROCS(0)))
}

// busy returns how many threads want each of the CPUs, 1 at least, from the text of /proc/loadavg: the average over the
// last minute, or the threads that can run at this moment, whichever is more.
func busy(load []byte, cpus int) float64 {
	fields := bytes.Fields(load) // such as 0.20 0.18 0.12 1/80 11206
	if len(fields) < 4 {
		return unknownBusy
	}
	average, err := strconv.ParseFloat(string(fields[0]), 64)
	if err != nil {
		return unknownBusy
	}
	running, _, _ := bytes.Cut(fields[3], []byte("/"))
	now, err := strconv.ParseFloat(string(running), 64)
	if err != nil {
		return unknownBusy
	}
	return min(max(1, average/float64(cpus), now/float64(cpus)), maxBusy)
}
