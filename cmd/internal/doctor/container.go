package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"runtime"
	"runtime/debug"
	"strconv"

	"golang.org/x/mod/semver"

	"github.com/fairlead-go/fairlead/admin"
)

// confinement is a process, and what it may use.
type confinement struct {
	subject     string
	release     string // of Go
	limits      admin.Limits
	processors  int   // GOMAXPROCS
	machine     int   // processors of the machine
	memoryLimit int64 // GOMEMLIMIT; 0: none
	gcPercent   int   // GOGC; -1: off
	used        uint64
	local       bool // the process is this one, which stands for one started here
}

// awareRelease is the first release of Go that sets GOMAXPROCS by the container's limit (https://go.dev/doc/go1.25).
const awareRelease = "v1.25.0"

// leastProcessors is the least that Go sets GOMAXPROCS to for a limit, however small it is.
const leastProcessors = 2

// checkContainer compares the limits of a container with what Go's scheduler and collector were told. Without --admin
// it looks at this process, as the one that is started in its place would be.
func checkContainer(ctx context.Context, x *examination, f *findings) {
	c, err := x.confinement(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.skipf("this system has no control groups")
		return
	case err != nil:
		f.failf(x.admin, "", "%v", err)
		return
	}
	c.judgeProcessors(f)
	c.judgeMemory(f)
}

func (x *examination) confinement(ctx context.Context) (*confinement, error) {
	if x.admin != "" {
		info, err := x.readRuntime(ctx)
		if err != nil {
			return nil, err
		}
		return &confinement{
			subject: x.admin, release: info.GoVersion, limits: info.Limits, processors: info.Processors,
			machine: info.MachineCPUs, memoryLimit: info.MemoryLimit, gcPercent: info.GCPercent, used: info.HeapLive,
		}, nil
	}
	limits, err := admin.ReadLimits(x.root)
	if err != nil {
		return nil, err
	}
	c := &confinement{
		subject: "here", release: runtime.Version(), limits: limits, processors: runtime.GOMAXPROCS(0),
		machine: runtime.NumCPU(), gcPercent: 100, local: true,
	}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		c.memoryLimit = limit
	}
	if text := x.getenv("GOGC"); text == "off" {
		c.gcPercent = -1
	} else if n, err := strconv.Atoi(text); err == nil {
		c.gcPercent = n
	}
	return c, nil
}

func (c *confinement) judgeProcessors(f *findings) {
	limit := c.limits.CPU
	if limit == 0 {
		f.okf(c.subject, "no limit on processors; GOMAXPROCS is %d of %d", c.processors, c.machine)
		return
	}
	fitting := max(leastProcessors, int(math.Ceil(limit)))
	if c.processors <= fitting {
		f.okf(c.subject, "GOMAXPROCS is %d with a limit of %s processors", c.processors, number(limit))
		return
	}
	why := "GOMAXPROCS is set in the environment or the program"
	remedy := "do not set GOMAXPROCS, or set it to " + strconv.Itoa(fitting)
	if v, ok := releaseVersion(c.release); ok && semver.Compare(v, awareRelease) < 0 {
		why = c.release + " does not look at the limit"
		remedy = fmt.Sprintf("build with Go 1.25 or newer and a go line of 1.25 or more in go.mod, or set GOMAXPROCS=%d",
			fitting)
	} else if c.processors == c.machine {
		why = "a go line below 1.25 in go.mod, GODEBUG=containermaxprocs=0 or GOMAXPROCS may be the reason"
		remedy = fmt.Sprintf("raise the go line in go.mod, or set GOMAXPROCS=%d", fitting)
	}
	f.warnf(c.subject, remedy, "GOMAXPROCS is %d with a limit of %s processors: when all are busy the kernel stops the "+
		"process for the rest of each period, which shows as latency (%s)", c.processors, number(limit), why)
}

func (c *confinement) judgeMemory(f *findings) {
	limit := c.limits.Memory
	advice := fmt.Sprintf("set GOMEMLIMIT=%dMiB, 90 %% of the limit", limit/10*9>>20)
	switch {
	case limit == 0 && c.gcPercent < 0 && c.memoryLimit == 0:
		f.failf(c.subject, "set GOMEMLIMIT, or leave GOGC alone", "GOGC=off without GOMEMLIMIT: memory is never collected")
	case limit == 0:
		f.okf(c.subject, "no limit on memory; %s", c.goal())
	case c.memoryLimit == 0:
		f.warnf(c.subject, advice, "the container may use %s and the collector does not know it: it lets the heap "+
			"grow to twice what is live, so %s of live data can be enough for the kernel to kill the process",
			size(limit), size(limit/2))
	case c.memoryLimit > limit:
		f.failf(c.subject, advice, "GOMEMLIMIT is %s and the container may use %s: the kernel kills the process before "+
			"the collector works harder", size(c.memoryLimit), size(limit))
	case c.memoryLimit > limit/20*19:
		f.warnf(c.subject, advice, "GOMEMLIMIT is %s of the %s that the container may use, and what is not Go's (stacks "+
			"of threads, files in memory) has no room", size(c.memoryLimit), size(limit))
	default:
		f.okf(c.subject, "the container may use %s; %s", size(limit), c.goal())
	}
	// Close to the goal the collector runs without a pause.
	if c.memoryLimit > 0 && c.used > uint64(c.memoryLimit)/10*8 {
		f.warnf(c.subject, "raise the limits, or find what the heap holds", "%s are live of a GOMEMLIMIT of %s: the "+
			"collector takes more and more of the processors", size(int64(c.used)), size(c.memoryLimit))
	}
}

// goal returns what the collector aims at.
func (c *confinement) goal() string {
	if c.memoryLimit == 0 {
		return "GOMEMLIMIT is not set"
	}
	return "GOMEMLIMIT is " + size(c.memoryLimit)
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// size returns bytes in the unit that fits.
func size(bytes int64) string {
	const unit = 1024
	if bytes < unit {
		return fmt.Sprintf("%d B", bytes)
	}
	v, i := float64(bytes)/unit, 0
	for ; v >= unit && i < len("KMGTPE")-1; i++ {
		v /= unit
	}
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) + " " + "KMGTPE"[i:i+1] + "iB"
}
