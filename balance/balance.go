// Package balance picks an instance for a call.
package balance

import (
	"sync/atomic"
	"time"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/discovery"
)

// Node is an instance with what the client has seen of it. The client updates it, pickers read it.
type Node struct {
	Instance *discovery.Instance
	Inflight atomic.Int32 // attempts under way
	Latency  atomic.Int64 // moving average in nanoseconds, 0 before the first
	// Failing is true while no connection to the instance can be made.
	Failing atomic.Bool
	// Since is when the client first saw the instance. The balancers of this repository do not look at it; one's own may
	// begin slowly by it.
	Since time.Time
	// State is the balancer's own; it is set in Build and never per call.
	State any
}

// Balancer builds a Picker whenever the set of nodes changes. A node that stays is the same pointer.
type Balancer interface {
	Name() string
	Build(nodes []*Node) Picker
}

// Picker picks without allocating or blocking. Safe for concurrent use.
type Picker interface {
	// Pick chooses a node for c; tried are the nodes of earlier attempts, to be avoided if others remain. Nodes that
	// are failing come last. Nil: there are no nodes.
	Pick(c *fairlead.Call, tried []*Node) *Node
}

// Observer is a Picker or a Filter that wants to know how each attempt went.
type Observer interface {
	Observe(n *Node, c *fairlead.Call, took time.Duration, err error)
}

// Filter narrows the nodes before Build, when they or its own state change: outlier ejection, zone, subset.
type Filter interface {
	Filter(nodes []*Node) []*Node
	Changed() <-chan struct{}
}
