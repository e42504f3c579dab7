package compare

import "math"

// document is the comparison as JSON.
type document struct {
	Format      string     `json:"format"` // "fairlead-bench-compare"
	Version     int        `json:"version"`
	Alpha       float64    `json:"alpha"`
	Threshold   float64    `json:"threshold"`
	Samples     string     `json:"samples"` // "runs" or "intervals"
	Sides       []sideJSON `json:"sides"`
	Metrics     []rowJSON  `json:"metrics"`
	Notes       []string   `json:"notes"`
	Warning     string     `json:"warning,omitempty"`
	Regressions []string   `json:"regressions"`
}

type sideJSON struct {
	Name  string   `json:"name"`
	Files []string `json:"files"`
}

type rowJSON struct {
	Metric string        `json:"metric"`
	Title  string        `json:"title"`
	Unit   unit          `json:"unit"`
	Better string        `json:"better"` // "higher" or "lower"
	Sides  []summaryJSON `json:"sides"`
	// Compared has each side but the first.
	Compared []comparisonJSON `json:"compared"`
}

type summaryJSON struct {
	Samples int     `json:"samples"`
	Center  float64 `json:"center"` // the median; of errors the share of all calls
	Spread  float64 `json:"spread"` // half the distance of the quartiles, relative to the center
}

type comparisonJSON struct {
	// Delta is relative to the first side, of shares the difference; null: the first side's is 0.
	Delta       *float64 `json:"delta"`
	P           float64  `json:"p"`
	Significant bool     `json:"significant"`
	Verdict     string   `json:"verdict"` // "same", "better" or "worse"
	Regression  bool     `json:"regression"`
}

func (t *table) document() *document {
	d := &document{
		Format: "fairlead-bench-compare", Version: 1, Alpha: t.alpha, Threshold: t.threshold, Samples: "intervals",
		Sides: []sideJSON{}, Metrics: []rowJSON{}, Notes: []string{}, Warning: t.warning, Regressions: []string{},
	}
	if t.byRun {
		d.Samples = "runs"
	}
	for _, s := range t.sides {
		d.Sides = append(d.Sides, sideJSON{Name: s.name, Files: s.files})
	}
	for i := range t.rows {
		r := &t.rows[i]
		row := rowJSON{Metric: r.metric.id, Title: r.metric.title, Unit: r.metric.unit, Better: "lower"}
		if r.metric.higher {
			row.Better = "higher"
		}
		for _, s := range r.summaries {
			row.Sides = append(row.Sides, summaryJSON{Samples: s.n, Center: s.center, Spread: s.spread})
		}
		for _, c := range r.compared {
			out := comparisonJSON{P: c.p, Significant: c.significant, Verdict: "same", Regression: c.regression}
			if !math.IsInf(c.delta, 0) {
				out.Delta = &c.delta
			}
			switch {
			case c.significant && c.better:
				out.Verdict = "better"
			case c.significant:
				out.Verdict = "worse"
			}
			row.Compared = append(row.Compared, out)
		}
		d.Metrics = append(d.Metrics, row)
	}
	d.Notes = append(d.Notes, t.notes...)
	d.Regressions = append(d.Regressions, t.regressions()...)
	return d
}
