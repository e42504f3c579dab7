package main

import (
	"os/exec"
	"syscall"
)

// killAll has a command killed with all that it has started.
func killAll(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// maxMemory is the address space in bytes that a run of tests may take: a mutant may never stop to ask for more.
const maxMemory = 8 << 30

// limitMemory bounds the memory of the programs that this one starts.
func limitMemory() {
	l := syscall.Rlimit{Cur: maxMemory, Max: maxMemory}
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &l) // without, it works as well
}
