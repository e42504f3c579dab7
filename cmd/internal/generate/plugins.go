package generate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/fairlead-go/fairlead/cmd/internal/idl"
	"github.com/fairlead-go/fairlead/cmd/internal/plugin"
)

// runPlugins runs the plugins for one unit. Made are the files that were generated into dir already.
func (r *run) runPlugins(ctx context.Context, u *unit, dir string, made []generated, out *outputs) error {
	if len(r.plugins) == 0 {
		return nil
	}
	request := plugin.Request{Files: u.contract.Files, Names: u.contract.Names}
	m := newMerger(dir, made)
	var errs []error
	for i := range r.plugins {
		p := &r.plugins[i]
		r.progress.Set("running the plugin " + p.Name)
		made, err := p.Run(ctx, request, r.stderr)
		if err == nil {
			err = m.add(p, made)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	m.finish(out)
	return nil
}

// merger collects what plugins make. They insert code into files of each other, and into ours.
type merger struct {
	dir    string                       // where our own files go
	own    map[string]code              // our own files by their names
	before map[string][]byte            // those of them that a plugin names, as they were generated
	files  map[string]map[string][]byte // by directory and name
}

func newMerger(dir string, made []generated) *merger {
	m := &merger{
		dir: filepath.Clean(dir), own: make(map[string]code), before: make(map[string][]byte),
		files: make(map[string]map[string][]byte),
	}
	for _, file := range made {
		if !file.code.none() {
			m.own[file.name] = file.code
		}
	}
	return m
}

// add adds the files that a plugin made.
func (m *merger) add(p *plugin.Plugin, made []plugin.File) error {
	to := m.dir
	if p.Out != "" {
		to = filepath.Clean(p.Out)
	}
	if m.files[to] == nil {
		m.files[to] = make(map[string][]byte)
	}
	var errs []error
	for _, f := range made {
		if own, ok := m.own[f.Name]; ok && to == m.dir && m.before[f.Name] == nil {
			content, err := own.content()
			if err != nil {
				return err
			}
			m.before[f.Name], m.files[to][f.Name] = content, content
		}
		if err := plugin.Inside(to, f.Name); err != nil {
			errs = append(errs, fmt.Errorf("plugin %s: %w", p.Name, err))
		}
	}
	return errors.Join(p.Merge(m.files[to], made), errors.Join(errs...))
}

// finish adds the files to out, and puts those of ours into which code was inserted in the place of what was generated.
func (m *merger) finish(out *outputs) {
	inserted := make(map[string]code) // by path
	for to, files := range m.files {
		for name, content := range files {
			full := idl.Short(filepath.Join(to, filepath.FromSlash(name)))
			if content == nil {
				content = []byte{}
			}
			before, own := m.before[name]
			switch {
			case !own || to != m.dir:
				out.all = append(out.all, change{path: full, code: newCode(content), origin: "a plugin's output"})
			case !bytes.Equal(before, content):
				inserted[full] = newCode(content)
			}
		}
	}
	for i := range out.all {
		if c, ok := inserted[out.all[i].path]; ok {
			out.all[i].code = c
		}
	}
	for i := range out.stubs {
		if c, ok := inserted[out.stubs[i].path]; ok {
			out.stubs[i].code = c
		}
	}
}
