package lint

import (
	"slices"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/check/ignore"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// Config says how to check.
type Config struct {
	// Selection chooses the rules.
	Selection Selection
	// RootsNamed means that the user has named the import roots. Without that nobody knows where the packages' own
	// directories begin, and the rules about them are content with the end of a path.
	RootsNamed bool
	// Foreign are the ids of rules that other checks have, which comments that silence rules may name.
	Foreign []string
}

// Linter checks contracts.
type Linter struct {
	cfg    Config
	chosen []Rule
}

// New returns a Linter. It fails if the selection names something that is not there.
func New(cfg Config) (*Linter, error) {
	chosen, err := cfg.Selection.choose()
	if err != nil {
		return nil, err
	}
	return &Linter{cfg: cfg, chosen: chosen}, nil
}

// Rules returns the rules that were chosen.
func (l *Linter) Rules() []finding.Rule {
	rules := make([]finding.Rule, len(l.chosen))
	for i, r := range l.chosen {
		rules[i] = r.Rule
	}
	return rules
}

// Check returns what the rules find in the contract's own files, in the order of files and lines.
func (l *Linter) Check(compiled *idl.Contract) []finding.Finding {
	c := newContract(compiled, l.cfg.RootsNamed)
	all := l.apply(c)
	findings := make([]finding.Finding, 0, len(all))
	directives := make(map[string]*ignore.List)
	for _, f := range c.files {
		directives[f.path] = ignore.NewList(f.path, f.text)
	}
	for i := range all {
		if f := &all[i]; !directives[f.File].Silences(f.Rule, f.Line, f.begin) {
			findings = append(findings, all[i].Finding)
		}
	}
	for _, f := range c.files {
		findings = append(findings, l.checkDirectives(directives[f.path].All)...)
	}
	return finding.Sort(findings)
}

// apply returns what the rules find, silenced or not.
func (l *Linter) apply(c *contract) []found {
	var byRule [][]found
	for _, r := range l.chosen {
		if r.run == nil {
			continue
		}
		p := pass{contract: c, rule: r}
		r.run(&p)
		byRule = append(byRule, p.found)
	}
	all := slices.Concat(byRule...)
	slices.SortStableFunc(all, func(a, b found) int { return strings.Compare(a.file.path, b.file.path) })
	for i := range all {
		all[i].locate()
	}
	return all
}
