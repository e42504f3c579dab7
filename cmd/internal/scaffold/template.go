package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"go/scanner"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/mod/modfile"
)

//go:embed all:templates
var embedded embed.FS

// suffix is the end of the names of templates.
const suffix = ".tmpl"

// file is a file of the project.
type file struct {
	path    string // in the project, with slashes
	origin  string // the template that it was made of, for messages
	content []byte
	program bool // it can be executed
	merged  bool // what was there is in it
	fixed   bool // another file of its path cannot stay in its place
}

// input is a file from which one of the project is made.
type input struct {
	origin  string
	text    []byte
	render  bool
	program bool
}

// render returns the project's files, sorted by path: those built in, and in their place and beside them those of the
// directory custom, "" for none. It returns all errors of all templates.
func render(v *Variables, custom string) ([]file, error) {
	own, err := fs.Sub(embedded, "templates")
	if err != nil {
		return nil, err
	}
	inputs, err := collect(own, func(name string) string { return "built-in template " + name }, v)
	if err != nil {
		return nil, err
	}
	if custom != "" {
		info, err := os.Stat(custom)
		if err != nil {
			return nil, fmt.Errorf("--template: %w", err)
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("--template %s: is not a directory", custom)
		}
		more, err := collect(os.DirFS(custom), func(name string) string {
			return filepath.Join(custom, filepath.FromSlash(name))
		}, v)
		if err != nil {
			return nil, err
		}
		maps.Copy(inputs, more)
	}
	files := make([]file, 0, len(inputs))
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		in := inputs[name]
		content, err := in.content(name, v)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if in.render && len(bytes.TrimSpace(content)) == 0 {
			continue // a template that comes to nothing takes its file away
		}
		files = append(files, file{path: name, origin: in.origin, content: content, program: in.program})
	}
	return files, errors.Join(errs...)
}

// collect returns the files of fsys by the paths that they get in the project; origin is how messages call a file.
// Git's own files are passed over.
func collect(fsys fs.FS, origin func(name string) string, v *Variables) (map[string]*input, error) {
	inputs := make(map[string]*input)
	var errs []error
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == ".git" {
				return fs.SkipDir
			}
			return nil
		}
		in, to, err := take(fsys, name, origin(name), entry, v)
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		if other := inputs[to]; other != nil {
			errs = append(errs, fmt.Errorf("%s and %s would both become %s", other.origin, in.origin, to))
		}
		inputs[to] = in
		return nil
	})
	if err != nil {
		return nil, err
	}
	return inputs, errors.Join(errs...)
}

// take reads the file called name and returns the path that it gets in the project.
func take(fsys fs.FS, name, origin string, entry fs.DirEntry, v *Variables) (in *input, to string, err error) {
	info, err := entry.Info()
	if err != nil {
		return nil, "", err
	}
	if entry.Type()&fs.ModeSymlink != 0 {
		if info, err = fs.Stat(fsys, name); err != nil {
			return nil, "", fmt.Errorf("%s: %w", origin, err)
		}
	}
	if !info.Mode().IsRegular() {
		return nil, "", fmt.Errorf("%s: is neither a file nor a directory", origin)
	}
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, "", err
	}
	plain, isTemplate := strings.CutSuffix(name, suffix)
	rendered, err := execute(origin+" (its path)", plain, v)
	if err != nil {
		return nil, "", err
	}
	if to = string(rendered); !fs.ValidPath(to) || path.Base(to) == "." {
		return nil, "", fmt.Errorf("%s: the path becomes %q, which is none", origin, to)
	}
	program := info.Mode()&0o111 != 0
	return &input{origin: origin, text: text, render: isTemplate, program: program}, to, nil
}

// content returns what the file called name holds.
func (in *input) content(name string, v *Variables) ([]byte, error) {
	if !in.render {
		return in.text, nil
	}
	content, err := execute(in.origin, string(in.text), v)
	if err != nil || path.Ext(name) != ".go" || len(bytes.TrimSpace(content)) == 0 {
		return content, err
	}
	// The order of imports and the width of columns depend on names.
	formatted, err := format.Source(content)
	if err != nil {
		return nil, fmt.Errorf("%s: does not become Go code: %w", in.origin, firstOf(err))
	}
	return formatted, nil
}

// firstOf returns the first of a list of errors of Go's parser, whose lines are those of the rendered file.
func firstOf(err error) error {
	var list scanner.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		return fmt.Errorf("in what it becomes, line %d: %s", list[0].Pos.Line, list[0].Msg)
	}
	return err
}

// execute renders one template; errors begin with its name and line.
func execute(name, text string, v *Variables) ([]byte, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{
		"modulePath": modfile.AutoQuote,
		"trimModule": func(module, path string) string { return strings.TrimPrefix(path, module+"/") },
	}).Parse(text)
	if err != nil {
		return nil, templateError(name, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return nil, templateError(name, err)
	}
	return b.Bytes(), nil
}

// templateError puts an error of package text/template into the form file:line: text.
func templateError(name string, err error) error {
	text := strings.TrimPrefix(err.Error(), "template: ")
	text = strings.Replace(text, fmt.Sprintf("executing %q at ", name), "", 1)
	if before, after, ok := strings.Cut(text, "can't evaluate field "); ok {
		field, _, _ := strings.Cut(after, " ")
		text = before + "there is no variable " + field + "; fairlead new --help lists them"
	}
	return errors.New(text)
}
