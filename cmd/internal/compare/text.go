package compare

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/cmd/internal/bench/figure"
	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// write writes a figure.
func (u unit) write(v float64) string {
	switch u {
	case unitTime:
		return figure.Duration(int64(v))
	case unitShare:
		return fmt.Sprintf("%.3g %%", 100*v)
	case unitMicro:
		return figure.Duration(int64(1000 * v))
	default:
		return figure.PerSecond(v)
	}
}

// cell writes a summary: "48 213 ± 2 %".
func cell(m *metric, s *summary) string {
	if s.n == 0 {
		return "-"
	}
	if m.share != nil {
		return m.unit.write(s.center)
	}
	return fmt.Sprintf("%s ± %.0f %%", m.unit.write(s.center), 100*s.spread)
}

// delta writes a difference: "+5.82 %".
func delta(m *metric, c *comparison) string {
	switch {
	case math.IsInf(c.delta, 0):
		return "+∞"
	case m.share != nil:
		return fmt.Sprintf("%+.3g points", 100*c.delta)
	default:
		return fmt.Sprintf("%+.2f %%", 100*c.delta)
	}
}

// verdict writes a comparison: the difference or "~".
func verdict(m *metric, c *comparison) string {
	if c.significant {
		return delta(m, c)
	}
	return "~"
}

// chance writes how likely the difference is.
func chance(c *comparison, first, second *summary) string {
	return fmt.Sprintf("(p=%.3f n=%d+%d)", c.p, first.n, second.n)
}

// print writes the table for people.
func (t *table) print(w io.Writer, p cli.Painter) {
	rows := make([][]string, 0, 1+len(t.rows))
	styles := make([][]cli.Style, 0, 1+len(t.rows))
	rows = append(rows, []string{"metric", t.sides[0].name})
	styles = append(styles, []cli.Style{cli.Bold, cli.Bold})
	for _, s := range t.sides[1:] {
		rows[0] = append(rows[0], s.name, "", "")
		styles[0] = append(styles[0], cli.Bold, "", "")
	}
	for i := range t.rows {
		r := &t.rows[i]
		cells := make([]string, 0, 2+3*len(r.compared))
		style := make([]cli.Style, 0, 2+3*len(r.compared))
		cells, style = append(cells, r.metric.title, cell(&r.metric, &r.summaries[0])), append(style, "", "")
		for j := range r.compared {
			c := &r.compared[j]
			cells = append(cells, cell(&r.metric, &r.summaries[j+1]), verdict(&r.metric, c),
				chance(c, &r.summaries[0], &r.summaries[j+1]))
			var color cli.Style
			switch {
			case c.significant && c.better:
				color = cli.Green
			case c.significant:
				color = cli.Red
			}
			style = append(style, "", color, cli.Faint)
		}
		rows, styles = append(rows, cells), append(styles, style)
	}
	printColumns(w, p, rows, styles)
	what := "intervals (of errors: calls)"
	if t.byRun {
		what = "runs"
	}
	fmt.Fprintf(w, "\nsamples are %s; ~ is no significant difference (p >= %g)\n", what, t.alpha)
	for _, note := range t.notes {
		fmt.Fprintf(w, "%s %s\n", p.Paint(cli.Yellow, "note:"), note)
	}
	if t.warning != "" {
		fmt.Fprintf(w, "%s %s\n", p.Paint(cli.Yellow, "warning:"), t.warning)
	}
}

// printColumns writes cells in columns: the first flush left, the others flush right but for the last of each side.
func printColumns(w io.Writer, p cli.Painter, rows [][]string, styles [][]cli.Style) {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for y, row := range rows {
		var b strings.Builder
		for x, c := range row {
			pad := strings.Repeat(" ", widths[x]-utf8.RuneCountInString(c))
			text := c
			if styles[y][x] != "" {
				text = p.Paint(styles[y][x], c)
			}
			if x == 0 || (x > 1 && (x-1)%3 == 0) {
				b.WriteString(text + pad)
			} else {
				b.WriteString(pad + text)
			}
			b.WriteString("  ")
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
