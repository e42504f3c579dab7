package protocol

import (
	"iter"
	"sync/atomic"
	"time"
)

// Guard has what the connections of a server or a client share to defend themselves against hostile peers: time limits,
// which must not be changed once connections use them, and counts of what peers did. The counts are safe for concurrent
// use.
type Guard struct {
	// FirstTimeout is how long a client may take to send its first SETTINGS. 0: no limit.
	FirstTimeout time.Duration
	// MessageTimeout is how long a client may take to send the rest of a message, or of a request with one message, after
	// its beginning, and to take the response of a unary call. The time starts again with each 64 KiB. 0: no limit.
	MessageTimeout time.Duration

	counts [abuses]atomic.Int64
}

// Abuse is a kind of hostile behaviour.
type Abuse uint8

// The kinds. Those up to FloodUnknown share a connection's budget (web.ControlBudget). They are counted when a
// connection ends because the budget is used up, as the kind that the connection had most of. The others are counted
// each time.
const (
	FloodReset        Abuse = iota // streams that the peer has reset
	FloodProvoked                  // streams that this side had to reset because of the peer's frames
	FloodStreams                   // streams above the limit, which were refused
	FloodSettings                  // SETTINGS
	FloodPing                      // PING
	FloodPriority                  // PRIORITY
	FloodWindowUpdate              // WINDOW_UPDATE
	FloodData                      // DATA without a byte
	FloodHeaders                   // HEADERS of streams that are over, interim responses
	FloodContinuation              // CONTINUATION with hardly anything in it
	FloodUnknown                   // GOAWAY, and frames of unknown types

	RefusedStream    // a stream above the limit was refused
	MalformedRequest // a request was reset because HTTP forbids it
	HeaderListLimit  // a header list was too long
	ConnectionError  // a connection was ended by GOAWAY with an error, floods included
	SlowFrame        // a connection was ended over a preface, frame or header block that did not come to an end
	TooManyPings     // a connection was ended by the policy on PINGs
	SlowMessage      // a call was ended because its message did not come to an end, or its response was not taken
	PeerHeaderLimit  // a header list to be sent was longer than the peer allows
	CrossSite        // a write was refused that a browser sent for a page of another origin
	SocketError      // a WebSocket was closed over frames that RFC 6455 forbids, or a flood of them
	abuses
)

var abuseNames = [abuses]string{ //nolint:gochecknoglobals // a constant
	"reset_flood", "provoked_reset_flood", "stream_flood", "settings_flood", "ping_flood", "priority_flood",
	"window_update_flood", "empty_data_flood", "headers_flood", "continuation_flood", "unknown_frame_flood",
	"refused_streams", "malformed_requests", "header_list_limit", "connection_errors", "slow_frames", "too_many_pings",
	"slow_messages", "peer_header_limit", "cross_site_writes", "socket_errors",
}

// String returns the name of the kind, as in docs/security.md.
func (a Abuse) String() string {
	if a >= abuses {
		return "unknown"
	}
	return abuseNames[a]
}

// Note adds one to the count of a. It does nothing for a nil guard.
func (g *Guard) Note(a Abuse) {
	if g != nil && a < abuses {
		g.counts[a].Add(1)
	}
}

// Counts returns how often each kind was counted, zeros for a nil guard.
func (g *Guard) Counts() AbuseCounts {
	var c AbuseCounts
	if g != nil {
		for a := range c {
			c[a] = g.counts[a].Load()
		}
	}
	return c
}

// AbuseCounts are the counts of all kinds of abuse, indexed by Abuse.
type AbuseCounts [abuses]int64

// All returns an iterator over the kinds' names and counts, zeros included, in a fixed order.
func (c AbuseCounts) All() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for a, n := range c {
			if !yield(Abuse(a).String(), n) {
				return
			}
		}
	}
}
