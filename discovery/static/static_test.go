package static_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead/discovery"
	"github.com/fairlead-go/fairlead/discovery/discoverytest"
	"github.com/fairlead-go/fairlead/discovery/static"
	"github.com/fairlead-go/fairlead/internal/leakcheck"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

func TestSuite(t *testing.T) {
	t.Parallel()
	t.Run("static", func(t *testing.T) {
		t.Parallel()
		discoverytest.Run(t, discoverytest.Subject{
			Resolver: static.Resolver{},
			Endpoint: "10.0.0.7:8080, greeter:8080,[::1]:8080",
			Malformed: []string{
				"greeter", ":8080", "a:1,", ",a:1", "a:1,a:1", "a:0", "a:65536", "a:http", "::1:80", "//ns/a:1", "a b:1",
			},
		})
	})
	t.Run("unix", func(t *testing.T) {
		t.Parallel()
		discoverytest.Run(t, discoverytest.Subject{
			Resolver:  static.Unix{},
			Endpoint:  "/run/greeter.sock",
			Malformed: []string{"@", "/", "/run/", "a\x00b", strings.Repeat("x", 104)},
		})
	})
}

func TestInstances(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		resolver discovery.Resolver
		endpoint string
		network  string
		want     []string
	}{
		{static.Resolver{}, "b:2,a:1", "tcp", []string{"b:2", "a:1"}},
		{static.Resolver{}, " [::1]:8080 , a:1 ", "tcp", []string{"[::1]:8080", "a:1"}},
		{static.Unix{}, "/run/a.sock", "unix", []string{"/run/a.sock"}},
		{static.Unix{}, "a.sock", "unix", []string{"a.sock"}},
		{static.Unix{}, "@a", "unix", []string{"@a"}},
	} {
		t.Run(tt.endpoint, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			sink := discoverytest.NewSink()
			done := make(chan error, 1)
			go func() { done <- tt.resolver.Watch(ctx, tt.endpoint, sink) }()
			got := sink.NextUpdate(t)
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("Watch: got error %v, want context.Canceled", err)
			}
			if len(got) != len(tt.want) {
				t.Fatalf("got %d instances, want %d", len(got), len(tt.want))
			}
			for i, in := range got {
				if in.ID != tt.want[i] || in.Weight != 1 || len(in.Endpoints) != 1 ||
					in.Endpoints[0].Addr != tt.want[i] || in.Endpoints[0].Network != tt.network {
					t.Errorf("instance %d: got %+v, want %s over %s", i, in, tt.want[i], tt.network)
				}
			}
		})
	}
}

func TestRefusedListEndsWatch(t *testing.T) {
	t.Parallel()
	want := errors.New("refused")
	sink := discoverytest.NewSink()
	sink.Refuse(want)
	if err := (static.Resolver{}).Watch(t.Context(), "a:1", sink); !errors.Is(err, want) {
		t.Errorf("Watch: got error %v, want %v", err, want)
	}
}
