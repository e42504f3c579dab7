package rules

import (
	"fmt"
	"strings"
)

// Evaluator applies rules for which there is no generated code: expressions in CEL, predefined rules, and messages that
// were generated without validation. It is safe for concurrent use.
type Evaluator interface {
	// Prepare is called with an empty message before any Evaluate with that part. It returns an error if the rules do not
	// compile. A nil part means all rules of the message and of the messages in its fields.
	Prepare(message any, part *Part) error
	// Evaluate adds to v the violations of the part's rules. It returns an error if they could not be applied. It keeps no
	// reference to message and v.
	Evaluate(message any, part *Part, v *Violations) error
}

// Part is the part of a message's rules that generated code leaves to an Evaluator. Generated code makes it once as a
// package variable; it is read-only and may be compared by pointer.
type Part struct {
	// Message is the message's full name.
	Message string
	// Self makes the Evaluator apply the rules of the message as a whole: its expressions, and the oneof rules among its
	// options.
	Self bool
	// Fields names the fields whose rules are evaluated, except the rules of messages in them.
	Fields []string
}

// missing returns the error for a part without an Evaluator.
func (p *Part) missing(m any) error {
	if p == nil {
		return fmt.Errorf("%T was generated without validation, and its rules need an Evaluator: "+
			"generate it with fairlead gen, or "+remedy, m)
	}
	var where []string
	if p.Self {
		where = append(where, "the message itself")
	}
	switch len(p.Fields) {
	case 0:
	case 1:
		where = append(where, "field "+p.Fields[0])
	default:
		where = append(where, "fields "+strings.Join(p.Fields, ", "))
	}
	return fmt.Errorf("%s has rules that need an Evaluator (%s): "+remedy, p.Message, strings.Join(where, "; "))
}

// remedy describes where to get an Evaluator and how to pass it to a server.
const remedy = "give validate.New the option Expressions, with what protovalidate.New of " +
	"github.com/fairlead-go/fairlead/contrib/protovalidate makes, and have the server use the result: server.Validation"

// Surveyed is implemented by messages of fairlead gen for which an Evaluator has to apply a part of the rules, or may
// have to.
type Surveyed interface {
	// SurveyRules reports to s what is left to an Evaluator, in the message and in the messages in its fields. The message
	// may be nil.
	SurveyRules(s *Survey)
}

// Survey finds out what an Evaluator has to do for a message, before there is one.
type Survey struct {
	evaluator Evaluator
	seen      map[string]bool
	problems  []error
}

// Enter reports whether the message of that full name is still to be surveyed.
func (s *Survey) Enter(message string) bool {
	if s.seen[message] {
		return false
	}
	s.seen[message] = true
	return true
}

// Part records that part of the rules of messages like m is left to the Evaluator; a nil part means all of them.
func (s *Survey) Part(m any, part *Part) {
	if s.evaluator == nil {
		s.problems = append(s.problems, part.missing(m))
		return
	}
	if err := s.evaluator.Prepare(m, part); err != nil {
		s.problems = append(s.problems, err)
	}
}

// Nested surveys messages like m, which belong to another Go package.
func (s *Survey) Nested(m any) {
	if own, ok := m.(Surveyed); ok {
		own.SurveyRules(s)
		return
	}
	if _, ok := m.(Message); !ok && s.Enter(fmt.Sprintf("%T", m)) {
		s.Part(m, nil)
	}
}
