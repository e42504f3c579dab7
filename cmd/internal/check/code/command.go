package code

import (
	"errors"
	"fmt"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/packages"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

const commandLong = `Code reads Go packages that use the framework, and reports what compiles and is wrong.
The arguments are patterns of packages as the go command takes them; without any,
./... stands for all below the working directory. Test files are read, too.

There is one rule, STREAM_CANCEL: middleware that cancels a context with a defer
statement ends a client's streams as soon as they are open. See docs/checks.md.

go vet can run it beside its own checks, package by package and with its cache:

    go vet -vettool=$(which fairlead) ./...

Exit codes: 0 nothing found, 1 a package does not compile or could not be read,
2 wrong usage, 3 something found.`

const commandExample = `  fairlead check code
  fairlead check code ./internal/... ./cmd/shop
  fairlead check code --format github    # annotations of the change, in a GitHub workflow`

// streamCancelRule is the rule of StreamCancel.
func streamCancelRule() finding.Rule {
	return finding.Rule{
		ID: "STREAM_CANCEL", Category: "code", Severity: finding.Error,
		Reason: "a client's stream lives longer than the function that opened it, and needs its context as long",
	}
}

// New returns the command "fairlead check code".
func New() *cobra.Command {
	var shared *finding.Flags
	cmd := &cobra.Command{
		Use:     "code [flags] [package]...",
		Short:   "Find mistakes in Go code that uses the framework",
		Long:    commandLong,
		Example: commandExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"./..."}
			}
			return run(cmd, shared, args)
		},
	}
	shared = finding.AddFormat(cmd)
	return cmd
}

func run(cmd *cobra.Command, shared *finding.Flags, patterns []string) error {
	rule := streamCancelRule()
	fset := token.NewFileSet()
	loaded, err := packages.Load(&packages.Config{
		Context: cmd.Context(), Mode: packages.LoadSyntax | packages.NeedModule, Tests: true, Fset: fset,
	}, patterns...)
	if err != nil {
		return cli.Failed(err)
	}
	if len(loaded) == 0 {
		return cli.Failed(fmt.Errorf("no packages in %s", strings.Join(patterns, ", ")))
	}
	if err := problems(loaded); err != nil {
		return cli.Failed(err)
	}
	graph, err := checker.Analyze([]*analysis.Analyzer{StreamCancel()}, loaded, nil)
	if err != nil {
		return cli.Failed(err)
	}
	var found []finding.Finding
	for _, action := range graph.Roots {
		if action.Err != nil {
			return cli.Failed(action.Err)
		}
		for _, d := range action.Diagnostics {
			f := finding.New(rule, place(fset, d.Pos, d.End), "%s", d.Message)
			for _, r := range d.Related {
				f.Related = append(f.Related, finding.Related{Place: place(fset, r.Pos, r.End), Message: r.Message})
			}
			found = append(found, f)
		}
	}
	return shared.Report(cmd, []finding.Rule{rule}, found, finding.Plural(count(loaded), "package"))
}

// problems returns what keeps packages from being read, each once.
func problems(loaded []*packages.Package) error {
	var errs []error
	seen := make(map[string]bool)
	for _, p := range loaded {
		for _, e := range p.Errors {
			text := e.Msg
			if e.Pos != "" && e.Pos != "-" {
				text = shorten(e.Pos) + ": " + text
			}
			if !seen[text] {
				seen[text] = true
				errs = append(errs, errors.New(text))
			}
		}
	}
	return errors.Join(errs...)
}

// count returns the number of packages, each once with its tests.
func count(loaded []*packages.Package) int {
	paths := make(map[string]bool)
	for _, p := range loaded {
		if !strings.HasSuffix(p.ID, ".test") {
			paths[p.PkgPath] = true
		}
	}
	return len(paths)
}

func place(fset *token.FileSet, from, to token.Pos) finding.Place {
	at := fset.Position(from)
	p := finding.Place{File: shorten(at.Filename), Line: at.Line, Column: at.Column}
	if to.IsValid() {
		end := fset.Position(to)
		p.EndLine, p.EndColumn = end.Line, end.Column
	}
	return p
}

// shorten returns a path relative to the working directory, when that is shorter.
func shorten(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	short, err := filepath.Rel(dir, path)
	if err != nil || len(short) > len(path) {
		return path
	}
	return short
}
