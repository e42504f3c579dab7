package lint

import (
	"errors"
	"fmt"
	"slices"

	"github.com/fairlead-go/fairlead/internal/near"
)

// Names that stand for several rules, besides those of categories.
const (
	Default = "default" // the rules that apply without being asked for
	All     = "all"
)

// Selection chooses rules.
type Selection struct {
	// Use are the ids of rules, the names of categories, Default or All; none stands for Default.
	Use []string
	// Except are ids and categories to leave out.
	Except []string
}

// choose returns the rules of the selection. Those about comments that silence rules are part of every selection that
// does not leave them out.
func (s Selection) choose() ([]Rule, error) {
	all := Rules()
	use := s.Use
	if len(use) == 0 {
		use = []string{Default}
	}
	chosen := make(map[string]bool)
	errs := make([]error, 0, len(use)+len(s.Except)+1)
	for _, name := range append(slices.Clip(use), Ignores) {
		errs = append(errs, mark(all, name, chosen, true))
	}
	for _, name := range s.Except {
		errs = append(errs, mark(all, name, chosen, false))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r Rule) bool { return !chosen[r.ID] }), nil
}

// Validate returns an error if the selection names something that is not there.
func Validate(s Selection) error {
	_, err := s.choose()
	return err
}

// mark sets chosen for the rules that name stands for.
func mark(all []Rule, name string, chosen map[string]bool, to bool) error {
	known := false
	for _, r := range all {
		switch {
		case r.ID == name, r.Category == name, name == All, name == Default && !r.Off:
			chosen[r.ID], known = to, true
		}
	}
	if known {
		return nil
	}
	err := fmt.Errorf("no rule or category is called %q", name)
	if question := near.Question(name, Selectable()); question != "" {
		err = fmt.Errorf("%w; %s", err, question)
	}
	return err
}

// Selectable returns all names that a Selection may have.
func Selectable() []string {
	rules, categories := Rules(), Categories()
	selectable := make([]string, 0, 2+len(categories)+len(rules))
	selectable = append(selectable, Default, All)
	for _, c := range categories {
		selectable = append(selectable, c.Name)
	}
	for _, r := range rules {
		selectable = append(selectable, r.ID)
	}
	return selectable
}
