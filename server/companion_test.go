package server

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/protocol/protocoltest"
)

// guide is a Companion that notes what it is told.
type guide struct {
	impls []*fairlead.Implementation
	err   error
	told  [][]string
}

func (g *guide) Implementations() []*fairlead.Implementation { return g.impls }

func (g *guide) Serves(services []*fairlead.Service) error {
	var names []string
	for _, s := range services {
		names = append(names, s.Name)
	}
	g.told = append(g.told, names)
	return g.err
}

// Each companion is told, once, of all services: those before it, those after it, and each only once.
func TestCompanions(t *testing.T) {
	t.Parallel()
	first := &guide{impls: []*fairlead.Implementation{unaryImpl("one", "M", nothing)}}
	second := &guide{impls: []*fairlead.Implementation{unaryImpl("two", "M", nothing)}}
	s, err := New(Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{}),
		Service(unaryImpl("s", "M", nothing)), Accompany(first, second), Service(unaryImpl("s", "N", nothing)))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"s", "one", "two"}
	for _, g := range []*guide{first, second} {
		if len(g.told) != 1 || !slices.Equal(g.told[0], want) {
			t.Errorf("told %q, want %q once", g.told, want)
		}
	}
	for _, path := range []string{"/s/M", "/s/N", "/one/M", "/two/M"} {
		if s.Dispatcher().Lookup(path) == nil {
			t.Errorf("%s is not served", path)
		}
	}
}

func TestCompanionErrors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		c    Companion
		want string
	}{
		{"nil", nil, "Accompany: nil Companion"},
		{"a nil service", &guide{impls: []*fairlead.Implementation{nil}}, "Service: nil"},
		{"what is there", &guide{impls: []*fairlead.Implementation{unaryImpl("s", "M", nothing)}}, "/s/M is there twice"},
		{"its own", &guide{err: errors.New("no room")}, "Accompany: no room"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := New(Protocol(newFakeWire("a", 'a')), Codec(protocoltest.Codec{}),
				Service(unaryImpl("s", "M", nothing)), Accompany(tt.c))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
			if g, ok := tt.c.(*guide); ok && g.err == nil && len(g.told) > 0 {
				t.Errorf("told of %q although New fails", g.told)
			}
		})
	}
}
