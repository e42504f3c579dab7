// Package discoverytest has a test suite for implementations of discovery.Resolver, and a sink that records.
package discoverytest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/internal/assert"
)

// Event is one report of a resolver: a list or an error.
type Event struct {
	At        time.Time
	Instances []discovery.Instance
	Err       error
}

// patience is how long Next waits. In a bubble of testing/synctest it takes no time.
const patience = time.Minute

// Sink is a discovery.Sink that records. Make it with NewSink; it is safe for concurrent use.
type Sink struct {
	events  chan Event
	refresh chan struct{}

	mu     sync.Mutex
	refuse error
}

var _ discovery.Sink = (*Sink)(nil)

// capacity is the number of events that a Sink holds; more block the resolver.
const capacity = 1024

// NewSink makes a Sink.
func NewSink() *Sink {
	return &Sink{events: make(chan Event, capacity), refresh: make(chan struct{}, 1)}
}

// Update records a list. It refuses lists that are empty or have an ID twice, and all lists after Refuse.
func (s *Sink) Update(instances []discovery.Instance) error {
	s.mu.Lock()
	err := s.refuse
	s.mu.Unlock()
	if err == nil {
		err = check(instances)
	}
	s.events <- Event{At: time.Now(), Instances: instances, Err: err}
	return err
}

// Fail records an error.
func (s *Sink) Fail(err error) { s.events <- Event{At: time.Now(), Err: err} }

// Refresh returns the channel to which AskRefresh sends.
func (s *Sink) Refresh() <-chan struct{} { return s.refresh }

// AskRefresh asks the resolver for a new lookup, unless the resolver has not yet received the last request.
func (s *Sink) AskRefresh() {
	select {
	case s.refresh <- struct{}{}:
	default:
	}
}

// Refuse makes Update refuse all lists with err; nil ends that.
func (s *Sink) Refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = err
}

// Next waits for the next event. It fails the test after a minute.
func (s *Sink) Next(t testing.TB) Event {
	t.Helper()
	timer := time.NewTimer(assert.Patience(patience))
	defer timer.Stop()
	select {
	case e := <-s.events:
		return e
	case <-timer.C:
		t.Fatal("the resolver reported nothing for a minute")
		return Event{}
	}
}

// NextUpdate waits for the next event, which must be a list, and returns it.
func (s *Sink) NextUpdate(t testing.TB) []discovery.Instance {
	t.Helper()
	e := s.Next(t)
	if e.Err != nil {
		t.Fatalf("the resolver reported the error %v, want instances", e.Err)
	}
	return e.Instances
}

// Pending returns the number of events that Next has not returned.
func (s *Sink) Pending() int { return len(s.events) }

// check returns what is wrong with a list.
func check(instances []discovery.Instance) error {
	if len(instances) == 0 {
		return errors.New("discoverytest: the list of instances is empty")
	}
	seen := make(map[string]bool, len(instances))
	for i := range instances {
		if id := instances[i].ID; seen[id] {
			return fmt.Errorf("discoverytest: two instances have the ID %q", id)
		}
		seen[instances[i].ID] = true
	}
	return nil
}
