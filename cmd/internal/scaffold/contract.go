package scaffold

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/gen"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/cmd/internal/project"
)

// generate returns the code that is generated from the contracts among files, as fairlead gen would in the project, but
// for that of plugins: its fairlead.yaml says where they are. The compiler reads from disk, so everything lies in a
// temporary directory meanwhile.
func generate(ctx context.Context, files []file) (code []file, err error) {
	cfg, err := genSection(files)
	if err != nil {
		return nil, err
	}
	stage, err := os.MkdirTemp("", "fairlead-new-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	origins := make(map[string]string)
	for _, f := range files {
		at := filepath.Join(stage, filepath.FromSlash(f.path))
		if err := cli.WriteFile(at, f.content, 0o600); err != nil {
			return nil, err
		}
		origins[at] = f.origin
	}
	within := func(names []string) []string {
		list := make([]string, len(names))
		for i, name := range names {
			list[i] = filepath.Join(stage, filepath.FromSlash(name))
		}
		return list
	}
	sources, err := idl.Find(within(cfg.Inputs), within(cfg.Roots))
	if err != nil {
		return nil, err
	}
	for _, src := range sources {
		contract, err := idl.Compile(ctx, src)
		if err != nil {
			return nil, inTemplates(err, origins)
		}
		out, err := gen.Run(contract.Files, contract.Names, gen.Config{
			StubConfig:  gen.StubConfig{BesideGRPC: isOn(cfg.BesideGRPC, false)},
			Messages:    isOn(cfg.Messages, true),
			Stubs:       isOn(cfg.Stubs, true),
			Validate:    isOn(cfg.Validate, true),
			JSON:        isOn(cfg.JSON, true),
			VT:          isOn(cfg.VT, false),
			ImportPaths: cfg.Paths == "import",
			Module:      cfg.Module,
			Packages:    cfg.Map,
		})
		if err != nil {
			return nil, err
		}
		dir := cfg.Out
		if dir == "" && cfg.Paths != "import" {
			if dir, err = filepath.Rel(stage, src.Dir); err != nil {
				return nil, err
			}
		}
		for _, f := range out.Files {
			if f.Content != nil {
				path := filepath.ToSlash(filepath.Join(dir, filepath.FromSlash(f.Name)))
				code = append(code, file{path: path, origin: "generated code", content: f.Content, fixed: true})
			}
		}
	}
	return code, nil
}

// isOn returns what the file says about a switch, or else what it is by default.
func isOn(said *bool, byDefault bool) bool {
	if said == nil {
		return byDefault
	}
	return *said
}

// genSection returns what the project's fairlead.yaml says about generating.
func genSection(files []file) (project.Gen, error) {
	cfg := project.Gen{}
	if i := slices.IndexFunc(files, func(f file) bool { return f.path == project.Name }); i >= 0 {
		f, err := project.Parse(files[i].content, project.Name, files[i].origin)
		if err != nil {
			return cfg, fmt.Errorf("%w\n(lines are those of what the template becomes)", err)
		}
		if f.Gen != nil {
			cfg = *f.Gen
		}
		if cfg.Out != "" && !filepath.IsLocal(filepath.FromSlash(cfg.Out)) {
			return cfg, fmt.Errorf("%s: gen.out: %s is not in the project", files[i].origin, cfg.Out)
		}
	}
	if len(cfg.Inputs) == 0 {
		cfg.Inputs = []string{"."}
	}
	return cfg, nil
}

// inTemplates has a compiler's errors name the templates of the contracts. Their lines are those of what these become.
func inTemplates(err error, origins map[string]string) error {
	var problems *idl.ContractError
	if !errors.As(err, &problems) {
		return err
	}
	lines := make([]error, 0, len(problems.Problems))
	for _, p := range problems.Problems {
		if origin, ok := origins[p.File]; ok {
			p.File = origin
		}
		lines = append(lines, errors.New(p.String()))
	}
	return fmt.Errorf("the contract does not compile; lines are those of what the templates become:\n%w",
		errors.Join(lines...))
}
