package scaffold

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

const newLong = `New writes a service that builds, passes its tests and runs: a contract with a
unary and a streaming method, its generated code, an implementation with a test,
a program that drains when it is stopped, configuration, a Dockerfile,
Kubernetes manifests, a Makefile and a README. Nothing is downloaded; with the
framework's modules in Go's module cache it builds without a network.

With --contract it is written for the services of existing contracts: these are
copied to api, unless they lie in the project already, and imports are looked for
in -I. Each service gets a type whose methods return UNIMPLEMENTED, and a test.
Contracts keep their own Go packages if those are the project's; otherwise the code
goes to packages below gen, and fairlead.yaml says so.

In a directory that is a Go module, --force adds the service to those that it has:
beside them, with ports of its own. Nothing is replaced; go.mod, go.sum and
fairlead.yaml get what they lack, and the Makefile and the README are left as they
are.

NAME is made of lower-case words joined by hyphens. The contract's package, the
Go packages, the environment variables and the names in Kubernetes come from it.

With --template DIR the files in DIR take the place of those built in that have
the same path in the project, and stand beside them otherwise. Files whose names
end in .tmpl are templates of Go's text/template and lose that ending, others
are copied; one that comes to nothing removes its file from the project. Their
paths are templates, too: api/{{.ProtoDir}}/v1/{{.ProtoFile}}.tmpl. The
contracts are where the project's fairlead.yaml says. The variables:

`

const newExample = `  fairlead new shop
  fairlead new order-history --module example.com/acme/order-history
  fairlead new shop --dir services/shop --no-git
  fairlead new shop --contract ../contracts/shop/v1/shop.proto -I ../contracts
  fairlead new billing --dir . --force                     # a second service of this module
  fairlead new shop --template ../our-template --dry-run   # what would be written?`

// options are the flags of fairlead new.
type options struct {
	module   string
	dir      string
	template string
	contract string
	roots    []string
	fairlead string
	force    bool
	dryRun   bool
	noGit    bool
	format   *cli.Format
}

// New returns the command "fairlead new".
func New() *cobra.Command {
	o := new(options)
	cmd := &cobra.Command{
		Use:     "new [flags] NAME",
		Short:   "Write a new service that builds, tests and runs",
		Long:    newLong + strings.TrimSuffix(manual(), "\n"),
		Example: newExample,
		Args:    cli.Args(1, "NAME"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := o.dir
			if dir == "" {
				dir = args[0]
			}
			module, err := o.moduleFor(dir)
			if err != nil {
				return err
			}
			v, err := newVariables(args[0], module)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), &v, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.module, "module", "", "`path` of the Go module (default: example.com/NAME)")
	flags.StringVar(&o.dir, "dir", "", "`directory` to write to (default: NAME in the working directory)")
	flags.StringVar(&o.contract, "contract", "",
		"`file or directory` with .proto files to write the service for (default: a contract of its own)")
	flags.StringArrayVarP(&o.roots, "proto-path", "I", nil,
		"`directory` to look for imports of --contract in; may be repeated")
	flags.StringVar(&o.template, "template", "", "`directory` with files in place of those built in")
	flags.StringVar(&o.fairlead, "fairlead", "",
		"`directory` of a checkout to take the framework from (default: the released version, or the checkout that the "+
			"command was built from)")
	flags.BoolVar(&o.force, "force", false,
		"write into a directory that is not empty: files that differ are kept as NAME"+keptSuffix+
			"; in a module with other services, nothing is replaced")
	flags.BoolVar(&o.dryRun, "dry-run", false, "write nothing; list the files")
	flags.BoolVar(&o.noGit, "no-git", false, "do not make it a Git repository")
	o.format = cli.FormatFlag(cmd, "text", "json")
	for _, name := range []string{"dir", "template", "fairlead"} {
		if err := cmd.MarkFlagDirname(name); err != nil {
			panic(err) // the flags were added above
		}
	}
	return cmd
}

// result describes what the command did, or would do.
type result struct {
	Name   string       `json:"name"`
	Module string       `json:"module"`
	Dir    string       `json:"dir"`
	Files  []resultFile `json:"files"`
	// Next are the commands that lead to the first call.
	Next []string `json:"next"`
}

type resultFile struct {
	Path   string `json:"path"`
	Action action `json:"action"`
}

func (o *options) run(ctx context.Context, v *Variables, stdout, stderr io.Writer) error {
	source, err := findFramework(o.fairlead, candidates())
	if err != nil {
		return cli.Failed(err)
	}
	v.GoVersion, v.FairleadVersion, v.Checkout = goVersion(), source.version, source.checkout
	dir := o.dir
	if dir == "" {
		dir = v.Name
	}
	v.Contract = o.contract
	adds := settle(v, dir)
	steps, err := o.prepare(ctx, v, dir, adds)
	if err != nil {
		return cli.Failed(err)
	}
	if !o.dryRun {
		if err := perform(ctx, dir, steps); err != nil {
			return cli.Failed(fmt.Errorf("%w; nothing was written", err))
		}
		var notes []string
		if !o.noGit {
			notes = append(notes, initRepository(ctx, dir))
		}
		for _, note := range append(notes, outsideWorkspace(dir)) {
			if note != "" {
				fmt.Fprintln(stderr, "note:", note)
			}
		}
	}
	return cli.Failed(o.report(stdout, v, dir, steps))
}

