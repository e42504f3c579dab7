package validate

import (
	"errors"
	"fmt"
	"time"

	"github.com/fairlead-go/fairlead/middleware/validate/rules"
)

// Option configures the middleware, and Check.
type Option interface{ apply(c *config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

type config struct {
	rules.Checker

	responses bool
	errs      []error
}

// DefaultLimit is how many violations of a message are reported by default: see Limit.
const DefaultLimit = 20

// Limit sets how many violations of a message are reported at most; the rest of the message is then not checked.
// Violations that do not fit in about 3 KiB are not sent to the peer, because errors are sent in headers. Default:
// DefaultLimit.
func Limit(n int) Option {
	return option(func(c *config) {
		if n < 1 {
			c.errs = append(c.errs, fmt.Errorf("validate: Limit: %d, want at least 1", n))
		}
		c.Limit = n
	})
}

// FailFast reports only the first violation: it is Limit(1).
func FailFast() Option { return Limit(1) }

// Responses validates responses as well: on a server before they are sent, on a client when they have arrived. A
// response that breaks a rule makes the call fail with INTERNAL, since it is the server's fault. Default: only
// requests.
func Responses() Option { return option(func(c *config) { c.responses = true }) }

// Expressions sets the Evaluator for rules without generated code: CEL, predefined rules, and messages of packages that
// were generated without validation. Default: none, and methods whose messages need one fail.
func Expressions(e rules.Evaluator) Option {
	return option(func(c *config) {
		if e == nil {
			c.errs = append(c.errs, errors.New("validate: Expressions: nil"))
		}
		c.Evaluator = e
	})
}

// Clock sets the clock for rules about the present (lt_now, gt_now, within). Default: time.Now.
func Clock(now func() time.Time) Option {
	return option(func(c *config) {
		if now == nil {
			c.errs = append(c.errs, errors.New("validate: Clock: nil"))
		}
		c.Clock = now
	})
}

func newConfig(opts []Option) (*config, error) {
	cfg := &config{Checker: rules.Checker{Limit: DefaultLimit, Clock: time.Now}}
	for _, o := range opts {
		if o == nil {
			return nil, errors.New("validate: nil Option")
		}
		o.apply(cfg)
	}
	return cfg, errors.Join(cfg.errs...)
}
