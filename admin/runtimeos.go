package admin

import (
	"os"
	"strconv"
	"strings"
)

// openFiles returns how many file descriptors the process has open and how many it may have, as Linux reports them;
// zeros on other systems.
func openFiles() (open, limit uint64) {
	if dir, err := os.Open("/proc/self/fd"); err == nil {
		names, _ := dir.Readdirnames(-1)
		_ = dir.Close()
		if len(names) > 0 {
			open = uint64(len(names)) - 1 // without the one that reads the directory
		}
	}
	text, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		return open, 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			if words := strings.Fields(rest); len(words) > 0 {
				limit, _ = strconv.ParseUint(words[0], 10, 64) // the soft one; "unlimited" is 0
			}
		}
	}
	return open, limit
}
