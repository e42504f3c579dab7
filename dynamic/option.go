package dynamic

import (
	"errors"
	"fmt"

	"github.com/fairlead-go/fairlead"
)

// Option changes how a Source is made.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

type config struct {
	maxFiles int
	maxBytes int
	server   fairlead.Binder
	name     string
	errs     []error
}

func defaults() config { return config{maxFiles: 10_000, maxBytes: 64 << 20} }

// MaxFiles limits the files that a Source holds. Default: 10,000.
func MaxFiles(n int) Option { return option(func(c *config) { c.maxFiles = n }) }

// MaxBytes limits the encoded files that a Source takes from a server, in all, and so each answer. Default: 64 MiB.
func MaxBytes(n int) Option { return option(func(c *config) { c.maxBytes = n }) }

// Server makes a Source that was made of files ask a server, through b, for what the files do not have. Default: none.
func Server(b fairlead.Binder) Option {
	return option(func(c *config) {
		if b == nil {
			c.errs = append(c.errs, errors.New("dynamic: Server was given nil"))
		}
		c.server = b
	})
}

// Name sets what errors call the origin of the contract. Default: the target of the client, or "the files".
func Name(name string) Option { return option(func(c *config) { c.name = name }) }

func (c *config) check() error {
	errs := c.errs
	if c.maxFiles < 1 {
		errs = append(errs, fmt.Errorf("dynamic: MaxFiles is %d, want 1 or more", c.maxFiles))
	}
	if c.maxBytes < 1 {
		errs = append(errs, fmt.Errorf("dynamic: MaxBytes is %d, want 1 byte or more", c.maxBytes))
	}
	return errors.Join(errs...)
}
