package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestPorts(t *testing.T) {
	t.Parallel()
	l := listen(t)
	taken := l.Addr().String()
	other := listen(t)
	free := other.Addr().String()
	_ = other.Close()
	socket := filepath.Join(t.TempDir(), "socket")
	x := examine(t, func(o *options) {
		o.listen = []string{taken, free, "127.0.0.1:0", "unix:" + socket, "192.0.2.1:80", "127.0.0.1:http2"}
	})
	x.root = os.DirFS("/")
	got := results(t, x, "ports")
	owner := "is taken by"
	if runtime.GOOS == "linux" {
		owner = fmt.Sprintf("(PID %d)", os.Getpid())
	}
	freeStatus := want{OK, "is free"}
	if low, high, ok := ephemeralPorts(x.root); ok {
		freeStatus = want{Warn, fmt.Sprintf("(%d to %d) that the system gives to outgoing connections", low, high)}
	}
	compare(t, got, want{Fail, owner}, freeStatus, want{OK, "127.0.0.1:0: is free"}, want{OK, socket},
		want{Fail, "is no address of this machine"}, want{Fail, "127.0.0.1:http2: "})
	x.listen = nil
	compare(t, results(t, x, "ports"), want{Skipped, "--listen"})
}

func TestPortRange(t *testing.T) {
	t.Parallel()
	x := examine(t, nil)
	x.root = files(map[string]string{procPorts: "32768\t60999\n", procReserved: "40000,50000-50010\n"})
	for port, warned := range map[int]bool{
		32767: false, 32768: true, 40000: false, 40001: true, 50005: false, 60999: true, 61000: false,
	} {
		f := new(findings)
		x.judgeRange("a", port, f)
		if got := len(f.list) > 0; got != warned {
			t.Errorf("%d: got %v, want %v", port, f.list, warned)
		}
	}
}

// TestListenerOf reads the tables of a machine with another process.
func TestListenerOf(t *testing.T) {
	t.Parallel()
	const table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0100007F:1F90 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 7 1 0 100 0 0 10 0\n" +
		"   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 8 1 0 100 0 0 10 0\n" +
		"   2: junk\n"
	if got := listening(table, 8080); len(got) != 1 || got[0] != "socket:[8]" {
		t.Errorf("got %q", got)
	}
	if got := listening(table, 80); len(got) != 0 {
		t.Errorf("got %q", got)
	}
	if got := listenerOf(files(map[string]string{"proc/net/tcp": table}), 8080); got != "" {
		t.Errorf("got %q of a process that cannot be seen", got)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	limits := func(hard string) string {
		return "Limit                     Soft Limit           Hard Limit           Units     \n" +
			"Max processes             1000                 1000                 processes \n" +
			"Max open files            1024                 " + hard + "               files     \n"
	}
	x := examine(t, nil)
	x.root = files(map[string]string{
		procLimits: limits("1048576"), procPorts: "32768\t60999\n", procSomaxconn: "4096\n",
	})
	compare(t, results(t, x, "files"), want{OK, "1048576 at most"},
		want{OK, "28232 (32768 to 60999)"}, want{OK, "4096 at most"})
	x.root = files(map[string]string{procLimits: limits("1024"), procPorts: "50000\t50999\n", procSomaxconn: "128\n"})
	compare(t, results(t, x, "files"), want{Warn, "ulimit -Hn"},
		want{Warn, "1000 (50000 to 50999)"}, want{Warn, "128 at most"})
	x.root = files(map[string]string{procLimits: limits("unlimited")})
	compare(t, results(t, x, "files"), want{OK, "no limit"})
	x.root = files(nil)
	compare(t, results(t, x, "files"), want{Skipped, "/proc/self/limits"})
	if runtime.GOOS == "linux" {
		x = examine(t, nil)
		if got := results(t, x, "files"); len(got) == 0 || !strings.Contains(got[0].Subject, "open files") {
			t.Errorf("got %+v", got)
		}
	}
}
