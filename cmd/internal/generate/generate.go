// Package generate is the command "fairlead gen": it compares what the generators make of contracts with what is there,
// and writes what differs.
package generate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/heap"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/cmd/internal/project"
)

const genLong = `Gen compiles .proto files and writes Go code: name.pb.go with the messages, as
protoc-gen-go does; name.fl.go with the stubs of services; name_validate.fl.go
with the rules of messages that have some (buf/validate/validate.proto);
name_json.fl.go with the JSON form of messages, without reflection; with --vt
name_vtproto.pb.go, with which messages are encoded faster; and with --openapi
package.openapi.json, an OpenAPI 3.1 document of the package's HTTP rules. It needs
nothing installed, neither protoc nor plugins.

The arguments are files, and directories that are searched with all below them
(but for testdata, vendor, third_party, node_modules, hidden ones and other Go
modules, and for copies of files that come with the command);
without any, the inputs of fairlead.yaml, or else the working directory. The code
goes beside each .proto file unless --out says otherwise. Files whose content
would not change are left alone, and stubs of services that are gone are removed.
When anything is in error, nothing is written.

An HTTP rule (google.api.http) that cannot be served is left out with a warning;
all else is generated. --strict refuses contracts with warnings.

Imports are looked for in the directories given with --proto-path; without any,
in the directory of the Go module that a file lies in, or else in the directory
named as the argument. google/protobuf/*.proto, google/api/*.proto,
google/rpc/*.proto, google/type/*.proto, buf/validate/validate.proto and
fairlead/options.proto need no directory.

fairlead.yaml, in the working directory or above it up to the root of the Go
module, keeps what gen would otherwise have to be told each time. Arguments and
flags come before it; --save writes them into it:

  version: 1
  gen:
    roots: [api, third_party]     # --proto-path
    inputs: [api]                 # the arguments
    out: gen                      # --out
    paths: import                 # --paths
    module: example.com/shop      # --module
    map: {x/y.proto: example.com/y}
    messages: true                # --go
    stubs: true
    validate: true
    json: true                    # --json
    vt: true
    openapi: true                 # --openapi
    beside_grpc: false
    strict: false                 # --strict
    plugins:
      - name: es                  # --plugin; a program protoc-gen-es in PATH
        path: ./web/protoc-gen-es # or this one
        out: web/gen              # --plugin-out
        opts: [target=ts]         # --plugin-opt
    implement:
      - dir: internal/server      # --implement
        type: Server
        service: shop.v1.Shop     # for one service of several

Plugins are programs that speak protoc's protocol; their files go to the same
directory as the other code. A plugin for Go usually needs
--plugin-opt NAME=paths=source_relative.

--implement finds the type in a directory that implements a service, and appends
the methods that it lacks to the file where its others are; they return
Unimplemented until somebody writes them. All else in the file stays as it is,
byte for byte, but for imports that are added. Methods whose signature does not
fit the contract are reported. Without such a type, a file with one is written.
--implement internal/shop:shop.v1.Shop names the service; a directory without one
gets those that no other directory implements.

Exit codes: 0 done, 1 a contract or a file is in error, 2 wrong usage, 3 --check
found files that are not up to date.`

const genExample = `  fairlead gen                          # as fairlead.yaml says, or all below the working directory
  fairlead gen --vt api                 # with fast encoding
  fairlead gen --openapi api            # with OpenAPI documents
  fairlead gen -I api -I third_party --vt --save api
  fairlead gen --check                  # in CI: is the generated code current?
  fairlead gen --implement internal/server
  fairlead gen --plugin go-grpc --plugin-opt go-grpc=paths=source_relative --beside-grpc api`

