package report_test

import (
	"fmt"
	"strings"

	"github.com/fairlead-go/fairlead/cmd/report"
)

func ExamplePage() {
	latencies := []int64{80, 85, 90, 100, 400} // microseconds, in order
	p := report.Page{
		Title:    "Echo",
		Verdicts: []report.Verdict{{Level: report.Good, Title: "No call failed"}},
		Facts:    []report.Fact{{Name: "calls", Value: "5"}},
		Sections: []report.Section{{
			Title: "Latency",
			Charts: []report.Chart{report.Percentiles(report.Run{
				Name: "echo", Count: int64(len(latencies)),
				At: func(q float64) int64 { return 1000 * latencies[min(int(q/100*5), 4)] },
			})},
		}},
	}
	var page strings.Builder
	err := p.Write(&page)
	fmt.Println(strings.HasPrefix(page.String(), "<!doctype html>"), err)
	// Output: true <nil>
}
