package consumers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/fairlead-go/fairlead/cmd/internal/check/finding"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/internal/near"
)

const commandLong = `Consumers says which places in Go source use the fields and methods of contracts:
calls of generated clients (Fairlead's and grpc-go's), fields that are read, set or
written in literals, getters and setters, types and constants.

--consumers names directories of Go modules, or directories that hold several. With
--field and --method only those are looked for; with --unused, the fields and methods
of the contracts named as arguments (default: the working directory) that none of the
modules uses.

The modules need not be built, only what they depend on must be in the module cache:
the network is never used, and no file of a module is changed. A workspace (go.work)
and replace directives count as they do for the go command, which compiles what it has
not compiled before; with 4 MiB of generated code or more, types are read from source
instead. A package that does not
compile is searched as far as its types are known, and named at the end; a use of what
generated code no longer has is found all the same.

What goes through reflection is not seen: protojson, logging a whole message, copying.
Test files are left out unless --tests is given.

Exit codes: 0 done, 1 a module or a contract could not be read, 2 wrong usage.`

const commandExample = `  fairlead check consumers --consumers ../cart,../billing
  fairlead check consumers --consumers .. --field shop.v1.Item.color
  fairlead check consumers --consumers .. --method shop.v1.Shop/GetItem
  fairlead check consumers --consumers .. --unused api
  fairlead check breaking --against main --consumers ..   # who suffers from a change`

// consumersFlags are the flags of fairlead check consumers.
type consumersFlags struct {
	dirs    []string
	fields  []string
	methods []string
	unused  bool
	tests   bool
	roots   []string
	format  *cli.Format
}

// New returns the command "fairlead check consumers".
func New() *cobra.Command {
	f := new(consumersFlags)
	cmd := &cobra.Command{
		Use:     "consumers [flags] --consumers DIR [file or directory]...",
		Short:   "Find who uses the fields and methods of contracts",
		Long:    commandLong,
		Example: commandExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.validate(args); err != nil {
				return err
			}
			return f.run(cmd, args)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.dirs, "consumers", nil, "`directory` of Go modules to search; may be repeated")
	flags.StringSliceVar(&f.fields, "field", nil, "`package.Message.field` to look for; may be repeated")
	flags.StringSliceVar(&f.methods, "method", nil, "`package.Service/Method` to look for; may be repeated")
	flags.BoolVar(&f.unused, "unused", false, "list the contracts' fields and methods that nobody uses")
	flags.BoolVar(&f.tests, "tests", false, "search test files, too")
	flags.StringArrayVarP(&f.roots, "proto-path", "I", nil,
		"`directory` to look for imports of contracts in, with --unused; may be repeated")
	f.format = cli.FormatFlag(cmd, "text", "json")
	return cmd
}

func (f *consumersFlags) validate(args []string) error {
	switch {
	case len(f.dirs) == 0:
		return errors.New("--consumers is missing: name directories of Go modules to search")
	case f.unused && len(f.fields)+len(f.methods) > 0:
		return errors.New("--unused is about all fields and methods: leave --field and --method out")
	case !f.unused && len(args) > 0:
		return fmt.Errorf("%s: contracts are named with --unused only", args[0])
	}
	for _, field := range f.fields {
		if strings.Count(field, ".") == 0 || strings.Contains(field, "/") {
			return fmt.Errorf("--field %s: must be package.Message.field", field)
		}
	}
	for _, method := range f.methods {
		if !strings.ContainsAny(method, "./") {
			return fmt.Errorf("--method %s: must be package.Service/Method", method)
		}
	}
	return nil
}

func (f *consumersFlags) run(cmd *cobra.Command, args []string) error {
	ctx, stderr := cmd.Context(), cmd.ErrOrStderr()
	var declared []string
	if f.unused {
		var err error
		if declared, err = declaredNames(ctx, args, f.roots); err != nil {
			return cli.Failed(err)
		}
	}
	progress := cli.NewProgress(stderr)
	result, err := Find(ctx, Config{
		Dirs: f.dirs, Tests: f.tests,
		Progress: func(module string) { progress.Set("searching " + module) },
	})
	progress.Clear()
	if err != nil {
		return cli.Failed(err)
	}
	if f.unused {
		err = f.printUnused(cmd.OutOrStdout(), result, declared)
	} else {
		err = f.printUses(cmd.OutOrStdout(), stderr, result)
	}
	if err != nil {
		return cli.Failed(err)
	}
	for _, problem := range result.Problems {
		fmt.Fprintf(stderr, "searched as far as it compiles: %s\n", problem)
	}
	return nil
}

