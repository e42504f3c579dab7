// Package discovery defines how clients find the instances of services.
package discovery

import "context"

// Instance is one running copy of a service. It is read-only once published; its ID distinguishes it from others.
// Clients use the ID, the weight and the endpoints; the other fields are for filters and balancers.
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
	// Check returns an error if endpoint, the target without its scheme, is not well formed. It does not look anything up.
	Check(endpoint string) error
	// Watch reports instances to sink until ctx ends, and then returns ctx's error. Any other error means that it cannot
	// go on.
	Watch(ctx context.Context, endpoint string, sink Sink) error
}

// Sink takes the results of a resolver. It is safe for concurrent use.
type Sink interface {
	// Update sets the complete list. It returns an error if it refuses the list, because it is empty or has two instances
	// with one ID; the receiver then keeps its last good list.
	Update(instances []Instance) error
	// Fail reports that a lookup failed.
	Fail(err error)
	// Refresh returns a channel that delivers a value when the receiver wants a new lookup, for example because it cannot
	// connect.
	Refresh() <-chan struct{}
}
