package finding

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
	"github.com/fairlead-go/fairlead/cmd/internal/idl"
)

// String returns the finding on one line, as "file:line:column: RULE_ID: message; reason".
func (f *Finding) String() string {
	text := f.Place.String() + ": " + f.Rule + ": " + f.Message
	if f.Reason != "" {
		text += "; " + f.Reason
	}
	if f.Severity == Warning {
		text += " (warning)"
	}
	return text
}

// String returns the place and what is there, on one line.
func (r Related) String() string { return r.Place.String() + ": " + r.Message }

// String returns the place as "file:line:column", as much of it as is known.
func (p Place) String() string {
	text := p.File
	if p.Line > 0 {
		text += ":" + strconv.Itoa(p.Line)
		if p.Column > 0 {
			text += ":" + strconv.Itoa(p.Column)
		}
	}
	return text
}

// printText writes a line for each finding, and on a terminal the line of the source that it is about.
func printText(w io.Writer, findings []Finding) error {
	var b bytes.Buffer
	if cli.IsTerminal(w) {
		var sources Sources
		paint := cli.PainterFor(w)
		for i := range findings {
			findings[i].explain(&b, paint, &sources)
		}
	} else {
		for i := range findings {
			b.WriteString(findings[i].String() + "\n")
			for _, r := range findings[i].Related {
				b.WriteString("    " + r.String() + "\n")
			}
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// explain writes the finding on several lines, for people: as the compiler's problems are written.
func (f *Finding) explain(b *bytes.Buffer, paint cli.Painter, sources *Sources) {
	p := idl.Problem{
		File: f.File, Line: f.Line, Column: f.Column, EndColumn: f.EndColumn,
		Text: paint.Paint(f.style(), f.Rule) + ": " + f.Message,
		Help: f.Reason,
	}
	p.Source = strings.TrimRight(sources.Line(f.File, f.Line), " \t")
	if f.EndLine > f.Line {
		p.EndColumn = utf8.RuneCountInString(p.Source) + 1
	}
	for _, r := range f.Related {
		p.Help = strings.TrimPrefix(p.Help+"\n"+r.String(), "\n")
	}
	severity := ""
	if f.Severity == Warning {
		severity = string(f.Severity)
	}
	b.WriteString(p.Render(paint, severity) + "\n")
}

// style returns the color of the severity.
func (f *Finding) style() cli.Style {
	if f.Severity == Warning {
		return cli.Yellow
	}
	return cli.Red
}
