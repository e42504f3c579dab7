package bench

import (
	"strconv"
	"time"

	"github.com/fairlead-go/fairlead/lab/peer"
)

// Side is a framework.
type Side string

// The sides.
const (
	Fairlead Side = "fairlead"
	GRPCGo   Side = "grpc-go"
)

// Pair says whose client calls whose server.
type Pair struct {
	Client Side `json:"client"`
	Server Side `json:"server"`
}

// String is "client → server".
func (p Pair) String() string { return string(p.Client) + " → " + string(p.Server) }

// The pairs.
var (
	ours        = Pair{Fairlead, Fairlead} //nolint:gochecknoglobals // a constant
	theirs      = Pair{GRPCGo, GRPCGo}     //nolint:gochecknoglobals // a constant
	theirClient = Pair{GRPCGo, Fairlead}   //nolint:gochecknoglobals // a constant
	ourClient   = Pair{Fairlead, GRPCGo}   //nolint:gochecknoglobals // a constant
)

// scenario is one kind of load.
type scenario struct {
	name  string
	title string
	mode  string
	conns int
	// callers is the number of concurrent callers or streams; with an open loop, of calls under way at most.
	callers int
	size    int // bytes; 0: 1 KiB
	tls     bool
	bare    bool // no deadline and no metadata
	slow    string
	// slowCallers of the callers make slow calls, which are not counted, and pause after each: calls that compute would
	// otherwise take the more of the machine the faster they are answered.
	slowCallers int
	slowPause   time.Duration
	// share of grpc-go's closed-loop capacity at which an open loop calls.
	share float64
	// rounds is a limit, for scenarios that hardly vary; 0: none.
	rounds int
}

// scenarios are in the order in which they run.
func scenarios() []scenario {
	return []scenario{
		{name: "unary-1", title: "unary, 1 connection, 100 callers", mode: peer.Unary, conns: 1, callers: 100},
		{name: "unary-4", title: "unary, 4 connections, 100 callers", mode: peer.Unary, conns: 4, callers: 100},
		{name: "unary-100", title: "unary, 100 connections, 100 callers", mode: peer.Unary, conns: 100, callers: 100},
		{name: "one-caller", title: "unary, one caller", mode: peer.Unary, conns: 1, callers: 1},
		{
			name: "unary-bare", title: "unary without deadline and metadata", mode: peer.Unary,
			conns: 1, callers: 100, bare: true, rounds: 2,
		},
		{
			name: "server-stream-small", title: "one server stream of 16-byte messages", mode: peer.ServerStream,
			conns: 1, callers: 1, size: 16,
		},
		{
			name: "server-stream-1", title: "one server stream of 1 KiB messages", mode: peer.ServerStream,
			conns: 1, callers: 1,
		},
		{
			name: "server-stream-10", title: "10 server streams of 1 KiB messages", mode: peer.ServerStream,
			conns: 1, callers: 10,
		},
		{
			name: "client-stream-1", title: "one client stream of 1 KiB messages", mode: peer.ClientStream,
			conns: 1, callers: 1,
		},
		{
			name: "client-stream-10", title: "10 client streams of 1 KiB messages", mode: peer.ClientStream,
			conns: 1, callers: 10,
		},
		{
			name: "bidi-100", title: "100 bidirectional streams, ping-pong", mode: peer.Bidi,
			conns: 1, callers: 100,
		},
		{
			name: "open-loop", title: "open loop at 70 % of grpc-go's capacity", mode: peer.OpenLoop,
			conns: 1, callers: 1000, share: 0.7,
		},
		{
			name: "sleepers", title: "90 fast callers beside 10 whose handler sleeps 20 ms", mode: peer.Unary,
			conns: 1, callers: 100, slow: "sleep20ms", slowCallers: 10,
		},
		{
			name: "spinners", title: "90 fast callers beside 10 whose handler computes for 200 µs", mode: peer.Unary,
			conns: 1, callers: 100, slow: "spin200us", slowCallers: 10,
			slowPause: 5 * time.Millisecond,
		},
		{name: "idle", title: "5,000 idle connections", mode: peer.Idle, conns: 5000, callers: 1, rounds: 3},
		{
			name: "idle-tls", title: "5,000 idle TLS connections", mode: peer.Idle,
			conns: 5000, callers: 1, tls: true, rounds: 2,
		},
	}
}

// args are the flags for the load program.
func (s *scenario) args(o *Options, rate float64) []string {
	size := s.size
	if size == 0 {
		size = 1024
	}
	args := []string{
		"-mode", s.mode,
		"-conns", strconv.Itoa(s.conns),
		"-callers", strconv.Itoa(s.callers),
		"-size", strconv.Itoa(size),
		"-duration", o.Duration.String(),
		"-warmup", o.Warmup.String(),
	}
	if s.tls {
		args = append(args, "-tls")
	}
	if s.bare {
		args = append(args, "-deadline", "0", "-metadata=false")
	}
	if s.slowCallers > 0 {
		args = append(args, "-slow", s.slow, "-slow-callers", strconv.Itoa(s.slowCallers),
			"-slow-pause", s.slowPause.String())
	}
	if s.share > 0 {
		args = append(args, "-rate", strconv.FormatFloat(rate*s.share, 'f', 0, 64))
	}
	if s.mode == peer.Idle {
		// Thousands of handshakes at the same time may take longer than a call's usual second.
		args = append(args, "-deadline", time.Minute.String())
	}
	return args
}
