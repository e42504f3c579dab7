package compare

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead-go/fairlead/cmd/internal/cli"
)

const compareLong = `Compare reads results of fairlead bench and says how they differ from the first,
and whether chance may have done it.

Each argument is a side: a file, a directory with several (*.json), or a pattern.
For each metric the medians are shown, how the second differs from the first,
and p: how likely chance alone makes such a difference (Mann-Whitney U test, as
benchstat has it). "~" stands where p is not below --alpha.

With at least four runs on each side the samples are the runs; otherwise they are
the intervals of the runs. Intervals of a run are alike because they are of one
run: they tell whether two runs differ, but not whether two builds do, which may
need several runs of each, taken in turns.

Of errors the shares of all calls are compared, by Fisher's exact test with the
calls as samples or, of several runs, by the U test with their shares. The former
takes calls for independent, which they are not when an outage fails many at once:
p is too small then, and only several runs of each tell. More than one in a thousand
calls is worse, whatever --threshold says; the other metrics are worse by more than
that share.

Exit codes: 0 no metric is significantly worse, 1 a file cannot be read, 2 wrong
usage, 3 one is.`

const compareExample = `  fairlead bench compare before.json after.json
  fairlead bench compare runs/before runs/after           # directories with several runs
  fairlead bench compare 'before-*.json' 'after-*.json' --threshold 0.02 --html report.html
  fairlead bench compare main.json branch.json --metrics p99,errors --format json`

// command is a run of fairlead bench compare.
type command struct {
	limits

	by      string
	metrics []string
	html    string
	format  *cli.Format
}

// New returns the command "compare", below "fairlead bench".
func New() *cobra.Command {
	c := new(command)
	cmd := &cobra.Command{
		Use:     "compare [flags] FIRST SECOND...",
		Short:   "Say how results differ, and whether by chance",
		Long:    compareLong,
		Example: compareExample,
		Args:    cli.Args(2, "FIRST", "SECOND..."),
		RunE:    c.run,
	}
	flags := cmd.Flags()
	flags.Float64Var(&c.alpha, "alpha", 0.05, "`level` that p must be below for a difference to count")
	flags.Float64Var(&c.threshold, "threshold", 0.05, "`share` by which a metric may be worse before the exit code is 3")
	flags.StringVar(&c.by, "by", "auto", "what the samples are: runs, intervals, or auto (runs from four on each side on)")
	flags.StringSliceVar(&c.metrics, "metrics", nil,
		"`names` of the metrics to show and judge, such as calls/s,p99,errors (default: all, but for the generator's own, "+
			"which is not judged)")
	flags.StringVar(&c.html, "html", "", "write the comparison as a page to this `file`")
	c.format = cli.FormatFlag(cmd, "text", "json")
	for flag, values := range map[string][]string{"by": {"auto", "runs", "intervals"}} {
		complete := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
		if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
			panic(err) // the flag was added above
		}
	}
	return cmd
}

func (c *command) check() error {
	switch {
	case c.alpha <= 0 || c.alpha >= 1:
		return fmt.Errorf("--alpha is %g, want more than 0 and less than 1", c.alpha)
	case c.threshold < 0:
		return fmt.Errorf("--threshold is %g, want 0 or more", c.threshold)
	case !slices.Contains([]string{"auto", "runs", "intervals"}, c.by):
		return fmt.Errorf("--by %s: must be auto, runs or intervals", c.by)
	}
	return nil
}

// table is a comparison.
type table struct {
	limits

	byRun   bool
	sides   []side
	rows    []row
	notes   []string
	warning string // about the number of samples; "" if it is enough
}

// row is a metric of all sides.
type row struct {
	metric    metric
	judged    bool // it may be a regression
	summaries []summary
	compared  []comparison // of all sides but the first
}

func (c *command) run(cmd *cobra.Command, args []string) error {
	if err := c.check(); err != nil {
		return err
	}
	sides, err := readSides(cmd.Context(), args)
	if err != nil {
		return cli.Failed(err)
	}
	t, err := c.compare(sides)
	if err != nil {
		return err
	}
	if c.html != "" {
		var page bytes.Buffer
		if err := t.page().Write(&page); err != nil {
			return cli.Failed(err)
		}
		if err := cli.WriteFile(c.html, page.Bytes(), 0o644); err != nil {
			return cli.Failed(err)
		}
		defer fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s\n", c.html)
	}
	out := cmd.OutOrStdout()
	if c.format.String() == "json" {
		if err := cli.PrintJSON(out, t.document()); err != nil {
			return cli.Failed(err)
		}
	} else {
		t.print(out, cli.PainterFor(out))
	}
	if worse := t.regressions(); len(worse) > 0 {
		return cli.Exit(cli.ExitFound, errors.New("worse: "+strings.Join(worse, ", ")))
	}
	return nil
}

// compare makes the table.
func (c *command) compare(sides []side) (*table, error) {
	t := &table{limits: c.limits, sides: sides, byRun: c.by == "runs", notes: differences(sides)}
	if c.by == "auto" {
		t.byRun = !slices.ContainsFunc(sides, func(s side) bool { return len(s.runs) < minSamples })
	}
	all := metrics(sides)
	for _, name := range c.metrics {
		if !slices.ContainsFunc(all, func(m metric) bool { return m.title == name || m.id == name }) {
			known := make([]string, 0, len(all))
			for _, m := range all {
				known = append(known, m.title)
			}
			return nil, fmt.Errorf("--metrics: there is no %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	few := 0
	for _, m := range all {
		chosen := slices.Contains(c.metrics, m.title) || slices.Contains(c.metrics, m.id)
		if len(c.metrics) > 0 && !chosen {
			continue
		}
		r := row{metric: m, judged: chosen || m.unit != unitMicro}
		var first []float64
		total := 0
		for i := range sides {
			samples := sides[i].samples(&m, t.byRun)
			total += len(samples)
			s := summarize(samples)
			if m.share != nil {
				part, of := sides[i].calls(&m)
				s = summarizeShare(part, of, len(samples), t.byRun)
			}
			r.summaries = append(r.summaries, s)
			if i == 0 {
				first = samples
				continue
			}
			cmp := compareSamples(&m, first, samples, c.limits)
			if m.share != nil {
				cmp = compareShares(&m, &sides[0], &sides[i], t.byRun, c.limits)
			}
			cmp.regression = cmp.regression && r.judged
			r.compared = append(r.compared, cmp)
			if cmp.few {
				few++
			}
		}
		if total > 0 {
			t.rows = append(t.rows, r)
		}
	}
	if few > 0 {
		what := "intervals; measure longer"
		if t.byRun {
			what = "runs"
		}
		t.warning = fmt.Sprintf("too few samples for some metrics: the test needs at least %d on each side (%s)",
			minSamples, what)
	}
	return t, nil
}

// regressions names what is worse.
func (t *table) regressions() []string {
	var list []string
	for _, r := range t.rows {
		for i, c := range r.compared {
			if c.regression {
				list = append(list, fmt.Sprintf("%s of %s (%s)", r.metric.title, t.sides[i+1].name, delta(&r.metric, &c)))
			}
		}
	}
	return list
}
