package server

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fairlead-go/fairlead"
)

// Companion is a part of a server that tells of the server's services and is itself made of services, such as health
// and reflection. A value serves one server.
type Companion interface {
	// Implementations returns the services to serve. New calls it once.
	Implementations() []*fairlead.Implementation
	// Serves is called once by New, with all services of the server: those of the Service options in their order, then
	// those of the companions, each once although its name may have come several times. An error is returned by New.
	Serves(services []*fairlead.Service) error
}

// Accompany adds companions. Their services have the server's middleware around them like all others. Default: none.
func Accompany(c ...Companion) Option {
	return option(func(cfg *config) { cfg.companions = append(cfg.companions, c...) })
}

// accompany adds the services of the companions, and tells the companions of all services.
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
