package admin

import (
	"errors"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/server"
)

// Standard adds to a server what tools and probes expect of every server: health (grpc.health.v1), with the statuses of
// h, and reflection (grpc.reflection.v1 and its v1alpha). Both cover all services of the server, including themselves:
//
//	health := admin.NewHealth()
//	srv, err := preset.NewServer(":8080", server.Service(shopv1.Shop(svc)), admin.Standard(health))
//
// Each service whose status was not set before New becomes SERVING; h.SetServing changes that at any time. Several
// servers may share a Health, but each needs an option of its own. A nil Health is an error of New.
func Standard(h *Health) server.Option { return server.Accompany(&standard{h, newReflection(), false}) }

// standard is a server.Companion.
type standard struct {
	health     *Health
	reflection *reflection
	used       bool
}

// Implementations implements server.Companion.
func (s *standard) Implementations() []*fairlead.Implementation {
	list := s.reflection.implementations()
	if s.health != nil {
		list = append(list, s.health.Service())
	}
	return list
}

// Serves implements server.Companion.
func (s *standard) Serves(services []*fairlead.Service) error {
	switch {
	case s.health == nil:
		return errors.New("admin: Standard: nil Health")
	case s.used:
		return errors.New("admin: Standard: the option serves another server already; make one for each")
	}
	s.used = true
	s.health.serve(services)
	s.reflection.tellOf(services)
	return nil
}
