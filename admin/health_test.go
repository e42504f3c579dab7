package admin

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/app"
	"github.com/fairlead-go/fairlead/fairleadtest"
	"github.com/fairlead-go/fairlead/internal/assert"
)

var (
	_ app.Component = (*Health)(nil)
	_ app.Readiness = (*Health)(nil)
)

func TestCheck(t *testing.T) {
	t.Parallel()
	h := NewHealth()
	impl := h.Service()
	_, client := connect(t, impl)
	check := method(t, impl, "Check")
	steps := []struct {
		name string
		do   func()
		want map[string]Status // ServiceUnknown: NOT_FOUND
	}{
		{"new", func() {}, map[string]Status{
			"": Serving, "a": ServiceUnknown, Liveness: Serving, Readiness: Serving,
		}},
		{"services", func() { h.SetServing("a", true); h.SetServing("b", false); h.SetStatus("c", StatusUnknown) },
			map[string]Status{"": Serving, "a": Serving, "b": NotServing, "c": StatusUnknown}},
		{"the whole server", func() { h.SetServing("", false) }, map[string]Status{"": NotServing, "a": Serving}},
		{"unready", func() { h.SetServing("", true); h.SetReady(false) }, map[string]Status{
			"": NotServing, "a": NotServing, "b": NotServing, Liveness: Serving, Readiness: NotServing,
		}},
		{"ready again", func() { h.SetReady(true) }, map[string]Status{"": Serving, "a": Serving, "b": NotServing}},
		{"as a component, starting", func() { _ = h.Start(t.Context()) }, map[string]Status{"": NotServing}},
		{"started", func() { h.SetReady(true) }, map[string]Status{"": Serving}},
		{"shut down", func() { _ = h.Stop(t.Context()); h.SetReady(true); h.SetServing("a", true) },
			map[string]Status{"": NotServing, "a": NotServing, Liveness: Serving, Readiness: NotServing}},
	}
	for _, step := range steps {
		step.do()
		for service, want := range step.want {
			got, err := unary[healthResponse](t, client, check, &healthRequest{Service: service})
			if want == ServiceUnknown {
				if fairlead.CodeOf(err) != fairlead.NotFound {
					t.Errorf("%s: %q: got %v, %v; want NOT_FOUND", step.name, service, got, err)
				}
				continue
			}
			if err != nil || Status(got.GetStatus()) != want {
				t.Errorf("%s: %q: got %v, %v; want %v", step.name, service, got, err, want)
			}
		}
		if got, want := h.Ready(), step.want[Readiness] != NotServing && step.want[""] != NotServing; got != want &&
			step.name != "the whole server" {
			t.Errorf("%s: got ready %v, want %v", step.name, got, want)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	h := NewHealth()
	impl := h.Service()
	_, client := connect(t, impl)
	h.SetServing("b", false)
	h.SetServing("a", true)
	got, err := unary[healthListResponse](t, client, method(t, impl, "List"), &healthListRequest{})
	want := &healthListResponse{Statuses: map[string]*healthResponse{
		"": response(Serving), "a": response(Serving), "b": response(NotServing),
	}}
	if err != nil || !proto.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for i := range maxList {
		h.SetServing(fmt.Sprint(i), true)
	}
	_, err = unary[healthListResponse](t, client, method(t, impl, "List"), &healthListRequest{})
	if fairlead.CodeOf(err) != fairlead.ResourceExhausted {
		t.Errorf("too many: got %v, want RESOURCE_EXHAUSTED", err)
	}
}

func watchOf(
	t *testing.T, ctx context.Context, b fairlead.Binder, m *fairlead.Method, service string, //nolint:revive // t first
) *fairlead.Inbound[healthResponse] {
	t.Helper()
	c := fairlead.NewCall(m, &healthRequest{Service: service})
	s, err := fairlead.OpenedServerStream[healthResponse](c, b.Bind(m)(ctx, c))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWatch(t *testing.T) {
	t.Parallel()
	h := NewHealth()
	impl := h.Service()
	s, client := connect(t, impl)
	watch := method(t, impl, "Watch")
	w := watchOf(t, t.Context(), client, watch, "a")
	next := func(want Status) {
		t.Helper()
		if got, err := w.Recv(); err != nil || Status(got.GetStatus()) != want {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
	}
	next(ServiceUnknown)
	h.SetServing("b", true) // of no interest
	h.SetServing("a", true)
	next(Serving)
	h.SetServing("a", true) // no change
	h.SetReady(false)
	next(NotServing)
	h.SetReady(true)
	next(Serving)

	// One that is given up leaves nothing behind.
	ctx, cancel := context.WithCancel(t.Context())
	other := watchOf(t, ctx, client, watch, "")
	if got, err := other.Recv(); err != nil || Status(got.GetStatus()) != Serving {
		t.Errorf("got %v, %v; want SERVING", got, err)
	}
	cancel()
	if _, err := other.Recv(); fairlead.CodeOf(err) != fairlead.Canceled {
		t.Errorf("got %v, want CANCELLED", err)
	}

	// A server that drains is not held up.
	h.Shutdown()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	next(NotServing)
	if _, err := w.Recv(); fairlead.CodeOf(err) != fairlead.Unavailable {
		t.Errorf("got %v, want UNAVAILABLE", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.watchers) > 0 {
		t.Errorf("%d watchers are left", len(h.watchers))
	}
}

func ExampleHealth() {
	h := NewHealth()
	h.SetServing("shop.Cart", true)
	fmt.Println(h.Status(""), h.Status("shop.Cart"), h.Status("shop.Stock"))
	h.SetReady(false) // as an app.App does before it stops its servers
	fmt.Println(h.Status(""), h.Status("shop.Cart"), h.Status(Liveness))
	// Output:
	// SERVING SERVING SERVICE_UNKNOWN
	// NOT_SERVING NOT_SERVING SERVING
}

//nolint:paralleltest // it counts allocations
func TestCheckAllocs(t *testing.T) {
	h := NewHealth()
	impl := h.Service()
	conn := fairleadtest.Config{}.Serve(t, impl)
	m := method(t, impl, "Check")
	check := conn.Bind(m)
	assert.Allocs(t, 9, func() {
		c := fairlead.NewCall(m, new(healthRequest))
		if _, err := fairlead.Result[healthResponse](c, check(t.Context(), c)); err != nil {
			t.Fatal(err)
		}
	})
}
