package finding

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Workflow commands are lines, and their properties are parted by commas and a colon, so that these are escaped; see
// "Workflow commands for GitHub Actions" in GitHub's documentation, and packages/core/src/command.ts in the repository
// actions/toolkit for the characters.

// escapeData returns text as the message of a command.
func escapeData(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// escapeProperty returns text as the value of a property.
func escapeProperty(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(escapeData(text))
}

// printGitHub writes a workflow command for each finding, with which GitHub annotates the change that it runs for.
func printGitHub(w io.Writer, findings []Finding) error {
	var b bytes.Buffer
	workspace := os.Getenv("GITHUB_WORKSPACE")
	for _, f := range findings {
		command := "error"
		if f.Severity == Warning {
			command = "warning"
		}
		fmt.Fprintf(&b, "::%s file=%s", command, escapeProperty(inWorkspace(f.File, workspace)))
		for _, property := range []struct {
			name  string
			value int
		}{{"line", f.Line}, {"endLine", f.EndLine}, {"col", f.firstColumn()}, {"endColumn", f.lastColumn()}} {
			if property.value > 0 {
				fmt.Fprintf(&b, ",%s=%d", property.name, property.value)
			}
		}
		text := append(make([]string, 0, 1+len(f.Related)), f.Message)
		if f.Reason != "" {
			text[0] += "; " + f.Reason
		}
		for _, r := range f.Related {
			text = append(text, r.String())
		}
		fmt.Fprintf(&b, ",title=%s::%s\n", escapeProperty(f.Rule), escapeData(strings.Join(text, "\n")))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// firstColumn returns the column of the first character: 0 when that is not known, or when there are several lines,
// since GitHub takes columns only of annotations on one line.
func (f *Finding) firstColumn() int {
	if f.EndLine > f.Line {
		return 0
	}
	return f.Column
}

// lastColumn is firstColumn for the last character.
func (f *Finding) lastColumn() int {
	if f.EndLine != f.Line || f.EndColumn <= f.Column {
		return 0
	}
	return f.EndColumn - 1
}

// inWorkspace returns path relative to the root of the repository, as annotations want it. The command may run in a
// directory below it.
func inWorkspace(path, workspace string) string {
	if workspace == "" {
		return filepath.ToSlash(path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return filepath.ToSlash(path)
	}
	rel, err := filepath.Rel(workspace, abs)
	if err != nil || !filepath.IsLocal(rel) {
		return filepath.ToSlash(path)
	}
	return filepath.ToSlash(rel)
}
