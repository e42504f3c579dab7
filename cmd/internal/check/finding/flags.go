package finding

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// Flags are the flags that all checks share.
type Flags struct {
	// Roots are the directories in which imports are looked for.
	Roots []string
	// WarningsAsErrors means that warnings fail the command as errors do.
	WarningsAsErrors bool

	format *cli.Format
}

// AddFlags adds the flags to cmd.
func AddFlags(cmd *cobra.Command) *Flags {
	f := new(Flags)
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.Roots, "proto-path", "I", nil, "`directory` to look for imports in; may be repeated")
	flags.BoolVar(&f.WarningsAsErrors, "warnings-as-errors", false, "exit with 3 if there are warnings, too")
	f.format = cli.FormatFlag(cmd, "text", "json", "github", "sarif")
	return f
}

// AddFormat adds the flag for the format alone to cmd, for checks of something else than contracts.
func AddFormat(cmd *cobra.Command) *Flags {
	return &Flags{format: cli.FormatFlag(cmd, "text", "json", "github", "sarif")}
}

// Report prints findings on the command's output in the format that was asked for, and a line that counts them on its
// error output. It sorts them first, and makes errors of warnings if that is wanted. Rules are all rules that the check
// applied, in the order in which formats that describe rules list them. Checked says what was looked at, as in
// "12 files".
//
// The error is what the command returns: nil unless a finding is an error, or printing failed.
func (f *Flags) Report(cmd *cobra.Command, rules []Rule, findings []Finding, checked string) error {
	findings = Sort(findings)
	if f.WarningsAsErrors {
		for i := range findings {
			findings[i].Severity = Error
		}
	}
	if err := Print(cmd.OutOrStdout(), f.format.String(), rules, findings); err != nil {
		return cli.Failed(err)
	}
	summarise(cmd.ErrOrStderr(), findings, checked)
	if errs, _ := Count(findings); errs > 0 {
		return &cli.Error{Code: cli.ExitFound}
	}
	return nil
}

// compiling stands for the compiler, where its problems are printed as findings.
func compiling() Rule {
	return Rule{ID: "COMPILE", Category: "compile", Severity: Error, Reason: "nothing can be done with the contract"}
}

// ReportProblems prints why contracts do not compile: as text on the command's error output and, so that scripts that
// read another format miss nothing, as findings in that. It returns how the command ends.
func (f *Flags) ReportProblems(cmd *cobra.Command, wrong *idl.ContractError) error {
	stderr := cmd.ErrOrStderr()
	fmt.Fprintln(stderr, wrong.Paint(cli.PainterFor(stderr)))
	if format := f.format.String(); format != "text" {
		rule := compiling()
		findings := make([]Finding, 0, len(wrong.Problems))
		for _, p := range wrong.Problems {
			at := Place{File: p.File, Line: p.Line, Column: p.Column}
			if p.EndColumn > 0 {
				at.EndLine, at.EndColumn = p.Line, p.EndColumn
			}
			found := New(rule, at, "%s", p.Text)
			found.Reason = strings.ReplaceAll(p.Help, "\n", "; ")
			findings = append(findings, found)
		}
		if err := Print(cmd.OutOrStdout(), format, []Rule{rule}, Sort(findings)); err != nil {
			return cli.Failed(err)
		}
	}
	return &cli.Error{Code: cli.ExitFailed}
}

// summarise writes the line that ends a check.
func summarise(w io.Writer, findings []Finding, checked string) {
	paint := cli.PainterFor(w)
	errs, warnings := Count(findings)
	if errs+warnings == 0 {
		fmt.Fprintf(w, "%s: %s\n", checked, paint.Paint(cli.Green, "nothing found"))
		return
	}
	var parts []string
	if errs > 0 {
		parts = append(parts, paint.Paint(cli.Red, Plural(errs, "error")))
	}
	if warnings > 0 {
		parts = append(parts, paint.Paint(cli.Yellow, Plural(warnings, "warning")))
	}
	fmt.Fprintf(w, "%s: %s\n", checked, strings.Join(parts, ", "))
}

// Plural returns "1 file", "2 files".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Print writes findings to w in one of the formats text, json, github and sarif.
func Print(w io.Writer, format string, rules []Rule, findings []Finding) error {
	switch format {
	case "text":
		return printText(w, findings)
	case "json":
		return printJSON(w, findings)
	case "github":
		return printGitHub(w, findings)
	case "sarif":
		return printSARIF(w, rules, findings)
	default:
		return errors.New("no format is called " + format)
	}
}
