package result

import (
	"strconv"
	"time"
)

// Version is that of the format which this package writes, and the newest that it reads.
const Version = 1

// Format is the value of Result.Format.
const Format = "fairlead-bench"

// Result is a run.
type Result struct {
	Format  string `json:"format"`  // "fairlead-bench"
	Version int    `json:"version"` // of the format
	Tool    Tool   `json:"tool"`
	// Name is the user's name for the run, for comparisons; "" for none.
	Name    string    `json:"name,omitempty"`
	Command []string  `json:"command"` // the command line
	Target  Target    `json:"target"`
	Machine Machine   `json:"machine"` // that the generator ran on
	Begun   time.Time `json:"begun"`   // the measurement, after the warm-up
	Seconds float64   `json:"seconds"` // the measurement
	// Interrupted: the user ended the run before its time.
	Interrupted bool    `json:"interrupted"`
	Load        Load    `json:"load"`
	Request     Request `json:"request"`

	Calls Calls `json:"calls"`
	Rates Rates `json:"rates"`
	// Latency is that of calls that succeeded or ran into their deadline. In an open loop it counts from when a call was
	// due.
	Latency Histogram `json:"latency"`
	// FirstMessage is the time to the first message of streams, Turns the time of turns (--ping-pong); absent where there
	// are none.
	FirstMessage *Histogram `json:"first_message,omitempty"`
	Turns        *Histogram `json:"turns,omitempty"`
	Open         *Open      `json:"open,omitempty"` // open loops only
	Errors       []Error    `json:"errors"`         // the most frequent first
	Client       Client     `json:"client"`
	Warnings     []Warning  `json:"warnings"`
	Series       []Point    `json:"series"`
}

// Tool is the program that made the result.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Target is the method that was called.
type Target struct {
	Address string `json:"address"`
	Method  string `json:"method"` // "greeter.v1.Greeter/SayHello"
	Kind    string `json:"kind"`   // "unary", "client streaming", "server streaming", "bidirectional streaming"
	TLS     bool   `json:"tls"`
}

// Machine is the generator's.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	Host string `json:"host,omitempty"`
	CPUs int    `json:"cpus"`  // that the process may use
	Used int    `json:"procs"` // GOMAXPROCS
}

// Load is how calls were made.
type Load struct {
	Loop        string  `json:"loop"` // "closed" or "open"
	Stages      []Stage `json:"stages"`
	Concurrency int     `json:"concurrency"` // workers at most; in an open loop calls under way at most
	Connections int     `json:"connections"`
	Count       int64   `json:"count,omitempty"` // calls that were asked for
	Warmup      float64 `json:"warmup_seconds"`
	Timeout     float64 `json:"timeout_seconds,omitempty"` // of a call; 0: none
	Messages    int     `json:"messages,omitempty"`        // of a stream
	PingPong    bool    `json:"ping_pong,omitempty"`
	Arrivals    string  `json:"arrivals,omitempty"` // open loop: "uniform" or "poisson"
	Seed        uint64  `json:"seed"`
}

// Stage is a time during which the level went from one value to another: workers, or calls a second.
type Stage struct {
	From    float64 `json:"from"`
	To      float64 `json:"to"`
	Seconds float64 `json:"seconds"`
}

// Request describes the messages that were sent.
type Request struct {
	Constant bool `json:"constant"` // all calls sent the same
	Bytes    int  `json:"bytes"`    // of the first message
	Messages int  `json:"messages"` // that the data has
}

// Calls are numbers of calls that began within the measurement.
type Calls struct {
	Total     int64 `json:"total"` // succeeded and failed
	Succeeded int64 `json:"succeeded"`
	Failed    int64 `json:"failed"`
	// Unfinished were under way at the end and given up; they are in no other number.
	Unfinished   int64   `json:"unfinished"`
	WarmupFailed int64   `json:"warmup_failed"`
	ErrorRatio   float64 `json:"error_ratio"` // Failed of Total
}

