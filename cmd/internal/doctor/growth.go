package doctor

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/admin"
	"github.com/fairlead-go/fairlead/cmd/internal/dial"
)

// leastReadings is how many readings growth is told from: with fewer, chance looks like it too often.
const leastReadings = 4

// How much something has to grow to be spoken of, beside never falling.
const (
	growthShare      = 0.05
	growthGoroutines = 10
	growthHeap       = 1 << 20
	growthFiles      = 5
	nearlyAll        = 0.8
)

// checkGrowth reads --admin several times.
func checkGrowth(ctx context.Context, x *examination, f *findings) {
	if x.admin == "" {
		f.skipf("name a process with --admin, the address where it has fairlead.admin.v1.Runtime")
		return
	}
	readings, err := x.readSeveral(ctx)
	if err != nil {
		explainAdmin(x.admin, err, f)
		return
	}
	judgeGrowth(x.admin, readings, f)
}

func explainAdmin(subject string, err error, f *findings) {
	remedy := ""
	if fairlead.CodeOf(err) == fairlead.Unimplemented {
		remedy = "serve admin.NewRuntime there, or name the address that has it"
	}
	f.failf(subject, remedy, "%v", err)
}

// adminServer opens --admin. An address of this machine is without TLS when the flags for TLS are about --address.
func (x *examination) adminServer(ctx context.Context) (*dial.Server, error) {
	flags := *x.dial
	if a, err := dial.ParseAddress(x.admin); err == nil && a.Local && x.address != "" {
		flags = dial.Flags{ConnectTimeout: flags.ConnectTimeout}
	}
	srv, err := flags.Open(ctx, x.admin, dial.Options{})
	if err != nil {
		return nil, err
	}
	if err := srv.Connect(ctx); err != nil {
		srv.Close()
		return nil, err
	}
	return srv, nil
}

// readRuntime reads --admin once.
func (x *examination) readRuntime(ctx context.Context) (*admin.RuntimeInfo, error) {
	srv, err := x.adminServer(ctx)
	if err != nil {
		return nil, err
	}
	defer srv.Close()
	return admin.NewRuntimeClient(srv.Client).Read(ctx, fairlead.WithTimeout(x.dial.ConnectTimeout))
}

