package soak_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/buffer"
	"github.com/fairlead-go/fairlead/client"
	"github.com/fairlead-go/fairlead/conformance/internal/local"
	"github.com/fairlead-go/fairlead/internal/assert"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
	"github.com/fairlead-go/fairlead/preset"
	"github.com/fairlead-go/fairlead/server"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
)

// The environment variables that change the run.
const (
	durationVariable = "FAIRLEAD_SOAK"
	seedVariable     = "FAIRLEAD_SEED"
)

// What a run consists of.
const (
	defaultDuration = 20 * time.Second
	roundDuration   = time.Minute // the longest round; there are two at least
	servers         = 3
	workers         = 6 // for each of the clients
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the presets log there
	leakcheck.Main(m)
}

// run is a round: it has clients and servers of its own, and leaves nothing.
type run struct {
	t       *testing.T
	servers []*site

	calling, serving atomic.Int64 // calls under way
	cuts, restarts   atomic.Int64

	mu       sync.Mutex
	outcomes map[outcome]int
	faults   []string
	nFaults  int
}

// outcome is a kind of client, of call, and how it ended.
type outcome struct {
	client, kind string
	code         fairlead.Code
}

// site is a place where there is always a server, but for short.
type site struct {
	addr  string
	proxy *proxy
	old   []*server.Server // those before
	now   *server.Server
}

func (r *run) count(client, kind string, code fairlead.Code) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcomes[outcome{client, kind, code}]++
}

// faultf notes what is wrong. The first ones are kept.
func (r *run) faultf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.nFaults++; len(r.faults) < 20 {
		r.faults = append(r.faults, fmt.Sprintf(format, args...))
	}
}

// setting returns what an environment variable says.
func setting[T any](t *testing.T, name string, otherwise T, parse func(string) (T, error)) T {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	v, err := parse(s)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// TestSoak is the soak: see the package's comment.
func TestSoak(t *testing.T) { //nolint:paralleltest // it counts goroutines and buffers
	duration := setting(t, durationVariable, defaultDuration, time.ParseDuration)
	seed := setting(t, seedVariable, rand.Uint64(), func(s string) (uint64, error) {
		return strconv.ParseUint(s, 10, 64)
	})
	rounds := max(2, int((duration+roundDuration-1)/roundDuration))
	t.Logf("%v in %d rounds with %s=%d", duration, rounds, seedVariable, seed)
	var all run
	all.outcomes = make(map[outcome]int)
	leftovers := 0
	for i := range rounds {
		r := &run{t: t, outcomes: make(map[outcome]int)}
		// Counting buffers orders goroutines that are not ordered otherwise, so that the race detector sees less.
		counting := i%2 == 0
		leftovers += round(r, rand.New(rand.NewPCG(seed, uint64(i))), duration/time.Duration(rounds), counting)
		for o, n := range r.outcomes {
			all.outcomes[o] += n
		}
		all.cuts.Add(r.cuts.Load())
		all.restarts.Add(r.restarts.Load())
		all.nFaults += r.nFaults
		for _, f := range r.faults {
			t.Errorf("round %d: %s", i, f)
		}
		var mem runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&mem)
		t.Logf("round %d: heap %d KiB in %d objects, %d goroutines", i, mem.HeapAlloc>>10, mem.HeapObjects,
			runtime.NumGoroutine())
	}
	t.Log(all.report())
	verdict := "PASS"
	if all.nFaults > 0 || leftovers > 0 || t.Failed() {
		verdict = "FAIL"
		t.Fail()
	}
	t.Logf("%s: %d faults, %d leftovers, %s=%d", verdict, all.nFaults, leftovers, seedVariable, seed)
}

// report is a table of the outcomes.
func (r *run) report() string {
	var text strings.Builder
	total := 0
	codes := make(map[fairlead.Code]int)
	kinds := make(map[string]map[fairlead.Code]int)
	for o, n := range r.outcomes {
		total += n
		codes[o.code] += n
		kind := fmt.Sprintf("%-14s %-14s", o.client, o.kind)
		if kinds[kind] == nil {
			kinds[kind] = make(map[fairlead.Code]int)
		}
		kinds[kind][o.code] += n
	}
	line := func(title string, codes map[fairlead.Code]int) {
		fmt.Fprintf(&text, "%-30s", title)
		for _, code := range slices.SortedFunc(maps.Keys(codes), cmp.Compare[fairlead.Code]) {
			fmt.Fprintf(&text, " %v %d", code, codes[code])
		}
		text.WriteByte('\n')
	}
	fmt.Fprintf(&text, "%d calls, %d cuts, %d restarts\n", total, r.cuts.Load(), r.restarts.Load())
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		line(kind, kinds[kind])
	}
	line("all", codes)
	return text.String()
}

