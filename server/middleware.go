package server

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fairlead-go/fairlead"
	"github.com/fairlead-go/fairlead/compress"
)

// nameValidation is the name under which Without knows the middleware of Validation.
const nameValidation = "validation"

// namedMiddleware is one of Use, whose name is "", or of UseNamed.
type namedMiddleware struct {
	name string
	mw   fairlead.Middleware
}

// chain returns the middleware around all methods, the first outermost.
func (c *config) chain() []fairlead.Middleware {
	list := make([]fairlead.Middleware, len(c.middleware))
	for i, m := range c.middleware {
		list[i] = m.mw
	}
	return list
}

func (c *config) useNamed(name string, mw fairlead.Middleware) {
	switch name {
	case "":
		c.errs = append(c.errs, errors.New("server: UseNamed: the name is empty"))
		return
	case nameValidation:
		c.errs = append(c.errs, fmt.Errorf("server: UseNamed: %q is the name of Validation", name))
		return
	}
	if i := slices.IndexFunc(c.middleware, func(m namedMiddleware) bool { return m.name == name }); i >= 0 {
		c.middleware[i].mw = mw
		return
	}
	c.middleware = append(c.middleware, namedMiddleware{name, mw})
}

// without takes out the middleware of those names.
func (c *config) without(names []string) {
	if len(names) == 0 {
		c.errs = append(c.errs, errors.New("server: Without: no name"))
	}
	for _, name := range names {
		if name == nameValidation && c.validation != nil {
			c.validation = nil
			continue
		}
		i := slices.IndexFunc(c.middleware, func(m namedMiddleware) bool { return m.name == name && name != "" })
		if i < 0 {
			c.errs = append(c.errs, fmt.Errorf("server: Without: no middleware is named %q%s", name, listed(c.names())))
			continue
		}
		c.middleware = slices.Delete(c.middleware, i, i+1)
	}
}

// names returns what Without can leave out, in the order of the chain.
func (c *config) names() []string {
	var list []string
	for _, m := range c.middleware {
		if m.name != "" {
			list = append(list, m.name)
		}
	}
	if c.validation != nil {
		list = append(list, nameValidation)
	}
	return list
}

// withoutCompressor takes out the compressors of those names.
func (c *config) withoutCompressor(names []string) {
	if len(names) == 0 {
		c.errs = append(c.errs, errors.New("server: WithoutCompressor: no name"))
	}
	for _, name := range names {
		left := slices.DeleteFunc(slices.Clone(c.compressors), func(k compress.Compressor) bool {
			return k != nil && k.Name() == name
		})
		if len(left) == len(c.compressors) {
			c.errs = append(c.errs, fmt.Errorf("server: WithoutCompressor: there is no %q%s", name,
				listed(compressorNames(c.compressors))))
		}
		c.compressors = left
	}
}

func compressorNames(list []compress.Compressor) []string {
	var names []string
	for _, k := range list {
		if k != nil && !slices.Contains(names, k.Name()) {
			names = append(names, k.Name())
		}
	}
	return names
}

// listed ends a message about a name that is not there.
func listed(names []string) string {
	if len(names) == 0 {
		return "; options before this one added none"
	}
	return fmt.Sprintf("; options before this one added %q", names)
}
