package project

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/gomod"
)

// File is a fairlead.yaml.
type File struct {
	Document

	// Path is where it is, or where Save will write it.
	Path string

	root    yaml.Node // the document
	defined map[string]*yaml.Node
}

// Error is all that is wrong with a file.
type Error struct{ Problems []Problem }

// Problem is something wrong with a place of a file.
type Problem struct {
	File         string
	Line, Column int // from 1
	Text         string
}

// String returns the problem as "file:line:column: text".
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Error returns one line for each problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Find returns the path of the file that belongs to dir: the one in dir or in the nearest directory above. It looks no
// further than the root of the Go module in which dir is, or else that of the Git repository. It returns "" when there
// is none.
func Find(dir string) (string, error) {
	at, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(at, Name)
		if isFile(path) {
			return path, nil
		}
		if above := filepath.Dir(at); gomod.IsRoot(at) || exists(filepath.Join(at, ".git")) ||
			above == at {
			return "", nil
		}
		at = filepath.Dir(at)
	}
}

// Place returns where a new file for dir belongs, if Find has found none: into the root of its Go module, or dir itself
// without one. As Find does, it does not leave the Git repository.
func Place(dir string) (string, error) {
	start, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := start; ; at = filepath.Dir(at) {
		if gomod.IsRoot(at) {
			return filepath.Join(at, Name), nil
		}
		if at == filepath.Dir(at) || exists(filepath.Join(at, ".git")) {
			return filepath.Join(start, Name), nil
		}
	}
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// New returns an empty file, which Save will write to path.
func New(path string) *File {
	f := &File{Document: Document{Version: Version}, Path: path, defined: make(map[string]*yaml.Node)}
	f.root = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode, Tag: "!!map"}}}
	return f
}

// Load reads the file at path. What is wrong with its content is an *Error, which names the file as display does; ""
// for its path.
func Load(path, display string) (*File, error) {
	content, err := cli.ReadSource(path)
	if err != nil {
		return nil, err
	}
	return Parse(content, path, cmp.Or(display, path))
}

// Parse is Load for content that was read already.
func Parse(content []byte, path, display string) (*File, error) {
	f := New(path)
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var root yaml.Node
	switch err := decoder.Decode(&root); {
	case err != nil && len(bytes.TrimSpace(content)) == 0:
		return nil, &Error{[]Problem{{display, 1, 1, `the file is empty; it begins with "version: 1"`}}}
	case errors.Is(err, io.EOF): // comments alone
		return nil, &Error{[]Problem{{display, 1, 1, `there are only comments; the file begins with "version: 1"`}}}
	case err != nil:
		return nil, syntaxError(err, display)
	}
	f.root = root
	d := reader{file: display, defined: f.defined}
	d.document(&root, &f.Document)
	if again := decoder.Decode(new(yaml.Node)); again == nil {
		d.problems = append(d.problems, Problem{display, root.Line, root.Column, "there is more than one document in it"})
	}
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, &Error{d.problems}
	}
	return f, nil
}

// Dir returns the directory to which the paths in the file are relative.
func (f *File) Dir() string { return filepath.Dir(f.Path) }

// Place returns where the value under keys is written, as "line:column", and false when it is not. Indices of lists
// count from "0".
func (f *File) Place(keys ...string) (string, bool) {
	node, ok := f.defined[strings.Join(keys, "\x00")]
	if !ok {
		return "", false
	}
	return fmt.Sprintf("%d:%d", node.Line, node.Column), true
}

// Save writes the file in one step, with what Set changed.
func (f *File) Save() error {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(&f.root), e.Close()); err != nil {
		return err
	}
	old, err := cli.ReadSource(f.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	content := withBlankLines(old, b.Bytes())
	if err == nil && bytes.Equal(old, content) {
		return nil
	}
	return cli.WriteFile(f.Path, content, 0o644)
}

// withBlankLines puts the blank lines that the encoder dropped back before the lines that they stood before.
func withBlankLines(old, now []byte) []byte {
	type line struct {
		text  string
		blank bool // there is a blank line before it
	}
	var before []line
	blank := false
	for l := range bytes.Lines(old) {
		text := string(bytes.TrimSpace(l))
		if text == "" {
			blank = len(before) > 0
			continue
		}
		before = append(before, line{text, blank})
		blank = false
	}
	var out []byte
	for l := range bytes.Lines(now) {
		text := string(bytes.TrimSpace(l))
		i := slices.IndexFunc(before, func(b line) bool { return b.text == text })
		if i >= 0 && text != "" {
			if before[i].blank && !bytes.HasSuffix(out, []byte("\n\n")) {
				out = append(out, '\n')
			}
			before = before[i+1:]
		}
		out = append(out, l...)
	}
	return out
}
