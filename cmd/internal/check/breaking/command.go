package breaking

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/check/ignore"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/heap"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/cmd/internal/project"
	"github.com/fairlead-go/fairlead/internal/near"
)

const commandLong = `Breaking compares contracts with an older version of themselves, and reports what
breaks those who use the older one. It needs nothing but the git command, and that
only to read from git.

The older version is named by --against:

    main, v1.2.0, HEAD~1, git:NAME   a git ref; the work tree is not touched
    main...                          the commit at which this branch left main
    ../checkout                      another checkout of the same files
    old/                             the older version of the one directory named
    old.binpb, old.json, old.pb      a descriptor set, of protoc or buf

The levels say who must not notice:

    wire     those who exchange messages in binary and call methods
    json     those who use JSON or HTTP, too
    source   those who compile generated code, too, package by package (default)
    file     the same for languages whose generated code follows files: C++, Python

The rules of buf are here under buf's names; --level wire, json, source and file are
buf's categories WIRE, WIRE_JSON, PACKAGE and FILE. Rules of our own are about
google.api.http, the options of package fairlead, protovalidate's annotations, and
messages that were renamed. docs/checks.md lists all of them.

What moved to a file that is not compared counts as deleted: name directories rather
than single files.

With --consumers, directories of Go modules, each finding tells which places in their
source use what changed; see fairlead check consumers.

A comment before a declaration, or at the end of its line, silences a rule there:

    // fairlead:ignore FIELD_NO_DELETE Nobody reads it, see the minutes of May 4th.

Exit codes: 0 nothing breaks, 1 the contracts could not be compared, 2 wrong usage,
3 something breaks.`

const commandExample = `  fairlead check breaking --against main              # what this branch breaks
  fairlead check breaking --against origin/main --level wire api
  fairlead check breaking --against v1.4.0 --except FILE_SAME_GO_PACKAGE
  fairlead check breaking --against ../released       # another checkout
  fairlead check breaking api --against api.binpb     # a descriptor set
  fairlead check breaking --against main --consumers ../cart,../billing
  fairlead check breaking --against origin/main... --format github   # in a workflow`

// compareFlags are the flags of fairlead check breaking.
type compareFlags struct {
	against   string
	oldRoots  []string
	level     string
	except    []string
	consumers []string
	shared    *finding.Flags
}

// New returns the command "fairlead check breaking".
func New() *cobra.Command {
	f := new(compareFlags)
	cmd := &cobra.Command{
		Use:     "breaking [flags] --against REF [file or directory]...",
		Short:   "Find changes that break those who use a contract",
		Long:    commandLong,
		Example: commandExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			level, err := f.validate()
			if err != nil {
				return err
			}
			return f.run(cmd, args, level)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.against, "against", "", "the older version: a git `ref`, a directory, or a descriptor set")
	flags.StringArrayVar(&f.oldRoots, "against-proto-path", nil,
		"`directory` to look for imports of the older version in, when --against is a directory; may be repeated")
	flags.StringVar(&f.level, "level", "source", "who must not notice: wire, json, source, file")
	flags.StringSliceVar(&f.except, "except", nil, "`rule` not to apply; may be repeated")
	flags.StringSliceVar(&f.consumers, "consumers", nil,
		"`directory` of Go modules in which to look for uses of what changed; may be repeated")
	f.shared = finding.AddFlags(cmd)
	for name, values := range map[string][]string{"level": {"wire", "json", "source", "file"}, "except": RuleIDs()} {
		complete := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // the flags were added a few lines ago
		}
	}
	return cmd
}

func (f *compareFlags) validate() (Level, error) {
	if f.against == "" {
		return 0, errors.New("--against is missing: name a git ref, a directory or a descriptor set to compare with")
	}
	level, err := ParseLevel(f.level)
	if err != nil {
		return 0, fmt.Errorf("--level: %w", err)
	}
	known := RuleIDs()
	for _, id := range f.except {
		if !slices.Contains(known, id) {
			text := fmt.Sprintf("--except: no rule is called %q", id)
			if question := near.Question(id, known); question != "" {
				text += "; " + question
			}
			return 0, errors.New(text)
		}
	}
	return level, nil
}

func (f *compareFlags) run(cmd *cobra.Command, args []string, level Level) (err error) {
	ctx := cmd.Context()
	args, roots, err := f.inputs(args)
	if err != nil {
		return cli.Failed(err)
	}
	old, err := parseAgainst(ctx, f.against, f)
	if err != nil {
		return cli.Failed(fmt.Errorf("--against %w", err))
	}
	defer func() { err = errors.Join(err, cli.Failed(old.close())) }()
	defer heap.Pace(0)()
	units, err := loadUnits(ctx, args, roots, cmd.ErrOrStderr())
	if err != nil {
		return f.failed(cmd, err)
	}
	contracts, err := old.load(ctx, units)
	if err != nil {
		return f.failedOld(cmd, old, err)
	}
	findings, files, err := compareAll(units, contracts, Config{Level: level, Except: f.except})
	if err != nil {
		return cli.Failed(err)
	}
	if !slices.ContainsFunc(contracts, func(c *Contract) bool { return c != nil }) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: nothing of it was there %s\n", strings.Join(args, ", "), old.name())
	}
	printed, err := f.describe(cmd, findings, old)
	if err != nil {
		return cli.Failed(err)
	}
	return f.shared.Report(cmd, findingRules(level), printed, finding.Plural(files, "file")+" against "+f.against)
}

