package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/check/breaking"
	"github.com/fairlead-go/fairlead/cmd/internal/check/code"
	"github.com/fairlead-go/fairlead/cmd/internal/check/consumers"
	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/check/lint"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/heap"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

const checkLong = `Check reads .proto files and reports what is legal in them and hurts later: names
that become awkward in generated code, packages that cannot get a second version,
numbers that may be used twice, requests without limits. It needs nothing
installed. "fairlead check rules" lists the rules; many have the names that buf
gives them, and then they agree with buf.

The arguments are files, and directories that are searched with all below them;
without any, the inputs that fairlead.yaml has for fairlead gen, or else the working
directory. Imports are looked for as by fairlead gen.

Each finding is an error or a warning. Warnings do not change the exit code
unless --warnings-as-errors is given.

A comment silences rules in place, on the line before or at the end of the line:

    // fairlead:ignore FLOAT_MONEY The price is only shown, and never added up.
    double price = 1;

It names one rule, or several with commas between them, and must say why. With
fairlead:ignore-file it holds for the whole file. A comment that silences nothing
is itself reported.

What fairlead.yaml has in its section "check" counts where there is no flag:

    check:
      rules: [default, comments]    # as --rule
      except: [SERVICE_SUFFIX]      # as --except
      warnings_as_errors: true
      ignore:
        - path: api/legacy          # a directory or a file; without rules, all of them
          rules: [names]

Exit codes: 0 no errors found, 1 a contract does not compile or could not be read,
2 wrong usage, 3 errors found.`

const checkExample = `  fairlead check                                # everything below the working directory
  fairlead check -I api api/shop/cart/v1        # one package; packages' directories begin at api
  fairlead check --rule default --rule comments # the comments' rules, too
  fairlead check --except limits --except SERVICE_SUFFIX
  fairlead check --format github                # annotations of the change, in a GitHub workflow
  fairlead check --format sarif > check.sarif   # for code scanning
  fairlead check rules FLOAT_MONEY              # what is this rule about?`

// options are the flags of fairlead check.
type options struct {
	shared    *finding.Flags
	selection lint.Selection
}

// New returns the command "fairlead check".
func New() *cobra.Command {
	o := new(options)
	cmd := &cobra.Command{
		Use:     "check [flags] [file or directory]...",
		Short:   "Find mistakes in .proto files",
		Long:    checkLong,
		Example: checkExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.selection.Use, "rule", nil,
		"`rule` or category to apply, \"default\" or \"all\"; may be repeated (default: default)")
	flags.StringSliceVar(&o.selection.Except, "except", nil, "`rule` or category not to apply; may be repeated")
	o.shared = finding.AddFlags(cmd)
	complete := cobra.FixedCompletions(lint.Selectable(), cobra.ShellCompDirectiveNoFileComp)
	for _, name := range []string{"rule", "except"} {
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // the flags were added a few lines ago
		}
	}
	cmd.AddCommand(breaking.New(), consumers.New(), code.New(), newRules())
	return cmd
}

// run checks all sources before it prints anything, so that what does not compile is reported as a whole.
func (o *options) run(cmd *cobra.Command, args []string) error {
	if err := lint.Validate(o.selection); err != nil {
		return err
	}
	s, err := o.settings(cmd, args)
	if err != nil {
		return cli.Failed(err)
	}
	o.shared.WarningsAsErrors = s.strict
	linter, err := lint.New(lint.Config{
		Selection: s.selection, RootsNamed: len(s.roots) > 0, Foreign: breaking.RuleIDs(),
	})
	if err != nil {
		return cli.Failed(err)
	}
	sources, err := idl.Find(s.inputs, s.roots)
	if err != nil {
		return cli.Failed(err)
	}
	if len(sources) == 0 {
		return cli.Failed(fmt.Errorf("no .proto files in %s", strings.Join(s.inputs, ", ")))
	}
	defer heap.Pace(0)()
	contracts, err := compile(cmd.Context(), sources, cmd.ErrOrStderr())
	if err != nil {
		return o.failed(cmd, err)
	}
	var findings []finding.Finding
	files := 0
	for _, c := range contracts {
		files += len(c.Names)
		findings = append(findings, linter.Check(c)...)
	}
	return o.shared.Report(cmd, linter.Rules(), s.drop(findings), finding.Plural(files, "file"))
}

// compile compiles all sources. The error, if they do not compile, is a *idl.ContractError about all of them. Warnings
// of the compiler that no rule is about are printed.
func compile(ctx context.Context, sources []idl.Source, stderr io.Writer) ([]*idl.Contract, error) {
	var contracts []*idl.Contract
	var wrong idl.ContractError
	for _, src := range sources {
		c, err := idl.CompileUnplaced(ctx, src)
		if err != nil {
			problems, ok := errors.AsType[*idl.ContractError](err)
			if !ok {
				return nil, err
			}
			wrong.Problems = append(wrong.Problems, problems.Problems...)
			continue
		}
		contracts = append(contracts, c)
		for _, w := range c.Warnings {
			if w.Kind == idl.Other {
				fmt.Fprintln(stderr, w.Render(cli.PainterFor(stderr), "warning"))
			}
		}
	}
	if len(wrong.Problems) > 0 {
		return nil, &wrong
	}
	return contracts, nil
}

// failed reports why the contracts could not be checked.
func (o *options) failed(cmd *cobra.Command, err error) error {
	wrong, ok := errors.AsType[*idl.ContractError](err)
	if !ok {
		return cli.Failed(err)
	}
	return o.shared.ReportProblems(cmd, wrong)
}
