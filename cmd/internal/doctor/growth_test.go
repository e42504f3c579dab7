package doctor

import (
	"context"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/admin"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/protocol"
	"github.com/fairlead-go/fairlead/server"
)

// serve runs a server with the default options and those given until the test ends, and returns its address.
func serve(t *testing.T, opts ...server.Option) string {
	t.Helper()
	s, err := preset.NewServer("127.0.0.1:0", opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Shutdown(ctx)
	})
	return s.Addr().String()
}

func runtimeService(t *testing.T) *fairlead.Implementation {
	t.Helper()
	r, err := admin.NewRuntime()
	if err != nil {
		t.Fatal(err)
	}
	return r.Service()
}

func TestGrowthOfAServer(t *testing.T) {
	t.Parallel()
	addr := serve(t, server.Service(runtimeService(t)))
	x := examine(t, func(o *options) { o.admin, o.interval = addr, 10*time.Millisecond })
	got := results(t, x, "growth")
	if len(got) != 1 || got[0].Status == Fail {
		t.Errorf("got %+v", got)
	}
	if got := results(t, x, "container"); len(got) < 2 || got[0].Subject != addr {
		t.Errorf("got %+v", got)
	}
}

// TestGrowthOfALeak: each reading finds more goroutines than the one before, since what is read makes some.
func TestGrowthOfALeak(t *testing.T) {
	t.Parallel()
	impl, stop := runtimeService(t), make(chan struct{})
	t.Cleanup(func() { close(stop) })
	read := impl.Handlers[0]
	impl.Handlers[0] = func(ctx context.Context, c *fairlead.Call) error {
		for range 1000 { // more than other tests of this process end meanwhile
			go func() { <-stop }()
		}
		return read(ctx, c)
	}
	addr := serve(t, server.Service(impl))
	x := examine(t, func(o *options) { o.admin = addr })
	compare(t, results(t, x, "growth"), want{Warn, "goroutines grew with each of 4 readings"})
}

func TestGrowthWithoutRuntime(t *testing.T) {
	t.Parallel()
	addr := serve(t, server.Service(admin.NewHealth().Service()))
	x := examine(t, func(o *options) { o.admin = addr })
	compare(t, results(t, x, "growth"), want{Fail, "serve admin.NewRuntime there"})
	compare(t, results(t, x, "container"), want{Fail, "UNIMPLEMENTED"})
	l := listen(t)
	_ = l.Close()
	x = examine(t, func(o *options) { o.admin = l.Addr().String() })
	compare(t, results(t, x, "growth"), want{Fail, "cannot connect to " + l.Addr().String()})
	x.admin = ""
	compare(t, results(t, x, "growth"), want{Skipped, "--admin"})
}

func TestJudgeGrowth(t *testing.T) {
	t.Parallel()
	start := time.Unix(1e9, 0)
	// process returns readings, one a second; change sets the i-th.
	process := func(n int, change func(i uint64, r *admin.RuntimeInfo)) []*admin.RuntimeInfo {
		var list []*admin.RuntimeInfo
		for i := range n {
			r := &admin.RuntimeInfo{
				Time: start.Add(time.Duration(i) * time.Second), Start: start, GoVersion: "go1.26", Goroutines: 100,
				HeapLive: 10 << 20, GCCycles: uint64(i), OpenFiles: 50, MaxFiles: 1000, Servers: []admin.ServerInfo{{Name: "main"}},
			}
			change(uint64(i), r)
			list = append(list, r)
		}
		return list
	}
	tests := []struct {
		name     string
		readings []*admin.RuntimeInfo
		wants    []want
	}{
		{"still", process(6, func(uint64, *admin.RuntimeInfo) {}), []want{
			{OK, "6 readings in 5s: goroutines 100 to 100, heap 10 MiB live, 5 GC cycles, 50 of 1000 files open; go1.26, " +
				"up for 5s"},
		}},
		{"up and down", process(6, func(i uint64, r *admin.RuntimeInfo) { r.Goroutines += i % 2 * 50 }), []want{{OK, ""}}},
		{"a little", process(6, func(i uint64, r *admin.RuntimeInfo) { r.Goroutines += i }), []want{{OK, ""}}},
		{"one jump", process(6, func(i uint64, r *admin.RuntimeInfo) { r.Goroutines += i / 5 * 500 }), []want{{OK, ""}}},
		{"goroutines", process(6, func(i uint64, r *admin.RuntimeInfo) { r.Goroutines += i * 20 }), []want{
			{Warn, "goroutines grew with each of 6 readings, from 100 to 200 in 5s, and the calls"},
		}},
		{"goroutines of calls", process(6, func(i uint64, r *admin.RuntimeInfo) {
			r.Goroutines += i * 20
			r.Servers[0].Calls = int(i) * 20
		}), []want{{OK, "as did the calls and connections"}, {OK, ""}}},
		{"heap", process(6, func(i uint64, r *admin.RuntimeInfo) { r.HeapLive += i << 20 }), []want{
			{Warn, "from 10 MiB to 15 MiB in 5s"},
		}},
		{"heap without collections", process(6, func(_ uint64, r *admin.RuntimeInfo) { r.GCCycles = 7 }), []want{
			{OK, "too few collections to judge the heap"},
		}},
		{"files", process(6, func(i uint64, r *admin.RuntimeInfo) { r.OpenFiles += i * 10 }), []want{
			{Warn, "open files grew with each of 6 readings, from 50 to 100"},
		}},
		{"almost all files", process(6, func(_ uint64, r *admin.RuntimeInfo) { r.OpenFiles = 900 }), []want{
			{Warn, "900 of 1000 files are open"},
		}},
		{"another process", process(6, func(i uint64, r *admin.RuntimeInfo) {
			r.Start = start.Add(time.Duration(i/3) * time.Hour)
		}), []want{{Fail, "one started at 2001-09-09 01:46:40, the other at 2001-09-09 02:46:40"}}},
		{"bad clients", process(6, func(i uint64, r *admin.RuntimeInfo) {
			r.Servers[0].Guard[protocol.TooManyPings] = int64(i)
		}), []want{{Warn, "server main counted 5 more of too_many_pings"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := new(findings)
			judgeGrowth("a", tt.readings, f)
			compare(t, f.list, tt.wants...)
		})
	}
}