// wanted returns the full names that the flags ask for.
func (f *consumersFlags) wanted() []string {
	names := slices.Clone(f.fields)
	for _, method := range f.methods {
		names = append(names, strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", "."))
	}
	return names
}

func (f *consumersFlags) printUses(stdout, stderr io.Writer, result *Result) error {
	uses := result.Uses
	if wanted := f.wanted(); len(wanted) > 0 {
		uses = nil
		for _, name := range wanted {
			found := result.Of(name)
			uses = append(uses, found...)
			if len(found) == 0 && !slices.Contains(result.Known, name) {
				text := name + ": the modules have no generated code for it"
				if question := near.Question(name, result.Known); question != "" {
					text += "; " + question
				}
				fmt.Fprintln(stderr, text)
			}
		}
		uses = sortUses(uses)
	}
	if f.format.String() == "json" {
		return cli.PrintJSON(stdout, struct {
			Modules  []string `json:"modules"`
			Uses     []Use    `json:"uses"`
			Problems []string `json:"problems"`
		}{orEmpty(result.Modules), orEmpty(uses), orEmpty(result.Problems)})
	}
	for _, u := range uses {
		if _, err := fmt.Fprintf(stdout, "%s: %s\n", u.Place, u.Describe()); err != nil {
			return err
		}
	}
	fmt.Fprintf(stderr, "%s with %s: %s\n", finding.Plural(len(result.Modules), "module"),
		finding.Plural(result.Packages, "package"), finding.Plural(len(uses), "use"))
	return nil
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Describe returns who does what, on one line.
func (u Use) Describe() string {
	if u.Broken {
		return fmt.Sprintf("%s uses %s of %s, which generated code no longer has", u.Package, u.Member, u.Name)
	}
	verb := map[Access]string{Read: "reads", Write: "writes", Call: "calls", Type: "names"}[u.Access]
	return fmt.Sprintf("%s %s %s", u.Package, verb, u.Name)
}

// declaredNames returns the full names of the fields and methods of contracts.
func declaredNames(ctx context.Context, args, roots []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	sources, err := idl.Find(args, roots)
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no .proto files in %s", strings.Join(args, ", "))
	}
	var names []string
	for _, src := range sources {
		contract, err := idl.Compile(ctx, src)
		if err != nil {
			return nil, err
		}
		own := make(map[string]bool, len(contract.Names))
		for _, name := range contract.Names {
			own[name] = true
		}
		for _, file := range contract.Files {
			if own[file.GetName()] {
				names = append(names, namesIn(file)...)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func namesIn(file *descriptorpb.FileDescriptorProto) []string {
	prefix := ""
	if file.GetPackage() != "" {
		prefix = file.GetPackage() + "."
	}
	var names []string
	for _, m := range file.GetMessageType() {
		names = append(names, fieldNames(prefix+m.GetName(), m)...)
	}
	for _, s := range file.GetService() {
		for _, method := range s.GetMethod() {
			names = append(names, prefix+s.GetName()+"."+method.GetName())
		}
	}
	return names
}

func fieldNames(name string, m *descriptorpb.DescriptorProto) []string {
	if m.GetOptions().GetMapEntry() {
		return nil
	}
	var names []string
	for _, field := range m.GetField() {
		names = append(names, name+"."+field.GetName())
	}
	for _, nested := range m.GetNestedType() {
		names = append(names, fieldNames(name+"."+nested.GetName(), nested)...)
	}
	return names
}

func (f *consumersFlags) printUnused(stdout io.Writer, result *Result, declared []string) error {
	unused := []string{}
	for _, name := range declared {
		if len(result.Of(name)) == 0 {
			unused = append(unused, name)
		}
	}
	if f.format.String() == "json" {
		return cli.PrintJSON(stdout, struct {
			Modules  []string `json:"modules"`
			Unused   []string `json:"unused"`
			Problems []string `json:"problems"`
		}{orEmpty(result.Modules), unused, orEmpty(result.Problems)})
	}
	for _, name := range unused {
		if _, err := fmt.Fprintln(stdout, name); err != nil {
			return err
		}
	}
	return nil
}
