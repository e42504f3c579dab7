package check

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/check/lint"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/internal/near"
)

const rulesLong = `Rules lists the rules of fairlead check with their categories and whether their
findings are errors, warnings, or are not looked for unless --rule names them.
With arguments, ids of rules or categories, it explains these.`

const rulesExample = `  fairlead check rules
  fairlead check rules FLOAT_MONEY
  fairlead check rules limits
  fairlead check rules --format json`

// newRules returns the command "fairlead check rules".
func newRules() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rules [flags] [rule or category]...",
		Short:   "List and explain the rules",
		Long:    rulesLong,
		Example: rulesExample,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return lint.Selectable(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	format := cli.FormatFlag(cmd, "text", "json")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		rules, err := named(args)
		if err != nil {
			return err
		}
		w := cmd.OutOrStdout()
		switch {
		case format.String() == "json":
			return cli.Failed(printRulesJSON(w, rules))
		case len(args) == 0:
			return cli.Failed(printTable(w, rules))
		default:
			return cli.Failed(explain(w, rules))
		}
	}
	return cmd
}

// named returns the rules that names stand for, all for none.
func named(names []string) ([]lint.Rule, error) {
	all := lint.Rules()
	if len(names) == 0 {
		return all, nil
	}
	var rules []lint.Rule
	var errs []error
	for _, name := range names {
		before := len(rules)
		for _, r := range all {
			if r.ID == strings.ToUpper(name) || r.Category == name || name == lint.All || name == lint.Default && !r.Off {
				rules = append(rules, r)
			}
		}
		if len(rules) == before {
			errs = append(errs, unknown(name))
		}
	}
	return slices.CompactFunc(rules, func(a, b lint.Rule) bool { return a.ID == b.ID }), errors.Join(errs...)
}

func unknown(name string) error {
	if question := near.Question(name, lint.Selectable()); question != "" {
		return fmt.Errorf("no rule or category is called %q; %s", name, question)
	}
	return fmt.Errorf("no rule or category is called %q", name)
}

// mode returns a word for what becomes of the rule's findings.
func mode(r *lint.Rule) string {
	if r.Off {
		return "off"
	}
	return string(r.Severity)
}

func printTable(w io.Writer, rules []lint.Rule) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := range rules {
		fmt.Fprintf(table, "%s\t%s\t%s\n", rules[i].ID, rules[i].Category, mode(&rules[i]))
	}
	return table.Flush()
}

func explain(w io.Writer, rules []lint.Rule) error {
	var b strings.Builder
	for i := range rules {
		r := &rules[i]
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s (%s, %s)\n", r.ID, r.Category, mode(r))
		fmt.Fprintf(&b, "  Why:   %s\n", r.Reason)
		fmt.Fprintf(&b, "  Bad:   %s\n", strings.ReplaceAll(r.Bad, "\n", "\n         "))
		fmt.Fprintf(&b, "  Good:  %s\n", strings.ReplaceAll(r.Good, "\n", "\n         "))
		if r.Note != "" {
			fmt.Fprintf(&b, "  Note:  %s\n", strings.ReplaceAll(r.Note, "`", ""))
		}
		if r.Buf {
			b.WriteString("  Buf has this rule, under the same name.\n")
		}
		fmt.Fprintf(&b, "  See:   %s\n", r.Doc())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printRulesJSON(w io.Writer, rules []lint.Rule) error {
	type described struct {
		finding.Rule

		Buf  bool   `json:"buf"`
		Bad  string `json:"bad"`
		Good string `json:"good"`
		Note string `json:"note,omitempty"`
		Doc  string `json:"doc"`
	}
	list := make([]described, len(rules))
	for i, r := range rules {
		list[i] = described{r.Rule, r.Buf, r.Bad, r.Good, r.Note, r.Doc()}
	}
	return cli.PrintJSON(w, list)
}