// round runs clients and servers for d, ends them, and returns the number of things that are left.
func round(r *run, random *rand.Rand, d time.Duration, counting bool) int {
	t := r.t
	t.Helper()
	before := runtime.NumGoroutine()
	if counting {
		buffer.Count(true)
		defer buffer.Count(false)
	}
	for range servers {
		s := &site{addr: local.Own()}
		r.start(s)
		s.addr = s.now.Addr().String()
		s.proxy = newProxy(t, s.addr)
		r.servers = append(r.servers, s)
	}
	clients, closeAll := r.clients()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i, c := range clients {
		for j := range workers {
			w := &worker{run: r, name: c.name, caller: c.caller, rand: rand.New(rand.NewPCG(random.Uint64(), uint64(j)))}
			w.ids = uint64(i+1)<<56 | uint64(j)<<48
			wg.Go(func() { w.work(stop) })
		}
	}
	r.disturb(random, d)
	close(stop)
	wg.Wait()
	closeAll()
	for _, s := range r.servers {
		r.shutdown(s.now, 10*time.Second, true)
		s.old = append(s.old, s.now)
		s.proxy.close()
	}
	return r.leftovers(before, counting)
}

// start starts a server at its place.
func (r *run) start(s *site) {
	r.t.Helper()
	srv, err := preset.NewServer(s.addr, server.Service(r.implement()), server.Use(r.middleware),
		server.MaxRecvMessage(2*maxSize), server.MaxSendMessage(2*maxSize))
	if err == nil {
		err = srv.Start(context.Background())
	}
	if err != nil {
		r.t.Fatal(err)
	}
	s.now = srv
}

// shutdown ends a server; gently says that it must succeed.
func (r *run) shutdown(s *server.Server, limit time.Duration, gently bool) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil && gently {
		r.faultf("shutting down: %v", err)
	}
}

// named is a client with a name.
type named struct {
	name   string
	caller caller
}

// clients makes the clients, which all know all servers.
func (r *run) clients() (all []named, closeAll func()) {
	r.t.Helper()
	addrs := make([]string, 0, len(r.servers))
	for _, s := range r.servers {
		addrs = append(addrs, s.proxy.addr())
	}
	target := "static:///" + strings.Join(addrs, ",")
	var closers []func() error
	for _, opts := range [][]client.Option{
		{},
		{client.Connections(2), client.Compress("gzip")},
		{client.MaxConnections(2), client.Compress("zstd"), client.CompressMin(1)},
	} {
		c, err := preset.NewClient(target, append(opts, client.Use(r.middleware),
			client.MaxRecvMessage(2*maxSize), client.MaxSendMessage(2*maxSize),
			client.Backoff(5*time.Millisecond, 50*time.Millisecond))...)
		if err != nil {
			r.t.Fatal(err)
		}
		closers = append(closers, c.Close)
		all = append(all, named{fmt.Sprint("fairlead ", len(all)+1), fairleadCaller{c}})
	}
	conn, err := grpc.NewClient("passthrough:///"+addrs[0], grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)), // it has but one server
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{
			BaseDelay: 5 * time.Millisecond, Multiplier: 1.5, MaxDelay: 50 * time.Millisecond,
		}, MinConnectTimeout: time.Second}))
	if err != nil {
		r.t.Fatal(err)
	}
	all = append(all, named{"grpc-go", grpcCaller{conn}})
	closers = append(closers, conn.Close)
	return all, func() {
		for _, c := range closers {
			if err := c(); err != nil {
				r.faultf("closing a client: %v", err)
			}
		}
	}
}

// disturb cuts connections and restarts servers for d.
func (r *run) disturb(random *rand.Rand, d time.Duration) {
	end := time.Now().Add(d)
	for time.Now().Before(end) {
		time.Sleep(time.Duration(20+random.IntN(300)) * time.Millisecond)
		s := r.servers[random.IntN(len(r.servers))]
		if random.IntN(12) > 0 {
			r.cuts.Add(s.proxy.trouble(random))
			continue
		}
		limit := 2 * time.Second // for the calls to end
		if random.IntN(2) == 0 {
			limit = time.Duration(random.IntN(50)) * time.Millisecond
		}
		r.shutdown(s.now, limit, false)
		s.old = append(s.old, s.now)
		r.start(s)
		r.restarts.Add(1)
	}
}

// leftovers waits for everything to end and says what does not.
func (r *run) leftovers(goroutines int, counting bool) (n int) {
	left := func() (texts []string) {
		for _, s := range r.servers {
			for _, srv := range s.old {
				if st := srv.Stats(); st.Calls != 0 || st.Connections != 0 || st.Detecting != 0 || st.Bytes != 0 {
					texts = append(texts, fmt.Sprintf("a server has %+v", st))
				}
			}
		}
		if n := r.serving.Load(); n != 0 {
			texts = append(texts, fmt.Sprintf("%d calls have not ended on the servers", n))
		}
		if n := r.calling.Load(); n != 0 {
			texts = append(texts, fmt.Sprintf("%d calls have not ended on the clients", n))
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			texts = append(texts, fmt.Sprintf("%d goroutines run that did not before", n-goroutines))
		}
		if n := buffer.Out(); counting && n != 0 {
			texts = append(texts, fmt.Sprintf("%d buffers were not put back", n))
		}
		return texts
	}
	var texts []string
	for end := time.Now().Add(assert.Patience(10 * time.Second)); ; time.Sleep(5 * time.Millisecond) {
		if texts = left(); len(texts) == 0 {
			return 0
		}
		if time.Now().After(end) {
			break
		}
	}
	for _, text := range texts {
		r.t.Errorf("left: %s", text)
	}
	if counting {
		r.t.Log(buffer.Leaks())
	}
	stacks := make([]byte, 256<<10)
	r.t.Logf("%s", stacks[:runtime.Stack(stacks, true)])
	return len(texts)
}
