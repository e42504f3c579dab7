package payload

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// maxFile is the size of the largest file that a template may name, in bytes.
const maxFile = 256 << 20

// files reads the files that templates name, each once.
type files struct {
	mu      sync.Mutex
	content map[string]string
	rows    map[string][][]string
	columns map[[2]string][]string
	split   map[string][]string
}

func newFiles() *files {
	return &files{
		content: make(map[string]string), rows: make(map[string][][]string),
		columns: make(map[[2]string][]string), split: make(map[string][]string),
	}
}

// read returns the file's content without white space at the end.
func (f *files) read(path string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readLocked(path)
}

func (f *files) readLocked(path string) (string, error) {
	if text, ok := f.content[path]; ok {
		return text, nil
	}
	b, err := cli.ReadFile(context.Background(), path, cli.Limit{Bytes: maxFile}) // Parse may be left waiting
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", fmt.Errorf("%s: not UTF-8", path)
	}
	text := strings.TrimRight(strings.TrimPrefix(string(b), "\ufeff"), " \t\r\n")
	f.content[path] = text
	return text, nil
}

// lines returns the file's lines, but for those that are empty.
func (f *files) lines(path string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if lines, ok := f.split[path]; ok {
		return lines, nil
	}
	text, err := f.readLocked(path)
	if err != nil {
		return nil, err
	}
	var lines []string
	for l := range strings.Lines(text) {
		if l = strings.TrimRight(l, "\r\n"); l != "" {
			lines = append(lines, l)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s: there are no lines", path)
	}
	f.split[path] = lines
	return lines, nil
}

// column returns the cells of a column of a CSV file, whose first row has the columns' names.
func (f *files) column(path, name string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := [2]string{path, name}
	if cells, ok := f.columns[key]; ok {
		return cells, nil
	}
	rows, err := f.table(path)
	if err != nil {
		return nil, err
	}
	at := slices.Index(rows[0], name)
	if at < 0 {
		return nil, fmt.Errorf("%s: there is no column %q; there are %s", path, name, strings.Join(rows[0], ", "))
	}
	cells := make([]string, 0, len(rows)-1)
	for _, row := range rows[1:] {
		cells = append(cells, row[at])
	}
	f.columns[key] = cells
	return cells, nil
}

// table reads a CSV file (RFC 4180). The lock is held.
func (f *files) table(path string) ([][]string, error) {
	if rows, ok := f.rows[path]; ok {
		return rows, nil
	}
	text, err := f.readLocked(path)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(strings.NewReader(text))
	var rows [][]string
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		rows = append(rows, row)
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("%s: want a row with the columns' names and at least one more", path)
	}
	f.rows[path] = rows
	return rows, nil
}
