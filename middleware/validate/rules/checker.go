package rules

import (
	"errors"
	"sync"
	"time"
)

// Checker applies the rules of messages, as generated code has them. It is what package validate is built on. Its
// fields must be set and not change any more; it is then safe for concurrent use.
type Checker struct {
	Limit     int              // of violations of a message that are looked for, at least 1
	Evaluator Evaluator        // nil: there is none, and rules that need one cannot be applied
	Clock     func() time.Time // the present
}

// Survey returns an error when rules of messages like m cannot be applied. It looks at m's type, not at its content.
func (c *Checker) Survey(m Message) error {
	own, ok := m.(Surveyed)
	if !ok {
		return nil
	}
	s := Survey{evaluator: c.Evaluator, seen: make(map[string]bool)}
	own.SurveyRules(&s)
	return errors.Join(s.problems...)
}

// Check applies the rules of m. It returns what it found, and whether it stopped at the limit, so that there may be
// more. The error is what kept the rules from being applied.
func (c *Checker) Check(m Message) (found []Violation, stopped bool, err error) {
	v, _ := collectors.Get().(*Violations)
	v.limit, v.first, v.evaluator, v.clock = c.Limit, c.Limit == 1, c.Evaluator, c.Clock
	m.ValidateFields(v)
	if v.fault != nil {
		err = v.fault
	} else {
		found, stopped = v.found, v.full
	}
	v.release()
	return found, stopped, err
}

var collectors = sync.Pool{New: func() any { return new(Violations) }}

// deepest is the capacity of a path up to which it is kept for later messages.
const deepest = 64

// release gives v back, without what it holds of the message.
func (v *Violations) release() {
	path := v.path[:cap(v.path)]
	if len(path) > deepest {
		path = nil
	}
	clear(path)
	*v = Violations{path: path[:0]}
	collectors.Put(v)
}