// Rates are figures of the measurement, per second.
type Rates struct {
	Calls            float64 `json:"calls_per_second"`
	Successes        float64 `json:"successes_per_second"`
	MessagesSent     float64 `json:"messages_sent_per_second,omitempty"` // of streams
	MessagesReceived float64 `json:"messages_received_per_second,omitempty"`
	BytesSent        float64 `json:"bytes_sent_per_second"` // of messages, without framing and headers
	BytesReceived    float64 `json:"bytes_received_per_second"`
}

// Open says how well an open loop kept to its rate.
type Open struct {
	Due       int64     `json:"due"`           // calls that should have been sent
	Unsent    int64     `json:"unsent"`        // of these, not sent before the end
	Late      int64     `json:"late"`          // sent late
	LateAfter int64     `json:"late_after_ns"` // what late is
	Blocked   int64     `json:"blocked"`       // due while as many calls were under way as allowed
	Lag       Histogram `json:"lag"`           // from due to sent
}

// Error describes the calls that failed with one code.
type Error struct {
	Code    string  `json:"code"` // "UNAVAILABLE"
	Count   int64   `json:"count"`
	Message string  `json:"message"` // of the first
	After   float64 `json:"after_seconds"`
}

// Client describes what the generator itself used.
type Client struct {
	Cores         float64 `json:"cores"`       // kept busy on average
	Available     int     `json:"available"`   // cores that it could use
	Utilization   float64 `json:"utilization"` // Cores of Available
	UserSeconds   float64 `json:"user_seconds"`
	SystemSeconds float64 `json:"system_seconds"`
	GCSeconds     float64 `json:"gc_seconds"` // of these, by Go's garbage collector
	// Machine is the share of all cores of the machine that was busy with anything; 0: unknown.
	Machine       float64 `json:"machine"`
	MicrosOfCall  float64 `json:"cpu_micros_per_call"`
	ObjectsOfCall float64 `json:"allocs_per_call"` // allocated on the heap
	Workers       int     `json:"workers"`         // that were needed
}

// The identifiers of warnings.
const (
	WarnClientSaturated  = "client-saturated"  // the generator used nearly all CPU that it may
	WarnMachineSaturated = "machine-saturated" // all cores are busy, if not with the generator
	WarnLate             = "late"              // calls of an open loop were sent late
	WarnBlocked          = "blocked"           // no worker was free
	WarnUnsent           = "unsent"            // the rate was not reached
	WarnFewSamples       = "few-samples"       // too few calls for high percentiles
	WarnUnfinished       = "unfinished"        // calls were given up at the end
	WarnWarmup           = "warmup-failed"     // calls failed during the warm-up only
)

// Warning says why the figures may not mean what they seem to.
type Warning struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Point has the figures of an interval.
type Point struct {
	At               float64 `json:"at_seconds"` // its end
	Seconds          float64 `json:"seconds"`    // its length
	Level            float64 `json:"level"`      // planned: workers, or calls a second
	Calls            float64 `json:"calls_per_second"`
	Errors           float64 `json:"errors_per_second"`
	MessagesSent     float64 `json:"messages_sent_per_second,omitempty"`
	MessagesReceived float64 `json:"messages_received_per_second,omitempty"`
	BytesSent        float64 `json:"bytes_sent_per_second"`
	BytesReceived    float64 `json:"bytes_received_per_second"`
	// Recorded is the number of latencies behind the percentiles, which are null when there are none.
	Recorded int64       `json:"recorded"`
	P50      Nanoseconds `json:"p50_ns"`
	P90      Nanoseconds `json:"p90_ns"`
	P95      Nanoseconds `json:"p95_ns"`
	P99      Nanoseconds `json:"p99_ns"`
	P999     Nanoseconds `json:"p999_ns"`
	Max      Nanoseconds `json:"max_ns"`
	Cores    float64     `json:"client_cores"`
}

// Nanoseconds is a latency; 0, as JSON null, says that there is none.
type Nanoseconds int64

// MarshalJSON implements json.Marshaler.
func (n Nanoseconds) MarshalJSON() ([]byte, error) {
	if n == 0 {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, int64(n), 10), nil
}
