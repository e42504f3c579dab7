package doctor

import (
	"math"
	"runtime"
	"testing"

	"github.com/fairlead-go/fairlead/admin"
)

func TestJudgeContainer(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	tests := []struct {
		name  string
		c     confinement
		wants []want
	}{
		{"no limits", confinement{processors: 8, machine: 8, gcPercent: 100}, []want{
			{OK, "no limit on processors; GOMAXPROCS is 8 of 8"}, {OK, "no limit on memory; GOMEMLIMIT is not set"},
		}},
		{"as Go 1.25 does it", confinement{
			release: "go1.26.0", limits: admin.Limits{CPU: 2.5}, processors: 3, machine: 8, gcPercent: 100,
		}, []want{{OK, "GOMAXPROCS is 3 with a limit of 2.5 processors"}, {OK, ""}}},
		{"half a processor, which Go takes for two", confinement{
			release: "go1.26.0", limits: admin.Limits{CPU: 0.5}, processors: 2, machine: 8, gcPercent: 100,
		}, []want{{OK, "GOMAXPROCS is 2"}, {OK, ""}}},
		{"an old Go", confinement{
			release: "go1.24.9", limits: admin.Limits{CPU: 2}, processors: 8, machine: 8, gcPercent: 100,
		}, []want{{Warn, "go1.24.9 does not look at the limit"}, {OK, ""}}},
		{"an old go line", confinement{
			release: "go1.26.0", limits: admin.Limits{CPU: 2}, processors: 8, machine: 8, gcPercent: 100,
		}, []want{{Warn, "a go line below 1.25"}, {OK, ""}}},
		{"set by hand", confinement{
			release: "go1.26.0", limits: admin.Limits{CPU: 2}, processors: 4, machine: 8, gcPercent: 100,
		}, []want{{Warn, "do not set GOMAXPROCS, or set it to 2"}, {OK, ""}}},
		{"no GOMEMLIMIT", confinement{limits: admin.Limits{Memory: 200 * mib}, gcPercent: 100}, []want{
			{OK, ""}, {Warn, "set GOMEMLIMIT=180MiB, 90 % of the limit"},
		}},
		{"a good GOMEMLIMIT", confinement{
			limits: admin.Limits{Memory: 200 * mib}, memoryLimit: 180 * mib, gcPercent: 100,
		}, []want{{OK, ""}, {OK, "the container may use 200 MiB; GOMEMLIMIT is 180 MiB"}}},
		{"one that leaves no room", confinement{
			limits: admin.Limits{Memory: 200 * mib}, memoryLimit: 199 * mib, gcPercent: 100,
		}, []want{{OK, ""}, {Warn, "has no room"}}},
		{"one above the limit", confinement{
			limits: admin.Limits{Memory: 200 * mib}, memoryLimit: 1024 * mib, gcPercent: 100,
		}, []want{{OK, ""}, {Fail, "GOMEMLIMIT is 1 GiB and the container may use 200 MiB"}}},
		{"no collector", confinement{gcPercent: -1}, []want{{OK, ""}, {Fail, "memory is never collected"}}},
		{"almost full", confinement{
			limits: admin.Limits{Memory: 200 * mib}, memoryLimit: 180 * mib, gcPercent: 100, used: 170 * mib,
		}, []want{{OK, ""}, {OK, ""}, {Warn, "170 MiB are live of a GOMEMLIMIT of 180 MiB"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := new(findings)
			tt.c.judgeProcessors(f)
			tt.c.judgeMemory(f)
			compare(t, f.list, tt.wants...)
		})
	}
}

// TestContainerHere: the files of a container's control group are read.
func TestContainerHere(t *testing.T) {
	t.Parallel()
	x := examine(t, nil)
	x.root = files(map[string]string{
		"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n", "sys/fs/cgroup/memory.max": "104857600\n",
	})
	x.getenv = func(string) string { return "" }
	compare(t, results(t, x, "container"), want{OK, "here: no limit on processors"},
		want{Warn, "the container may use 100 MiB"})
	x.root = files(nil)
	compare(t, results(t, x, "container"), want{Skipped, "no control groups"})
	if runtime.GOOS == "linux" {
		x = examine(t, nil)
		if got := results(t, x, "container"); len(got) < 2 {
			t.Errorf("got %+v", got)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 200 << 20: "200 MiB", math.MaxInt64: "8 EiB",
	} {
		if got := size(bytes); got != want {
			t.Errorf("%d: got %s, want %s", bytes, got, want)
		}
	}
}