// readSeveral reads --admin as often as the flags say.
func (x *examination) readSeveral(ctx context.Context) ([]*admin.RuntimeInfo, error) {
	srv, err := x.adminServer(ctx)
	if err != nil {
		return nil, err
	}
	defer srv.Close()
	client := admin.NewRuntimeClient(srv.Client)
	tick := time.NewTicker(x.interval)
	defer tick.Stop()
	var list []*admin.RuntimeInfo
	for {
		x.progress.Set(fmt.Sprintf("growth: reading %d of %d", len(list)+1, x.readings))
		info, err := client.Read(ctx, fairlead.WithTimeout(x.dial.ConnectTimeout))
		if err != nil {
			return nil, err
		}
		if list = append(list, info); len(list) == x.readings {
			return list, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// judgeGrowth reports what grew from each of the readings to the next.
func judgeGrowth(subject string, readings []*admin.RuntimeInfo, f *findings) {
	first, last := readings[0], readings[len(readings)-1]
	if !first.Start.Equal(last.Start) {
		f.failf(subject, "see its log: it may have crashed, or there are several processes behind the address",
			"the process that answers is not the same: one started at %s, the other at %s", clock(first.Start),
			clock(last.Start))
		return
	}
	took := last.Time.Sub(first.Time)
	load := series(readings, load)

	goroutines := series(readings, func(r *admin.RuntimeInfo) float64 { return float64(r.Goroutines) })
	if grew(goroutines, growthGoroutines) {
		judgeGoroutines(subject, goroutines, load, took, f)
	}
	live := distinct(readings)
	heap := series(live, func(r *admin.RuntimeInfo) float64 { return float64(r.HeapLive) })
	if len(live) >= leastReadings && grew(heap, growthHeap) {
		f.warnf(subject, "take two heap profiles (net/http/pprof) and compare them with go tool pprof -diff_base; a cache "+
			"that fills is no leak", "what the heap holds after a collection grew with each of %d readings, from %s to %s in %s",
			len(heap), size(int64(heap[0])), size(int64(heap[len(heap)-1])), dial.Round(took))
	}
	files := series(readings, func(r *admin.RuntimeInfo) float64 { return float64(r.OpenFiles) })
	if grew(files, growthFiles) && delta(load) < delta(files)/2 {
		f.warnf(subject, "see /proc/PID/fd for what stays open", "open files grew with each of %d readings, from %.0f to "+
			"%.0f in %s, and the calls and connections of servers did not", len(files), files[0], files[len(files)-1],
			dial.Round(took))
	}
	if last.MaxFiles > 0 && float64(last.OpenFiles) > nearlyAll*float64(last.MaxFiles) {
		f.warnf(subject, "raise the limit, or find what stays open", "%d of %d files are open", last.OpenFiles, last.MaxFiles)
	}
	judgeAbuse(subject, first, last, f)
	if f.fine(subject) {
		f.okf(subject, "%s", summary(readings, took, len(live)))
	}
}

func judgeGoroutines(subject string, goroutines, load []float64, took time.Duration, f *findings) {
	from, to := goroutines[0], goroutines[len(goroutines)-1]
	text := fmt.Sprintf("goroutines grew with each of %d readings, from %.0f to %.0f in %s", len(goroutines), from, to,
		dial.Round(took))
	if grown := delta(load); grown >= (to-from)/2 {
		f.okf(subject, "%s, as did the calls and connections of its servers (by %.0f)", text, grown)
		return
	}
	f.warnf(subject, "compare two goroutine profiles (net/http/pprof): what there is more of leaks", "%s, and the calls "+
		"and connections of servers did not", text)
}

// judgeAbuse tells what clients did meanwhile that no good client does.
func judgeAbuse(subject string, first, last *admin.RuntimeInfo, f *findings) {
	for i := range last.Servers {
		if i >= len(first.Servers) {
			return
		}
		before := first.Servers[i].Guard
		n := 0
		for kind, count := range last.Servers[i].Guard.All() {
			if more := count - before[n]; more > 0 {
				f.warnf(subject, "see the server's log at debug level for who it is", "server %s counted %d more of %s",
					last.Servers[i].Name, more, kind)
			}
			n++
		}
	}
}

// load returns a measure of how much a process has to do.
func load(r *admin.RuntimeInfo) float64 {
	sum := 0
	for _, s := range r.Servers {
		sum += s.Calls + s.Connections + s.Detecting
	}
	return float64(sum)
}

func series(readings []*admin.RuntimeInfo, value func(*admin.RuntimeInfo) float64) []float64 {
	list := make([]float64, len(readings))
	for i, r := range readings {
		list[i] = value(r)
	}
	return list
}

// distinct returns the readings between which the collector ran: what it found live stands still otherwise.
func distinct(readings []*admin.RuntimeInfo) []*admin.RuntimeInfo {
	list := readings[:1:1]
	for _, r := range readings[1:] {
		if r.GCCycles > list[len(list)-1].GCCycles {
			list = append(list, r)
		}
	}
	return list
}

// grew reports whether values never fall, rise at three steps in four or more, and do so by more than least and by more
// than a share of the first.
func grew(values []float64, least float64) bool {
	rises := 0
	for i := 1; i < len(values); i++ {
		switch {
		case values[i] < values[i-1]:
			return false
		case values[i] > values[i-1]:
			rises++
		}
	}
	return rises*4 >= (len(values)-1)*3 && delta(values) >= math.Max(least, growthShare*values[0])
}

func delta(values []float64) float64 { return values[len(values)-1] - values[0] }

// summary returns how a process is doing that does not grow.
func summary(readings []*admin.RuntimeInfo, took time.Duration, collections int) string {
	first, last := readings[0], readings[len(readings)-1]
	var b strings.Builder
	fmt.Fprintf(&b, "%d readings in %s: goroutines %d to %d, heap %s live, %d %s", len(readings),
		dial.Round(took), first.Goroutines, last.Goroutines, size(int64(last.HeapLive)),
		last.GCCycles-first.GCCycles, plural(int(last.GCCycles-first.GCCycles), "GC cycle"))
	if last.MaxFiles > 0 {
		fmt.Fprintf(&b, ", %d of %d files open", last.OpenFiles, last.MaxFiles)
	}
	fmt.Fprintf(&b, "; %s, up for %s", last.GoVersion, last.Time.Sub(last.Start).Round(time.Second))
	if collections < leastReadings {
		b.WriteString("; too few collections to judge the heap: a longer --interval has more")
	}
	return b.String()
}

func clock(t time.Time) string { return t.UTC().Format(time.DateTime) }
