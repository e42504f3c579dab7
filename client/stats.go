package client

import (
	"time"

	"github.com/fairlead-go/fairlead/protocol"
)

// Stats is the state of a client.
type Stats struct {
	Target    string
	Instances []InstanceStats // in the resolver's order; none before its first answer
	Err       error           // why there are none
	// Guard is what servers did that no good server does, in all: see AbuseCounts.All.
	Guard protocol.AbuseCounts
	// Panics is the number of panics of users' functions, in all, that the client recovered from, each of which was
	// logged: of codecs, of functions of Call.OnEnd, and of what its own goroutines call, such as resolvers and dialers.
	Panics int64
}

// InstanceStats is the state of one instance as a client sees it.
type InstanceStats struct {
	ID          string
	Addr        string // "10.0.0.7:8080"
	Weight      uint32
	Connections int           // connections that take calls
	Waiting     int           // calls in line because the connections have no room
	Inflight    int           // attempts under way; 0 with one instance, where it is not counted
	Latency     time.Duration // moving average; 0 when unknown
	Err         error         // why no connection can be made; nil: one is there or may be
}

// Stats returns the client's state, for a console or a log. Safe for concurrent use.
func (c *Client) Stats() Stats {
	st := Stats{Target: c.target.text, Guard: c.cfg.guard.Counts(), Panics: c.cfg.panics.Count()}
	if s := c.state.Load(); s != nil && s.err != nil {
		st.Err = s.err
	}
	c.update.Lock()
	defer c.update.Unlock()
	for _, n := range c.nodes {
		in := InstanceStats{
			ID:          n.Instance.ID,
			Addr:        n.pool.target.Addr,
			Weight:      n.Instance.Weight,
			Connections: len(n.pool.list.Load().conns),
			Waiting:     int(n.pool.waiting.Load()),
			Inflight:    int(n.Inflight.Load()),
			Latency:     time.Duration(n.Latency.Load()),
		}
		if fault := n.pool.fault.Load(); fault != nil {
			in.Err = fault
		}
		st.Instances = append(st.Instances, in)
	}
	return st
}