// moduleFor returns the path of the module for a project in dir: what --module says, that of the module that dir is, or
// "" for one made of the name.
func (o *options) moduleFor(dir string) (string, error) {
	there, err := moduleIn(dir)
	switch {
	case err != nil:
		return "", cli.Failed(err)
	case there == "":
		return o.module, nil
	case o.module != "" && o.module != there:
		return "", fmt.Errorf("--module %s: %s is the module %s already", o.module, dir, there)
	default:
		return there, nil
	}
}

// prepare makes everything in memory.
func (o *options) prepare(ctx context.Context, v *Variables, dir string, adds bool) ([]step, error) {
	var contracts *foreignFiles
	var err error
	if o.contract != "" {
		if contracts, err = foreign(ctx, v, dir, o.roots); err != nil {
			return nil, err
		}
	}
	files, code, err := o.make(ctx, v, contracts)
	if err != nil {
		return nil, err
	}
	addSums(files, v.Requires)
	if adds {
		if err := addTo(dir, files); err != nil {
			return nil, err
		}
	}
	if contracts == nil {
		if code, err = generate(ctx, files); err != nil {
			return nil, err
		}
	}
	for _, c := range code {
		if i := slices.IndexFunc(files, func(f file) bool { return f.path == c.path }); i >= 0 {
			return nil, fmt.Errorf("%s: would be overwritten by generated code", files[i].origin)
		}
	}
	files = append(files, code...)
	if len(files) == 0 {
		return nil, errors.New("there is nothing to write: all templates come to nothing")
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return plan(dir, files, o.force, adds)
}

// make makes the files of the project and, for existing contracts, the code that is generated. What the templates are
// told of services comes from that code, so that they are rendered twice.
func (o *options) make(ctx context.Context, v *Variables, contracts *foreignFiles) (files, code []file, err error) {
	if contracts == nil {
		files, err = render(v, o.template)
		return files, nil, err
	}
	v.Services, v.Packages, v.Requires = nil, nil, nil
	if files, err = render(v, o.template); err != nil {
		return nil, nil, err
	}
	if code, err = generate(ctx, slices.Concat(files, contracts.files)); err != nil {
		return nil, nil, err
	}
	services, err := describe(v, code)
	if err != nil {
		return nil, nil, err
	}
	if files, err = render(v, o.template); err != nil {
		return nil, nil, err
	}
	written, err := implementations(v, services, code, contracts.requires)
	return slices.Concat(files, contracts.files, written), code, err
}

// report prints what was done, or would be, and what comes next.
func (o *options) report(w io.Writer, v *Variables, dir string, steps []step) error {
	r := result{Name: v.Name, Module: v.Module, Dir: dir, Next: next(v, dir, steps)}
	for _, s := range steps {
		r.Files = append(r.Files, resultFile{s.path, s.action})
	}
	if o.format.String() == "json" {
		return cli.PrintJSON(w, r)
	}
	return r.print(w, o.dryRun)
}

func (r *result) print(w io.Writer, dryRun bool) error {
	paint := cli.PainterFor(w)
	counts := make(map[action]int)
	for _, f := range r.Files {
		counts[f.Action]++
		if dryRun || f.Action == replace || f.Action == update || f.Action == keep {
			fmt.Fprintf(w, "%-9s %s\n", f.Action, filepath.Join(r.Dir, filepath.FromSlash(f.Path)))
		}
	}
	if dryRun {
		_, err := fmt.Fprintf(w, "%d files; none was written\n", len(r.Files))
		return err
	}
	summary := fmt.Sprintf("%s: %d files in %s", r.Name, len(r.Files), r.Dir)
	if counts[replace] > 0 {
		summary += fmt.Sprintf("; %d replaced, the old ones kept as NAME%s", counts[replace], keptSuffix)
	}
	fmt.Fprintf(w, "%s\n\n", summary)
	for _, line := range r.Next {
		fmt.Fprintf(w, "  %s\n", paint.Paint(cli.Bold, line))
	}
	return nil
}

// next returns the commands from here to the first call.
func next(v *Variables, dir string, steps []step) []string {
	first := "cd " + shellQuote(dir)
	if needsTidy(v, steps) {
		first += " && go mod tidy"
	}
	run := "go run ./cmd/" + v.Name
	if v.Contract != "" {
		return []string{first, run, "fairlead describe " + v.Address + " " + v.Services[0].Name}
	}
	return []string{
		first,
		run,
		fmt.Sprintf(`fairlead call %s %s.%s/CreateItem -d '{"name": "lamp"}'`, v.Address, v.ProtoPackage, v.Service),
	}
}

// needsTidy reports whether the sums in go.sum may not be all: those of a released framework are not known here, nor
// are those of modules that a template of the user requires.
func needsTidy(v *Variables, steps []step) bool {
	if v.Checkout == "" {
		return true
	}
	return slices.ContainsFunc(steps, func(s step) bool {
		return s.path == "go.mod" && (s.action == update || !strings.HasPrefix(s.origin, "built-in"))
	})
}

// shellQuote returns word as a shell takes it for one.
func shellQuote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:\\", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