// genFlags are the flags of fairlead gen.
type genFlags struct {
	roots      []string
	out        string
	paths      string
	module     string
	packages   map[string]string
	messages   bool
	vt         bool
	stubs      bool
	validate   bool
	openAPI    bool
	json       bool
	grpc       bool
	check      bool
	strict     bool
	quiet      bool
	warnings   bool
	save       bool
	project    string
	plugins    []string
	pluginOuts []string
	pluginOpts []string
	implement  []string
	format     *cli.Format
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
			return f.execute(cmd, args)
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
		"`file=path`: the Go import path of a .proto file, or of a directory with all below it, in place of go_package; "+
			"may be repeated")
	flags.BoolVar(&f.messages, "go", true, "generate the messages; --go=false leaves them to another generator")
	flags.BoolVar(&f.stubs, "stubs", true, "generate the stubs of services")
	flags.BoolVar(&f.validate, "validate", true,
		"compile the rules of messages (protovalidate's options); --validate=false leaves them to somebody else")
	flags.BoolVar(&f.json, "json", true,
		"generate the JSON form of messages; --json=false leaves it to protojson, which takes reflection")
	flags.BoolVar(&f.vt, "vt", false, "generate vtprotobuf's fast encoding; it brings a dependency on vtprotobuf")
	flags.BoolVar(&f.openAPI, "openapi", false,
		"write an OpenAPI 3.1 document for each package whose services have HTTP rules")
	flags.BoolVar(&f.grpc, "beside-grpc", false,
		"name stubs so that protoc-gen-go-grpc's code can be in the same package")
	flags.StringArrayVar(&f.plugins, "plugin", nil,
		"run a plugin of protoc as well: `NAME` for protoc-gen-NAME in PATH, a path, or NAME=PATH; may be repeated")
	flags.StringArrayVar(&f.pluginOuts, "plugin-out", nil,
		"`NAME=DIR`: where a plugin writes (default: where the other code goes)")
	flags.StringArrayVar(&f.pluginOpts, "plugin-opt", nil, "`NAME=OPTION`: an option for a plugin; may be repeated")
	flags.StringArrayVar(&f.implement, "implement", nil,
		"add missing methods to the type that implements a service: `DIR[=TYPE][:SERVICE]`; may be repeated")
	flags.StringVar(&f.project, "project", "", "the `file` to use in place of the fairlead.yaml that is found; "+
		"none for none")
	flags.BoolVar(&f.save, "save", false, "write the arguments and flags into fairlead.yaml when all went well")
	flags.BoolVar(&f.check, "check", false, "write nothing; list what would change, and exit with 3 if there is any")
	flags.BoolVar(&f.strict, "strict", false,
		"treat warnings as errors: write nothing, and exit with 1 if there is any")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "do not list the files that were written")
	flags.BoolVar(&f.warnings, "all-warnings", false, fmt.Sprintf(
		"print all warnings and notes, in place of the first %d of each; JSON always has all", maxSaid))
	f.format = cli.FormatFlag(cmd, "text", "json")
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"proto"}, cobra.ShellCompDirectiveFilterFileExt
	}
	err := cmd.RegisterFlagCompletionFunc("paths",
		cobra.FixedCompletions([]string{"source_relative", "import"}, cobra.ShellCompDirectiveNoFileComp))
	for _, name := range []string{"proto-path", "out", "implement"} {
		err = errors.Join(err, cmd.MarkFlagDirname(name))
	}
	if err != nil {
		panic(err) // these flags were added above
	}
	return cmd
}

// execute reads fairlead.yaml and runs the command.
func (f *genFlags) execute(cmd *cobra.Command, args []string) error {
	switch {
	case f.save && f.check:
		return errors.New("--save and --check exclude each other")
	case f.save && f.project == "none":
		return errors.New("--save and --project none exclude each other: it would take the place of what is there")
	}
	file, err := f.load()
	if err != nil {
		return cli.Failed(err)
	}
	s, err := newSettings(f, cmd.Flags(), args, file)
	if err != nil {
		return err
	}
	if err := s.checkRoots(cmd.Flags(), file); err != nil {
		return cli.Failed(err)
	}
	r := &run{
		settings: s, check: f.check, quiet: f.quiet, allWarnings: f.warnings, json: f.format.String() == "json",
		stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr(), paint: cli.PainterFor(cmd.ErrOrStderr()),
		progress: cli.NewProgress(cmd.ErrOrStderr()), stop: func() {},
	}
	if err := r.all(cmd.Context()); err != nil {
		return err
	}
	if !f.save {
		return nil
	}
	return cli.Failed(f.remember(s, cmd, args, file))
}

// load reads the project's file; it returns nil when there is none.
func (f *genFlags) load() (*project.File, error) {
	path := f.project
	switch path {
	case "none":
		return nil, nil //nolint:nilnil // there is none, as was asked for
	case "":
		found, err := project.Find(".")
		if found == "" || err != nil {
			return nil, err
		}
		path = found
	}
	file, err := project.Load(path, display(&project.File{Path: path}))
	if f.save && errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // it is to be made
	}
	return file, err
}

// remember saves the settings.
func (f *genFlags) remember(s *settings, cmd *cobra.Command, args []string, file *project.File) error {
	if file == nil {
		path := f.project
		if path == "" {
			var err error
			if path, err = project.Place("."); err != nil {
				return err
			}
		}
		file = project.New(path)
	}
	if err := s.save(file, cmd.Flags(), args); err != nil {
		return err
	}
	if !f.quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), "saved to %s\n", display(file))
	}
	return nil
}

