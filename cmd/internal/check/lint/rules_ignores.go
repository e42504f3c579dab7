package lint

import (
	"slices"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/check/ignore"
	"github.com/fairlead-go/fairlead/internal/near"
)

// ignores returns the rules about comments that silence others; see checkDirectives.
func ignores() []Rule {
	return []Rule{
		{
			Rule: fails("IGNORE_REASON", Ignores,
				"the next reader of the contract should not have to guess why the rule does not apply"),
			Bad:  "// fairlead:ignore FLOAT_MONEY",
			Good: "// fairlead:ignore FLOAT_MONEY The price is only shown, and never added up.",
			Note: "Without a reason the comment silences nothing.",
		},
		{
			Rule: fails("IGNORE_UNKNOWN_RULE", Ignores,
				"a comment with a misspelt rule looks as if it silenced something, and does not"),
			Bad:  "// fairlead:ignore FLOAT_MONY Shown only.",
			Good: "// fairlead:ignore FLOAT_MONEY Shown only.",
		},
		{
			Rule: fails("IGNORE_UNUSED", Ignores,
				"it would silence the rule when somebody breaks it for another reason"),
			Bad:  "// fairlead:ignore FLOAT_MONEY Shown only.\nint64 price_cents = 1;",
			Good: "int64 price_cents = 1;",
			Note: "Comments that name a rule which was not applied are left alone.",
		},
	}
}

// checkDirectives returns the findings of the rules above. It runs after all other rules.
func (l *Linter) checkDirectives(directives []*ignore.Directive) []finding.Finding {
	applied := make(map[string]finding.Rule)
	for _, r := range l.chosen {
		applied[r.ID] = r.Rule
	}
	var findings []finding.Finding
	report := func(rule string, at finding.Place, format string, args ...any) {
		if r, ok := applied[rule]; ok {
			findings = append(findings, finding.New(r, at, format, args...))
		}
	}
	known := slices.Clone(l.cfg.Foreign)
	for _, r := range Rules() {
		known = append(known, r.ID)
	}
	for _, d := range directives {
		if len(d.Rules) == 0 {
			report("IGNORE_UNKNOWN_RULE", d.Place, "the comment names no rule; write its id after fairlead:ignore")
			continue
		}
		if d.Reason == "" {
			report("IGNORE_REASON", d.Place, "the comment gives no reason; write it after the rule")
		}
		for _, id := range d.Rules {
			_, ran := applied[id]
			switch {
			case !slices.Contains(known, id):
				question := near.Question(id, known)
				if question != "" {
					question = "; " + question
				}
				report("IGNORE_UNKNOWN_RULE", d.Place, "no rule is called %q%s", id, question)
			case ran && d.Reason != "" && !d.Used(id):
				report("IGNORE_UNUSED", d.Place, "the comment silences nothing: %s is not broken here", id)
			}
		}
	}
	return findings
}
