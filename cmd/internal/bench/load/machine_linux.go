package load

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// machineTime reads the time that all processors of the machine were busy, and the time that there was, from /proc/stat
// (proc_stat(5)).
func machineTime() (busy, all time.Duration) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0
	}
	// user nice system idle iowait irq softirq steal; guests' time is part of user's.
	for i, f := range fields[1:9] {
		ticks, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, 0
		}
		d := time.Duration(ticks) * (time.Second / ticksPerSecond)
		all += d
		if i != 3 && i != 4 {
			busy += d
		}
	}
	return busy, all
}

// ticksPerSecond is USER_HZ, which is 100 on all of Go's architectures.
const ticksPerSecond = 100

// Sleep sleeps without Go's timers, whose resolution is a millisecond in a process that has nothing else to do: with
// them the generator would be late by half of that on average. It holds a thread.
func Sleep(d time.Duration) {
	if d <= 0 {
		return
	}
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil) // after a signal it returns early; the caller looks at the clock anyway
}
