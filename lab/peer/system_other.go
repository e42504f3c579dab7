//go:build !linux

package peer

import "time"

// cpuTime is not known here.
func cpuTime() (user, system time.Duration) { return 0, 0 }

// sleep sleeps.
func sleep(d time.Duration) { time.Sleep(d) }

// raiseFileLimit does nothing: the Go runtime raises the limit at start where there is one.
func raiseFileLimit() {}