// compile compiles all inputs; it returns all that is wrong with them, over all sources.
func (r *run) compile(ctx context.Context) ([]*unit, error) {
	sources, err := idl.Find(r.inputs, r.roots)
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no .proto files in %s", strings.Join(r.inputs, ", "))
	}
	r.stop = heap.Pace(spare * textSize(sources))
	compile := idl.CompileCompact
	if len(r.plugins) > 0 {
		// What options of their own are for the source alone, which they do not get, only the compiler knows.
		compile = idl.Compile
	}
	var units []*unit
	wrong := new(idl.ContractError)
	for _, src := range sources {
		r.progress.Set(fmt.Sprintf("compiling %d files of %s", len(src.Files), src.Dir))
		contract, err := compile(ctx, src)
		if broken, ok := errors.AsType[*idl.ContractError](err); ok {
			wrong.Problems = append(wrong.Problems, broken.Problems...)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, w := range contract.Warnings {
			r.problem("warning", w)
		}
		units = append(units, &unit{source: src, contract: contract})
	}
	if len(wrong.Problems) > 0 {
		return nil, wrong
	}
	return units, nil
}

// spare is how much the heap may grow before it is collected, in bytes for each of the contracts' text: what stays of
// large contracts is small beside what is made on the way.
const spare = 11

// textSize returns the size of all files of the sources that can be read.
func textSize(sources []idl.Source) uint64 {
	size := int64(0)
	for _, src := range sources {
		for _, name := range src.Files {
			if info, err := os.Stat(filepath.Join(src.Dir, filepath.FromSlash(name))); err == nil {
				size += info.Size()
			}
		}
	}
	return uint64(size)
}

// unit is a source and what it compiled to.
type unit struct {
	source   idl.Source
	contract *idl.Contract
}

// run is one execution of the command.
type run struct {
	*settings

	check, quiet, json, allWarnings bool

	stdout, stderr  io.Writer
	paint           cli.Painter
	progress        *cli.Progress
	report          report
	warnings, notes int
	units           int
	stop            func() // ends the pace of the garbage collector
}

// all generates for all sources before it writes anything, so that an error leaves every file as it was.
func (r *run) all(ctx context.Context) error {
	changes, err := r.changes(ctx)
	defer r.stop()
	r.progress.Clear()
	r.summarise()
	if err != nil {
		return r.failed(err)
	}
	files := 0
	for _, c := range changes {
		if !c.code.none() {
			files++
		}
	}
	changes, err = pending(changes)
	if err == nil && r.strict && r.warnings > 0 {
		err = errors.New("nothing was written: there are warnings, which are errors with strict")
	}
	if err != nil {
		return r.failed(err)
	}
	if !r.check {
		changes, err = applyAll(changes)
	}
	for _, c := range changes {
		r.changed(c)
	}
	if err != nil {
		return r.failed(err)
	}
	r.report.Unchanged = files - len(r.report.Files) + r.report.removed()
	if r.json {
		if err := cli.PrintJSON(r.stdout, r.report.complete()); err != nil {
			return cli.Failed(err)
		}
	} else if len(changes) == 0 && !r.quiet {
		all := "1 file is"
		if files != 1 {
			all = fmt.Sprintf("%d files are", files)
		}
		fmt.Fprintln(r.stderr, "nothing to do:", all, "up to date")
	}
	if r.check && len(changes) > 0 {
		if r.json {
			return &cli.Error{Code: cli.ExitFound}
		}
		return cli.Exit(cli.ExitFound, errors.New("generated code is not up to date; run fairlead gen"))
	}
	return nil
}

// changes returns what all files should be.
func (r *run) changes(ctx context.Context) ([]change, error) {
	units, err := r.compile(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.conflicts(units); err != nil {
		return nil, err
	}
	r.units = len(units)
	all := make([]*made, len(units))
	for i, u := range units {
		if all[i], err = r.generate(u); err != nil {
			return nil, err
		}
	}
	if err := clashes(all); err != nil {
		return nil, err
	}
	out := newOutputs()
	var errs []error
	for i, u := range units {
		errs = append(errs, r.add(ctx, u, all[i], out))
	}
	if err := join(errs); err != nil {
		return nil, err
	}
	changes := out.changes()
	more, err := r.implementations(units, out)
	if err != nil {
		return nil, err
	}
	return append(changes, more...), nil
}

// join is errors.Join that makes one *idl.ContractError of several.
func join(errs []error) error {
	all := new(idl.ContractError)
	var others []error
	for _, err := range errs {
		if wrong, ok := errors.AsType[*idl.ContractError](err); ok {
			all.Problems = append(all.Problems, wrong.Problems...)
		} else {
			others = append(others, err)
		}
	}
	if len(all.Problems) > 0 {
		others = append([]error{all}, others...)
	}
	if len(others) == 1 {
		return others[0]
	}
	return errors.Join(others...)
}
