package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

//go:embed assets third_party/uplot/uPlot.iife.min.js third_party/uplot/uPlot.min.css
var files embed.FS

// view is what the template sees.
type view struct {
	*Page

	Policy  string
	Styles  []template.CSS
	Scripts []template.JS
	JSON    template.JS
	Parts   []part
}

// part is a section with its charts.
type part struct {
	Section

	Drawn []drawn
}

// drawn is a chart with its data as a table.
type drawn struct {
	Chart

	ID      string
	Empty   bool // there is nothing to draw
	Summary string
	Table   Table
}

// pageData is the page's JSON.
type pageData struct {
	Version int         `json:"version"` // of this structure
	Title   string      `json:"title"`
	Charts  []chartData `json:"charts"`
	Result  any         `json:"result,omitempty"`
}

// Write writes the page. It writes nothing when the page's charts or data are in error.
func (p *Page) Write(w io.Writer) error {
	v := view{Page: p}
	data := pageData{Version: 1, Title: p.Title, Charts: []chartData{}, Result: p.Data}
	used := make(identifiers)
	for _, s := range p.Sections {
		t := part{Section: s}
		for i := range s.Charts {
			c := &s.Charts[i]
			d, err := c.align(used.take(c))
			if err != nil {
				return err
			}
			data.Charts = append(data.Charts, d)
			t.Drawn = append(t.Drawn, drawn{
				Chart: *c, ID: d.ID, Empty: d.empty(), Summary: d.summary(), Table: d.table(),
			})
		}
		v.Parts = append(v.Parts, t)
	}
	// Package json writes <, > and & as escapes, so that the data cannot end the element that they stand in.
	encoded, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	v.JSON = template.JS(encoded) //nolint:gosec // see above
	if err := v.assets(); err != nil {
		return err
	}
	t, err := template.ParseFS(files, "assets/page.html")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	var page bytes.Buffer
	if err := t.Execute(&page, v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(page.Bytes())
	return err
}

// assets reads styles and scripts, and makes the policy that allows these and nothing else
// (https://www.w3.org/TR/CSP3/).
func (v *view) assets() error {
	sum := func(b []byte) string {
		h := sha256.Sum256(b)
		return " 'sha256-" + base64.StdEncoding.EncodeToString(h[:]) + "'"
	}
	var policy strings.Builder
	policy.WriteString("default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src")
	for _, name := range []string{"third_party/uplot/uPlot.min.css", "assets/page.css"} {
		b, err := files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		v.Styles = append(v.Styles, template.CSS(b)) //nolint:gosec // our own
		policy.WriteString(sum(b))
	}
	policy.WriteString("; script-src")
	for _, name := range []string{"third_party/uplot/uPlot.iife.min.js", "assets/page.js"} {
		b, err := files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		v.Scripts = append(v.Scripts, template.JS(b)) //nolint:gosec // our own
		policy.WriteString(sum(b))
	}
	v.Policy = policy.String()
	return nil
}

// empty reports whether no series has a value.
func (d *chartData) empty() bool {
	for _, values := range d.Data[1:] {
		if slices.ContainsFunc(values, func(v *float64) bool { return v != nil }) {
			return false
		}
	}
	return true
}

// summary describes the chart for those who do not see it.
func (d *chartData) summary() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Chart: %s, %s by %s.", d.Title, d.Y.Title, d.X.Title)
	for i, s := range d.Series {
		low, high, found := 0.0, 0.0, false
		for _, v := range d.Data[i+1] {
			if v == nil {
				continue
			}
			if !found {
				low, high, found = *v, *v, true
			}
			low, high = min(low, *v), max(high, *v)
		}
		if found {
			fmt.Fprintf(&text, " %s: from %s to %s.", s.Name, d.Y.Unit.format(low), d.Y.Unit.format(high))
		}
	}
	return text.String()
}

// table is the chart's data as a table.
func (d *chartData) table() Table {
	t := Table{Title: d.Title, Columns: []Column{{Title: d.X.Title, Numeric: true}}}
	for _, s := range d.Series {
		t.Columns = append(t.Columns, Column{Title: s.Name, Numeric: true})
	}
	for i, x := range d.Data[0] {
		row := make([]Cell, 0, len(d.Data))
		row = append(row, Cell{Text: d.X.place(*x)})
		for _, values := range d.Data[1:] {
			cell := Cell{}
			if values[i] != nil {
				cell.Text = d.Y.Unit.format(*values[i])
			}
			row = append(row, cell)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
