package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// checkPorts tries to listen at the addresses of --listen.
func checkPorts(ctx context.Context, x *examination, f *findings) {
	if len(x.listen) == 0 {
		f.skipf("name the address that a service is to listen at with --listen")
		return
	}
	for _, addr := range x.listen {
		x.checkPort(ctx, addr, f)
	}
}

func (x *examination) checkPort(ctx context.Context, addr string, f *findings) {
	network, at := "tcp", addr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, at = "unix", strings.TrimPrefix(path, "//")
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, network, at)
	if err == nil {
		_ = l.Close()
		if port := portOf(l.Addr()); port > 0 && !strings.HasSuffix(addr, ":0") {
			x.judgeRange(addr, port, f)
		}
		if f.fine(addr) {
			f.okf(addr, "is free")
		}
		return
	}
	port, _ := strconv.Atoi(addr[strings.LastIndexByte(addr, ':')+1:])
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		owner := ""
		if network == "tcp" {
			owner = listenerOf(x.root, port)
		}
		if owner == "" {
			f.failf(addr, "stop what listens there, or take another port",
				"is taken by a process that cannot be seen from here (of another user or container)")
			return
		}
		f.failf(addr, "stop it, or take another port", "is taken by %s", owner)
	case errors.Is(err, syscall.EACCES):
		f.failf(addr, "take a port from 1024 on, or grant CAP_NET_BIND_SERVICE", "may not be listened at by this user")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		f.failf(addr, "take an address of this machine, or none for all", "is no address of this machine")
	default:
		f.failf(addr, "", "%v", err)
	}
}

func portOf(addr net.Addr) int {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

// judgeRange warns of ports that the system may give to an outgoing connection before the service starts.
func (x *examination) judgeRange(addr string, port int, f *findings) {
	low, high, ok := ephemeralPorts(x.root)
	if !ok || port < low || port > high || reservedPort(x.root, port) {
		return
	}
	f.warnf(addr, fmt.Sprintf("take a port below %d, or add it to net.ipv4.ip_local_reserved_ports", low),
		"is free, but one of those (%d to %d) that the system gives to outgoing connections: some day it is taken when the "+
			"service starts", low, high)
}

// reservedPort reports whether the system keeps a port out of the range.
func reservedPort(root fs.FS, port int) bool {
	text, err := fs.ReadFile(root, procReserved)
	if err != nil {
		return false
	}
	for part := range strings.SplitSeq(strings.TrimSpace(string(text)), ",") {
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if errors.Join(err, err2) == nil && port >= from && port <= to {
			return true
		}
	}
	return false
}

// listenerOf returns the process that listens at a TCP port, as "name (PID 7)"; "" when it cannot be seen.
func listenerOf(root fs.FS, port int) string {
	var inodes []string
	for _, table := range []string{"proc/net/tcp", "proc/net/tcp6"} {
		text, err := fs.ReadFile(root, table)
		if err != nil {
			continue
		}
		inodes = append(inodes, listening(string(text), port)...)
	}
	if len(inodes) == 0 {
		return ""
	}
	processes, err := fs.Glob(root, "proc/[0-9]*")
	if err != nil {
		return ""
	}
	for _, process := range processes {
		files, err := fs.ReadDir(root, path.Join(process, "fd"))
		if err != nil {
			continue // of another user
		}
		for _, file := range files {
			link, err := fs.ReadLink(root, path.Join(process, "fd", file.Name()))
			if err == nil && slices.Contains(inodes, link) {
				name, _ := fs.ReadFile(root, path.Join(process, "comm"))
				return fmt.Sprintf("%s (PID %s)", orElse(strings.TrimSpace(string(name)), "a process"), path.Base(process))
			}
		}
	}
	return ""
}

// listening returns the sockets, as links of file descriptors name them, that listen at a port by a table of
// proc_net_tcp(5): local address and port, in hexadecimal, are the second word, the state is the fourth, the inode the
// tenth.
func listening(table string, port int) []string {
	const stateListen = "0A"
	var list []string
	for line := range strings.Lines(table) {
		words := strings.Fields(line)
		if len(words) < 10 || words[3] != stateListen {
			continue
		}
		_, text, _ := strings.Cut(words[1], ":")
		if p, err := strconv.ParseUint(text, 16, 16); err == nil && int(p) == port {
			list = append(list, "socket:["+words[9]+"]")
		}
	}
	return list
}
