package doctor

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

// Status is the outcome of a check.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warn    Status = "warn"    // works, and may hurt some day
	Fail    Status = "fail"    // does not work, or is dangerous
	Skipped Status = "skipped" // there was nothing to look at; the reason says what would change that
)

// Result is the result of a check of one thing.
type Result struct {
	Check   string   `json:"check"`
	Subject string   `json:"subject,omitempty"` // the address, file or module in question
	Status  Status   `json:"status"`
	Reason  string   `json:"reason"`
	Remedy  string   `json:"remedy,omitempty"`
	Sources []string `json:"sources,omitempty"` // where to read more
}

// findings collects the results of one check.
type findings struct {
	check string
	list  []Result
}

func (f *findings) addf(s Status, subject, remedy, format string, args ...any) {
	f.list = append(f.list, Result{
		Check: f.check, Subject: subject, Status: s, Reason: fmt.Sprintf(format, args...), Remedy: remedy,
	})
}

func (f *findings) okf(subject, format string, args ...any) { f.addf(OK, subject, "", format, args...) }

func (f *findings) skipf(format string, args ...any) { f.addf(Skipped, "", "", format, args...) }

func (f *findings) warnf(subject, remedy, format string, args ...any) {
	f.addf(Warn, subject, remedy, format, args...)
}

func (f *findings) failf(subject, remedy, format string, args ...any) {
	f.addf(Fail, subject, remedy, format, args...)
}

// fine reports whether nothing of subject was found wrong so far.
func (f *findings) fine(subject string) bool {
	for _, r := range f.list {
		if r.Subject == subject && (r.Status == Warn || r.Status == Fail) {
			return false
		}
	}
	return true
}

// report is all results.
type report struct {
	Results []Result       `json:"results"`
	Counts  map[Status]int `json:"counts"`
}

func newReport(results []Result) *report {
	r := &report{Results: results, Counts: map[Status]int{OK: 0, Warn: 0, Fail: 0, Skipped: 0}}
	for _, one := range results {
		r.Counts[one.Status]++
	}
	return r
}

// print writes the report for people.
func (r *report) print(w io.Writer) error {
	paint := cli.PainterFor(w)
	checkWidth := 0
	for _, one := range r.Results {
		checkWidth = max(checkWidth, len(one.Check))
	}
	indent := strings.Repeat(" ", len(Skipped)+checkWidth+4)
	for _, one := range r.Results {
		text := one.Reason
		if one.Subject != "" {
			text = one.Subject + ": " + text
		}
		status, style := fmt.Sprintf("%-*s", len(Skipped), one.Status), styleOf(one.Status)
		text = fold(text, w, indent)
		if one.Status == Skipped {
			text = paint.Paint(cli.Faint, text)
		}
		fmt.Fprintf(w, "%s  %-*s  %s\n", paint.Paint(style, status), checkWidth, one.Check, text)
		if one.Remedy != "" {
			fmt.Fprintf(w, "%s%s %s\n", indent, paint.Paint(cli.Bold, "do:"), fold(one.Remedy, w, indent+"    "))
		}
		for _, source := range one.Sources {
			fmt.Fprintf(w, "%s%s\n", indent, paint.Paint(cli.Faint, "see: "+source))
		}
	}
	_, err := fmt.Fprintf(w, "%d ok, %d %s, %d failed, %d skipped\n", r.Counts[OK], r.Counts[Warn],
		plural(r.Counts[Warn], "warning"), r.Counts[Fail], r.Counts[Skipped])
	return err
}

func styleOf(s Status) cli.Style {
	switch s {
	case OK:
		return cli.Green
	case Warn:
		return cli.Yellow
	case Fail:
		return cli.Red
	default:
		return cli.Faint
	}
}

// plural returns the word for n of them.
func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// fold breaks text into lines, those behind the first with indent before them: where it has line breaks, and where a
// terminal ends. What is not for a terminal stays on its line, so that it can be searched.
func fold(text string, w io.Writer, indent string) string {
	width := math.MaxInt
	if cli.IsTerminal(w) {
		width = max(cli.Width(w)-len(indent)-1, 20)
	}
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		for utf8.RuneCountInString(line) > width {
			at := strings.LastIndexByte(line[:width+1], ' ')
			if at <= 0 {
				break
			}
			lines = append(lines, line[:at])
			line = line[at+1:]
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"+indent)
}

// orElse returns the first text that is not empty.
func orElse(texts ...string) string { return cmp.Or(texts...) }
