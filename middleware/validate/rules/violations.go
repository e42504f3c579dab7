package rules

import (
	"cmp"
	"slices"
	"time"
)

// Message is implemented by messages of fairlead gen that have rules, or have messages with rules in their fields.
type Message interface {
	// ValidateFields adds to v the violations of the message. A nil message counts as an empty one. It keeps no reference
	// to v, and v keeps none to the message.
	ValidateFields(v *Violations)
}

// Violation is one rule that a message breaks.
type Violation struct {
	// Field is the path to the field, such as order.items[3].name or labels["a"]; "" for a rule of the message as a whole.
	Field string
	// Rule is the rule's id, such as "string.min_len". In a violation that arrived from a peer it is the reason,
	// "STRING_MIN_LEN".
	Rule string
	// Message describes what the rule requires.
	Message string
	// ForKey reports whether the key of the map's entry breaks the rule, and not its value.
	ForKey bool
}

// Violations collects the violations of one message. Generated code fills it. It is not safe for concurrent use, and
// must not be kept after ValidateFields has returned.
type Violations struct {
	found     []Violation
	path      []Element
	limit     int
	full      bool
	first     bool // an evaluator as well should add only the first violation
	evaluator Evaluator
	clock     func() time.Time
	now       time.Time
	fault     error // why the rules could not be applied
}

// longestPath and longestText are how much of a path and of a text is kept, in bytes: the sender decides how deeply
// messages are nested.
const longestPath, longestText = 512, 512

// Full reports whether no more violations are wanted, so that the rest of the message need not be checked.
func (v *Violations) Full() bool { return v.full }

// FirstOnly reports whether one violation is enough. It is for Evaluators.
func (v *Violations) FirstOnly() bool { return v.first }

// Now returns the time that rules compare with. It is the same for all rules of a message.
func (v *Violations) Now() time.Time {
	if v.now.IsZero() {
		v.now = v.clock()
	}
	return v.now
}

// Add records that the field at breaks the rule.
func (v *Violations) Add(at Element, rule, message string) {
	v.add(Violation{Rule: rule, Message: message}, &at, "")
}

// AddKey records that the key of the map's entry at breaks the rule.
func (v *Violations) AddKey(at Element, rule, message string) {
	v.add(Violation{Rule: rule, Message: message, ForKey: true}, &at, "")
}

// AddMessage records that the message as a whole breaks the rule.
func (v *Violations) AddMessage(rule, message string) {
	v.add(Violation{Rule: rule, Message: message}, nil, "")
}

// AddPath adds x, whose Field is a path within the message that is being evaluated. It is for Evaluators.
func (v *Violations) AddPath(x Violation) { v.add(x, nil, x.Field) }

func (v *Violations) add(x Violation, at *Element, below string) {
	if v.full {
		return
	}
	x.Field = v.pathTo(at, below)
	x.Rule = shorten(x.Rule, longestText)
	x.Message = shorten(x.Message, longestText)
	v.found = append(v.found, x)
	v.full = len(v.found) >= v.limit
}

// pathTo returns the path to at, or to below, which lies in the current message.
func (v *Violations) pathTo(at *Element, below string) string {
	var buf [longestPath + longestKey]byte
	dst := buf[:0]
	for i := range v.path {
		if len(dst) > longestPath {
			break
		}
		dst = append(v.path[i].append(dst), '.')
	}
	switch {
	case at != nil:
		dst = at.append(dst)
	case below != "":
		dst = append(dst, below[:min(len(below), 2*longestPath)]...)
	default:
		dst = dst[:max(len(dst)-1, 0)] // the message itself
	}
	return shorten(string(dst), longestPath)
}

// Enter enters the message at at; Leave leaves it.
func (v *Violations) Enter(at Element) { v.path = append(v.path, at) }

// Leave leaves the message of the last Enter.
func (v *Violations) Leave() { v.path = v.path[:len(v.path)-1] }

// Nested applies the rules of a message of another Go package. If that was generated without validation, an Evaluator
// applies them; without one no method with such messages is served.
func (v *Violations) Nested(at Element, m any) {
	v.Enter(at)
	if own, ok := m.(Message); ok {
		own.ValidateFields(v)
	} else {
		v.Evaluate(m, nil)
	}
	v.Leave()
}

// Evaluate makes the Evaluator apply part of the rules of m. A nil part means all of them, and those of the messages in
// its fields.
func (v *Violations) Evaluate(m any, part *Part) {
	switch {
	case v.full || v.fault != nil:
	case v.evaluator == nil:
		v.fail(part.missing(m))
	default:
		if err := v.evaluator.Evaluate(m, part, v); err != nil {
			v.fail(err)
		}
	}
}

// fail ends the validation without a result.
func (v *Violations) fail(err error) { v.fault, v.full = err, true }

// Mark and Sort put the violations of a map's entries, which come in random order, in that of their paths.
func (v *Violations) Mark() int { return len(v.found) }

// Sort sorts the violations that were added since mark.
func (v *Violations) Sort(mark int) {
	if len(v.found)-mark > 1 {
		slices.SortStableFunc(v.found[mark:], func(a, b Violation) int { return cmp.Compare(a.Field, b.Field) })
	}
}
