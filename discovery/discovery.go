// Package discovery finds the instances of services.
package discovery

import "context"

// Instance is one running copy of a service. It is read-only once published; instances are told apart by ID. Clients
// use the ID, the weight and the endpoints; all else is for filters and balancers of one's own.
type Instance struct {
	ID        string
	Service   string
	Version   string
	Zone      string
	Group     string // the A/B group
	Weight    uint32 // 0: no new calls
	Endpoints []Endpoint
	Labels    map[string]string
}

// Endpoint is an address at which an instance listens.
type Endpoint struct {
	Network   string // "tcp" or "unix"
	Addr      string // "10.0.0.7:8080"
	Protocols []string
	TLS       bool
}

// Registry announces instances. There is no implementation in this repository yet, and package app does not call one.
type Registry interface {
	Register(ctx context.Context, instance Instance) (Registration, error)
}

// Registration is an announced instance.
type Registration interface {
	// Update changes what is announced, such as the weight while draining.
	Update(ctx context.Context, instance Instance) error
	Deregister(ctx context.Context) error
}

// Resolver watches targets of one scheme, such as "dns:///greeter:8080".
type Resolver interface {
	Scheme() string
	// Check says without asking anybody whether endpoint, the target without its scheme, is well formed.
	Check(endpoint string) error
	// Watch reports to sink until ctx ends, and returns ctx's error then; another error means that it cannot go on.
	Watch(ctx context.Context, endpoint string, sink Sink) error
}

// Sink takes what a resolver finds. Safe for concurrent use.
type Sink interface {
	// Update gives the complete list. A refused list (empty, or two instances with one ID) returns the reason; the
	// receiver goes on with its last good one.
	Update(instances []Instance) error
	// Fail reports that no answer could be had.
	Fail(err error)
	// Refresh delivers a value when the receiver wants a new look, because a connection could not be made, say.
	Refresh() <-chan struct{}
}
