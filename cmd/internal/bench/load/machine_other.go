//go:build !linux

package load

import "time"

// machineTime is not known here.
func machineTime() (busy, all time.Duration) { return 0, 0 }

// Sleep sleeps with Go's timers.
func Sleep(d time.Duration) { time.Sleep(d) }
