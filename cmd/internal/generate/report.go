package generate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// report is the command's result as JSON.
type report struct {
	// Files are those that were changed, or would be.
	Files []fileReport `json:"files"`
	// Unchanged counts those that were up to date.
	Unchanged int             `json:"unchanged"`
	Problems  []problemReport `json:"problems"`
}

// fileReport is one file.
type fileReport struct {
	Path string `json:"path"`
	// Change is "written", "appended" or "removed"; with --check "missing", "out of date", "methods missing" or
	// "to be removed".
	Change string `json:"change"`
	// Methods are those that were added to an implementation.
	Methods []string `json:"methods,omitempty"`
}

// problemReport is one thing to say about a place.
type problemReport struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Severity string `json:"severity"` // "error", "warning" or "note"
	Text     string `json:"text"`
	Help     string `json:"help,omitempty"`
}

// complete returns the report without nil slices, which JSON would have as null.
func (r *report) complete() report {
	full := *r
	if full.Files == nil {
		full.Files = []fileReport{}
	}
	if full.Problems == nil {
		full.Problems = []problemReport{}
	}
	return full
}

// removed counts the files that are gone, or would be.
func (r *report) removed() int {
	n := 0
	for _, f := range r.Files {
		if f.Change == "removed" || f.Change == "to be removed" {
			n++
		}
	}
	return n
}

// maxSaid is how many warnings, and how many notes, are printed unless all are asked for. Large contracts have
// thousands.
const maxSaid = 20

// problem reports a warning, a note or an error of an implementation. JSON gets all; of the text, summarise counts
// those that were left out.
func (r *run) problem(severity string, p idl.Problem) {
	said := 0
	switch severity {
	case "warning":
		r.warnings++
		said = r.warnings
	case "note":
		r.notes++
		said = r.notes
	}
	if r.json {
		r.report.add(severity, p)
		return
	}
	if said > maxSaid && !r.allWarnings {
		return
	}
	r.progress.Clear()
	fmt.Fprintln(r.stderr, p.Render(r.paint, severity))
}

// summarise prints how many warnings and notes were not printed.
func (r *run) summarise() {
	if r.json || r.allWarnings {
		return
	}
	for _, said := range []struct {
		noun string
		n    int
	}{{"warning", r.warnings}, {"note", r.notes}} {
		if left := said.n - maxSaid; left > 0 {
			fmt.Fprintf(r.stderr, "%ss beyond the first %d: %d; --all-warnings prints all\n", said.noun, maxSaid, left)
		}
	}
}

func (r *report) add(severity string, p idl.Problem) {
	r.Problems = append(r.Problems, problemReport{
		File: p.File, Line: p.Line, Column: p.Column, Severity: severity, Text: p.Text, Help: p.Help,
	})
}

// changed reports a change.
func (r *run) changed(c change) {
	r.report.Files = append(r.report.Files, fileReport{Path: c.path, Change: c.kind(r.check), Methods: c.methods})
	if !r.json && (!r.quiet || r.check) {
		fmt.Fprintln(r.stdout, c.describe(r.check))
	}
}

// failed ends the command with an error.
func (r *run) failed(err error) error {
	if !r.json {
		return cli.Failed(err)
	}
	// Errors come in trees; those of contracts have places.
	for _, err := range flatten(err) {
		if wrong, ok := errors.AsType[*idl.ContractError](err); ok {
			for _, p := range wrong.Problems {
				r.report.add("error", p)
			}
			continue
		}
		r.report.add("error", idl.Problem{Text: err.Error()})
	}
	r.report.Files, r.report.Unchanged = nil, 0
	if err := cli.PrintJSON(r.stdout, r.report.complete()); err != nil {
		return cli.Failed(err)
	}
	return &cli.Error{Code: cli.ExitFailed}
}

func flatten(err error) []error {
	several, ok := err.(interface{ Unwrap() []error })
	if !ok || strings.TrimSpace(err.Error()) != joined(several.Unwrap()) {
		return []error{err}
	}
	var all []error
	for _, e := range several.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

func joined(errs []error) string {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	return strings.TrimSpace(strings.Join(texts, "\n"))
}
