package server

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fairlead-go/fairlead"
)

// Companion has services that are about the services of a server, such as health and reflection. A value serves one
// server.
type Companion interface {
	// Implementations returns the services to serve. New calls it once.
	Implementations() []*fairlead.Implementation
	// Serves is called once by New, with all services of the server: those of the Service options in their order, then
	// those of the companions. Each name comes once. New returns its error.
	Serves(services []*fairlead.Service) error
}

// Accompany adds companions. Their services have the server's middleware like all others. Default: none.
func Accompany(c ...Companion) Option {
	return option(func(cfg *config) { cfg.companions = append(cfg.companions, c...) })
}

// accompany adds the services of the companions, and passes all services to the companions.
func (s *Server) accompany() (errs []error) {
	list := s.cfg.services
	for _, c := range s.cfg.companions {
		if c == nil {
			errs = append(errs, errors.New("server: Accompany: nil Companion"))
			continue
		}
		impls := c.Implementations()
		for _, impl := range impls {
			errs = append(errs, s.addService(impl)...)
		}
		list = slices.Concat(list, impls)
	}
	if len(errs) > 0 {
		return errs // some of the services are not fit to be told of
	}
	services := distinct(list)
	for _, c := range s.cfg.companions {
		if err := c.Serves(services); err != nil {
			errs = append(errs, fmt.Errorf("server: Accompany: %w", err))
		}
	}
	return errs
}

// distinct returns the services of list, the first one of each name.
func distinct(list []*fairlead.Implementation) []*fairlead.Service {
	seen := make(map[string]bool)
	var services []*fairlead.Service
	for _, impl := range list {
		if name := impl.Service.Name; !seen[name] {
			seen[name] = true
			services = append(services, impl.Service)
		}
	}
	return services
}
