package rules

import (
	"errors"
	"sync"
	"time"
)

// Checker applies the rules of messages by their generated code. Package validate is built on it. Its fields must be
// set and not changed any more; then it is safe for concurrent use.
type Checker struct {
	Limit     int              // the most violations of a message to find, at least 1
	Evaluator Evaluator        // nil: there is none, and rules that need one cannot be applied
	Clock     func() time.Time // the present
}

// Survey returns an error if rules of messages like m cannot be applied. It looks at m's type, not at its content.
func (c *Checker) Survey(m Message) error {
	own, ok := m.(Surveyed)
	if !ok {
		return nil
	}
	s := Survey{evaluator: c.Evaluator, seen: make(map[string]bool)}
	own.SurveyRules(&s)
	return errors.Join(s.problems...)
}

// Check applies the rules of m. It returns the violations, and whether it stopped at the limit, so that there may be
// more. The error is the reason why the rules could not be applied.
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

// deepest is the largest capacity of a path that is kept for later messages.
const deepest = 64

// release returns v to the pool, without references to the message.
func (v *Violations) release() {
	path := v.path[:cap(v.path)]
	if len(path) > deepest {
		path = nil
	}
	clear(path)
	*v = Violations{path: path[:0]}
	collectors.Put(v)
}
