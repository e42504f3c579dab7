package rules

import (
	"cmp"
	"slices"
	"time"
)

// Message is what fairlead gen makes of a message with rules, its own or those of messages in its fields.
type Message interface {
	// ValidateFields adds to v what the rules find wrong with the message. A nil message counts as an empty one. It
	// keeps nothing of v, and v keeps nothing of the message.
	ValidateFields(v *Violations)
}

// Violation is one rule that a message breaks.
type Violation struct {
	// Field is the path to the field, such as order.items[3].name or labels["a"]; "" when the rule is one of the
	// message as a whole.
	Field string
	// Rule is the rule's id, such as "string.min_len"; in a violation that arrived from a peer it is the reason,
	// "STRING_MIN_LEN".
	Rule string
	// Message says what the rule wants.
	Message string
	// ForKey says that the key of the map's entry breaks the rule, and not its value.
	ForKey bool
}

// Violations collects what is wrong with one message. Generated code fills it; it is not safe for concurrent use, and
// not to be kept once ValidateFields has returned.
type Violations struct {
	found     []Violation
	path      []Element
	limit     int
	full      bool
	first     bool // of an evaluator too only the first violation is wanted
	evaluator Evaluator
	clock     func() time.Time
	now       time.Time
	fault     error // what kept the rules from being applied
}

// longestPath is how much of a path is kept, in bytes, and longestText of a text: messages nest as deep as their sender
// likes.
const longestPath, longestText = 512, 512

// Full says that no more violations are wanted, so that the rest of the message need not be looked at.
func (v *Violations) Full() bool { return v.full }

// FirstOnly says that one violation is enough, for Evaluators.
func (v *Violations) FirstOnly() bool { return v.first }

// Now is the time that rules compare with; it is the same for all rules of a message.
func (v *Violations) Now() time.Time {
	if v.now.IsZero() {
		v.now = v.clock()
	}
	return v.now
}

// Add notes that the field at breaks the rule.
func (v *Violations) Add(at Element, rule, message string) {
	v.add(Violation{Rule: rule, Message: message}, &at, "")
}

// AddKey notes that the key of the map's entry at breaks the rule.
func (v *Violations) AddKey(at Element, rule, message string) {
	v.add(Violation{Rule: rule, Message: message, ForKey: true}, &at, "")
}

// AddMessage notes that the message as a whole breaks the rule.
func (v *Violations) AddMessage(rule, message string) {
	v.add(Violation{Rule: rule, Message: message}, nil, "")
}

// AddPath is for Evaluators: it adds x, whose Field is a path within the message that is being evaluated.
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

// pathTo writes the path to at, or to below, which lies in the message at hand.
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

// Enter goes down into the message at at; Leave comes back.
func (v *Violations) Enter(at Element) { v.path = append(v.path, at) }

// Leave goes back to where the last Enter was called.
func (v *Violations) Leave() { v.path = v.path[:len(v.path)-1] }

// Nested applies the rules of a message of another Go package, which may have been generated without them: then an
// Evaluator applies them, without which no method with such messages is served.
func (v *Violations) Nested(at Element, m any) {
	v.Enter(at)
	if own, ok := m.(Message); ok {
		own.ValidateFields(v)
	} else {
		v.Evaluate(m, nil)
	}
	v.Leave()
}

// Evaluate has the Evaluator apply part of the rules of m, or with a nil part all of them and those of the messages in
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

// fail ends the validation without a verdict.
func (v *Violations) fail(err error) { v.fault, v.full = err, true }

// Mark and Sort put the violations of a map's entries, which come in random order, in that of their paths.
func (v *Violations) Mark() int { return len(v.found) }

// Sort sorts the violations that were added since mark.
func (v *Violations) Sort(mark int) {
	if len(v.found)-mark > 1 {
		slices.SortStableFunc(v.found[mark:], func(a, b Violation) int { return cmp.Compare(a.Field, b.Field) })
	}
}
