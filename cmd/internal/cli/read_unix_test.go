//go:build unix

package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDevices reads what is no file: without an end, without a writer, and with one that comes late.
func TestDevices(t *testing.T) {
	t.Parallel()
	_, err := ReadFile(t.Context(), "/dev/zero", Limit{Bytes: 1 << 20})
	if err == nil || err.Error() != "/dev/zero has more than 1 MiB, which is the limit" {
		t.Errorf("got %v", err)
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := WithTimeout(t.Context(), "--time", 10*time.Millisecond)
	defer cancel()
	if _, err = ReadFile(ctx, fifo, Limit{Bytes: 9}); err == nil || !strings.Contains(err.Error(), "--time 10ms is over") {
		t.Errorf("nobody writes: got %v", err)
	}
	// The goroutine that was left waiting ends now.
	if err := os.WriteFile(fifo, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fifo += "2"
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(fifo, []byte("late"), 0o600) }()
	if got, err := ReadFile(t.Context(), fifo, Limit{Bytes: 9}); err != nil || string(got) != "late" {
		t.Errorf("somebody writes: got %q, %v", got, err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}

// TestReadSource: what the command finds by itself has to be a file. It neither waits for a FIFO nor reads a device.
func TestReadSource(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fifo, file, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "file"), filepath.Join(dir, "link")
	err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.WriteFile(file, []byte("text"), 0o600), os.Symlink(file, link))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		fifo: "read " + fifo + ": not a regular file", "/dev/zero": "read /dev/zero: not a regular file",
		dir: "read " + dir + ": is a directory", dir + "/none": "open " + dir + "/none: no such file or directory",
	} {
		if _, err := ReadSource(path); err == nil || err.Error() != want {
			t.Errorf("%s: got error %v, want %s", path, err, want)
		}
	}
	for _, path := range []string{file, link} {
		if got, err := ReadSource(path); err != nil || string(got) != "text" {
			t.Errorf("%s: got %q, %v", path, got, err)
		}
	}
}
