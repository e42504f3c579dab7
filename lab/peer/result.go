package peer

// Result is what a load program prints, as one line of JSON. A call is a unary call, a message of a server or client
// stream, or a turn of a bidirectional one.
type Result struct {
	Mode    string  `json:"mode"`
	Conns   int     `json:"conns"`
	Callers int     `json:"callers"`
	Size    int     `json:"size"`
	Seconds float64 `json:"seconds"` // of the measured window

	Calls          int64   `json:"calls"` // in the window; without those of slow callers
	CallsPerSecond float64 `json:"calls_per_second"`
	Errors         int64   `json:"errors"`
	FirstError     string  `json:"first_error,omitempty"`

	// Latencies in microseconds; 0 for server and client streams, which have none to speak of.
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`

	ClientCPUMicros float64 `json:"client_cpu_micros"` // per call
	ServerCPUMicros float64 `json:"server_cpu_micros"` // per call
	ClientMallocs   float64 `json:"client_mallocs"`    // per call
	ServerMallocs   float64 `json:"server_mallocs"`    // per call
	ClientBytes     float64 `json:"client_bytes"`      // allocated per call
	ServerBytes     float64 `json:"server_bytes"`      // allocated per call

	// KiBPerConn is the growth of the server's resident memory for each idle connection; mode idle only.
	KiBPerConn float64 `json:"kib_per_conn,omitempty"`
	// GoroutinesPerConn is the growth of the number of the server's goroutines for each; mode idle only.
	GoroutinesPerConn float64 `json:"goroutines_per_conn,omitempty"`
}
