// Package admin has services for the operation of a process: health (grpc.health.v1), reflection (grpc.reflection), and
// the state of the process (fairlead.admin.v1.Runtime). A program may link other implementations of the same services,
// since the package registers its messages under names of its own.
package admin

import (
	"context"
	"sync"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/internal/adminpb"
)

// The messages of grpc.health.v1.
type (
	healthRequest      = adminpb.HealthCheckRequest
	healthResponse     = adminpb.HealthCheckResponse
	healthListRequest  = adminpb.HealthListRequest
	healthListResponse = adminpb.HealthListResponse
)

// Status is the status of a service, with the numbers of grpc.health.v1.HealthCheckResponse.ServingStatus.
type Status int32

// The statuses.
const (
	StatusUnknown  Status = 0
	Serving        Status = 1
	NotServing     Status = 2
	ServiceUnknown Status = 3 // of services that Health does not know; only Watch sends it
)

// String returns the status's name in the protocol.
func (s Status) String() string {
	switch s {
	case Serving:
		return "SERVING"
	case NotServing:
		return "NOT_SERVING"
	case ServiceUnknown:
		return "SERVICE_UNKNOWN"
	default:
		return "UNKNOWN"
	}
}

// Services that every Health knows besides "", which stands for the whole server. They are named for the two probes of
// an orchestrator.
const (
	// Liveness is SERVING as long as the process answers, also while it drains. An orchestrator kills a process whose
	// probe fails.
	Liveness = "liveness"
	// Readiness is SERVING while the process wants work. An orchestrator sends no traffic to a process whose probe fails.
	Readiness = "readiness"
)

// maxList is the most services that List returns; the protocol requires a limit.
const maxList = 100

// Health keeps the status of services and serves it by the protocol grpc.health.v1. It is an app.Component and an
// app.Readiness: as the first part of an App it is not ready until all others have started, not ready again before the
// first of them stops, and it stops last. It is safe for concurrent use.
type Health struct {
	mu       sync.Mutex
	ready    bool
	shutdown bool
	statuses map[string]Status
	watchers map[chan struct{}]struct{} // each gets a value when something has changed
}

// NewHealth makes a Health that is ready and whose whole server, "", is SERVING.
func NewHealth() *Health {
	return &Health{
		ready:    true,
		statuses: map[string]Status{"": Serving},
		watchers: make(map[chan struct{}]struct{}),
	}
}

// SetServing sets the status of a service to SERVING or NOT_SERVING; "" is the whole server. It adds the service if it
// is not known.
func (h *Health) SetServing(service string, serving bool) {
	if serving {
		h.SetStatus(service, Serving)
	} else {
		h.SetStatus(service, NotServing)
	}
}

// SetStatus sets the status of a service; "" is the whole server. The status is served while Health is ready.
func (h *Health) SetStatus(service string, s Status) {
	h.change(func() { h.statuses[service] = s })
}

// serve adds services that are not known, with the status SERVING.
func (h *Health) serve(services []*fairlead.Service) {
	h.change(func() {
		for _, s := range services {
			if _, known := h.statuses[s.Name]; !known {
				h.statuses[s.Name] = Serving
			}
		}
	})
}

// SetReady sets whether the process wants work. While it does not, all services except Liveness are NOT_SERVING;
// afterwards they have their own statuses again.
func (h *Health) SetReady(ready bool) { h.change(func() { h.ready = ready }) }

// Ready reports whether the process wants work: the last SetReady was with true, and Shutdown was not called.
func (h *Health) Ready() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ready && !h.shutdown
}

// Shutdown sets all services except Liveness to NOT_SERVING, permanently.
func (h *Health) Shutdown() { h.change(func() { h.shutdown = true }) }

// Start makes Health not ready, until its App calls SetReady.
func (h *Health) Start(context.Context) error {
	h.SetReady(false)
	return nil
}

// Stop is Shutdown.
func (h *Health) Stop(context.Context) error {
	h.Shutdown()
	return nil
}

// String returns "health", the component's name.
func (h *Health) String() string { return "health" }

// change calls f, which changes the state, and wakes the watchers.
func (h *Health) change(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
	for w := range h.watchers {
		select {
		case w <- struct{}{}:
		default: // it has not looked since the last change
		}
	}
}

// Status returns the status that the protocol serves for a service, and ServiceUnknown if it is not known.
func (h *Health) Status(service string) Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status(service)
}

// status is Status; the lock is held.
func (h *Health) status(service string) Status {
	wanted := h.ready && !h.shutdown
	s, known := h.statuses[service]
	switch {
	case known && wanted:
		return s
	case known:
		return NotServing
	case service == Liveness || service == Readiness && wanted:
		return Serving
	case service == Readiness:
		return NotServing
	default:
		return ServiceUnknown
	}
}

// Service returns the implementation of grpc.health.v1.Health for server.Service.
func (h *Health) Service() *fairlead.Implementation {
	const name = "grpc.health.v1.Health"
	readOnly := func(m *fairlead.Method) { m.Idempotency, m.Criticality = fairlead.NoSideEffects, fairlead.CriticalPlus }
	return fairlead.Implement(
		fairlead.NewService(name, "proto", healthSchema,
			fairlead.NewMethod[healthRequest, healthResponse](fairlead.Unary, name, "Check", readOnly),
			fairlead.NewMethod[healthListRequest, healthListResponse](fairlead.Unary, name, "List", readOnly),
			fairlead.NewMethod[healthRequest, healthResponse](fairlead.ServerStreaming, name, "Watch", readOnly),
		),
		fairlead.UnaryHandler(h.check),
		fairlead.UnaryHandler(h.list),
		fairlead.ServerStreamHandler(h.watch),
	)
}

func (h *Health) check(_ context.Context, r *healthRequest) (*healthResponse, error) {
	s := h.Status(r.GetService())
	if s == ServiceUnknown {
		return nil, fairlead.Errorf(fairlead.NotFound, "unknown service %q", r.GetService())
	}
	return response(s), nil
}

func response(s Status) *healthResponse {
	return &healthResponse{Status: adminpb.HealthCheckResponse_ServingStatus(s)}
}

func (h *Health) list(context.Context, *healthListRequest) (*healthListResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.statuses) > maxList {
		return nil, fairlead.Errorf(fairlead.ResourceExhausted, "%d services are more than the %d that a list may have",
			len(h.statuses), maxList)
	}
	statuses := make(map[string]*healthResponse, len(h.statuses))
	for service := range h.statuses {
		statuses[service] = response(h.status(service))
	}
	return &healthListResponse{Statuses: statuses}, nil
}

// watch sends the service's status now and whenever it has changed. A server that drains would wait for the call, so
// watch then sends the status a last time, if it has changed, and returns; the client watches another instance.
func (h *Health) watch(ctx context.Context, r *healthRequest, s *fairlead.Outbound[healthResponse]) error {
	changed := make(chan struct{}, 1)
	h.mu.Lock()
	h.watchers[changed] = struct{}{}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.watchers, changed)
		h.mu.Unlock()
	}()
	last, draining := Status(-1), false
	for {
		if status := h.Status(r.GetService()); status != last {
			if err := s.Send(response(status)); err != nil {
				return err
			}
			last = status
		}
		if draining {
			return fairlead.Errorf(fairlead.Unavailable, "the server is shutting down")
		}
		select {
		case <-changed:
		case <-s.Call().Draining():
			draining = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
