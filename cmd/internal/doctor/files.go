package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Where Linux keeps what this file reads, below the root.
const (
	procLimits    = "proc/self/limits"
	procPorts     = "proc/sys/net/ipv4/ip_local_port_range"
	procReserved  = "proc/sys/net/ipv4/ip_local_reserved_ports"
	procSomaxconn = "proc/sys/net/core/somaxconn"
)

// What is little for a service that has many clients.
const (
	fewFiles   = 4096
	fewPorts   = 10000
	fewPending = 1024
)

// checkFiles looks at what limits the number of connections.
func checkFiles(_ context.Context, x *examination, f *findings) {
	text, err := fs.ReadFile(x.root, procLimits)
	if err != nil {
		f.skipf("this system has no /%s", procLimits)
		return
	}
	if limit, ok := openFiles(string(text)); !ok {
		f.okf("open files", "no limit")
	} else if limit < fewFiles {
		f.warnf("open files", "raise it: ulimit -Hn, LimitNOFILE of systemd, or the runtime's setting for containers",
			"%d at most, one for each connection; Go takes all that the hard limit grants", limit)
	} else {
		f.okf("open files", "%d at most, one for each connection", limit)
	}
	if low, high, ok := ephemeralPorts(x.root); ok {
		n := high - low + 1
		if n < fewPorts {
			f.warnf("local ports", "widen net.ipv4.ip_local_port_range", "%d (%d to %d): as many connections can go out to "+
				"one address and port", n, low, high)
		} else {
			f.okf("local ports", "%d (%d to %d): as many connections can go out to one address and port", n, low, high)
		}
	}
	if n, ok := readNumber(x.root, procSomaxconn); ok {
		if n < fewPending {
			f.warnf("pending connections", fmt.Sprintf("raise net.core.somaxconn to %d or more", fewPending),
				"%d at most wait to be accepted; more are dropped when many clients come at once", n)
		} else {
			f.okf("pending connections", "%d at most wait to be accepted", n)
		}
	}
}

// openFiles returns the hard limit on open files; false: there is none.
func openFiles(limits string) (int, bool) {
	for line := range strings.Lines(limits) {
		rest, ok := strings.CutPrefix(line, "Max open files")
		if !ok {
			continue
		}
		if words := strings.Fields(rest); len(words) > 1 {
			if n, err := strconv.Atoi(words[1]); err == nil {
				return n, true
			}
		}
	}
	return 0, false
}

// ephemeralPorts returns the range from which the system takes ports for outgoing connections.
func ephemeralPorts(root fs.FS) (low, high int, ok bool) {
	text, err := fs.ReadFile(root, procPorts)
	if err != nil {
		return 0, 0, false
	}
	n, err := fmt.Sscan(string(text), &low, &high)
	return low, high, n == 2 && err == nil
}

func readNumber(root fs.FS, path string) (int, bool) {
	text, err := fs.ReadFile(root, path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return n, err == nil
}
