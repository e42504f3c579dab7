// Package generate is the command "fairlead gen": it compares what the generators make of contracts with what is there,
// and writes what differs.
package generate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/gen"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

const genLong = `Gen compiles .proto files and writes Go code: name.pb.go with the messages, as
protoc-gen-go does; name.fl.go with the stubs of services; and with --vt
name_vtproto.pb.go, with which messages are encoded faster. It needs nothing
installed, neither protoc nor plugins.

The arguments are files, and directories that are searched with all below them
(but for testdata, vendor, node_modules, hidden ones and other Go modules);
without any, the working directory. The code goes beside each .proto file unless --out says
otherwise. Files whose content would not change are left alone, and stubs of
services that are gone are removed.

Imports are looked for in the directories given with --proto-path; without any,
in the directory of the Go module that a file lies in, or else in the directory
named as the argument. google/protobuf/*.proto, google/api/annotations.proto and
google/rpc/*.proto need no directory.

Exit codes: 0 done, 1 a contract or a file is in error, 2 wrong usage, 3 --check
found files that are not up to date.`

const genExample = `  fairlead gen                          # everything below the working directory
  fairlead gen --vt api                 # with fast encoding
  fairlead gen -I api -I third_party api/greeter/v1/greeter.proto
  fairlead gen --check --vt api         # in CI: is the generated code current?`

// genFlags are the flags of fairlead gen.
type genFlags struct {
	roots    []string
	out      string
	paths    string
	module   string
	packages map[string]string
	messages bool
	vt       bool
	stubs    bool
	grpc     bool
	check    bool
	quiet    bool
}

// New returns the command "fairlead gen".
func New() *cobra.Command {
	f := new(genFlags)
	cmd := &cobra.Command{
		Use:     "gen [flags] [file or directory]...",
		Short:   "Generate Go code from .proto files",
		Long:    genLong,
		Example: genExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.validate(); err != nil {
				return err
			}
			if len(args) == 0 {
				args = []string{"."}
			}
			return f.run(cmd.Context(), args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.roots, "proto-path", "I", nil, "`directory` to look for imports in; may be repeated")
	flags.StringVarP(&f.out, "out", "o", "",
		"`directory` to write to (default: beside the .proto files; with --paths import the working directory)")
	flags.StringVar(&f.paths, "paths", "source_relative",
		"how files are placed below --out: source_relative or import")
	flags.StringVar(&f.module, "module", "", "`prefix` to cut from import paths, with --paths import")
	flags.StringToStringVarP(&f.packages, "map", "M", nil,
		"`file=path`: the Go import path of a .proto file, in place of its go_package; may be repeated")
	flags.BoolVar(&f.messages, "go", true, "generate the messages; --go=false leaves them to another generator")
	flags.BoolVar(&f.stubs, "stubs", true, "generate the stubs of services")
	flags.BoolVar(&f.vt, "vt", false, "generate vtprotobuf's fast encoding; it brings a dependency on vtprotobuf")
	flags.BoolVar(&f.grpc, "beside-grpc", false,
		"name stubs so that protoc-gen-go-grpc's code can be in the same package")
	flags.BoolVar(&f.check, "check", false, "write nothing; list what would change, and exit with 3 if there is any")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "do not list the files that were written")
	return cmd
}

func (f *genFlags) validate() error {
	switch {
	case f.paths != "source_relative" && f.paths != "import":
		return fmt.Errorf("--paths %s: must be source_relative or import", f.paths)
	case f.module != "" && f.paths != "import":
		return errors.New("--module needs --paths import")
	case !f.messages && !f.vt && !f.stubs:
		return errors.New("nothing to generate: --go, --stubs and --vt are all off")
	}
	return nil
}

// run generates for all sources before it writes anything, so that an error leaves every file as it was.
func (f *genFlags) run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	sources, err := idl.Find(args, f.roots)
	if err != nil {
		return cli.Failed(err)
	}
	if len(sources) == 0 {
		return cli.Failed(fmt.Errorf("no .proto files in %s", strings.Join(args, ", ")))
	}
	var changes []change
	var errs []error
	for _, src := range sources {
		more, err := f.generate(ctx, src, stderr)
		changes = append(changes, more...)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return cli.Failed(err)
	}
	files := len(changes)
	changes, err = pending(changes)
	if err != nil {
		return cli.Failed(err)
	}
	if len(changes) == 0 && !f.quiet {
		fmt.Fprintf(stderr, "nothing to do: %d files are up to date\n", files)
	}
	for _, c := range changes {
		if !f.check {
			if err := c.apply(); err != nil {
				return cli.Failed(err)
			}
		}
		if !f.quiet || f.check {
			fmt.Fprintln(stdout, c.describe(f.check))
		}
	}
	if f.check && len(changes) > 0 {
		return cli.Exit(cli.ExitFound, errors.New("generated code is not up to date; run fairlead gen"))
	}
	return nil
}

// generate returns what the files of one source should be.
func (f *genFlags) generate(ctx context.Context, src idl.Source, stderr io.Writer) ([]change, error) {
	contract, err := idl.Compile(ctx, src)
	if err != nil {
		return nil, err
	}
	for _, w := range contract.Warnings {
		fmt.Fprintf(stderr, "%v (warning)\n", w)
	}
	if err := f.checkPackages(contract); err != nil {
		return nil, err
	}
	output, err := gen.Run(contract.Files, contract.Names, gen.Config{
		Messages:    f.messages,
		VT:          f.vt,
		Stubs:       f.stubs,
		StubConfig:  gen.StubConfig{BesideGRPC: f.grpc},
		ImportPaths: f.paths == "import",
		Module:      f.module,
		Packages:    f.packages,
	})
	if err != nil {
		return nil, err
	}
	for _, note := range output.Notes {
		fmt.Fprintf(stderr, "%s (note)\n", note)
	}
	dir := f.out
	if dir == "" && f.paths == "source_relative" {
		dir = src.Dir
	}
	changes := make([]change, 0, len(output.Files))
	for _, file := range output.Files {
		path := idl.Short(filepath.Join(dir, filepath.FromSlash(file.Name)))
		changes = append(changes, change{path: path, content: file.Content})
	}
	return changes, nil
}

// checkPackages reports the files without a go_package, with the line that would mend it.
func (f *genFlags) checkPackages(contract *idl.Contract) error {
	missing := gen.MissingPackages(contract.Files, f.packages)
	if len(missing) == 0 {
		return nil
	}
	problems := make([]idl.Problem, 0, len(missing))
	for _, name := range missing {
		file := contract.Path(name)
		example, ok := idl.GoPackage(file)
		if !ok {
			example = path.Join("example.com/your/module", path.Dir(name))
		}
		problems = append(problems, idl.Problem{File: file, Text: fmt.Sprintf(
			"no Go package is named; add the line\n\toption go_package = %q;\nor call fairlead gen with -M %s=%s",
			example, name, example)})
	}
	slices.SortFunc(problems, func(a, b idl.Problem) int { return strings.Compare(a.File, b.File) })
	return &idl.ContractError{Problems: problems}
}