// inputs returns what to compare and where imports are: what the flags say, or else fairlead.yaml.
func (f *compareFlags) inputs(args []string) (inputs, roots []string, err error) {
	roots = f.shared.Roots
	if path, err := project.Find("."); err == nil && path != "" {
		file, err := project.Load(path, idl.Short(path))
		if err != nil {
			return nil, nil, err
		}
		if gen := file.Gen; gen != nil {
			if len(args) == 0 {
				args = inDirectory(filepath.Dir(path), gen.Inputs)
			}
			if len(roots) == 0 {
				roots = inDirectory(filepath.Dir(path), gen.Roots)
			}
		}
	}
	if len(args) == 0 {
		args = []string{"."}
	}
	return args, roots, nil
}

// inDirectory returns paths that are relative to dir, which is absolute, relative to the working directory.
func inDirectory(dir string, paths []string) []string {
	joined := make([]string, len(paths))
	for i, path := range paths {
		joined[i] = filepath.FromSlash(path)
		if filepath.IsAbs(joined[i]) {
			continue
		}
		joined[i] = filepath.Join(dir, joined[i])
		if here, err := filepath.Abs("."); err == nil {
			if short, err := filepath.Rel(here, joined[i]); err == nil {
				joined[i] = short
			}
		}
	}
	return joined
}

// failed reports why the new side could not be read.
func (f *compareFlags) failed(cmd *cobra.Command, err error) error {
	if wrong, ok := errors.AsType[*idl.ContractError](err); ok {
		return f.shared.ReportProblems(cmd, wrong)
	}
	return cli.Failed(err)
}

// failedOld reports why the old side could not be read.
func (f *compareFlags) failedOld(cmd *cobra.Command, old against, err error) error {
	if wrong, ok := errors.AsType[*idl.ContractError](err); ok {
		fmt.Fprintf(cmd.ErrOrStderr(), "the contract to compare with, %s, does not compile:\n", old.name())
		return f.shared.ReportProblems(cmd, wrong)
	}
	return cli.Failed(fmt.Errorf("--against %s: %w", f.against, err))
}

// compareAll compares each unit with what it was. Files is the number of files that were compared.
func compareAll(units []*unit, contracts []*Contract, cfg Config) (findings []Finding, files int, err error) {
	for i, u := range units {
		files += len(u.names)
		if contracts[i] == nil {
			continue
		}
		now, err := u.contract()
		if err != nil {
			return nil, 0, err
		}
		findings = append(findings, silence(Compare(contracts[i], now, cfg))...)
	}
	return findings, files, nil
}

// silence leaves out what comments in the new contract silence.
func silence(findings []Finding) []Finding {
	directives := make(map[string]*ignore.List)
	return slices.DeleteFunc(findings, func(f Finding) bool {
		list, ok := directives[f.At.File]
		if !ok {
			text, err := cli.ReadSource(f.At.File)
			if err == nil { // otherwise the file is gone, and says nothing any more
				list = ignore.NewList(f.At.File, string(text))
			}
			directives[f.At.File] = list
		}
		return list.Silences(f.Rule, f.At.Line, f.Begin)
	})
}

// category is that of all rules, where checks of several kinds are printed together.
const category = "breaking"

// findingRules returns the rules of a level.
func findingRules(level Level) []finding.Rule {
	var rules []finding.Rule
	for _, rule := range Rules() {
		if rule.Levels&level != 0 {
			rules = append(rules, finding.Rule{ID: rule.ID, Category: category, Severity: finding.Error, Reason: rule.Why})
		}
	}
	return rules
}

// describe makes of findings what is printed: with the places where things were, and with those who use them.
func (f *compareFlags) describe(cmd *cobra.Command, findings []Finding, old against) ([]finding.Finding, error) {
	users, err := f.users(cmd, findings)
	if err != nil {
		return nil, err
	}
	printed := make([]finding.Finding, len(findings))
	for i, found := range findings {
		rule := finding.Rule{ID: found.Rule, Category: category, Severity: finding.Error, Reason: found.Why}
		printed[i] = finding.New(rule, found.At, "%s", found.Text)
		if found.Was.File != "" {
			printed[i].Related = append(printed[i].Related, finding.Related{Place: found.Was, Message: "before, " + old.name()})
		}
		printed[i].Related = append(printed[i].Related, users[i]...)
	}
	return printed, nil
}
