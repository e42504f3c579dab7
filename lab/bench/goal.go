package bench

import (
	"slices"

	"github.com/fairlead-go/fairlead/lab/peer"
)

// goal is a figure that the project holds itself to.
type goal struct {
	name     string
	title    string
	scenario string
	figure   func(*peer.Result) float64
	of       Pair
	against  Pair   // the value is the ratio to this pair in the same round; zero: the figure itself
	unit     string // of the figure itself
	// reference makes the value a figure at the speed of the machine that the bounds were set on, where the pair against
	// has this figure: it is not a ratio then.
	reference float64
	must      float64 // 0: none
	reach     float64 // 0: none
	lower     bool    // lower is better
}

// compares says whether the goal needs a second pair.
func (g *goal) compares() bool { return g.against != Pair{} }

// ratio says whether the value is a ratio.
func (g *goal) ratio() bool { return g.compares() && g.reference == 0 }

// pairs are those that the goal needs runs of.
func (g *goal) pairs() []Pair {
	if g.compares() {
		return []Pair{g.against, g.of}
	}
	return []Pair{g.of}
}

// value makes the goal's value of the figures of its pairs in one round. A machine that is faster than the reference
// gets no credit for it.
func (g *goal) value(of, against float64) float64 {
	switch {
	case g.ratio():
		return of / against
	case g.compares():
		return of / max(against/g.reference, 1)
	default:
		return of
	}
}

// holds says whether a value is at least as good as a bound.
func (g *goal) holds(value, bound float64) bool {
	if g.lower {
		return value <= bound
	}
	return value >= bound
}

// noise is what a ratio may be below 1 and still count as "not below grpc-go": the machine varies by that much.
const noise = 0.05

// grpcGoServerCPU is what grpc-go's server costs for a call of row unary-1, in microseconds, on the machine that the
// goal for ours was set on: 17 without deadline, metadata and middleware, which make it 1.18 times as much.
const grpcGoServerCPU = 20

// The contract's own objects, which each call makes whatever the framework: the request's message and its text are
// decoded and the response's message is made on the server; the response's message and its text are decoded on the
// client.
const (
	serverMessages = 3
	clientMessages = 2
)

func callsPerSecond(r *peer.Result) float64 { return r.CallsPerSecond }
func serverCPU(r *peer.Result) float64      { return r.ServerCPUMicros }
func p99(r *peer.Result) float64            { return r.P99 }
func kibPerConn(r *peer.Result) float64     { return r.KiBPerConn }
func serverMallocs(r *peer.Result) float64  { return r.ServerMallocs - serverMessages }
func clientMallocs(r *peer.Result) float64  { return r.ClientMallocs - clientMessages }

// goals are in the order of the report.
func goals() []goal {
	list := []goal{
		faster("unary-1", "unary-1", "unary, 1 connection", ours, 5, 8),
		faster("unary-4", "unary-4", "unary, 4 connections", ours, 5, 8),
		faster("unary-100", "unary-100", "unary, 100 connections", ours, 2.5, 3),
		faster("their-client", "unary-1", "grpc-go's client on our server", theirClient, 1.8, 2.2),
		faster("our-client", "unary-1", "our client on grpc-go's server", ourClient, 1.5, 1.9),
		{
			name: "server-cpu-measured", title: "server CPU a call, our client, on this machine", scenario: "unary-1",
			figure: serverCPU, of: ours, unit: "µs", lower: true,
		},
		{
			name: "server-cpu", title: "the same, on one where grpc-go's takes 20 µs", scenario: "unary-1",
			figure: serverCPU, of: ours, against: theirs, reference: grpcGoServerCPU,
			unit: "µs", must: 3, reach: 1.5, lower: true,
		},
		{
			name: "server-cpu-their-client", title: "server CPU a call, grpc-go's client", scenario: "unary-1",
			figure: serverCPU, of: theirClient, against: theirs, must: 0.35, reach: 0.25, lower: true,
		},
		{
			name: "server-allocations", title: "own allocations a call, server", scenario: "unary-bare",
			figure: serverMallocs, of: ours, must: 5, reach: 2, lower: true,
		},
		{
			name: "client-allocations", title: "own allocations a call, client", scenario: "unary-bare",
			figure: clientMallocs, of: ours, must: 4, reach: 1, lower: true,
		},
		faster("one-caller", "one-caller", "unary, one caller", ours, 1.6, 2.4),
		faster("server-stream-small", "server-stream-small", "server stream, small messages", ours, 1.5, 2.7),
		faster("server-stream-1", "server-stream-1", "server stream, 1 KiB", ours, 1.5, 2.7),
		faster("server-stream-10", "server-stream-10", "10 server streams, 1 KiB", ours, 1.5, 2.7),
		faster("bidi-100", "bidi-100", "100 bidirectional streams", ours, 1.5, 2.7),
		faster("client-stream-1", "client-stream-1", "client stream, 1 KiB", ours, 1-noise, 0),
		faster("client-stream-10", "client-stream-10", "10 client streams, 1 KiB", ours, 1-noise, 0),
	}
	for _, kind := range []string{"server-stream-10", "client-stream-10", "bidi-100"} {
		list = append(list,
			faster(kind+"-their-client", kind, kind+", grpc-go's client on our server", theirClient, 1-noise, 0),
			faster(kind+"-our-client", kind, kind+", our client on grpc-go's server", ourClient, 1-noise, 0))
	}
	return append(list,
		goal{
			name: "open-loop", title: "p99 at 70 % of grpc-go's capacity", scenario: "open-loop",
			figure: p99, of: ours, against: theirs, must: 1, lower: true,
		},
		faster("sleepers", "sleepers", "fast calls beside sleeping handlers", ours, 1-noise, 0),
		faster("spinners", "spinners", "fast calls beside computing handlers", ours, 1-noise, 0),
		goal{
			name: "idle", title: "memory of an idle connection", scenario: "idle",
			figure: kibPerConn, of: ours, unit: "KiB", must: 8, reach: 6, lower: true,
		},
		goal{
			name: "idle-ratio", title: "the same, against grpc-go", scenario: "idle",
			figure: kibPerConn, of: ours, against: theirs, must: 1, lower: true,
		},
		goal{
			name: "idle-tls", title: "memory of an idle TLS connection", scenario: "idle-tls",
			figure: kibPerConn, of: ours, against: theirs, must: 1, lower: true,
		},
	)
}

// faster is a goal for calls a second, as a ratio to grpc-go's client on grpc-go's server.
func faster(name, scenario, title string, of Pair, must, reach float64) goal {
	return goal{
		name: name, title: title, scenario: scenario,
		figure: callsPerSecond, of: of, against: theirs, must: must, reach: reach,
	}
}

// median returns the middle of values, the mean of the two middle ones for an even number, and 0 for none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}
