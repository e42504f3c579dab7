// Package balance defines how clients pick an instance for a call.
package balance

import (
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/discovery"
)

// Node is an instance with what the client has measured of it. The client updates it, pickers read it.
type Node struct {
	Instance *discovery.Instance
	Inflight atomic.Int32 // attempts in progress
	Latency  atomic.Int64 // moving average in nanoseconds, 0 before the first
	// Failing is true while no connection to the instance can be made.
	Failing atomic.Bool
	// Since is when the client first saw the instance. The balancers of this repository do not use it; others may give new
	// instances fewer calls at first.
	Since time.Time
	// State is for the balancer's use; it is set in Build and never per call.
	State any
}

// Balancer builds a Picker whenever the set of nodes changes. A node that stays keeps its pointer.
type Balancer interface {
	Name() string
	Build(nodes []*Node) Picker
}

// Picker picks without allocating or blocking. It is safe for concurrent use.
type Picker interface {
	// Pick returns a node for c, nil if there are no nodes. tried are the nodes of earlier attempts, which it avoids if
	// there are others. Nodes that are failing come last.
	Pick(c *fairlead.Call, tried []*Node) *Node
}

// Observer is implemented by Pickers and Filters that need the outcome of each attempt.
type Observer interface {
	Observe(n *Node, c *fairlead.Call, took time.Duration, err error)
}

// Filter selects some of the nodes before Build, when they or its own state change: outlier ejection, zone, subset.
type Filter interface {
	Filter(nodes []*Node) []*Node
	Changed() <-chan struct{}
}
